//! What a function's answer becomes on the wire (payload format 2.0).

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// Headers that belong to the connection: API Gateway writes its own.
const OF_THE_CONNECTION: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::TE];

/// The response, or none if the answer is malformed.
///
/// An answer without `statusCode` is a body: API Gateway infers status 200 and JSON.
pub fn response(answer: Value) -> Option<Response> {
    match answer {
        Value::Object(answer) if answer.contains_key("statusCode") => formatted(&answer),
        Value::String(text) => inferred(text),
        answer => inferred(answer.to_string()),
    }
}

fn inferred(body: String) -> Option<Response> {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).ok()
}

fn formatted(answer: &Map<String, Value>) -> Option<Response> {
    let body = body(answer)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status(answer.get("statusCode")?)?;
    let headers = response.headers_mut();
    add_all(headers, answer.get("headers"))?;
    add_all(headers, answer.get("multiValueHeaders"))?;
    for cookie in list(answer.get("cookies"))? {
        headers.append(header::SET_COOKIE, value(cookie)?);
    }
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    if !body.is_empty() {
        let text = HeaderValue::from_static("text/plain;charset=UTF-8");
        headers.entry(header::CONTENT_TYPE).or_insert(text);
        *response.body_mut() = Body::from(body);
    }
    Some(response)
}

fn status(status: &Value) -> Option<StatusCode> {
    let code = match status {
        Value::String(text) => text.parse().ok()?,
        number => u16::try_from(number.as_u64()?).ok()?,
    };
    // Below 200 it would be no final answer.
    StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code))
}

fn body(answer: &Map<String, Value>) -> Option<Vec<u8>> {
    let text = match answer.get("body") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(Value::String(text)) => text,
        Some(_) => return None,
    };
    match answer.get("isBase64Encoded") {
        Some(Value::Bool(true)) => BASE64_STANDARD.decode(text).ok(),
        _ => Some(text.clone().into_bytes()),
    }
}

/// Adds the headers of a map of values or of lists of values.
fn add_all(headers: &mut HeaderMap, added: Option<&Value>) -> Option<()> {
    let added = match added {
        None | Some(Value::Null) => return Some(()),
        Some(added) => added.as_object()?,
    };
    for (name, values) in added {
        let name: HeaderName = name.parse().ok()?;
        let values = if values.is_array() { list(Some(values))? } else { std::slice::from_ref(values) };
        for one in values {
            // The same pair may stand in `headers` and in `multiValueHeaders`.
            let one = value(one)?;
            if !headers.get_all(&name).iter().any(|there| there == one) {
                headers.append(&name, one);
            }
        }
    }
    Some(())
}

fn list(values: Option<&Value>) -> Option<&[Value]> {
    match values {
        None | Some(Value::Null) => Some(&[]),
        Some(values) => values.as_array().map(Vec::as_slice),
    }
}

fn value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::from_str(text).ok(),
        Value::Number(_) | Value::Bool(_) => HeaderValue::from_str(&value.to_string()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn shown(answer: Value) -> Option<String> {
        let (head, body) = response(answer)?.into_parts();
        let mut headers: Vec<_> =
            head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort(); // only values of one name have an order
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Some(format!("{} [{}] {}", head.status.as_u16(), headers.join(", "), body.escape_ascii()))
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_a_json_body() {
        let json = shown(json!({"stock": 3})).await.unwrap();
        assert_eq!(json, r#"200 [content-type: application/json] {\"stock\":3}"#);
        assert_eq!(shown(json!("hi")).await.unwrap(), "200 [content-type: application/json] hi");
        assert_eq!(shown(json!(null)).await.unwrap(), "200 [content-type: application/json] null");
    }

    #[tokio::test]
    async fn headers_cookies_and_bytes_arrive() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"Content-Type": "image/png", "X-Count": 3, "Content-Length": "9999"},
            "multiValueHeaders": {"x-count": [3], "x-tag": ["a", "b"]},
            "cookies": ["a=1; HttpOnly", "b=2"],
            "body": "/wA=",
            "isBase64Encoded": true,
        });
        let headers = "content-type: image/png, set-cookie: a=1; HttpOnly, set-cookie: b=2, x-count: 3, x-tag: a, x-tag: b";
        assert_eq!(shown(answer).await.unwrap(), format!(r"201 [{headers}] \xff\x00"));
    }

    #[tokio::test]
    async fn a_body_without_a_type_is_text_and_no_body_has_none() {
        let text = shown(json!({"statusCode": "200", "body": "hi"})).await.unwrap();
        assert_eq!(text, "200 [content-type: text/plain;charset=UTF-8] hi");
        assert_eq!(shown(json!({"statusCode": 204})).await.unwrap(), "204 [] ");
    }

    #[tokio::test]
    async fn a_malformed_answer_is_no_response() {
        for answer in [
            json!({"statusCode": 99}),
            json!({"statusCode": 101}),
            json!({"statusCode": "ok"}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "body": "not base64!", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 200, "headers": {"a": "b\nc: d"}}),
            json!({"statusCode": 200, "headers": []}),
            json!({"statusCode": 200, "cookies": "a=1"}),
        ] {
            assert!(response(answer.clone()).is_none(), "{answer}");
        }
    }
}
