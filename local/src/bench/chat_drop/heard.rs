//! A conversation as one of its people was told it.

use std::collections::{BTreeMap, BTreeSet};

use contract::frames::LiveEvent;

use crate::client::Told;

/// A conversation as somebody was told it. Every text in it is somebody's name and a number that counts what they say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    texts: BTreeSet<String>,
    /// The last place, from which on nothing may be missing.
    last: Option<u64>,
    /// The last number that each has said.
    numbers: BTreeMap<String, u64>,
    pub duplicated: u64,
    pub out_of_order: u64,
    /// Places that were left out, and losses that were told as such.
    pub holes: u64,
    /// Places that a sender was given and never used.
    pub voids: u64,
}

impl Heard {
    /// How many messages came, each counted once.
    pub fn delivered(&self) -> usize {
        self.texts.len()
    }

    pub fn hear(&mut self, told: &Told) {
        let event = match told {
            Told::Event(event) => event,
            Told::Resync { .. } => {
                self.holes += 1;
                return;
            }
            Told::Other(_) => return,
        };
        let Some(seq) = event.head.seq else {
            return; // what passes, and what happens to the conversation itself
        };
        match &event.event {
            LiveEvent::ChatMessageCreated(said) => {
                self.message(seq, said.message.content.text.as_deref().unwrap_or_default());
            }
            LiveEvent::ChatVoid { .. } => self.voids += 1,
            _ => {}
        }
        let last = self.last.unwrap_or(seq.saturating_sub(1));
        self.holes += seq.saturating_sub(last.saturating_add(1));
        self.last = Some(last.max(seq));
    }

    fn message(&mut self, seq: u64, text: &str) {
        if !self.texts.insert(text.to_owned()) {
            self.duplicated += 1;
            return;
        }
        let (who, number) = text.split_once(' ').unwrap_or((text, ""));
        let number: u64 = number.parse().unwrap_or_default();
        let before = self.numbers.entry(who.to_owned()).or_default();
        let is_behind = self.last.is_some_and(|last| seq < last) || number < *before;
        self.out_of_order += u64::from(is_behind);
        *before = number.max(*before);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(seq: u64, text: &str) -> Told {
        let message = json!({ "message_id": "msg_01890a5d-ac96-774b-bcce-b302099a8057",
            "conversation_id": "cnv_01890a5d-ac96-774b-bcce-b302099a8057", "seq": seq, "sender_id": "ana",
            "sender_type": "agent", "type": "text", "content": { "text": text },
            "created_at": "2026-01-05T09:00:00Z" });
        let event = json!({ "id": "evt_01890a5d-ac96-774b-bcce-b302099a8057", "channel": "conversation:c", "seq": seq,
            "timestamp": 0, "type": "chat.message.created", "data": { "message": message } });
        Told::Event(serde_json::from_value(event).unwrap())
    }

    fn heard(all: &[(u64, &str)]) -> (usize, u64, u64, u64) {
        let mut heard = Heard::default();
        for (seq, text) in all {
            heard.hear(&told(*seq, text));
        }
        (heard.delivered(), heard.duplicated, heard.out_of_order, heard.holes)
    }

    #[test]
    fn what_comes_twice_late_or_not_at_all_is_counted() {
        assert_eq!(heard(&[(3, "ana 1"), (4, "gus 1"), (5, "ana 2")]), (3, 0, 0, 0));
        assert_eq!(heard(&[(3, "ana 1"), (4, "ana 1")]), (1, 1, 0, 0), "kept twice, in two places");
        assert_eq!(heard(&[(3, "ana 1"), (5, "gus 1"), (4, "ana 2")]), (3, 0, 1, 1));
        assert_eq!(heard(&[(3, "ana 2"), (4, "ana 1")]), (2, 0, 1, 0), "not as it was said");
    }
}
