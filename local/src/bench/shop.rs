//! The shop that is measured, and the shoppers in it: over HTTP and sockets, as anybody's would.

use std::{path::Path, str::FromStr};

use domain::{Role, UserId};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::BenchError;
use crate::cloud::{LocalCloud, Options, TokenFor};

/// A product's most pieces, so that none sells out.
const PLENTY: u32 = 1_000_000;

/// By which somebody on this machine says that they are elsewhere.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A shop in a local cloud of its own.
pub struct Shop {
    pub cloud: LocalCloud,
    pub http: reqwest::Client,
}

/// Somebody with a token.
pub struct Shopper<'a> {
    shop: &'a Shop,
    token: String,
    /// Where they are, if not on this machine.
    address: Option<String>,
    /// What they are called.
    pub name: String,
}

/// A socket of a shopper.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Shop {
    /// Opens the shop that `template` describes.
    pub async fn open(template: &Path, options: impl FnOnce(Options) -> Options) -> Result<Self, BenchError> {
        // All shoppers are at one address here, which would look risky; they are judged all the same.
        let parameters = [("FraudMode".to_owned(), "shadow".to_owned())].into();
        let options = options(Options { parameters, ..Options::ephemeral(template) });
        Ok(Self { cloud: LocalCloud::start(options).await?, http: reqwest::Client::new() })
    }

    /// Somebody whom the shop's own sign-in knows.
    pub fn person(&self, role: Role, name: &str) -> Result<Shopper<'_>, BenchError> {
        let user = UserId::from_str(name).map_err(|error| BenchError::Unexpected(error.to_string()))?;
        let token = self.cloud.token(&TokenFor::new(role, user))?.token;
        Ok(Shopper { shop: self, token, address: None, name: name.to_owned() })
    }

    /// A customer.
    pub fn customer(&self, name: &str) -> Result<Shopper<'_>, BenchError> {
        self.person(Role::Customer, name)
    }

    /// Somebody without an account, by the name that the shop gives them. Each is at an address of their own: what guests of one
    /// address may do is limited.
    pub async fn guest(&self, number: u32) -> Result<Shopper<'_>, BenchError> {
        let [_, high, middle, low] = number.to_be_bytes();
        let address = format!("10.{high}.{middle}.{low}");
        let url = format!("{}/api/v1/auth/guest", self.cloud.http_url());
        let request = self.http.post(url).header(FORWARDED_FOR, &address).json(&json!({}));
        let guest = answered("becoming a guest", request).await?;
        let [token, name] = [text(&guest, "token")?.to_owned(), text(&guest, "guest_id")?.to_owned()];
        Ok(Shopper { shop: self, token, address: Some(address), name })
    }

    /// Puts a product on sale, in plenty.
    pub async fn stock_up(&self, product: &str) -> Result<(), BenchError> {
        self.offer(product, PLENTY).await
    }

    /// Puts so many products on sale, in plenty, and says how they are called.
    pub async fn stock_up_with(&self, count: u32) -> Result<Vec<String>, BenchError> {
        let products: Vec<String> = (0..count).map(|number| format!("product-{number}")).collect();
        try_join_all(products.iter().map(|product| self.stock_up(product))).await?;
        Ok(products)
    }

    /// How many pieces of these products were sold.
    pub async fn sold(&self, products: &[String]) -> Result<usize, BenchError> {
        let admin = self.person(Role::Admin, "olga")?;
        let mut sold = 0;
        for product in products {
            let stock = admin.get(&format!("/api/v1/inventory/{product}")).await?;
            let committed = stock.get("committed").and_then(Value::as_u64);
            sold += committed.and_then(|committed| usize::try_from(committed).ok()).unwrap_or(0);
        }
        Ok(sold)
    }

    /// Puts some pieces of a product on sale.
    pub async fn offer(&self, product: &str, pieces: u32) -> Result<(), BenchError> {
        let admin = self.person(Role::Admin, "olga")?;
        let price = json!({ "amount": 1999, "currency": "USD" });
        let new = json!({ "product_id": product, "name": format!("A {product}"), "price": price });
        admin.post("/api/v1/products", new).await?;
        let add = json!({ "product_id": product, "quantity": pieces, "operation": "add" });
        admin.post("/api/v1/inventory/adjustments", add).await?;
        Ok(())
    }

    /// Pays at Stripe, as a browser does.
    pub async fn pay(&self, intent: &Value) -> Result<(), BenchError> {
        let secret = text(intent, "client_secret")?;
        let id = secret.split("_secret_").next().unwrap_or(secret);
        let url = format!("{}/_local/stripe/v1/payment_intents/{id}/confirm", self.cloud.http_url());
        let form = [("payment_method", "pm_card_visa"), ("client_secret", secret)];
        let request = self.http.post(url).bearer_auth("pk_test_local").form(&form);
        answered("paying at Stripe", request).await.map(drop)
    }

    /// Posts to a control route of the local cloud.
    pub async fn control(&self, path: &str, body: &Value) -> Result<Value, BenchError> {
        let request = self.http.post(format!("{}/_local{path}", self.cloud.http_url())).json(body);
        answered(path, request).await
    }

    /// A page of what Stripe lists of a kind of event, newest first, that follows the event `last`.
    pub async fn stripe_events(
        &self,
        kind: &str,
        limit: usize,
        last: Option<&str>,
    ) -> Result<Vec<Value>, BenchError> {
        let after = last.map_or_else(String::new, |last| format!("&starting_after={last}"));
        let at_stripe = format!("{}/_local/stripe/v1", self.cloud.http_url());
        let request = self.http.get(format!("{at_stripe}/events?type={kind}&limit={limit}{after}"));
        let request = request.bearer_auth("sk_test_local");
        let mut page = answered("listing Stripe's events", request).await?;
        match page.get_mut("data").map(Value::take) {
            Some(Value::Array(events)) => Ok(events),
            _ => Err(BenchError::Unexpected(format!("no list of events: {page}"))),
        }
    }
}

impl Shopper<'_> {
    /// With what, where and as whom they act, for whoever acts in their name.
    pub fn http(&self) -> (reqwest::Client, String, String) {
        (self.shop.http.clone(), self.shop.cloud.http_url().to_owned(), self.token.clone())
    }

    pub async fn get(&self, path: &str) -> Result<Value, BenchError> {
        let request = self.shop.http.get(self.url(path)).bearer_auth(&self.token);
        answered(path, request).await
    }

    /// Posts with a fresh `Idempotency-Key`.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, BenchError> {
        answered(path, self.keyed(path, &body, &uuid::Uuid::now_v7().to_string())).await
    }

    /// Puts.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, BenchError> {
        answered(path, self.shop.http.put(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    /// Posts with `key`; any answer is one.
    pub async fn try_post(&self, path: &str, body: &Value, key: &str) -> Result<(u16, Value), BenchError> {
        let answer = self.keyed(path, body, key).send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or(Value::Null)))
    }

    fn keyed(&self, path: &str, body: &Value, key: &str) -> reqwest::RequestBuilder {
        let request = self.shop.http.post(self.url(path)).bearer_auth(&self.token);
        let request = request.header("idempotency-key", key).json(body);
        self.address.iter().fold(request, |request, address| request.header(FORWARDED_FOR, address))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shop.cloud.http_url())
    }

    /// Sets one piece aside.
    pub async fn reserve(&self, product: &str) -> Result<Value, BenchError> {
        let body = json!({ "items": [{ "product_id": product, "quantity": 1 }] });
        self.post("/api/v1/inventory/reservations", body).await
    }

    /// Places an order of one line.
    pub async fn order(&self, product: &str) -> Result<Value, BenchError> {
        self.order_of(product, 1).await
    }

    /// Places an order of some pieces of one product.
    pub async fn order_of(&self, product: &str, quantity: u32) -> Result<Value, BenchError> {
        let items = json!([{ "product_id": product, "quantity": quantity }]);
        self.post("/api/v1/orders", json!({ "items": items, "currency": "USD" })).await
    }

    /// Begins to pay an order.
    pub async fn intent(&self, order: &Value) -> Result<Value, BenchError> {
        let body = json!({ "order_id": text(order, "order_id")? });
        self.post("/api/v1/payments/create-intent", body).await
    }

    /// Asks how a payment stands, as a browser does when the shopper comes back from paying.
    pub async fn confirm(&self, intent: &Value) -> Result<Value, BenchError> {
        let body = json!({ "payment_id": text(intent, "payment_id")? });
        self.post("/api/v1/payments/confirm", body).await
    }

    /// Calls an order off.
    pub async fn cancel(&self, order: &Value) -> Result<Value, BenchError> {
        let path = format!("/api/v1/orders/{}/cancel", text(order, "order_id")?);
        self.post(&path, json!({})).await
    }

    /// Gets a ticket for a socket.
    pub async fn ticket(&self) -> Result<Value, BenchError> {
        self.post("/api/v1/realtime/tickets", json!({})).await
    }
}

impl Socket {
    /// Opens a socket with a ticket.
    pub async fn open(ticket: &Value) -> Result<Self, BenchError> {
        let (stream, _) = tokio_tungstenite::connect_async(text(ticket, "url")?).await.map_err(Box::new)?;
        Ok(Self { stream })
    }

    /// Opens a socket with somebody's token.
    pub async fn open_as(who: &Shopper<'_>) -> Result<Self, BenchError> {
        let mut request = who.shop.cloud.ws_url().into_client_request().map_err(Box::new)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", who.token));
        let bearer = bearer.map_err(|error| BenchError::Unexpected(error.to_string()))?;
        request.headers_mut().insert("authorization", bearer);
        let (stream, _) = tokio_tungstenite::connect_async(request).await.map_err(Box::new)?;
        Ok(Self { stream })
    }

    /// Closes it, and waits until the other side has: from then on its `$disconnect` is work that can be waited for.
    pub async fn close(mut self) -> Result<(), BenchError> {
        self.stream.close(None).await.map_err(Box::new)?;
        while let Some(Ok(_)) = self.stream.next().await {}
        Ok(())
    }

    /// Sends a frame, whose id is its type.
    pub async fn send(&mut self, kind: &str, data: Value) -> Result<(), BenchError> {
        let frame = json!({ "id": kind, "type": kind, "data": data });
        let sent = self.stream.send(Message::text(frame.to_string())).await;
        sent.map_err(|error| Box::new(error).into())
    }

    /// Sends a frame and waits for the answer to it; events are passed over.
    pub async fn ask(&mut self, kind: &str, data: Value) -> Result<Value, BenchError> {
        self.send(kind, data).await?;
        loop {
            let answer = self.next().await?;
            let is_answer = answer.get("reply_to").is_some_and(|id| *id == kind)
                || answer.get("type").is_some_and(|it| it == "pong");
            match answer.get("type").and_then(Value::as_str) {
                Some("error") if is_answer => {
                    return Err(BenchError::Unexpected(format!("{kind}: {answer}")));
                }
                _ if is_answer => return Ok(answer),
                _ => {}
            }
        }
    }

    /// Waits for an event of a type; others are passed over.
    pub async fn hears(&mut self, kind: &str) -> Result<Value, BenchError> {
        loop {
            let frame = self.next().await?;
            if frame.get("type").is_some_and(|found| *found == kind) {
                return Ok(frame);
            }
        }
    }

    /// Waits for the next frame.
    pub async fn next(&mut self) -> Result<Value, BenchError> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map_err(|error| BenchError::Unexpected(error.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Box::new(error).into()),
                None => return Err(BenchError::Unexpected("the socket was closed".into())),
            }
        }
    }
}

/// A text field of an answer.
pub fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, BenchError> {
    let found = answer.get(field).and_then(Value::as_str);
    found.ok_or_else(|| BenchError::Unexpected(format!("no {field} in {answer}")))
}

async fn answered(what: &str, request: reqwest::RequestBuilder) -> Result<Value, BenchError> {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.json().await.unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(body);
    }
    Err(BenchError::Answer { what: what.to_owned(), status: status.as_u16(), body })
}
