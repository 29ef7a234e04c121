//! The event that a request becomes: payload format 2.0.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    http::{header, request::Parts},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    gateway::{self, Caller, Refusal},
    lambda::{ACCOUNT, PAYLOAD_LIMIT, json_length},
};

/// A request, with all that its event tells of it.
pub struct Asked<'a> {
    pub head: &'a Parts,
    pub body: &'a Bytes,
    /// The decoded path.
    pub path: &'a str,
    pub route: &'a str,
    pub parameters: &'a [(String, String)],
    pub caller: Caller,
    pub now: Timestamp,
    pub request_id: &'a str,
}

/// The path as functions see it: decoded, and cut at a decoded `?` (middleapi/standard-server#93, honojs/hono#2156).
pub fn raw_path(path: &str) -> String {
    let decoded = gateway::lossy(gateway::percent_decoded(path));
    match decoded.split_once('?') {
        Some((path, _)) => path.to_owned(),
        None => decoded,
    }
}

impl Asked<'_> {
    /// The event, or the refusal of a body that does not fit into one.
    pub fn event(&self) -> Result<Value, Refusal> {
        let (body, is_base64) = self.body();
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route,
            "rawPath": self.path,
            "rawQueryString": self.query(),
            "headers": self.headers(),
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": "local",
                "domainName": self.caller.domain,
                "domainPrefix": self.caller.domain.split('.').next(),
                "http": {
                    "method": self.head.method.as_str(),
                    "path": self.path,
                    "protocol": format!("{:?}", self.head.version),
                    "sourceIp": self.caller.source_ip,
                    "userAgent": self.caller.user_agent,
                },
                "requestId": self.request_id,
                "routeKey": self.route,
                "stage": "$default",
                "time": gateway::request_time(self.now),
                "timeEpoch": self.now.as_millisecond(),
            },
            "isBase64Encoded": is_base64,
        });
        // What is not there is left out, as on AWS.
        let optional = [
            ("cookies", self.cookies()),
            ("queryStringParameters", self.query_parameters()),
            ("pathParameters", self.path_parameters()),
            ("body", (!self.body.is_empty()).then_some(Value::String(body))),
        ];
        if let Some(event) = event.as_object_mut() {
            event.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        if json_length(&event) > PAYLOAD_LIMIT {
            return Err(super::TOO_LONG);
        }
        Ok(event)
    }

    fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// Names in lower case, values of the same name joined by commas. Cookies have a field of their own.
    fn headers(&self) -> BTreeMap<String, String> {
        let names = self.head.headers.keys().filter(|name| **name != header::COOKIE);
        let mut headers: BTreeMap<_, _> = names
            .map(|name| (name.to_string(), gateway::joined(&self.head.headers, name.as_str())))
            .collect();
        headers.insert("x-forwarded-for".to_owned(), self.caller.forwarded_for.clone());
        headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
        headers
    }

    fn cookies(&self) -> Option<Value> {
        let lines = self.head.headers.get_all(header::COOKIE).iter();
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
        let cookies =
            lines.iter().flat_map(|line| line.split(';')).map(str::trim).filter(|part| !part.is_empty());
        let cookies: Vec<_> = cookies.collect();
        (!cookies.is_empty()).then(|| json!(cookies))
    }

    fn query_parameters(&self) -> Option<Value> {
        let mut parameters = BTreeMap::<String, String>::new();
        for (name, value) in gateway::query_pairs(self.query()) {
            let joined = parameters.remove(&name).map_or(value.clone(), |before| format!("{before},{value}"));
            parameters.insert(name, joined);
        }
        (!parameters.is_empty()).then(|| json!(parameters))
    }

    fn path_parameters(&self) -> Option<Value> {
        let pairs = self.parameters.iter();
        let parameters: Map<_, _> = pairs.map(|(name, value)| (name.clone(), json!(value))).collect();
        (!parameters.is_empty()).then_some(Value::Object(parameters))
    }

    fn body(&self) -> (String, bool) {
        match std::str::from_utf8(self.body) {
            Ok(text) if self.body.is_empty() || self.is_text() => (text.to_owned(), false),
            _ => (BASE64_STANDARD.encode(self.body), true),
        }
    }

    /// Whether API Gateway hands this content type over as text.
    ///
    /// The list is what was observed on AWS (ministackorg/ministack#766): forms and bodies without a type are base64.
    fn is_text(&self) -> bool {
        let kind = gateway::text(&self.head.headers, &header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_text = kind.starts_with("text/")
            || matches!(&*kind, "application/json" | "application/xml" | "application/javascript");
        is_text && !self.head.headers.contains_key(header::CONTENT_ENCODING)
    }
}
