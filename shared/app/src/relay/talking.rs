//! What follows from what was said, and from what happened to conversations and agents: in each conversation in order, in
//! different ones at once, and last of all the routing of each shop, once.

use std::collections::BTreeMap;

use domain::{ShopId, chat::AgentStatus};
use futures_util::{StreamExt, stream};

use super::{
    Relay,
    effects::{Work, Wrong},
};
use crate::{Result, chat::moves_queue};

/// How much is done at once.
const AT_ONCE: usize = 16;

impl Relay {
    /// Hears what was said and follows what happened.
    pub(super) async fn talk(&self, work: &[Work]) -> Wrong {
        let mut threads: BTreeMap<String, Vec<&Work>> = BTreeMap::new();
        let mut moved: BTreeMap<&ShopId, usize> = BTreeMap::new();
        for work in work {
            if let Some(thread) = work.thread() {
                threads.entry(thread).or_default().push(work);
            }
            if work.moves_queue() {
                moved.insert(work.shop(), work.place);
            }
        }
        let heard = threads.into_values().map(|thread| async move {
            let mut wrong = vec![];
            for work in thread {
                wrong.extend(self.hear(work).await.err().map(|error| (work.place, error)));
            }
            wrong
        });
        let heard: Vec<_> = heard.collect();
        let mut wrong: Wrong = stream::iter(heard)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .flatten()
            .collect();
        for (shop, place) in moved {
            wrong.extend(self.chat.route(shop).await.err().map(|error| (place, error)));
        }
        wrong
    }

    async fn hear(&self, work: &Work) -> Result<()> {
        if let Some(message) = work.message() {
            return self.chat.hear(&message.shop, &message.clone().message()).await;
        }
        if let Some(row) = work.agent() {
            let agent = row.clone().agent();
            if agent.status == AgentStatus::Offline && agent.current > 0 {
                return self.chat.hand_back_all(row.shop(), &agent.id).await;
            }
        }
        match work.event() {
            Some(event) => self.chat.follow(event).await,
            None => Ok(()),
        }
    }
}

impl Work {
    /// What must be heard in order: one conversation, one agent, one person. Nothing where there is nothing to hear.
    fn thread(&self) -> Option<String> {
        if let Some(message) = self.message() {
            return Some(format!("{} {}", message.shop, message.conversation()));
        }
        if let Some(agent) = self.agent() {
            return Some(format!("{} {}", agent.shop(), agent.clone().agent().id));
        }
        let event = self.event()?;
        let about = match event.fact.conversation() {
            Some(state) => state.conversation_id.as_str(),
            None => {
                matches!(event.fact, contract::Fact::UserLinked { .. }).then_some(event.subject.as_str())?
            }
        };
        Some(format!("{} {about}", event.shop_id))
    }

    /// Whether the queue may be another, or who has room.
    fn moves_queue(&self) -> bool {
        self.agent().is_some() || self.event().is_some_and(moves_queue)
    }
}
