//! The fake Stripe's disputes: which cards bring them, and how they end.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the whole file is test: a server, a client, and what they must say"
)]

mod stripe_world;

use jiff::SignedDuration;
use serde_json::{Value, json};
use stripe_world::{World, text};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// What became of a payment with this card by the time a bank has asked for its money.
async fn disputed(world: &World, card: &str) -> Value {
    let paid = world.pays("500", card).await.body;
    assert_eq!(paid["status"], "succeeded");
    world.turn(MINUTE).await;
    let path = format!("/v1/disputes?payment_intent={}", text(&paid["id"]));
    world.get(&path).await.body["data"][0].clone()
}

async fn answers(world: &World, dispute: &Value, evidence: &str) -> Value {
    let path = format!("/v1/disputes/{}", text(&dispute["id"]));
    let form = [("evidence[uncategorized_text]", evidence)];
    let answered = world.post(&path, &form).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    world.turn(MINUTE).await;
    world.get(&path).await.body
}

#[tokio::test]
async fn some_cards_money_is_asked_back_and_the_evidence_says_who_keeps_it() {
    let world = World::new().await;
    let dispute = disputed(&world, "pm_card_createDispute").await;
    assert_eq!((&dispute["status"], &dispute["reason"]), (&json!("needs_response"), &json!("fraudulent")));
    let due_by = dispute["evidence_details"]["due_by"].as_i64().unwrap();
    assert_eq!(due_by - dispute["created"].as_i64().unwrap(), 9 * 24 * 60 * 60);
    let charge = world.get(&format!("/v1/charges/{}", text(&dispute["charge"]))).await.body;
    assert_eq!(charge["disputed"], true);
    let refused = world.post("/v1/refunds", &[("charge", &text(&dispute["charge"]))]).await;
    assert_eq!((refused.status, &refused.body["error"]["code"]), (400, &json!("charge_disputed")));

    assert_eq!(answers(&world, &dispute, "winning_evidence").await["status"], "won");
    assert_eq!(world.post("/v1/refunds", &[("charge", &text(&dispute["charge"]))]).await.status, 200);
    let dispute = disputed(&world, "pm_card_createDisputeProductNotReceived").await;
    assert_eq!(dispute["reason"], "product_not_received");
    assert_eq!(answers(&world, &dispute, "losing_evidence").await["status"], "lost");
    let again = world.post(&format!("/v1/disputes/{}/close", text(&dispute["id"])), &[]).await;
    assert_eq!(again.status, 400);
    let told = world.event_types().await;
    let told: Vec<&str> = told.iter().filter_map(|kind| kind.strip_prefix("charge.dispute.")).collect();
    let won = ["created", "funds_withdrawn", "updated", "closed", "funds_reinstated"];
    assert_eq!(told, [won.as_slice(), &["created", "funds_withdrawn", "updated", "closed"]].concat());
}

#[tokio::test]
async fn an_inquiry_takes_no_money_and_the_shop_may_give_in() {
    let world = World::new().await;
    let inquiry = disputed(&world, "pm_card_createDisputeInquiry").await;
    assert_eq!(inquiry["status"], "warning_needs_response");
    assert_eq!(inquiry["is_charge_refundable"], true);
    let refund = [("charge", text(&inquiry["charge"])), ("amount", "100".to_owned())];
    let refund = refund.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(world.post("/v1/refunds", &refund).await.status, 200);
    assert_eq!(answers(&world, &inquiry, "winning_evidence").await["status"], "warning_closed");

    let inquiry = disputed(&world, "pm_card_createDisputeInquiry").await;
    let escalated = answers(&world, &inquiry, "escalate_inquiry_evidence").await;
    assert_eq!(
        (&escalated["status"], &escalated["is_charge_refundable"]),
        (&json!("needs_response"), &json!(false))
    );
    assert!(escalated["evidence_details"]["due_by"].is_i64(), "it can be answered again");
    assert_eq!(answers(&world, &escalated, "winning_evidence").await["status"], "won");

    let dispute = disputed(&world, "pm_card_createDispute").await;
    let closed = world.post(&format!("/v1/disputes/{}/close", text(&dispute["id"])), &[]).await;
    assert_eq!((closed.status, &closed.body["status"]), (200, &json!("lost")));
}
