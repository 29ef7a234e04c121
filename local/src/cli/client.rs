//! Commands that ask a running local cloud.

use clap::Args;
use domain::{Role, ShopId, UserId};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Failure, say};
use crate::cloud::{Token, TokenFor};

/// A running local cloud.
#[derive(Debug, Args)]
pub(super) struct Running {
    /// Where its HTTP API answers
    #[arg(long, default_value = "http://127.0.0.1:3001", env = "SHOPWIRE_URL", value_name = "URL")]
    url: String,
}

#[derive(Debug, Args)]
pub(super) struct NewToken {
    /// What its bearer may do: customer, agent or admin
    #[arg(long, default_value = "customer", value_parser = read::<Role>)]
    role: Role,
    /// In whose name it is
    #[arg(long, default_value = "ana", value_parser = read::<UserId>)]
    user: UserId,
    /// For which shop
    #[arg(long, default_value = "default", value_parser = read::<ShopId>)]
    shop: ShopId,
    /// How long it is good, such as 2h
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<SignedDuration>,
    /// Print all that is known of it, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    running: Running,
}

#[derive(Debug, Args)]
pub(super) struct Advance {
    /// How far, such as 15m, 2h30m or 3d
    #[arg(value_name = "DURATION", value_parser = duration)]
    by: SignedDuration,
    #[command(flatten)]
    running: Running,
}

#[derive(Debug, Args)]
pub(super) struct Rerelay {
    /// Since when, such as 2026-01-31T09:00:00Z
    #[arg(long, value_name = "INSTANT")]
    since: Timestamp,
    #[command(flatten)]
    running: Running,
}

pub(super) async fn make_token(asked: NewToken) -> Result<(), Failure> {
    let seconds = asked.lifetime.map(|lifetime| lifetime.as_secs());
    let whom = TokenFor {
        shop: asked.shop,
        expires_in_seconds: seconds
            .map(u32::try_from)
            .transpose()
            .map_err(|_| Failure::refused("a token is good for a while, up to 136 years"))?,
        ..TokenFor::new(asked.role, asked.user)
    };
    let token: Token = asked.running.post("/_local/token", &json!(whom)).await?;
    if asked.json { say(json!(token)) } else { say(token.token) }
}

pub(super) async fn advance(asked: Advance) -> Result<(), Failure> {
    let body = json!({ "advance_seconds": asked.by.as_secs() });
    let answer: Value = asked.running.post("/_local/clock", &body).await?;
    let now: Option<Timestamp> = answer.get("now").and_then(Value::as_str).and_then(|now| now.parse().ok());
    say(now.map_or_else(|| answer.to_string(), |now| format!("it is {now} now")))
}

pub(super) async fn rerelay(asked: Rerelay) -> Result<(), Failure> {
    let answer: Value = asked.running.post("/_local/rerelay", &json!({ "since": asked.since })).await?;
    let published = answer.get("published").and_then(Value::as_u64).unwrap_or(0);
    say(format!("{published} rows published again"))
}

impl Running {
    /// Asks for something; a refusal is an error that says why.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failure> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        reqwest::Client::new().request(method, url)
    }

    pub async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let (status, body) = self.ask(request).await?;
        if !(200..300).contains(&status) {
            return Err(Failure::failed(refusal(status, &body)));
        }
        serde_json::from_value(body).map_err(|error| {
            Failure::failed(format!("what answers at {} is no local cloud: {error}", self.url))
        })
    }

    /// Status and body of the answer, whatever they say.
    pub async fn ask(&self, request: RequestBuilder) -> Result<(u16, Value), Failure> {
        let answer = request.send().await.map_err(|error| {
            if error.is_connect() {
                let url = &self.url;
                Failure::failed(format!(
                    "no local cloud answers at {url}: start one with `shopwire`, or say where it is with --url"
                ))
            } else {
                Failure::failed(error)
            }
        })?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(Failure::failed)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}

/// What a refusal says.
pub(super) fn refusal(status: u16, body: &Value) -> String {
    let detail = body.get("detail").or_else(|| body.get("message"));
    detail.and_then(Value::as_str).map_or_else(|| format!("refused with {status}: {body}"), str::to_owned)
}

/// Reads a value as the API does.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|error| error.to_string())
}

/// A span of time; days count too, as 24 hours.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let span: jiff::Span = text.parse().map_err(|_| "expected a duration such as 15m, 2h30m or 3d")?;
    let duration =
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    if duration.is_negative() || duration.is_zero() {
        return Err("a clock is turned forward only".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("2h 30m"), Ok(9000));
        assert_eq!(seconds("3d"), Ok(259_200));
        for wrong in ["-5m", "0s", "soon", "15"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
