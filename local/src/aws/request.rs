//! What a request to an AWS service is: which service, which operation, on what, by whom.

use std::{collections::BTreeSet, fmt};

use axum::http::{HeaderMap, Method, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A service that functions call. Stripe and the push service are not AWS, but faults and counts treat them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// DynamoDB.
    Dynamodb,
    /// SQS.
    Sqs,
    /// SNS.
    Sns,
    /// SES, version 2.
    Ses,
    /// S3.
    S3,
    /// Systems Manager parameters.
    Ssm,
    /// The API Gateway management API: `/@connections/{id}`.
    Connections,
    /// The fake Stripe.
    Stripe,
    /// The push service of web pages; its one operation is `Send`.
    Push,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dynamodb => "dynamodb",
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Ses => "ses",
            Self::S3 => "s3",
            Self::Ssm => "ssm",
            Self::Connections => "connections",
            Self::Stripe => "stripe",
            Self::Push => "push",
        })
    }
}

/// One request to a service, as faults match it and the meter counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// Its operation: `PutItem`, `SendMessage`; for `@connections` the verb's name (`PostToConnection`).
    pub operation: String,
    /// Tables, queues or buckets it names, in alphabetical order; empty where there is none.
    pub tables: Vec<String>,
    /// The function that asks: the access key id of its signature; `outside` when it is not signed.
    pub function: String,
    /// How many acts a transaction holds.
    pub acts: usize,
}

impl Call {
    /// Reads a request; none if it is for no service we know.
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<(Self, Value)> {
        let function = caller(headers);
        let call = |service, operation: &str| Self {
            service,
            operation: operation.to_owned(),
            tables: Vec::new(),
            function: function.clone(),
            acts: 0,
        };
        if let Some(target) = headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
            let (prefix, operation) = target.rsplit_once('.')?;
            let service = match prefix {
                "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Service::Dynamodb,
                "AmazonSQS" => Service::Sqs,
                "AmazonSSM" => Service::Ssm,
                _ => return None,
            };
            let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
            let mut call = call(service, operation);
            call.tables = tables(&body);
            call.acts = body.get("TransactItems").and_then(Value::as_array).map_or(0, Vec::len);
            return Some((call, body));
        }
        let path = uri.path();
        if path.contains("/@connections/") {
            let operation = match *method {
                Method::POST => "PostToConnection",
                Method::DELETE => "DeleteConnection",
                _ => "GetConnection",
            };
            return Some((call(Service::Connections, operation), Value::Null));
        }
        if path == "/v2/email/outbound-emails" && method == Method::POST {
            let body = serde_json::from_slice(body).unwrap_or(Value::Null);
            return Some((call(Service::Ses, "SendEmail"), body));
        }
        let form: Value = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let operation = form.get("Action").and_then(Value::as_str)?.to_owned();
        Some((call(Service::Sns, &operation), form))
    }
}

impl Call {
    /// Whether it changes items, or takes part in a transaction: what can conflict.
    pub fn writes(&self) -> bool {
        matches!(
            self.operation.as_str(),
            "PutItem"
                | "UpdateItem"
                | "DeleteItem"
                | "BatchWriteItem"
                | "TransactWriteItems"
                | "TransactGetItems"
        )
    }
}

/// `Credential=<access key id>/<date>/…` of the SigV4 header. The local cloud gives each function its logical id as
/// its key, so a signature says who asks; the signature itself is not checked.
pub(crate) fn caller(headers: &HeaderMap) -> String {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once("Credential="))
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or_else(|| "outside".to_owned(), |(key, _)| key.to_owned())
}

/// Every table (or queue) that the body names.
fn tables(body: &Value) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: Option<&Value>| {
        if let Some(name) = name.and_then(Value::as_str) {
            names.insert(name.rsplit('/').next().unwrap_or(name).to_owned());
        }
    };
    add(body.get("TableName"));
    add(body.get("QueueUrl"));
    add(body.get("QueueName"));
    if let Some(batch) = body.get("RequestItems").and_then(Value::as_object) {
        batch.keys().for_each(|name| add(Some(&Value::String(name.clone()))));
    }
    for item in body.get("TransactItems").and_then(Value::as_array).into_iter().flatten() {
        for act in item.as_object().into_iter().flat_map(|act| act.values()) {
            add(act.get("TableName"));
        }
    }
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn read(target: &'static str, body: &Value) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", HeaderValue::from_static(target));
        headers.insert(
            "authorization",
            HeaderValue::from_static(
                "AWS4-HMAC-SHA256 Credential=Relay/20260101/eu-west-1/x/aws4_request, S=1",
            ),
        );
        Call::read(&Method::POST, &Uri::from_static("/"), &headers, body.to_string().as_bytes()).unwrap().0
    }

    #[test]
    fn a_signed_request_is_attributed_to_the_function_that_signed_it() {
        let call = read("DynamoDB_20120810.GetItem", &json!({ "TableName": "Orders" }));
        assert_eq!((call.function.as_str(), call.tables), ("Relay", vec!["Orders".to_owned()]));
    }

    #[test]
    fn a_transaction_names_every_table_once_and_its_number_of_acts() {
        let put = |table: &str| json!({ "Put": { "TableName": table } });
        let call = read(
            "DynamoDB_20120810.TransactWriteItems",
            &json!({ "TransactItems": [put("Orders"), put("Inventory"), put("Orders")] }),
        );
        assert_eq!((call.tables, call.acts), (vec!["Inventory".to_owned(), "Orders".to_owned()], 3));
    }

    #[test]
    fn a_queue_is_named_by_the_end_of_its_url() {
        let call = read("AmazonSQS.SendMessage", &json!({ "QueueUrl": "http://h:1/000000000000/Notify" }));
        assert_eq!((call.service, call.tables), (Service::Sqs, vec!["Notify".to_owned()]));
    }
}
