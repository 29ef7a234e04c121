//! The fake Stripe over real HTTP: payments, refunds, lists, keys and faults. Webhooks have a file of their own.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the whole file is test: a server, a client, and what they must say"
)]

mod stripe_world;

use jiff::SignedDuration;
use local::{part::Part, state::Store};
use reqwest::Method;
use serde_json::{Value, json};
use stripe_world::{SECRET, World, text};

#[tokio::test]
async fn a_shopper_pays_with_the_client_secret_alone() {
    let world = World::new().await;
    let form = [("amount", "1250"), ("currency", "GBP"), ("metadata[order_id]", "ord_1")];
    let made = world.post("/v1/payment_intents", &form).await;
    assert_eq!((made.status, &made.body["status"]), (200, &json!("requires_payment_method")));
    let path = format!("/v1/payment_intents/{}", text(&made.body["id"]));
    let secret = text(&made.body["client_secret"]);
    let form = [("payment_method", "pm_card_visa"), ("client_secret", secret.as_str())];
    let paid = world.call(Method::POST, &format!("{path}/confirm"), &form, &[]).await;
    assert_eq!((paid.status, &paid.body["status"]), (200, &json!("succeeded")));
    assert!(paid.body.get("metadata").is_none(), "a page must not see the shop's metadata");
    let seen = world.get(&format!("{path}?expand[]=latest_charge")).await;
    assert_eq!(seen.body["amount_received"], 1250);
    assert_eq!(seen.body["latest_charge"]["payment_method_details"]["card"]["last4"], "4242");
    assert!(seen.body["latest_charge"]["receipt_url"].is_string());
    let expected = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"];
    assert_eq!(world.event_types().await, expected);
}

#[tokio::test]
async fn keys_and_client_secrets_open_only_their_own_doors() {
    let world = World::new().await;
    let made = world.post("/v1/payment_intents", &[("amount", "100"), ("currency", "gbp")]).await;
    let path = format!("/v1/payment_intents/{}", text(&made.body["id"]));
    let status = async |path: &str, key: &str| {
        world.call(Method::GET, path, &[], &[("authorization", key)]).await.status
    };
    assert_eq!(status(&path, "Basic c2tfdGVzdF9zaG9wOg==").await, 200);
    assert_eq!(status(&path, "Bearer sk_live_shop").await, 401);
    assert_eq!(status("/v1/events", "Bearer pk_test_shop").await, 401);
    assert_eq!(status(&path, "Bearer pk_test_shop").await, 400);
    assert_eq!(status(&format!("{path}?client_secret=guess"), "Bearer pk_test_shop").await, 400);
    assert_eq!(world.call(Method::GET, &path, &[], &[]).await.status, 401);
    assert_eq!(world.get("/v1/nothing").await.status, 404);
    assert_eq!(world.get("/v1/payment_intents/pi_none").await.body["error"]["code"], "resource_missing");
}

#[tokio::test]
async fn a_declined_card_leaves_a_payment_that_can_be_tried_again() {
    let world = World::new().await;
    let declined = world.pays("500", "pm_card_chargeDeclinedInsufficientFunds").await;
    let error = &declined.body["error"];
    assert_eq!(declined.status, 402);
    assert_eq!((&error["type"], &error["code"]), (&json!("card_error"), &json!("card_declined")));
    assert_eq!(error["decline_code"], "insufficient_funds");
    let intent = &error["payment_intent"];
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["last_payment_error"]["code"], "card_declined");
    let path = format!("/v1/payment_intents/{}/confirm", text(&intent["id"]));
    assert_eq!(
        world.post(&path, &[("payment_method", "pm_card_mastercard")]).await.body["status"],
        "succeeded"
    );
    let again = world.post(&path, &[("payment_method", "pm_card_mastercard")]).await;
    assert_eq!(
        (again.status, &again.body["error"]["code"]),
        (400, &json!("payment_intent_unexpected_state"))
    );
    let expected = [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
    ];
    assert_eq!(world.event_types().await, expected);
}

#[tokio::test]
async fn a_challenged_shopper_authenticates_or_fails_to() {
    let world = World::new().await;
    for (outcome, status) in [("success", "succeeded"), ("failure", "requires_payment_method")] {
        let asked = world.pays("500", "pm_card_threeDSecure2Required").await;
        assert_eq!((asked.status, &asked.body["status"]), (200, &json!("requires_action")));
        let body = json!({ "payment_intent": asked.body["id"], "outcome": outcome });
        assert_eq!(world.control("/authenticate", body.clone()).await.body["status"], status);
        assert_eq!(world.control("/authenticate", body).await.status, 400);
    }
}

#[tokio::test]
async fn an_authorization_is_captured_in_part_released_or_lapses() {
    let world = World::new().await;
    let authorize = async || {
        let money = [("amount", "900"), ("currency", "gbp"), ("capture_method", "manual")];
        let form = [money.as_slice(), &[("payment_method", "pm_card_visa"), ("confirm", "true")]].concat();
        let held = world.post("/v1/payment_intents", &form).await.body;
        assert_eq!((&held["status"], &held["amount_capturable"]), (&json!("requires_capture"), &json!(900)));
        format!("/v1/payment_intents/{}", text(&held["id"]))
    };
    let first = authorize().await;
    assert_eq!(world.post(&format!("{first}/capture"), &[("amount_to_capture", "901")]).await.status, 400);
    let captured = world.post(&format!("{first}/capture"), &[("amount_to_capture", "700")]).await.body;
    assert_eq!((&captured["status"], &captured["amount_received"]), (&json!("succeeded"), &json!(700)));
    let second = authorize().await;
    assert_eq!(world.post(&format!("{second}/cancel"), &[]).await.body["status"], "canceled");
    let third = authorize().await;
    world.turn(SignedDuration::from_hours(7 * 24)).await;
    let lapsed = world.get(&third).await.body;
    assert_eq!(
        (&lapsed["status"], &lapsed["cancellation_reason"]),
        (&json!("canceled"), &json!("automatic"))
    );
    assert_eq!(world.get(&first).await.body["status"], "succeeded");
}

#[tokio::test]
async fn refunds_never_exceed_what_was_paid_and_failed_ones_return() {
    let world = World::new().await;
    let intent = text(&world.pays("1000", "pm_card_refundFail").await.body["id"]);
    let refund =
        async |amount| world.post("/v1/refunds", &[("payment_intent", &intent), ("amount", amount)]).await;
    let (some, more) = (refund("600").await, refund("401").await);
    assert_eq!((some.status, &some.body["status"]), (200, &json!("succeeded")));
    assert_eq!((more.status, &more.body["error"]["param"]), (400, &json!("amount")));
    assert_eq!(refund("400").await.status, 200);
    assert_eq!(refund("1").await.body["error"]["code"], "charge_already_refunded");
    world.turn(SignedDuration::from_mins(1)).await;
    let failed = world.get(&format!("/v1/refunds/{}", text(&some.body["id"]))).await;
    assert_eq!(failed.body["status"], "failed");
    assert_eq!(refund("1000").await.status, 200);
    let types = world.event_types().await;
    for kind in ["refund.created", "charge.refunded", "refund.failed", "charge.refund.updated"] {
        assert!(types.iter().any(|it| it == kind), "{kind}");
    }
}

#[tokio::test]
async fn forty_refunds_at_once_return_no_more_than_was_paid() {
    let world = World::new().await;
    let intent = text(&world.pays("1000", "pm_card_visa").await.body["id"]);
    let form = [("payment_intent", intent.as_str()), ("amount", "60")];
    let answers = futures_util::future::join_all((0..40).map(|_| world.post("/v1/refunds", &form))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 16);
    let seen = world.get(&format!("/v1/payment_intents/{intent}?expand[]=latest_charge.refunds")).await;
    let charge = &seen.body["latest_charge"];
    assert_eq!(charge["amount_refunded"], 960);
    assert_eq!(charge["refunds"]["data"].as_array().unwrap().len(), 10);
    assert_eq!(charge["refunds"]["has_more"], true);
}

#[tokio::test]
async fn slow_banks_settle_on_the_clock() {
    let world = World::new().await;
    let slow = world.pays("300", "pm_usBankAccount_success").await.body;
    assert_eq!(slow["status"], "processing");
    let paid = world.pays("300", "pm_card_pendingRefund").await.body;
    let refund = world.post("/v1/refunds", &[("payment_intent", &text(&paid["id"]))]).await.body;
    assert_eq!(refund["status"], "pending");
    world.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(
        world.get(&format!("/v1/payment_intents/{}", text(&slow["id"]))).await.body["status"],
        "succeeded"
    );
    assert_eq!(world.get(&format!("/v1/refunds/{}", text(&refund["id"]))).await.body["status"], "succeeded");
}

#[tokio::test]
async fn an_idempotency_key_repeats_its_answer_for_a_day() {
    let world = World::new().await;
    let create = async |amount: &str| {
        let form = [("amount", amount), ("currency", "gbp")];
        world.call(Method::POST, "/v1/payment_intents", &form, &[SECRET, ("idempotency-key", "k1")]).await
    };
    let (first, second, other) = (create("100").await, create("100").await, create("101").await);
    assert_eq!(first.body, second.body);
    assert!(first.headers.get("idempotent-replayed").is_none());
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(second.headers["original-request"], first.headers["request-id"]);
    assert_eq!((other.status, &other.body["error"]["type"]), (400, &json!("idempotency_error")));
    world.clock.turn_to(world.clock.after(SignedDuration::from_hours(24)));
    world.stripe.run_due(world.clock.now()).await;
    assert_ne!(create("100").await.body["id"], first.body["id"]);
}

#[tokio::test]
async fn a_decline_is_remembered_but_a_misspelt_request_is_not() {
    let world = World::new().await;
    let create = async |form: &[(&str, &str)]| {
        world.call(Method::POST, "/v1/payment_intents", form, &[SECRET, ("idempotency-key", "k1")]).await
    };
    assert_eq!(create(&[("amount", "100")]).await.body["error"]["code"], "parameter_missing");
    assert_eq!(
        create(&[("amount", "100"), ("curency", "gbp")]).await.body["error"]["code"],
        "parameter_unknown"
    );
    let money = [("amount", "100"), ("currency", "gbp")];
    let form =
        [money.as_slice(), &[("payment_method", "pm_card_chargeDeclined"), ("confirm", "true")]].concat();
    let (first, second) = (create(&form).await, create(&form).await);
    assert_eq!((first.status, second.status), (402, 402));
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn lists_page_both_ways_and_filter() {
    let world = World::new().await;
    let customer = world.post("/v1/customers", &[("email", "ana@example.com"), ("name", "Ana")]).await;
    let customer = text(&customer.body["id"]);
    let mut ids = Vec::new();
    for amount in ["100", "101", "102", "103", "104"] {
        world.clock.turn_to(world.clock.after(SignedDuration::from_secs(10)));
        let form = [("amount", amount), ("currency", "gbp"), ("customer", customer.as_str())];
        ids.push(text(&world.post("/v1/payment_intents", &form).await.body["id"]));
    }
    let page = async |query: &str| {
        let page = world.get(&format!("/v1/payment_intents?{query}")).await.body;
        let position = |it: &Value| ids.iter().position(|id| *id == it["id"]).unwrap();
        let found: Vec<usize> = page["data"].as_array().unwrap().iter().map(position).collect();
        (found, page["has_more"].as_bool().unwrap())
    };
    assert_eq!(page(&format!("limit=2&customer={customer}")).await, (vec![4, 3], true));
    assert_eq!(page(&format!("limit=3&starting_after={}", ids[3])).await, (vec![2, 1, 0], false));
    assert_eq!(page(&format!("limit=2&ending_before={}", ids[1])).await, (vec![3, 2], true));
    assert_eq!(
        page(&format!("limit=2&customer={customer}&ending_before={}", ids[2])).await,
        (vec![4, 3], false)
    );
    let created =
        world.get(&format!("/v1/payment_intents/{}", ids[2])).await.body["created"].as_i64().unwrap();
    let events = async |query: &str| {
        world.get(&format!("/v1/events?{query}")).await.body["data"].as_array().unwrap().len()
    };
    assert_eq!(events(&format!("type=payment_intent.created&created[gte]={created}")).await, 3);
    assert_eq!(
        events(&format!("types[]=payment_intent.*&types[]=customer.created&created[lt]={created}")).await,
        3
    );
    assert_eq!(events(&format!("created={created}")).await, 1);
    assert_eq!(world.get("/v1/events?limit=101").await.status, 400);
    assert_eq!(
        world.get("/v1/events?starting_after=evt_none").await.body["error"]["param"],
        "starting_after"
    );
}

#[tokio::test]
async fn payments_are_found_by_metadata() {
    let world = World::new().await;
    for order in ["ord_1", "ord_2", "ord_1"] {
        let form = [("amount", "100"), ("currency", "gbp"), ("metadata[order_id]", order)];
        world.post("/v1/payment_intents", &form).await;
    }
    let find = async |query: &str| {
        let found = world.get(&format!("/v1/payment_intents/search?query={query}")).await.body;
        found["data"].as_array().unwrap().len()
    };
    assert_eq!(find("metadata['order_id']:'ord_1'").await, 2);
    assert_eq!(find("metadata['order_id']:'ord_3' OR amount>99").await, 3);
    let id = text(&world.get("/v1/payment_intents?limit=1").await.body["data"][0]["id"]);
    world.post(&format!("/v1/payment_intents/{id}"), &[("metadata[order_id]", "")]).await;
    assert_eq!(find("metadata['order_id']:'ord_1'").await, 1);
}

#[tokio::test]
async fn customers_are_kept_updated_and_deleted() {
    let world = World::new().await;
    let made =
        world.post("/v1/customers", &[("email", "ana@example.com"), ("address[city]", "Porto")]).await.body;
    let path = format!("/v1/customers/{}", text(&made["id"]));
    assert_eq!(made["address"]["city"], "Porto");
    assert_eq!(world.post(&path, &[("name", "Ana"), ("email", "")]).await.body["email"], Value::Null);
    assert_eq!(world.call(Method::DELETE, &path, &[], &[SECRET]).await.body["deleted"], true);
    assert_eq!(
        world.get(&path).await.body,
        json!({ "id": made["id"], "object": "customer", "deleted": true })
    );
    assert_eq!(world.post(&path, &[("name", "Bo")]).await.status, 404);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_by_its_key() {
    let world = World::new().await;
    world
        .control("/faults", json!({ "operation": "payment_intents.create", "fault": "timeout_after_acting" }))
        .await;
    let form = [("amount", "100"), ("currency", "gbp")];
    let send = || {
        let request = world.client.post(format!("{}/v1/payment_intents", world.base)).form(&form);
        request.bearer_auth("sk_test_shop").header("idempotency-key", "k1").send()
    };
    assert!(send().await.is_err(), "the connection must end without an answer");
    let again = send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(world.get("/v1/payment_intents").await.body["data"].as_array().unwrap().len(), 1);
    world.control("/faults", json!({ "operation": "*", "fault": "refuse", "status": 429 })).await;
    assert_eq!(world.get("/v1/payment_intents").await.body["error"]["code"], "rate_limit");
    assert_eq!(
        world.control("/faults", json!({ "operation": "nonsense", "fault": "refuse" })).await.status,
        400
    );
    let counts = world.stripe.requests();
    assert_eq!((counts["payment_intents.create"], counts["payment_intents.list"]), (2, 2));
}

#[tokio::test]
async fn a_restart_keeps_payments_keys_and_work_to_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let money = [("amount", "100"), ("currency", "gbp")];
    let form =
        [money.as_slice(), &[("payment_method", "pm_usBankAccount_success"), ("confirm", "true")]].concat();
    let create = async |world: &World| {
        world.call(Method::POST, "/v1/payment_intents", &form, &[SECRET, ("idempotency-key", "k")]).await.body
    };
    let first = create(&World::with(Store::open(&path).unwrap()).await).await;
    let world = World::with(Store::open(&path).unwrap()).await;
    assert_eq!(create(&world).await, first);
    world.turn(SignedDuration::from_mins(1)).await;
    let settled = world.get(&format!("/v1/payment_intents/{}", text(&first["id"]))).await;
    assert_eq!(settled.body["status"], "succeeded");
}

#[tokio::test]
async fn what_is_made_after_a_restart_is_listed_as_newer_than_what_was_made_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let money = [("amount", "100"), ("currency", "gbp")];
    // An authorization ends in seven days: work to come.
    let card = [("payment_method", "pm_card_visa"), ("confirm", "true"), ("capture_method", "manual")];
    let mut made = vec![];
    for (minute, form) in
        [[money.as_slice(), &card].concat(), money.to_vec(), money.to_vec()].iter().enumerate()
    {
        let world = World::with(Store::open(&path).unwrap()).await;
        world.turn(SignedDuration::from_mins(i64::try_from(minute).unwrap())).await;
        for form in [form.as_slice(), &money] {
            made.insert(0, text(&world.post("/v1/payment_intents", form).await.body["id"]).clone());
        }
    }
    let listed = World::with(Store::open(&path).unwrap()).await.get("/v1/payment_intents").await.body;
    let listed: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|intent| text(&intent["id"])).collect();
    assert_eq!(listed, made, "newest first");
}
