//! Banks that ask for their customers' money back: who is told, what the order says meanwhile, and how it ends.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{inbox, letters, reachable_at},
    world::{Person, World},
};

const CARD: &str = "pm_card_createDispute";

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// An order of one piece that is paid with `card`, whose bank has not said anything yet.
async fn paid_with(world: &World, who: &Person<'_>, card: &str) -> Value {
    let order = who.orders("lamp", 1).await.ok();
    let intent = who.begins_to_pay(&order).await;
    world.pays(&intent, card).await.ok();
    order
}

/// The shop's only dispute.
async fn dispute(world: &World) -> Value {
    let listed = world.admin().await.get("/api/v1/disputes").await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    let path = format!("/api/v1/disputes/{}", listed["data"][0]["dispute_id"].as_str().unwrap());
    let read = world.admin().await.get(&path).await.ok();
    assert_eq!(read, listed["data"][0]);
    read
}

async fn with_status(world: &World, status: &str) -> usize {
    let listed = world.admin().await.get(&format!("/api/v1/disputes?status={status}")).await.ok();
    listed["data"].as_array().unwrap().len()
}

/// The shop says at Stripe's dashboard why the money is its own.
async fn answers(world: &World, dispute: &Value, evidence: &str) {
    let path = format!("disputes/{}", dispute["stripe_id"].as_str().unwrap());
    world.at_stripe(Method::POST, &path, &[("evidence[uncategorized_text]", evidence)]).await;
}

/// All that Stripe has told of disputes, newest first.
async fn told_by_stripe(world: &World) -> Vec<Vec<u8>> {
    let listed = world.at_stripe(Method::GET, "events?types[]=charge.dispute.*&limit=100", &[]).await;
    listed["data"].as_array().unwrap().iter().map(|event| event.to_string().into_bytes()).collect()
}

#[tokio::test]
async fn staff_is_told_once_of_what_a_bank_asks_back_and_the_order_says_so_until_it_is_won() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    assert_eq!(inbox(&admin).await, [""; 0], "whoever looks is told from then on");
    reachable_at(&world, "olga", json!({ "email": "olga@shop.example" })).await;
    let mut desk = admin.socket().await;
    desk.subscribes("admin").await;
    world.webhooks(json!({ "duplicate": 1 })).await;
    let order = paid_with(&world, &ana, CARD).await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    world.advance(minutes(1)).await;

    assert_eq!(ana.status_of(&order).await, "paid/disputed");
    let opened = dispute(&world).await;
    let fields = ["status", "reason", "amount", "opened_at", "due_by", "version"];
    let known: Value = fields.iter().map(|name| ((*name).to_owned(), opened[*name].clone())).collect();
    insta::assert_json_snapshot!(known, @r#"
    {
      "amount": {
        "amount": 1999,
        "currency": "USD"
      },
      "due_by": "2026-01-14T09:01:00Z",
      "opened_at": "2026-01-05T09:01:00Z",
      "reason": "fraudulent",
      "status": "needs_response",
      "version": 1
    }
    "#);
    let seen = desk.next("dispute.updated").await;
    assert_eq!(seen["channel"], "admin");
    let fields = ["dispute_id", "payment_id", "order_id", "status", "amount", "due_by"];
    let shown: Value = fields.iter().map(|name| ((*name).to_owned(), opened[*name].clone())).collect();
    assert_eq!(seen["data"], shown);
    assert_eq!(inbox(&admin).await, ["*dispute_opened"]);
    let listed = admin.get("/api/v1/notifications").await.ok();
    let number = order["order_number"].as_str().unwrap();
    let body = listed["data"][0]["body"].as_str().unwrap().replace(number, "ORD");
    insta::assert_snapshot!(body, @"$19.99 of order ORD is disputed (fraudulent). Evidence is due by 14 January 2026, 09:01.");
    assert_eq!(listed["data"][0]["data"]["payment_id"], opened["payment_id"]);
    assert_eq!(letters(&world).await.iter().filter(|letter| letter.starts_with("olga")).count(), 1);

    answers(&world, &opened, "winning_evidence").await;
    let answered = dispute(&world).await;
    assert_eq!((&answered["status"], &answered["due_by"]), (&json!("under_review"), &Value::Null));
    world.advance(minutes(1)).await;
    assert_eq!(ana.status_of(&order).await, "paid/paid");
    assert_eq!([with_status(&world, "won").await, with_status(&world, "needs_response").await], [1, 0]);
    let won = dispute(&world).await;
    assert_eq!(won["version"], 3);
    let told = told_by_stripe(&world).await;
    for body in told.iter().chain(told.iter().rev()) {
        assert_eq!(world.webhook(body, SignedDuration::ZERO).await.outcome(), "200");
    }
    world.advance(minutes(5)).await;
    assert_eq!(dispute(&world).await, won, "told again, and backwards, nothing is new");
    assert_eq!(inbox(&admin).await, ["*dispute_opened"]);
    world.end().await;
}

#[tokio::test]
async fn webhooks_of_a_dispute_that_come_late_and_backwards_end_where_stripe_is() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    assert_eq!(inbox(&admin).await, [""; 0]);
    world.webhooks(json!({ "lose": true })).await;
    world.fault(json!({ "function": "Sweeper", "kind": "refuse", "rate": 1.0 })).await;
    let order = paid_with(&world, &ana, CARD).await;
    world.advance(minutes(1)).await;
    let listed = world.at_stripe(Method::GET, "disputes", &[]).await;
    let at_stripe = json!({ "stripe_id": listed["data"][0]["id"] });
    answers(&world, &at_stripe, "losing_evidence").await;
    world.advance(minutes(1)).await;
    world.no_faults().await;
    // Not even that the money came has been told.
    assert_eq!(ana.status_of(&order).await, "pending_payment/unpaid");
    for body in told_by_stripe(&world).await {
        assert_eq!(world.webhook(&body, SignedDuration::ZERO).await.outcome(), "200");
    }
    world.idle().await;
    let lost = dispute(&world).await;
    assert_eq!((&lost["status"], &lost["version"]), (&json!("lost"), &json!(1)));
    assert_eq!(ana.status_of(&order).await, "paid/disputed");
    assert_eq!(inbox(&admin).await, ["*dispute_opened"], "that the money is gone is told, however late");
    world.advance(minutes(5)).await;
    assert_eq!(dispute(&world).await, lost);
    world.end().await;
}

#[tokio::test]
async fn when_every_webhook_is_lost_or_breaks_off_a_dispute_is_heard_of_once_all_the_same() {
    let world = World::new().await;
    world.product("lamp", 9).await;
    let admin = world.admin().await;
    assert_eq!(inbox(&admin).await, [""; 0]);
    for (number, kind) in (1..).zip(["lost", "crash_before", "crash_after", "drop", "refuse"]) {
        let ana = world.customer(&format!("ana-{kind}")).await;
        let order = paid_with(&world, &ana, CARD).await;
        match kind {
            "lost" => world.webhooks(json!({ "lose": true, "count": 2 })).await,
            fault => {
                let operation = "TransactWriteItems";
                world
                    .fault(
                        json!({ "service": "dynamodb", "function": "StripeWebhook", "operation": operation,
                        "kind": fault, "count": 1 }),
                    )
                    .await;
            }
        }
        world.advance(minutes(5)).await;
        world.no_faults().await;
        assert_eq!(ana.status_of(&order).await, "paid/disputed", "{kind}");
        assert_eq!(inbox(&admin).await.len(), number, "{kind}");
    }
    assert_eq!(with_status(&world, "needs_response").await, 5);
    let page = admin.get("/api/v1/disputes?limit=2").await.ok();
    let rest = format!("/api/v1/disputes?limit=100&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = admin.get(&rest).await.ok();
    assert_eq!([page["data"].as_array().unwrap().len(), rest["data"].as_array().unwrap().len()], [2, 3]);
    world.end().await;
}

#[tokio::test]
async fn money_that_goes_back_while_a_bank_asks_a_question_is_counted_when_the_question_is_closed() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    let order = paid_with(&world, &ana, "pm_card_createDisputeInquiry").await;
    world.advance(minutes(1)).await;
    let asked = dispute(&world).await;
    assert_eq!(asked["status"], "warning_needs_response");
    let refund = format!("/api/v1/payments/{}/refund", asked["payment_id"].as_str().unwrap());
    admin.post(&refund, json!({ "amount": 500 })).await.ok();
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/disputed", "giving some back does not end a question");
    answers(&world, &asked, "winning_evidence").await;
    world.advance(minutes(1)).await;
    assert_eq!(dispute(&world).await["status"], "warning_closed");
    assert_eq!(ana.status_of(&order).await, "paid/partially_refunded");
    world.end().await;
}

#[tokio::test]
async fn a_question_that_the_answer_did_not_settle_is_told_once_more_with_another_time_to_answer() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    assert_eq!(inbox(&admin).await, [""; 0]);
    let order = paid_with(&world, &ana, "pm_card_createDisputeInquiry").await;
    world.advance(minutes(1)).await;
    answers(&world, &dispute(&world).await, "escalate_inquiry_evidence").await;
    assert_eq!(inbox(&admin).await, ["*dispute_opened"]);
    world.advance(minutes(1)).await;
    assert_eq!(dispute(&world).await["status"], "needs_response");
    assert_eq!(ana.status_of(&order).await, "paid/disputed");
    let told = admin.get("/api/v1/notifications").await.ok();
    let until =
        told["data"].as_array().unwrap().iter().map(|one| one["data"]["respond_by"].as_str().unwrap());
    assert_eq!(until.collect::<Vec<_>>(), ["2026-01-14T09:02:00Z", "2026-01-14T09:01:00Z"]);
    world.end().await;
}

#[tokio::test]
async fn what_a_bank_has_taken_cannot_go_back_a_second_time() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let (admin, ana) = (world.admin().await, world.customer("ana").await);
    let order = paid_with(&world, &ana, CARD).await;
    world.advance(minutes(1)).await;
    let opened = dispute(&world).await;
    let payment = format!("/api/v1/payments/{}", opened["payment_id"].as_str().unwrap());
    let refund = admin.post(&format!("{payment}/refund"), json!({ "amount": 500 })).await.ok();
    assert_eq!(refund["status"], "failed", "Stripe does not give it back either");
    assert_eq!(ana.status_of(&order).await, "paid/disputed");
    answers(&world, &opened, "winning_evidence").await;
    world.advance(minutes(1)).await;
    assert_eq!(admin.post(&format!("{payment}/refund"), json!({})).await.ok()["status"], "succeeded");
    world.idle().await;
    assert_eq!(ana.status_of(&order).await, "paid/refunded");
    world.end().await;
}

#[tokio::test]
async fn an_order_s_explanation_has_its_dispute_and_the_books_agree_with_it() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let ana = world.customer("ana").await;
    let order = paid_with(&world, &ana, "pm_card_createDisputeProductNotReceived").await;
    world.advance(minutes(1)).await;
    let opened = dispute(&world).await;
    world.advance(SignedDuration::from_secs(1)).await;
    answers(&world, &opened, "losing_evidence").await;
    world.advance(minutes(1)).await;
    let path = format!("/api/v1/orders/{}/explain?limit=100", order["order_id"].as_str().unwrap());
    let explained = world.admin().await.get(&path).await.ok();
    let lines = explained["data"].as_array().unwrap().iter();
    let lines = lines.map(|entry| format!("{}: {}", entry["type"], entry["summary"]).replace('"', ""));
    let about: Vec<String> =
        lines.filter(|line| line.contains("dispute") || line.contains("payment_updated")).collect();
    insta::assert_snapshot!(about.join("\n"), @r"
    stripe.charge.dispute.created: Stripe told of charge.dispute.created
    dispute.updated: the dispute of 19.99 USD (product_not_received) is needs_response
    order.payment_updated: is disputed
    stripe.charge.dispute.updated: Stripe told of charge.dispute.updated
    dispute.updated: the dispute of 19.99 USD (product_not_received) is under_review
    stripe.charge.dispute.closed: Stripe told of charge.dispute.closed
    dispute.updated: the dispute of 19.99 USD (product_not_received) is lost
    ");
    world.end().await;
}
