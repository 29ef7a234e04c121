//! How an answer or a refusal of an AWS service is written, so that the real SDK reads it.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::request::{Call, Service};
use crate::state::StateError;

/// Why a service refuses a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// The error's shape name, without a namespace: `ConditionalCheckFailedException`.
    pub code: &'static str,
    /// Text for a person.
    pub message: String,
    /// Further members of the error's body.
    pub members: Vec<(&'static str, Value)>,
}

impl Refusal {
    /// A fault of the caller: status 400.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into(), members: Vec::new() }
    }

    /// The same under another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The answer as the protocol of the call's service writes it.
    pub fn into_response(self, call: &Call) -> Response {
        let service = call.service;
        match service {
            Service::Sns => xml_refusal(&self),
            Service::S3 => s3_refusal(&self),
            Service::Ses | Service::Connections | Service::Push => {
                let body = json!({ "message": self.message });
                with_error_type(json_response(self.status, "application/json", body.to_string()), self.code)
            }
            _ => {
                let mut body = json!({ "__type": format!("{}{}", namespace(service, self.code), self.code) });
                let text = if self.code == "TransactionCanceledException" { "Message" } else { "message" };
                if let Value::Object(members) = &mut body {
                    members.insert(text.to_owned(), Value::String(self.message));
                    members.extend(self.members.into_iter().map(|(name, value)| (name.to_owned(), value)));
                }
                let response = json_response(self.status, content_type(service), body.to_string());
                with_error_type(with_query_error(response, service, self.code), self.code)
            }
        }
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        Self::new("InternalFailure", format!("{error}: {:?}", std::error::Error::source(&error)))
            .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A successful answer of a JSON service.
pub fn json_answer(service: Service, body: &Value) -> Response {
    json_response(StatusCode::OK, content_type(service), body.to_string())
}

/// An answer with any status and JSON text.
pub fn json_response(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    with_request_id(response)
}

/// A successful answer of a query service: `<PublishResponse><PublishResult>…`.
pub fn xml_answer(operation: &str, result: &str) -> Response {
    let id = uuid::Uuid::now_v7();
    xml_response(
        StatusCode::OK,
        format!(
            "<{operation}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
             <{operation}Result>{result}</{operation}Result>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
        ),
    )
}

/// Text as XML character data.
pub fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn xml_refusal(refusal: &Refusal) -> Response {
    let fault = if refusal.status.is_server_error() { "Receiver" } else { "Sender" };
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>{fault}</Type>\
         <Code>{}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        refusal.code,
        xml_text(&refusal.message),
        uuid::Uuid::now_v7(),
    );
    xml_response(refusal.status, body)
}

fn s3_refusal(refusal: &Refusal) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
         <RequestId>{}</RequestId></Error>",
        refusal.code,
        xml_text(&refusal.message),
        uuid::Uuid::now_v7(),
    );
    xml_response(refusal.status, body)
}

fn xml_response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    with_request_id(response)
}

fn with_request_id(mut response: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn with_error_type(mut response: Response, code: &'static str) -> Response {
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}

/// SQS once spoke the query protocol; clients that still know its codes find them in this header.
fn with_query_error(mut response: Response, service: Service, code: &str) -> Response {
    let legacy = match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        _ => return response,
    };
    if service == Service::Sqs
        && let Ok(value) = HeaderValue::from_str(&format!("{legacy};Sender"))
    {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

fn content_type(service: Service) -> &'static str {
    match service {
        Service::Dynamodb | Service::Sqs => "application/x-amz-json-1.0",
        Service::Ssm => "application/x-amz-json-1.1",
        _ => "application/json",
    }
}

fn namespace(service: Service, code: &str) -> &'static str {
    match (service, code) {
        (Service::Dynamodb, "ValidationException") => "com.amazon.coral.validate#",
        (Service::Dynamodb, "ThrottlingException") => "com.amazon.coral.availability#",
        (Service::Dynamodb, "SerializationException" | "UnknownOperationException") => {
            "com.amazon.coral.service#"
        }
        (Service::Dynamodb, _) => "com.amazonaws.dynamodb.v20120810#",
        (Service::Sqs, _) => "com.amazonaws.sqs#",
        _ => "",
    }
}
