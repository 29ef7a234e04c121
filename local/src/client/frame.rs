//! Frames of the server, read: large ones are inflated first, unseen.

use std::io::Read;

use base64::{Engine, prelude::BASE64_STANDARD};
use contract::frames::{AnyEvent, EventFrame, Reply};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// Most bytes of an inflated frame: what is more was not sent by a server of ours, whose messages have at most 128
/// KB.
const MOST_INFLATED: u64 = 4 * 1024 * 1024;

/// What a frame is.
#[derive(Debug)]
pub enum Incoming {
    /// Events, in order.
    Events(Vec<Event>),
    /// An answer to a frame.
    Reply(Reply),
    /// API Gateway's own word that a frame came to nothing, without saying which: all that is unanswered is to be
    /// sent again.
    Failed(String),
}

/// An event of a type that the contract knows, or of another: a shop's own, or one that came after this was built.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    Known(Box<EventFrame>),
    Other(Box<AnyEvent>),
}

#[derive(Deserialize)]
struct Batch {
    events: Vec<Event>,
}

/// What all frames have in common, and what API Gateway's own have instead.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    connection_id: Option<String>,
}

/// Reads a frame; if it is none of the contract's, says why.
pub fn read(text: &str) -> Result<Incoming, String> {
    let head: Head = from_json(text)?;
    match head.kind.as_deref() {
        Some("gzip") => match from_json(text)? {
            Reply::Gzip { data } => read_plain(&inflate(&data)?),
            reply => Ok(Incoming::Reply(reply)),
        },
        Some(_) => read_plain(text),
        None => match (head.message, head.connection_id) {
            (Some(message), Some(_)) => Ok(Incoming::Failed(message)),
            _ => Err("it has no type".to_owned()),
        },
    }
}

fn read_plain(text: &str) -> Result<Incoming, String> {
    let head: Head = from_json(text)?;
    match head.kind.as_deref() {
        Some("ack" | "error" | "connection.ready" | "pong") => from_json(text).map(Incoming::Reply),
        Some("batch") => from_json(text).map(|Batch { events }| Incoming::Events(events)),
        _ => from_json(text).map(|event| Incoming::Events(vec![event])),
    }
}

fn inflate(data: &str) -> Result<String, String> {
    let packed = BASE64_STANDARD.decode(data).map_err(|error| error.to_string())?;
    let mut inflated = String::new();
    let read = GzDecoder::new(packed.as_slice()).take(MOST_INFLATED).read_to_string(&mut inflated);
    read.map_err(|error| error.to_string())?;
    Ok(inflated)
}

fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;

    use super::*;

    const EVENT: &str = r#"{"id":"evt_1","channel":"shop:default","timestamp":0,"type":"refund.updated","data":{"refund_id":"rfd_1",
        "payment_id":"pay_1","order_id":"ord_1","status":"pending","amount":{"amount":1,"currency":"GBP"}}}"#;

    fn compressed(text: &str) -> String {
        let mut gzip = GzEncoder::new(vec![], Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        json!({"type": "gzip", "data": BASE64_STANDARD.encode(gzip.finish().unwrap())}).to_string()
    }

    fn events(text: &str) -> usize {
        match read(text) {
            Ok(Incoming::Events(events)) => events.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn events_come_alone_in_batches_and_compressed() {
        let custom = r#"{"id":"evt_2","channel":"custom.sale","timestamp":0,"type":"custom.begun","data":7}"#;
        let batch = format!(r#"{{"type":"batch","events":[{EVENT},{custom}]}}"#);
        assert_eq!([events(EVENT), events(&batch)], [1, 2]);
        assert_eq!([events(&compressed(EVENT)), events(&compressed(&batch))], [1, 2]);
    }

    #[test]
    fn answers_are_told_from_the_gateway_s_own_word() {
        let pong = read(r#"{"type":"pong","timestamp":7}"#).unwrap();
        assert!(matches!(pong, Incoming::Reply(Reply::Pong { timestamp: 7 })));
        let failed =
            read(r#"{"message":"Internal server error","connectionId":"a=","requestId":"b="}"#).unwrap();
        assert!(matches!(failed, Incoming::Failed(message) if message == "Internal server error"));
    }

    #[test]
    fn nonsense_is_said_to_be_so() {
        let bomb = compressed(&" ".repeat(5 * 1024 * 1024));
        for text in
            ["", "7", "{}", r#"{"type":"fly"}"#, r#"{"type":"gzip","data":"%"}"#, r#"{"type":"gzip"}"#, &bomb]
        {
            assert!(read(text).is_err(), "{text:.40}");
        }
    }
}
