//! Who may do what: every route, asked by everybody.
//!
//! The table below is what a reviewer reads when a route is added; a route without a line in it is a red test.

use std::fmt::Write;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::newest,
    world::{Person, World},
};

/// Path parameters of things that belong to Ana, the owner.
struct Things {
    order: String,
    payment: String,
    reservation: String,
    conversation: String,
    attachment: String,
    notification: String,
    browser: Value,
}

async fn things(world: &World) -> Things {
    let lamp = world.product("lamp", 50).await;
    world.product("shade", 0).await;
    let ana = world.customer("ana").await;
    let order = ana.buys(&lamp, 1).await;
    world.idle().await;
    let items = json!({ "items": [{ "product_id": lamp, "quantity": 1 }] });
    let reservation = ana.post("/api/v1/inventory/reservations", items).await.text("reservation_id");
    let conversation = crate::chat::opens(&ana).await;
    let file = crate::files::adds(&ana, &conversation, "lamp.png", "image/png", &crate::files::png()).await;
    Things {
        browser: world.nobody().post("/_local/push/subscriptions", json!({})).await.ok(),
        notification: newest(&ana, "order_confirmation").await["notification_id"]
            .as_str()
            .unwrap()
            .to_owned(),
        attachment: file["attachment_id"].as_str().unwrap().to_owned(),
        order: order["order_id"].as_str().unwrap().to_owned(),
        payment: order["payment_id"].as_str().unwrap().to_owned(),
        reservation,
        conversation,
    }
}

fn concrete(method: &str, path: &str, things: &Things) -> String {
    let id = match path {
        "/api/v1/products/{id}" if method == "delete" => "shade",
        path if path.contains("/orders/") => &things.order,
        path if path.contains("/payments/") => &things.payment,
        path if path.contains("/disputes/") => "dsp_none",
        path if path.contains("/conversations/") || path.contains("/rooms/") => &things.conversation,
        path if path.contains("/chat/agents/") => "gus",
        path if path.contains("/chat/faqs/") => "faq_none",
        path if path.contains("/chat/auto-responses/") => "aut_none",
        path if path.contains("/reservations/") => &things.reservation,
        path if path.contains("/service-keys/") => "key_none",
        path if path.contains("/notifications/bulk/") => "job_none",
        path if path.contains("/notifications/devices/") => "dev_none",
        path if path.contains("/notifications/subscriptions/") => "wps_none",
        path if path.contains("/notifications/templates/") => "order_shipped",
        path if path.contains("/notifications/contacts/") => "ana",
        path if path.contains("/notifications/") => &things.notification,
        path if path.contains("/inventory/alerts/") => "alr_none",
        _ => "lamp",
    };
    let path = path.split('/').map(|step| match step {
        "{attachment_id}" => &things.attachment,
        "{kind}" => "price_drop",
        step if step.starts_with('{') => id,
        step => step,
    });
    let path = path.collect::<Vec<_>>().join("/");
    match path.as_str() {
        "/api/v1/inventory" => format!("{path}?product_ids=lamp"),
        "/api/realtime/inventory" => format!("{path}?productId=lamp"),
        "/api/v1/realtime/events" => format!("{path}?channel=user:ana"),
        "/api/v1/realtime/presence" => format!("{path}?user_id=ana"),
        "/api/v1/notifications/unsubscribe" | "/api/v1/notifications/confirm" => format!("{path}?token=none"),
        _ => path,
    }
}

/// A body that makes sense, so that what is decided is who may ask.
fn body(method: &str, path: &str, things: &Things) -> String {
    let items = json!([{ "product_id": "lamp", "quantity": 1 }]);
    let product = json!({ "name": "A lamp", "price": { "amount": 1999, "currency": "USD" } });
    let body = match (method, path) {
        (_, "/api/v1/auth/link") => json!({ "guest_token": "none" }),
        (_, "/api/v1/auth/revoke") => json!({ "session_id": "none" }),
        (_, "/api/v1/auth/service-keys") => json!({ "name": "erp", "scopes": ["inventory:read"] }),
        (_, "/api/v1/feature-flags/{key}") => json!({ "is_enabled": true }),
        (_, "/api/v1/chat/conversations/{id}/messages" | "/api/chat/rooms/{id}/messages") => {
            json!({ "content": "hello" })
        }
        (_, "/api/v1/chat/conversations/{id}/attachments") => {
            json!({ "file_name": "lamp.png", "mime_type": "image/png", "size": 70 })
        }
        (_, "/api/v1/chat/conversations/{id}/rating") => json!({ "rating": 5 }),
        (_, "/api/v1/chat/conversations/{id}/transfer") => json!({ "skill": "german" }),
        (_, "/api/v1/chat/faqs/match") => json!({ "text": "hello" }),
        (_, "/api/v1/chat/faqs" | "/api/v1/chat/faqs/{id}" | "/api/chat/faqs" | "/api/chat/faqs/{id}") => {
            json!({ "question": "?", "answer": "!" })
        }
        (_, path) if path.contains("/chat/auto-responses") => {
            json!({ "trigger": "welcome", "text": "Hello" })
        }
        (_, "/api/v1/chat/agents/{id}") => json!({ "concurrent_limit": 5 }),
        (_, "/api/v1/chat/agents/me/status") => json!({ "status": "busy" }),
        (_, "/api/v1/inventory/adjustments") => {
            json!({ "product_id": "lamp", "quantity": 1, "operation": "add" })
        }
        (_, "/api/v1/inventory/adjustments/batch") => {
            json!({ "adjustments": [{ "product_id": "lamp", "quantity": 1, "operation": "add" }] })
        }
        (_, "/api/v1/inventory/commitments") | ("put", "/api/realtime/inventory") => {
            json!({ "order_id": "web-1", "items": items })
        }
        (_, "/api/v1/inventory/{product_id}/thresholds") => json!({ "low_stock": 5 }),
        (_, "/api/v1/inventory/{product_id}/buckets") => json!({ "buckets": 1 }),
        (_, "/api/v1/inventory/locations") => json!({ "location_id": "attic", "name": "Attic" }),
        (_, "/api/v1/inventory/returns") => json!({ "order_id": things.order, "items": items }),
        ("post", "/api/realtime/inventory") => {
            json!({ "productId": "lamp", "quantity": 1, "operation": "add" })
        }
        ("patch", "/api/realtime/inventory") => json!({ "productId": "lamp", "quantity": 1 }),
        (_, "/api/v1/inventory/reservations") => json!({ "items": items }),
        (_, "/api/v1/inventory/reservations/{id}/extend") => json!({ "ttl_seconds": 60 }),
        ("post", "/api/v1/orders") => json!({ "items": items, "currency": "USD" }),
        (_, "/api/v1/orders/{id}/status") => json!({ "status": "processing" }),
        (_, "/api/v1/payments/create-intent") => json!({ "order_id": things.order }),
        (_, "/api/v1/realtime/broadcast" | "/api/realtime/websocket") => {
            json!({ "type": "broadcast", "data": { "type": "custom.sale" } })
        }
        (_, "/api/v1/payments/confirm") => json!({ "payment_id": things.payment }),
        (_, "/api/v1/payments/{payment_id}/refund") => json!({ "amount": 1 }),
        ("put", "/api/v1/products/{id}") | ("post", "/api/v1/products") => product,
        (_, "/api/v1/products/{id}/reviews") => json!({ "rating": 5 }),
        ("post", "/api/v1/notifications") => {
            json!({ "user_id": "ana", "type": "system_alert", "data": { "alert": "x" } })
        }
        (_, "/api/v1/notifications/bulk") => {
            json!({ "user_ids": ["ana"], "type": "system_alert", "data": { "alert": "x" } })
        }
        (_, "/api/v1/notifications/devices" | "/api/v1/notifications/register-device") => {
            json!({ "token": "a-token-of-a-telephone", "platform": "android" })
        }
        (_, "/api/v1/notifications/subscriptions" | "/api/realtime/notifications/subscribe") => {
            json!({ "subscription": things.browser })
        }
        (_, "/api/v1/notifications/templates/{type}") => {
            json!({ "title_template": "On its way", "body_template": "{{ order_number }}" })
        }
        (_, "/api/v1/notifications/{id}/events") => json!({ "event": "opened", "token": "none" }),
        (_, "/api/v1/products/{id}/share") => json!({ "channel": "link" }),
        _ => json!({}),
    };
    body.to_string()
}

async fn status(person: &Person<'_>, world: &World, method: &str, path: &str, body: &str) -> u16 {
    let key = world.fresh_key();
    let body = (method != "get").then(|| body.to_owned());
    let method: Method = method.to_uppercase().parse().unwrap();
    person.send(method, path, &[("idempotency-key", &key)], body).await.status.as_u16()
}

#[tokio::test]
async fn every_route_decides_who_may_use_it() {
    let two = [
        ("Shops", "default,acme"),
        ("JwtShops", "default,acme"),
        ("ShopKeys", "pk_acme=acme,pk_default=default"),
        ("ShopHosts", "127.0.0.1=default"),
    ];
    let world = World::with(two.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).await;
    let things = things(&world).await;
    let people = [
        ("nobody", world.nobody()),
        ("guest", world.guest().await),
        ("stranger", world.customer("eve").await),
        ("owner", world.customer("ana").await),
        ("agent", world.person("agent", "gus", "default").await),
        ("other shop", world.person("admin", "olga", "acme").await),
        ("service", world.service(&["inventory:read"]).await),
        ("admin", world.admin().await),
    ];
    let document = world.nobody().get("/openapi.json").await.ok();
    let mut table = format!("{:<58}", "");
    for (name, _) in &people {
        write!(table, "{name:>11}").unwrap();
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, _) in
            methods.as_object().unwrap().iter().filter(|(_, operation)| operation.get("responses").is_some())
        {
            let concrete = concrete(method, path, &things);
            write!(table, "\n{:<58}", format!("{} {path}", method.to_uppercase())).unwrap();
            let body = body(method, path, &things);
            for (_, person) in &people {
                write!(table, "{:>11}", status(person, &world, method, &concrete, &body).await).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
    assert!(!table.contains(" 500") && !table.contains(" 503"));
}
