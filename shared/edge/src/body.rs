//! What comes in: bodies, queries, path segments, idempotency keys. Whatever is wrong with them is named by field.

use std::str::FromStr;

use app::{Error, idempotency::RequestKey, store::Cursor};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, request::Parts},
};
use contract::{ErrorCode, http::PageRequest};
use serde::de::DeserializeOwned;

use crate::Failure;

/// The largest JSON body: an order of 1,200 lines with room to spare.
const MAX_JSON_BYTES: usize = 512 * 1024;
/// The longest `Idempotency-Key`.
const MAX_KEY: usize = 255;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A JSON body and the `Idempotency-Key` with which it came.
#[derive(Debug)]
pub struct Keyed<T>(pub RequestKey, pub T);

/// The same for callers who may know no `Idempotency-Key`: without one, every request is another.
#[derive(Debug)]
pub struct PerhapsKeyed<T>(pub RequestKey, pub T);

/// A body as it came, and the headers with it.
#[derive(Debug)]
pub struct Raw(pub HeaderMap, pub Bytes);

/// The query.
#[derive(Debug)]
pub struct Params<T>(pub T);

/// The one path segment that names a thing. One that cannot name anything names nothing.
#[derive(Debug)]
pub struct Id<T>(pub T);

/// The two path segments that name a thing, likewise.
#[derive(Debug)]
pub struct Ids<A, B>(pub A, pub B);

async fn bytes(request: Request) -> Result<Bytes, Failure> {
    let too_large =
        || Error::invalid(ErrorCode::PayloadTooLarge, format!("expected at most {MAX_JSON_BYTES} bytes"));
    axum::body::to_bytes(request.into_body(), MAX_JSON_BYTES).await.map_err(|_| too_large().into())
}

/// Reads JSON; an error names the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // An absent body is an empty object: every field then says for itself whether it is required.
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    // A list would be taken for the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::field("", "invalid", "expected an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.inner();
        let field = if path == "." { String::new() } else { path };
        let (field, code) = match inner.classify() {
            serde_json::error::Category::Data => missing(&inner.to_string(), &field),
            _ => (String::new(), "malformed_json"),
        };
        Error::field(&field, code, without_place(&inner.to_string()))
    })?;
    reader.end().map_err(|error| Error::field("", "malformed_json", without_place(&error.to_string())))?;
    Ok(parsed)
}

/// Serde says "missing field `x`" of the object around it: the field is inside.
fn missing(message: &str, field: &str) -> (String, &'static str) {
    let Some(name) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) else {
        return (field.to_owned(), "invalid");
    };
    let path = if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    (path, "required")
}

/// Serde's message without " at line 1 column 2", which names a place that the client cannot see.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(parse(&bytes(request).await?)?))
    }
}

/// Reads the body and names the request after `key`.
async fn keyed<T: DeserializeOwned>(key: String, request: Request) -> Result<(RequestKey, T), Failure> {
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(
            Error::field("Idempotency-Key", "invalid", "expected 1 to 255 visible ASCII characters").into()
        );
    }
    let act = format!("{} {}", request.method(), request.uri().path());
    let body = bytes(request).await?;
    let fingerprint = app::identity::digest(&format!("{act}\n{}", app::identity::digest_bytes(&body)));
    Ok((RequestKey { key, fingerprint }, parse(&body)?))
}

fn key_of(request: &Request) -> Option<String> {
    let key = request.headers().get("idempotency-key")?;
    Some(key.to_str().map(str::to_owned).unwrap_or_default())
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Keyed<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let missing = || {
            Error::invalid(ErrorCode::IdempotencyKeyMissing, "this request needs an Idempotency-Key header")
        };
        let key = key_of(&request).ok_or_else(missing)?;
        keyed(key, request).await.map(|(key, body)| Self(key, body))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for PerhapsKeyed<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let gate = request.extensions().get::<std::sync::Arc<crate::http::Gate>>();
        let fresh = gate.map(|gate| gate.clock.fresh().to_string());
        let key = key_of(&request).or(fresh).unwrap_or_default();
        keyed(key, request).await.map(|(key, body)| Self(key, body))
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Failure;
    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let headers = request.headers().clone();
        Ok(Self(headers, bytes(request).await?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(params) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Error::field("query", "invalid", rejection.body_text()))?;
        Ok(Self(params))
    }
}

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Error::NotFound)?;
        Ok(Self(text.parse().map_err(|_| Error::NotFound)?))
    }
}

impl<A: FromStr, B: FromStr, S: Send + Sync> FromRequestParts<S> for Ids<A, B> {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path((first, second)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| Error::NotFound)?;
        let first = first.parse().map_err(|_| Error::NotFound)?;
        Ok(Self(first, second.parse().map_err(|_| Error::NotFound)?))
    }
}

/// Which page is wanted, checked: 1 to 100 entries, 20 unless said otherwise.
pub fn page(request: &PageRequest) -> Result<(u32, Option<Cursor>), Error> {
    let limit = request.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Error::field("limit", "out_of_range", "expected 1 to 100"));
    }
    // A form that sends every field sends an empty one for the first page.
    let cursor = request.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    Ok((limit, cursor.map(Cursor::parse).transpose()?))
}

#[cfg(test)]
mod tests {
    use contract::http::orders::NewOrder;

    use super::*;

    fn field_of(body: &str) -> (String, String) {
        match parse::<NewOrder>(body.as_bytes()) {
            Err(Error::Invalid { errors, .. }) => {
                let error = errors.into_iter().next().unwrap();
                (error.field, error.code)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_name_the_field() {
        let named = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(field_of("{"), named("", "malformed_json"));
        assert_eq!(field_of(""), named("items", "required"));
        assert_eq!(
            field_of(r#"{"items":[{"product_id":"a","quantity":-1}],"currency":"USD"}"#),
            named("items[0].quantity", "invalid")
        );
        assert_eq!(
            field_of(r#"{"items":[{"product_id":"a"}],"currency":"USD"}"#),
            named("items[0].quantity", "required")
        );
        assert_eq!(field_of(r#"{"items":[],"currency":"DOLLARS"}"#), named("currency", "invalid"));
        assert_eq!(field_of(r#"{"items":[],"currency":"USD"} x"#), named("", "malformed_json"));
        assert_eq!(field_of(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))).1, "invalid");
    }

    #[test]
    fn lone_surrogates_are_not_text() {
        assert_eq!(field_of(r#"{"items":[],"currency":"USD","email":"\ud800"}"#).1, "malformed_json");
        assert_eq!(
            field_of(r#"{"items":[],"currency":"USD","email":"a\u0000b"}"#),
            ("email".into(), "invalid".into())
        );
    }
}
