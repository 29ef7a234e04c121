//! Somebody who looks at the books of products while others act, past the functions, and finds them balanced each time.

use std::{cell::Cell, collections::BTreeMap};

use serde_json::{Value, json};

use crate::world::World;

/// Looks at the books while others act.
pub struct Auditor<'a> {
    world: &'a World,
    products: Vec<String>,
    looks: Cell<u64>,
}

impl<'a> Auditor<'a> {
    /// Who looks at these products.
    pub fn of(world: &'a World, products: &[String]) -> Self {
        Self { world, products: products.to_vec(), looks: Cell::new(0) }
    }

    /// Looks at the books until `acts` is done, at one product's after each answer that anybody gets or, if answers come
    /// faster, all the time; says what `acts` came to.
    pub async fn while_<T>(&self, acts: impl Future<Output = T>) -> T {
        let looking = async {
            for product in self.products.iter().cycle() {
                self.world.next_answer().await;
                self.look(product).await;
            }
        };
        let done = tokio::select! {
            biased;
            done = acts => done,
            () = looking => unreachable!("an auditor does not come to an end"),
        };
        for product in &self.products {
            self.look(product).await;
        }
        done
    }

    /// How often the books were looked at.
    pub fn looks(&self) -> u64 {
        self.looks.get()
    }

    /// Reads level and ledger in one request, so that they are of one instant; fails if they do not agree.
    async fn look(&self, product: &str) {
        let rows = self.world.partition("InventoryTable", &format!("default#stock#{product}")).await;
        let mut levels = BTreeMap::new();
        let mut ledger = BTreeMap::new();
        let counters = ["available", "reserved", "committed"];
        for row in &rows {
            let (sums, counted) = match row["sk"]["S"].as_str().unwrap() {
                sk if sk.starts_with("level#") => (&mut levels, row),
                sk if sk.starts_with("j#") => (&mut ledger, &row["data"]["M"]),
                _ => continue,
            };
            let [location, variant] = ["location", "variant_id"].map(|name| counted[name]["S"].to_string());
            let sum = sums.entry((location, variant)).or_insert([0; 3]);
            for (sum, counter) in sum.iter_mut().zip(counters) {
                *sum += counted[counter]["N"].as_str().unwrap().parse::<i64>().unwrap();
            }
        }
        assert_eq!(levels, ledger, "{product}: level and ledger");
        assert!(levels.values().flatten().all(|counter| *counter >= 0), "{product}: {levels:?}");
        self.looks.set(self.looks.get() + 1);
    }
}

impl World {
    /// The rows of a partition, all of one instant, in DynamoDB's own JSON. At most 1 MB.
    pub async fn partition(&self, table: &str, key: &str) -> Vec<Value> {
        let query = json!({
            "TableName": table,
            "ConsistentRead": true,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": key } },
        });
        let mut page = self.aws("DynamoDB_20120810.Query", &query).await;
        assert_eq!(page["LastEvaluatedKey"], Value::Null, "more than a page is not of one instant");
        match page["Items"].take() {
            Value::Array(rows) => rows,
            other => panic!("no items: {other}"),
        }
    }
}
