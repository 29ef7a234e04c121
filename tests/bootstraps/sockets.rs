//! A story with sockets, told by the built functions: a shopper listens to a lamp, another buys one, the first hears
//! of it. API Gateway, streams and `@connections` stand between them, and no function runs inside this process.

use local::cloud::LocalCloud;
use serde_json::{Value, json};

use crate::{cloud, socket::Socket};

/// What the shop answers to a request that goes well.
async fn posts(cloud: &LocalCloud, path: &str, token: Option<&str>, body: Value) -> Value {
    let request = reqwest::Client::new().post(format!("{}{path}", cloud.http_url()));
    let key = format!("{path} {body}");
    let request = request.header("idempotency-key", key).json(&body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

async fn token(cloud: &LocalCloud, role: &str, user: &str) -> String {
    let answer = posts(cloud, "/_local/token", None, json!({ "role": role, "user": user })).await;
    answer["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sale_is_heard_of_on_a_socket_that_a_ticket_opened() {
    let (cloud, _bootstraps) = cloud().await;
    let olga = token(&cloud, "admin", "olga").await;
    let lamp =
        json!({ "product_id": "lamp", "name": "Lamp", "price": { "amount": 1999, "currency": "USD" } });
    posts(&cloud, "/api/v1/products", Some(&olga), lamp).await;
    let delivery = json!({ "product_id": "lamp", "quantity": 3, "operation": "add" });
    posts(&cloud, "/api/v1/inventory/adjustments", Some(&olga), delivery).await;

    let guest = posts(&cloud, "/api/v1/auth/guest", None, json!({})).await;
    let guest = guest["token"].as_str().unwrap();
    let ticket = posts(&cloud, "/api/v1/realtime/tickets", Some(guest), json!({})).await;
    let url = ticket["url"].as_str().unwrap();
    let mut socket = Socket::open(url, &[]).await.unwrap();
    let ready = socket.asks("hello", json!({})).await;
    assert_eq!((&ready["type"], &ready["data"]["role"]), (&json!("connection.ready"), &json!("guest")));
    let subscribed = socket.subscribes("product:lamp").await;
    assert_eq!(subscribed["type"], "ack", "{subscribed}");
    assert_eq!(socket.next("inventory.updated").await["data"]["available_quantity"], 3);

    let ana = token(&cloud, "customer", "ana").await;
    let order = json!({ "items": [{ "product_id": "lamp", "quantity": 2 }], "currency": "USD" });
    let order = posts(&cloud, "/api/v1/orders", Some(&ana), order).await;
    assert_eq!(order["status"], "pending_payment");
    let mut heard = socket.next("inventory.updated").await;
    // The delivery's own event may come once more on its way through the stream.
    while heard["data"]["version"] == 1 {
        heard = socket.next("inventory.updated").await;
    }
    assert_eq!(
        (&heard["channel"], &heard["data"]["available_quantity"]),
        (&json!("product:lamp"), &json!(1))
    );

    socket.close().await;
    assert!(Socket::open(url, &[]).await.is_err(), "a ticket opens one socket");
    cloud.stop().await;
}
