//! What is written in the journals of an order and of its payment, past the functions.

use serde_json::Value;

use crate::world::World;

/// One row of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `order.status_updated paid`: what happened, and where it led.
    pub what: String,
    /// Because of what: an event of Stripe's, the name of what fell due.
    pub cause: Option<String>,
}

impl World {
    /// The journal of an `order` or a `payment`, oldest first.
    pub async fn journal(&self, of: &str, id: &str) -> Vec<Told> {
        let rows = self.partition("OrdersTable", &format!("default#{of}#{id}")).await;
        rows.iter().filter(|row| row["sk"]["S"].as_str().unwrap().starts_with("j#")).map(told).collect()
    }

    /// What the journals of an order and of its payment say, each row once.
    pub async fn told_of(&self, order: &Value) -> Vec<String> {
        let mut told = vec![];
        for (of, name) in [("order", "order_id"), ("payment", "payment_id")] {
            let rows = self.journal(of, order[name].as_str().unwrap()).await;
            told.extend(rows.into_iter().map(|row| row.what));
        }
        told
    }
}

fn told(row: &Value) -> Told {
    let data = &row["data"]["M"];
    let led_to = ["current_status", "payment_status", "status"]
        .into_iter()
        .find_map(|name| data[name]["S"].as_str())
        .unwrap_or_default();
    Told {
        what: format!("{} {led_to}", row["type"]["S"].as_str().unwrap()).trim_end().to_owned(),
        cause: row["cause"]["S"].as_str().map(str::to_owned),
    }
}
