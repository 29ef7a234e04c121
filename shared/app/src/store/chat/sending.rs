//! The head of a conversation: all that sending needs, in one row that one write asks and changes.
//!
//! `last_seq`, who may send (`members`), whether it is over (`phase`), and of each device the name of its last message and
//! the place that it got (`c…`, `s…`), of each person how often they send (`t…`). A device has one message under way at a
//! time. So a repetition finds its place in the refused write, and nothing is read first.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    ConversationId, ShopId, UserId,
    rate::{Rate, Verdict},
};
use jiff::{SignedDuration, Timestamp};

use super::head_key;
use crate::{
    Error, Result,
    clock::derived,
    store::{
        Dynamo, Item,
        dynamo::{Update, number, text, values},
    },
};
use contract::ErrorCode;

/// How often one person may say something in one conversation.
const RATE: Rate = Rate::new(10, SignedDuration::from_secs(1));

/// Who says something.
#[derive(Debug, Clone)]
pub enum Speaker {
    /// Somebody who takes part, under one of their names.
    Person {
        /// Who.
        user: UserId,
        /// The guests they were.
        guests: Vec<UserId>,
        /// On which device.
        device: String,
    },
    /// The shop itself, whoever else is there.
    Shop,
    /// The shop itself, as long as no person is wanted or there.
    Bot,
}

/// Something that asks for a place.
#[derive(Debug)]
pub struct Draft<'a> {
    /// Where.
    pub conversation: &'a ConversationId,
    /// By whom.
    pub speaker: &'a Speaker,
    /// The sender's name for it.
    pub client_id: &'a str,
    /// The place that it had, and lost.
    pub lost: Option<u64>,
}

/// The place that a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Its place.
    pub seq: u64,
    /// Whether it had it already.
    pub is_again: bool,
}

struct Names {
    last: String,
    place: String,
    pace: String,
}

impl Speaker {
    fn names(&self) -> Names {
        let short = |parts: &[&str]| derived(parts).simple().to_string().split_off(20);
        match self {
            Self::Person { user, device, .. } => {
                let device = short(&[user.as_str(), device]);
                Names {
                    last: format!("c{device}"),
                    place: format!("s{device}"),
                    pace: format!("t{}", short(&[user.as_str()])),
                }
            }
            Self::Shop | Self::Bot => {
                Names { last: "cshop".into(), place: "sshop".into(), pace: "tshop".into() }
            }
        }
    }
}

impl Dynamo {
    /// Gives a message its place, or finds the one that it has.
    ///
    /// # Errors
    /// `NotFound` for whoever takes no part, `conversation_closed` if it is over, `Limited` if it is one too many.
    pub(crate) async fn take_place(
        &self,
        shop: &ShopId,
        draft: &Draft<'_>,
        now: Timestamp,
        request: &str,
    ) -> Result<Heard> {
        let names = draft.speaker.names();
        let digest = derived(&[draft.client_id]).simple().to_string();
        let key = head_key(shop, draft.conversation);
        for attempt in 0..8 {
            let update = asking(draft, &names, &digest, now, attempt % 2 == 1);
            let update =
                Update { set: &update.0, condition: Some(&update.1), values: update.2, ..Update::default() };
            let request = format!("{request}-{attempt}");
            let found = match self.update_and_see(&self.tables.chat, &key, update, &request).await? {
                Ok(head) => return Ok(Heard { seq: whole(&head, &names.place)?, is_again: false }),
                Err(found) => found.ok_or(Error::NotFound)?,
            };
            if let Some(heard) = refused(&found, draft, &names, &digest, now)? {
                return Ok(heard);
            }
        }
        Err(Error::busy())
    }
}

/// What to set, under which condition, with which values. From rest the limit begins anew; within a burst it moves on from
/// wherever it is.
fn asking(
    draft: &Draft<'_>,
    names: &Names,
    digest: &str,
    now: Timestamp,
    is_burst: bool,
) -> (String, String, Item) {
    let Names { last, place, pace } = names;
    let mut given = values([(":one", number(1)), (":name", text(digest)), (":archived", text("archived"))]);
    let mut set = vec![format!("last_seq = last_seq + :one, {last} = :name, {place} = last_seq + :one")];
    let mut conditions = vec!["attribute_exists(pk) AND phase <> :archived".to_owned()];
    conditions.push(match draft.lost {
        None => format!("(attribute_not_exists({last}) OR {last} <> :name)"),
        Some(lost) => {
            given.insert(":lost".into(), number(lost));
            format!("{place} = :lost")
        }
    });
    match draft.speaker {
        Speaker::Shop => {}
        Speaker::Bot => {
            given.insert(":bot".into(), text("bot"));
            conditions.push("phase = :bot".into());
        }
        Speaker::Person { user, guests, .. } => {
            let (moved, is_in_time) = pacing(pace, now, is_burst, &mut given);
            set.push(moved);
            conditions.push(is_in_time);
            let takes_part = (0..).zip([user].into_iter().chain(guests)).map(|(number, user)| {
                given.insert(format!(":m{number}"), text(user.as_str()));
                format!("contains(members, :m{number})")
            });
            conditions.push(format!("({})", takes_part.collect::<Vec<_>>().join(" OR ")));
        }
    }
    (set.join(", "), conditions.join(" AND "), given)
}

/// How a limit moves on, and under which condition.
fn pacing(pace: &str, now: Timestamp, is_burst: bool, given: &mut Item) -> (String, String) {
    let step = i64::try_from(RATE.every.as_millis()).unwrap_or(i64::MAX);
    given.insert(":now".into(), number(now.as_millisecond()));
    if is_burst {
        given.insert(":step".into(), number(step));
        given.insert(":horizon".into(), number(RATE.horizon(now).as_millisecond()));
        return (format!("{pace} = {pace} + :step"), format!("{pace} > :now AND {pace} <= :horizon"));
    }
    given.insert(":next".into(), number(now.as_millisecond() + step));
    (format!("{pace} = :next"), format!("(attribute_not_exists({pace}) OR {pace} <= :now)"))
}

/// Why the write was refused: an error, the place that the message has already, or that it is to be tried the other way.
fn refused(
    head: &HashMap<String, AttributeValue>,
    draft: &Draft<'_>,
    names: &Names,
    digest: &str,
    now: Timestamp,
) -> Result<Option<Heard>> {
    let said = |name: &str| head.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
    if let Speaker::Person { user, guests, .. } = draft.speaker {
        let members = head.get("members").and_then(|value| value.as_ss().ok());
        let is_member = |user: &UserId| members.is_some_and(|all| all.iter().any(|one| one == user.as_str()));
        if !is_member(user) && !guests.iter().any(is_member) {
            return Err(Error::NotFound);
        }
    }
    if said(&names.last) == Some(digest) && draft.lost != Some(whole(head, &names.place)?) {
        return Ok(Some(Heard { seq: whole(head, &names.place)?, is_again: true }));
    }
    if said("phase") == Some("archived") {
        return Err(Error::conflict(ErrorCode::ConversationClosed, "the conversation is over"));
    }
    if matches!(draft.speaker, Speaker::Bot) && said("phase") != Some("bot") {
        return Err(Error::conflict(ErrorCode::InvalidTransition, "a person answers"));
    }
    let arrival = head.get(&names.pace).and_then(|value| value.as_n().ok()?.parse().ok());
    let arrival = arrival.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    match RATE.judge(arrival, now) {
        Verdict::Refused { retry_after } => Err(Error::Limited { retry_after }),
        Verdict::Admitted { .. } => Ok(None),
    }
}

fn whole(head: &Item, name: &str) -> Result<u64> {
    let read = head.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    read.ok_or_else(|| Error::internal(format!("the head of a conversation has no {name}")))
}
