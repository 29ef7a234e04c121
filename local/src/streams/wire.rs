//! What a function gets from a stream, what its answer says, and what is told of records that were given up.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    aws::{ACCOUNT, REGION},
    lambda::Answer,
    template::Source,
};

/// What the label in a stream's name is; AWS takes the moment of its creation.
const LABEL: &str = "2026-01-01T00:00:00.000";

/// A record as a function gets it: the engine's, under our names and on our clock.
pub fn event(table: &str, mut record: Value, now: Timestamp) -> Value {
    if let Some(members) = record.as_object_mut() {
        members.insert("awsRegion".to_owned(), REGION.into());
        members.insert("eventSourceARN".to_owned(), stream_arn(table).into());
        if let Some(Value::Object(change)) = members.get_mut("dynamodb") {
            change.insert("ApproximateCreationDateTime".to_owned(), now.as_second().into());
        }
    }
    record
}

/// The first record that is not done with; none if all are. Of several failures that a function reports, the first in
/// order counts: what comes after it is tried again with it.
pub fn first_failed(answer: &Answer, source: &Source, records: &[(i64, Value)]) -> Option<usize> {
    let Ok(answer) = answer else { return Some(0) };
    if !source.reports_failures {
        return None;
    }
    let failures = answer.get("batchItemFailures")?.as_array()?;
    let place = |failure: &Value| {
        let number = failure.get("itemIdentifier")?;
        records.iter().position(|(_, record)| record.pointer("/dynamodb/SequenceNumber") == Some(number))
    };
    // An identifier that is none of the batch's fails all of it.
    failures.iter().map(|failure| place(failure).unwrap_or(0)).min()
}

/// The message for the failure destination: which records were given up, without the records themselves.
pub fn given_up(table: &str, function: &str, records: &[(i64, Value)], tries: u32, now: Timestamp) -> Value {
    let number = |record: Option<&(i64, Value)>| {
        record.and_then(|(_, record)| record.pointer("/dynamodb/SequenceNumber").cloned()).unwrap_or_default()
    };
    json!({
        "requestContext": {
            "requestId": uuid::Uuid::now_v7(),
            "functionArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": tries,
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "version": "1.0",
        "timestamp": now.to_string(),
        "DDBStreamBatchInfo": {
            "shardId": dynoxide::streams::shard_id(table),
            "startSequenceNumber": number(records.first()),
            "endSequenceNumber": number(records.last()),
            "approximateArrivalOfFirstRecord": now.to_string(),
            "approximateArrivalOfLastRecord": now.to_string(),
            "batchSize": records.len(),
            "streamArn": stream_arn(table),
        },
    })
}

/// The name of a table's stream.
pub fn stream_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{LABEL}")
}
