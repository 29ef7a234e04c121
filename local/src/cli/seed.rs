//! `shopwire seed`: a demo shop.

use clap::Args;
use domain::{Role, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failure,
    client::{Running, refusal},
    say,
};
use crate::cloud::{Token, TokenFor};

/// What is sold: id, name, price in hundredths, pieces.
const PRODUCTS: [(&str, &str, i64, u32); 12] = [
    ("lamp", "Desk lamp", 3_499, 24),
    ("chair", "Reading chair", 24_900, 4),
    ("rug", "Wool rug", 12_900, 7),
    ("vase", "Stoneware vase", 2_850, 40),
    ("clock", "Wall clock", 4_200, 15),
    ("kettle", "Kettle", 5_995, 30),
    ("mug", "Mug", 1_200, 200),
    ("tray", "Oak tray", 3_100, 18),
    ("blanket", "Linen blanket", 8_900, 12),
    ("candle", "Beeswax candle", 950, 150),
    ("poster", "Signed poster, one of ten", 6_000, 10),
    ("cup", "The last cup", 1_800, 1),
];

#[derive(Debug, Args)]
pub(super) struct Seed {
    #[command(flatten)]
    running: Running,
}

pub(super) async fn run(asked: Seed) -> Result<(), Failure> {
    let running = &asked.running;
    let user = UserId::new("seed").map_err(Failure::failed)?;
    let token: Token = running.post("/_local/token", &json!(TokenFor::new(Role::Admin, user))).await?;
    let config: Value = running.send(running.request(Method::GET, "/api/v1/config")).await?;
    let currency = config.get("currency").and_then(Value::as_str).unwrap_or("USD");
    let mut made = 0;
    for (id, name, price, pieces) in PRODUCTS {
        let price = json!({ "amount": price, "currency": currency });
        let product = json!({ "product_id": id, "name": name, "price": price });
        if !act(running, &token, "/api/v1/products", id, &product).await? {
            continue;
        }
        let stock =
            json!({ "product_id": id, "quantity": pieces, "operation": "add", "reason": "opening stock" });
        act(running, &token, "/api/v1/inventory/adjustments", id, &stock).await?;
        made += 1;
    }
    say(format_args!("the demo shop is there: {made} products"))?;
    match PRODUCTS.len() - made {
        0 => Ok(()),
        taken => say(format_args!("{taken} more have names that were taken already, and were left alone")),
    }
}

/// Does something once, however often it is asked for; says whether it was this command that did it. The keys are
/// always the same, so a run that broke off is made whole by the next.
async fn act(running: &Running, token: &Token, path: &str, id: &str, body: &Value) -> Result<bool, Failure> {
    let request = running
        .request(Method::POST, path)
        .bearer_auth(&token.token)
        .header("idempotency-key", format!("seed {path} {id}"))
        .json(body);
    match running.ask(request).await? {
        (200..300, _) => Ok(true),
        (409, _) => Ok(false),
        (status, body) => Err(Failure::failed(format!("{path}: {}", refusal(status, &body)))),
    }
}
