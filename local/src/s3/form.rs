//! Uploads by form: the fields, the file, and the policy that says which of both may be.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{denied, signature};
use crate::{aws::wire::Refusal, gateway::text};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Fields that no policy need allow.
const FREE: [&str; 4] = ["policy", "x-amz-signature", "awsaccesskeyid", "file"];

/// A form: its fields by their names in lower case, and the file behind them.
pub(super) struct Form {
    fields: BTreeMap<String, String>,
    file: Bytes,
}

#[derive(Deserialize)]
struct Policy {
    expiration: Timestamp,
    conditions: Vec<Value>,
}

/// Reads `multipart/form-data`. What comes behind the file is not looked at, as S3 has it.
pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Result<Form, Refusal> {
    let malformed = |text: &str| Refusal::new("MalformedPOSTRequest", text);
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let boundary = kind
        .strip_prefix("multipart/form-data")
        .and_then(|rest| rest.split_once("boundary="))
        .map(|(_, rest)| rest.split(';').next().unwrap_or_default().trim_matches('"'))
        .ok_or_else(|| malformed("Bucket POST must be of the enclosure-type multipart/form-data"))?;
    let (opening, closing) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let broken = || malformed("The body of your POST request is not well-formed multipart/form-data.");
    let mut at = find(body, opening.as_bytes(), 0).ok_or_else(broken)? + opening.len();
    let mut fields = BTreeMap::new();
    loop {
        let head_ends = find(body, b"\r\n\r\n", at).ok_or_else(broken)?;
        let ends = find(body, closing.as_bytes(), head_ends + 2).ok_or_else(broken)?;
        let head = String::from_utf8_lossy(body.get(at..head_ends).unwrap_or_default()).into_owned();
        let content = body.slice((head_ends + 4).min(ends)..ends);
        let name = head
            .split("name=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .ok_or_else(broken)?
            .to_lowercase();
        if name == "file" {
            return Ok(Form { fields, file: content });
        }
        fields.insert(name, String::from_utf8_lossy(&content).into_owned());
        at = ends + closing.len() + 2;
        if body.get(at - 2..at) != Some(b"\r\n") {
            let text = "POST requires exactly one file upload per request.";
            return Err(Refusal::new("InvalidArgument", text));
        }
    }
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

impl Form {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub const fn file(&self) -> &Bytes {
        &self.file
    }

    /// Whether a function allowed this upload.
    pub fn check(&self, bucket: &str, now: Timestamp) -> Result<(), Refusal> {
        let required = |name: &str| self.field(name).ok_or_else(|| denied("Access Denied"));
        let policy = required("policy")?;
        signature::check(required("x-amz-credential")?, policy, required("x-amz-signature")?)?;
        let text = BASE64_STANDARD.decode(policy).unwrap_or_default();
        let invalid = |_| Refusal::new("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.");
        let policy: Policy = serde_json::from_slice(&text).map_err(invalid)?;
        if policy.expiration < now {
            return Err(denied("Invalid according to Policy: Policy expired."));
        }
        let mut allowed = vec!["bucket".to_owned()];
        for condition in &policy.conditions {
            allowed.extend(self.check_one(condition, bucket)?);
        }
        let extra = self.fields.keys().find(|name| {
            !FREE.contains(&name.as_str()) && !name.starts_with("x-ignore-") && !allowed.contains(name)
        });
        match extra {
            Some(name) => Err(denied(format!("Invalid according to Policy: Extra input fields: {name}"))),
            None => Ok(()),
        }
    }

    /// Whether one condition holds; the fields that it allows.
    fn check_one(&self, condition: &Value, bucket: &str) -> Result<Vec<String>, Refusal> {
        let failed = || denied(format!("Invalid according to Policy: Policy Condition failed: {condition}"));
        let value = |name: &str| if name == "bucket" { Some(bucket) } else { self.field(name) };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(pairs) = condition.as_object() {
            for (name, wanted) in pairs {
                if value(&name.to_lowercase()) != wanted.as_str() {
                    return Err(failed());
                }
            }
            return Ok(pairs.keys().map(|name| name.to_lowercase()).collect());
        }
        let operator = text(condition.get(0));
        if operator.eq_ignore_ascii_case("content-length-range") {
            return self.check_length(condition).map(|()| vec![]);
        }
        let name = text(condition.get(1)).trim_start_matches('$').to_lowercase();
        let (given, wanted) = (value(&name).unwrap_or_default(), text(condition.get(2)));
        let holds = match operator.to_lowercase().as_str() {
            "eq" => given == wanted,
            "starts-with" => given.starts_with(&wanted),
            _ => false,
        };
        if holds { Ok(vec![name]) } else { Err(failed()) }
    }

    fn check_length(&self, condition: &Value) -> Result<(), Refusal> {
        let bound = |place: usize| {
            let value = condition.get(place);
            value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
        };
        let (Some(least), Some(most)) = (bound(1), bound(2)) else {
            return Err(Refusal::new(
                "InvalidPolicyDocument",
                "Invalid Policy: Invalid 'content-length-range'.",
            ));
        };
        match u64::try_from(self.file.len()).unwrap_or(u64::MAX) {
            size if size < least => Err(Refusal::new(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            )),
            size if size > most => {
                Err(Refusal::new("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"))
            }
            _ => Ok(()),
        }
    }
}
