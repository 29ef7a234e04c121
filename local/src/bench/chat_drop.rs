//! What reaches three people who talk with one another while their sockets are cut again and again, and whether the shop has
//! what they said once.
//!
//! A guest, an agent and a customer who was called in each say something every second of the turnable clock, as often as the
//! shop lets one person speak. Each is away for two seconds in every ten, and goes while what they said is under way; what
//! they say meanwhile they say when they are back. Heard is what the client tells, in the order in which it does.

mod heard;
mod report;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use domain::{ConversationId, Role};
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    BenchError,
    shop::{Shop, Shopper, text},
};
use crate::{
    client::{Acknowledged, Client, Options, tickets},
    clock::TurnableClock,
};

use heard::Heard;
pub use report::ChatDropReport;

/// Everybody is cut once in so many seconds, ...
const PERIOD: u32 = 10;

/// ... for so many.
const AWAY: u32 = 2;

/// By how much later each is cut than the one before.
const LATER: u32 = 3;

/// How much is to be said.
#[derive(Debug, Clone, Copy, Args)]
pub struct ChatDrop {
    /// Messages of all three together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(3..=1_000_000))]
    messages: u32,
}

/// Lets them talk, and counts.
pub async fn measure(template: &Path, asked: ChatDrop) -> Result<ChatDropReport, BenchError> {
    let clock = TurnableClock::standing_at(jiff::Timestamp::now());
    let shop = Shop::open(template, |options| crate::cloud::Options { clock, ..options }).await?;
    let guest = shop.guest(0).await?;
    let agent = shop.person(Role::Agent, "ana")?;
    let customer = shop.customer("carl")?;
    let id = conversation(&shop, [&guest, &agent, &customer]).await?;
    let mut talkers = vec![];
    for (number, name, who) in [(0, "guest", &guest), (1, "agent", &agent), (2, "customer", &customer)] {
        talkers.push(Talker::open(&shop, who, (number, name), &id).await?);
    }

    let began = Instant::now();
    let recoveries = talk(&shop, &mut talkers, asked.messages).await?;
    let took = began.elapsed();

    let kept = kept(&agent, &id).await?;
    let mut report = ChatDropReport::new(asked.messages, &kept, &recoveries, took);
    for talker in talkers {
        let (name, said) = (talker.name, talker.said.len());
        let acknowledged = join_all(talker.said).await.into_iter().filter_map(Result::ok).map(|one| one.seq);
        let acknowledged = acknowledged.collect();
        let summary = talker.client.finish().await;
        report.add(name, said, &acknowledged, &std::mem::take(&mut *locked(&talker.heard)), &summary);
    }
    shop.cloud.stop().await;
    Ok(report)
}

/// A conversation of the guest's in which all three are.
async fn conversation(
    shop: &Shop,
    [guest, agent, customer]: [&Shopper<'_>; 3],
) -> Result<ConversationId, BenchError> {
    let profile = json!({ "name": "Ana", "concurrent_limit": 5 });
    let admin = shop.person(Role::Admin, "olga")?;
    admin.put(&format!("/api/v1/chat/agents/{}", agent.name), &profile).await?;
    agent.put("/api/v1/chat/agents/me/status", &json!({ "status": "online" })).await?;
    let opened = guest.post("/api/v1/chat/conversations", json!({})).await?;
    let id = text(&opened, "conversation_id")?;
    let path = format!("/api/v1/chat/conversations/{id}");
    agent.post(&format!("{path}/assign"), json!({ "agent_id": agent.name })).await?;
    agent.put(&format!("{path}/participants/{}", customer.name), &json!({})).await?;
    shop.cloud.idle().await?;
    id.parse().map_err(|error| BenchError::Unexpected(format!("{error}")))
}

/// Has everybody talk, go and come back, second by second; how long each took to have everything, and to have said everything,
/// after coming back.
async fn talk(shop: &Shop, talkers: &mut [Talker], messages: u32) -> Result<Vec<Duration>, BenchError> {
    let mut recoveries = vec![];
    let seconds = messages.div_ceil(u32::try_from(talkers.len()).unwrap_or(1));
    let mut left = messages;
    for second in 0..seconds {
        for talker in talkers.iter_mut() {
            if left > 0 {
                left -= 1;
                talker.says();
            }
            if talker.is_away(second) && !talker.was_away(second) {
                talker.client.cut();
            }
        }
        let here = talkers.iter().filter(|talker| !talker.is_away(second));
        let back = join_all(here.map(|talker| talker.has_all(second)));
        recoveries.extend(back.await.into_iter().flatten());
        shop.cloud.advance(SignedDuration::from_secs(1)).await?;
    }
    let back = join_all(talkers.iter().map(|talker| talker.has_all(seconds)));
    recoveries.extend(back.await.into_iter().flatten());
    // What the last of them said while the others were waited for.
    join_all(talkers.iter().map(|talker| talker.client.look())).await;
    shop.cloud.idle().await?;
    Ok(recoveries)
}

/// What the shop has, oldest first.
async fn kept(who: &Shopper<'_>, id: &ConversationId) -> Result<Vec<Value>, BenchError> {
    let (mut kept, mut after) = (vec![], Some(0));
    while let Some(seq) = after {
        let page = format!("/api/v1/chat/conversations/{id}/messages?after_seq={seq}&limit=100");
        let mut page = who.get(&page).await?;
        after = page.get("next_after_seq").and_then(Value::as_u64);
        match page.get_mut("data").map(Value::take) {
            Some(Value::Array(messages)) => kept.extend(messages),
            _ => return Err(BenchError::Unexpected(format!("no messages: {page}"))),
        }
    }
    Ok(kept)
}

/// Somebody who talks, listens, and is away now and then.
struct Talker {
    name: &'static str,
    number: u32,
    id: ConversationId,
    client: Client,
    heard: Arc<Mutex<Heard>>,
    said: Vec<oneshot::Receiver<Acknowledged>>,
}

impl Talker {
    async fn open(
        shop: &Shop,
        who: &Shopper<'_>,
        (number, name): (u32, &'static str),
        id: &ConversationId,
    ) -> Result<Self, BenchError> {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (hearing, clock) = (Arc::clone(&heard), shop.cloud.clock().clone());
        let (http, url, token) = who.http();
        let client = Client::open(Options {
            tickets: tickets(http, url, token),
            name: "shopwire bench",
            channels: vec![format!("conversation:{id}")],
            hears_own_log: false,
            accepts_gzip: true,
            now: Arc::new(move || clock.now()),
            tell: Arc::new(move |told| locked(&hearing).hear(told)),
        });
        Ok(Self { name, number, id: id.clone(), client: client.await, heard, said: vec![] })
    }

    fn says(&mut self) {
        let text = format!("{} {}", self.name, self.said.len() + 1);
        self.said.push(self.client.say(self.id.clone(), text));
    }

    /// Waits until they have heard and said everything; how long that took, if they have just come back.
    async fn has_all(&self, second: u32) -> Option<Duration> {
        if !self.was_away(second) {
            self.client.look().await;
            return None;
        }
        let began = Instant::now();
        self.client.come_back().await;
        Some(began.elapsed())
    }

    /// Nobody is in the first second.
    const fn is_away(&self, second: u32) -> bool {
        second > 0 && (second + self.number * LATER) % PERIOD < AWAY
    }

    fn was_away(&self, second: u32) -> bool {
        second.checked_sub(1).is_some_and(|before| self.is_away(before))
    }
}

fn locked(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_talks_while_they_are_cut_is_heard_once_by_everybody_and_in_order() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let report = measure(&template, ChatDrop { messages: 60 }).await.unwrap();
        assert!(report.is_met(), "{report:?}");
    }
}
