//! Stripe's side of a story: what the shop's people do at its dashboard, and what it sends.

use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{Reply, World};

impl World {
    /// Asks Stripe's API as the shop's owner.
    pub async fn at_stripe(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/_local/stripe/v1/{path}", self.cloud().http_url());
        let request = reqwest::Client::new().request(method.clone(), url).bearer_auth("sk_test_local");
        let request = if method == Method::GET { request } else { request.form(form) };
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {body}");
        self.idle().await;
        body
    }

    /// How webhooks misbehave from now on.
    pub async fn webhooks(&self, misbehaviour: Value) {
        self.nobody().post("/_local/stripe/webhooks", misbehaviour).await.ok();
    }

    /// Lets requests to Stripe go wrong.
    pub async fn stripe_fails(&self, operation: &str, fault: &str, count: u64) {
        let fault = json!({ "operation": operation, "fault": fault, "count": count });
        self.nobody().post("/_local/stripe/faults", fault).await.ok();
    }

    /// Nothing goes wrong at Stripe any more.
    pub async fn stripe_recovers(&self) {
        self.nobody().send(Method::DELETE, "/_local/stripe/faults", &[], None).await.ok();
    }

    /// How often the shop, or anybody, has asked Stripe for `operation`.
    pub fn asked_of_stripe(&self, operation: &str) -> u64 {
        self.cloud().stripe().requests().get(operation).copied().unwrap_or(0)
    }

    /// The shopper answers the bank's challenge.
    pub async fn authenticates(&self, intent: &Value, outcome: &str) {
        let body = json!({ "payment_intent": intent_id(intent), "outcome": outcome });
        self.nobody().post("/_local/stripe/authenticate", body).await.ok();
        self.idle().await;
    }

    /// A header with which Stripe would have signed `body` at `at`.
    pub async fn signature(&self, body: &[u8], at: Timestamp) -> String {
        let name = json!({ "Name": "/shopwire/stripe-webhook-secret", "WithDecryption": true });
        let secret = self.aws("AmazonSSM.GetParameter", &name).await;
        let secret = secret["Parameter"]["Value"].as_str().unwrap().to_owned();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{}.", at.as_second()).as_bytes());
        mac.update(body);
        format!("t={},v1={}", at.as_second(), hex::encode(mac.finalize().into_bytes()))
    }

    /// Sends a webhook as whoever knows the secret would, `late` after it was signed.
    pub async fn webhook(&self, body: &[u8], late: SignedDuration) -> Reply {
        let at = self.cloud().clock().now().checked_sub(late).unwrap();
        let header = self.signature(body, at).await;
        self.raw_webhook(&header, body).await
    }

    /// Sends a webhook as it is.
    pub async fn raw_webhook(&self, signature: &str, body: &[u8]) -> Reply {
        let url = format!("{}/api/v1/webhooks/stripe", self.cloud().http_url());
        let request = reqwest::Client::new().post(url).header("stripe-signature", signature);
        let request = request.header("content-type", "application/json").body(body.to_vec());
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, headers, body }
    }

    /// How many rows the orders' table has.
    pub async fn order_rows(&self) -> u64 {
        let answer = self
            .dynamo("Scan", json!({ "TableName": "OrdersTable", "Select": "COUNT", "ConsistentRead": true }));
        answer.await["Count"].as_u64().unwrap()
    }
}

/// Stripe's name of the intent that a browser pays with.
pub fn intent_id(intent: &Value) -> String {
    intent["client_secret"].as_str().unwrap().split("_secret_").next().unwrap().to_owned()
}
