//! Events as they are sent: as they are, compressed, or, where one fits no frame, as word of where to read it.

use std::{
    io::Write,
    sync::{Arc, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use contract::frames::{AnyEvent, MAX_FRAME_BYTES};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use serde_json::json;

use crate::{Error, Result};

/// Text of more bytes than this is compressed for a client that can read it.
const COMPRESSED_ABOVE: usize = 4 * 1024;
/// The most events in one `batch`.
const MAX_BATCH: usize = 50;
/// A `batch` without its events.
const BATCH: &str = r#"{"type":"batch","events":[]}"#;

/// An event as it is sent. Many receivers share one, and what it comes to compressed.
#[derive(Debug, Clone)]
pub struct Frame {
    text: Arc<str>,
    /// What goes out instead where the event fits no frame.
    reference: Option<Arc<str>>,
    compressed: OnceLock<Option<Arc<str>>>,
}

/// One message to a connection, and how many frames it brings.
#[derive(Debug, PartialEq, Eq)]
pub struct Packed {
    /// What is posted.
    pub text: Arc<str>,
    /// How many frames are in it.
    pub count: usize,
}

impl Frame {
    /// An event as it is sent.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which would be a fault of ours.
    pub fn of(event: &impl Serialize) -> Result<Self> {
        Self::of_text(serde_json::to_string(event).map_err(|error| Error::internal(error.to_string()))?)
    }

    /// The same, of an event that is JSON already.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_text(text: String) -> Result<Self> {
        let reference = if text.len() > MAX_FRAME_BYTES { Some(referring(&text)?.into()) } else { None };
        Ok(Self { text: text.into(), reference, compressed: OnceLock::new() })
    }

    /// The event as JSON.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes it has as JSON.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// What a client is sent that gets this event by itself.
    fn alone(&self, accepts_gzip: bool) -> Arc<str> {
        let compressed = || self.compressed.get_or_init(|| compressed(&self.text).map(Arc::from));
        let small = accepts_gzip.then(compressed).and_then(Option::as_ref);
        match (small, &self.reference) {
            (Some(small), _) if small.len() <= MAX_FRAME_BYTES => small.clone(),
            (_, Some(reference)) => reference.clone(),
            (_, None) => self.text.clone(),
        }
    }
}

/// Frames put together into as few messages as fit the limits.
pub fn packed(frames: &[Arc<Frame>], accepts_gzip: bool) -> Vec<Packed> {
    let mut messages = vec![];
    let mut rest = frames;
    while !rest.is_empty() {
        let mut size = BATCH.len();
        let fits = |frame: &&Arc<Frame>| {
            size += frame.size() + 1;
            size <= MAX_FRAME_BYTES
        };
        let count = rest.iter().take(MAX_BATCH).take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        let text = match now {
            [only] => only.alone(accepts_gzip),
            several => {
                let events: Vec<&str> = several.iter().map(|frame| &*frame.text).collect();
                let batch = format!(r#"{{"type":"batch","events":[{}]}}"#, events.join(","));
                accepts_gzip.then(|| compressed(&batch)).flatten().unwrap_or(batch).into()
            }
        };
        messages.push(Packed { text, count });
        rest = later;
    }
    messages
}

/// `{"type":"gzip",…}`, if `text` is large and that is smaller.
fn compressed(text: &str) -> Option<String> {
    if text.len() <= COMPRESSED_ABOVE {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).ok()?;
    let small = format!(r#"{{"type":"gzip","data":"{}"}}"#, STANDARD.encode(encoder.finish().ok()?));
    (small.len() < text.len()).then_some(small)
}

/// The same event with word of where its data can be read in place of the data.
fn referring(text: &str) -> Result<String> {
    let corrupt = |error: serde_json::Error| Error::internal(error.to_string());
    let mut event: AnyEvent = serde_json::from_str(text).map_err(corrupt)?;
    let channel = &event.head.channel;
    let path = match event.head.seq {
        Some(seq) => {
            let after = seq.saturating_sub(1);
            format!("/api/v1/realtime/events?channel={channel}&after_seq={after}&limit=1")
        }
        None => format!("/api/v1/realtime/events?channel={channel}"),
    };
    event.data = json!({ "reference": path, "bytes": text.len() });
    serde_json::to_string(&event).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn event(seq: u64, note: &str) -> Arc<Frame> {
        let event = json!({
            "id": "evt_1", "type": "test_message", "channel": "order:ord_1", "seq": seq, "timestamp": 0, "data": note,
        });
        Arc::new(Frame::of(&event).unwrap())
    }

    fn texts(frames: &[Arc<Frame>], accepts_gzip: bool) -> Vec<String> {
        packed(frames, accepts_gzip).into_iter().map(|message| message.text.to_string()).collect()
    }

    fn inflated(text: &str) -> Value {
        let frame: Value = serde_json::from_str(text).unwrap();
        if frame["type"] != "gzip" {
            return frame;
        }
        let bytes = STANDARD.decode(frame["data"].as_str().unwrap()).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn one_frame_stays_as_it_is_and_several_are_one() {
        let frames = [event(1, "a"), event(2, "b")];
        assert_eq!(texts(&frames[..1], true), [frames[0].text.to_string()]);
        let batch = format!(r#"{{"type":"batch","events":[{},{}]}}"#, frames[0].text, frames[1].text);
        assert_eq!(texts(&frames, true), [batch]);
    }

    #[test]
    fn a_large_event_is_compressed_for_whoever_can_read_it() {
        let frames = [event(1, &"lamp ".repeat(2_000))];
        let (plain, small) = (texts(&frames, false), texts(&frames, true));
        assert!(plain[0].len() > 10_000 && small[0].len() < 1_000);
        assert_eq!(inflated(&small[0]), inflated(&plain[0]));
    }

    #[test]
    fn what_compression_would_make_larger_stays_as_it_is() {
        let noise: String = (0_u32..3_000)
            .map(|n| char::from_u32(0x4e00 + n.wrapping_mul(2_654_435_761) % 20_000).unwrap())
            .collect();
        let frames = [event(1, &noise)];
        let sent = &texts(&frames, true)[0];
        assert!(sent.len() <= frames[0].size());
        assert_eq!(inflated(sent)["data"], json!(noise));
    }

    #[test]
    fn an_event_that_fits_no_frame_goes_as_a_reference() {
        let frames = [event(7, &"0123456789".repeat(4_000))];
        let sent: Value = serde_json::from_str(&texts(&frames, false)[0]).unwrap();
        assert_eq!((&sent["id"], &sent["seq"]), (&json!("evt_1"), &json!(7)));
        let path = "/api/v1/realtime/events?channel=order:ord_1&after_seq=6&limit=1";
        assert_eq!(sent["data"]["reference"], path);
        assert_eq!(inflated(&texts(&frames, true)[0])["data"], "0123456789".repeat(4_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn messages_keep_within_both_limits_and_lose_nothing(sizes in prop::collection::vec(0_usize..40_000, 1..80), gzip: bool) {
            let frames: Vec<_> = sizes.iter().zip(1..).map(|(size, seq)| event(seq, &"x".repeat(*size))).collect();
            let messages = packed(&frames, gzip);
            let mut seqs = vec![];
            for message in &messages {
                prop_assert!(message.text.len() <= MAX_FRAME_BYTES);
                let frame = inflated(&message.text);
                let events = frame["events"].as_array().cloned().unwrap_or_else(|| vec![frame.clone()]);
                prop_assert!(events.len() <= MAX_BATCH);
                prop_assert_eq!(events.len(), message.count);
                seqs.extend(events.iter().map(|event| event["seq"].as_u64().unwrap()));
            }
            let all: Vec<u64> = (1..=u64::try_from(frames.len()).unwrap()).collect();
            prop_assert_eq!(seqs, all);
        }
    }
}
