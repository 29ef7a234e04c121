//! What staff sees of a product, and what must be true of it whatever happened.

use serde_json::Value;

use crate::world::World;

/// A product's level and its whole ledger.
#[derive(Debug)]
pub struct Ledger {
    /// Pieces that can be bought, are set aside, are sold.
    pub level: [i64; 3],
    /// Its rows, oldest first.
    pub rows: Vec<Value>,
}

impl Ledger {
    /// Reads it, and fails if its sums are not the level or any counter is below nothing.
    #[track_caller]
    pub fn balances(self) -> Self {
        let sum = |counter: &str| self.rows.iter().map(|row| row[counter].as_i64().unwrap()).sum::<i64>();
        assert_eq!(self.level, ["available", "reserved", "committed"].map(sum), "{:#?}", self.rows);
        assert!(self.level.iter().all(|counter| *counter >= 0), "{self:#?}");
        self
    }

    /// `restock 5, reservation -2`: why the pieces that can be bought changed, and by how many.
    pub fn story(&self) -> String {
        let mut told: Vec<_> = self
            .rows
            .iter()
            .map(|row| format!("{} {}", row["change_type"].as_str().unwrap(), row["available"]))
            .collect();
        // Rows of one millisecond are in no order.
        told.sort();
        told.join(", ")
    }
}

impl World {
    /// The books of a product, which balance.
    pub async fn ledger(&self, product: &str) -> Ledger {
        let admin = self.admin().await;
        let stock = admin.get(&format!("/api/v1/inventory/{product}")).await.ok();
        let level =
            ["available_quantity", "reserved", "committed"].map(|counter| stock[counter].as_i64().unwrap());
        let (mut rows, mut cursor) = (vec![], String::new());
        loop {
            let path = format!("/api/v1/inventory/{product}/movements?limit=100{cursor}");
            let page = admin.get(&path).await.ok();
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        rows.reverse();
        Ledger { level, rows }.balances()
    }
}
