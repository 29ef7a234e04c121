//! What was missed on a channel: the events of a log, the latest values of a state.

use std::collections::BTreeMap;

use contract::{
    JournalEvent,
    frames::{EventFrame, EventHead, LiveEvent},
};
use domain::{Channel, ConversationId, EventId, ProductId, ShopId, UserId, VariantId, chat::Message};

use super::Realtime;
use crate::{Result, chat::frame_of, conflation::stock_frame, relay::live, store::inventory::LevelRow};

/// Missed events that are sent again at most; who missed more reads the state anew.
pub(super) const MAX_REPLAY: u32 = 500;

/// What was missed on a channel.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// How far a log has come; a state channel has no such thing.
    pub(super) seq: Option<u64>,
    /// Events, or word that they are no longer all there.
    pub(super) events: Vec<EventFrame>,
}

impl Realtime {
    /// What was missed on `channel` by whoever saw its events up to `after`; nothing if they have not seen any.
    pub(super) async fn missed(
        &self,
        shop: &ShopId,
        channel: &Channel,
        after: Option<u64>,
    ) -> Result<Missed> {
        match channel {
            Channel::Order(_) | Channel::User(_) => {
                let limit = if after.is_some() { MAX_REPLAY } else { 0 };
                let (seq, events) = self.log(shop, channel, after.unwrap_or(0), limit).await?;
                let events = after.map(|after| self.replayed(channel, &events, after, seq, None));
                Ok(Missed { seq: Some(seq), events: events.unwrap_or_default() })
            }
            Channel::Conversation(conversation) => {
                let limit = if after.is_some() { MAX_REPLAY } else { 0 };
                let (seq, said) = self.said(shop, conversation, after.unwrap_or(0), limit).await?;
                let events = after.map(|after| self.replayed_chat(channel, &said, after, seq, None));
                Ok(Missed { seq: Some(seq), events: events.unwrap_or_default() })
            }
            Channel::Product(product) => {
                Ok(Missed { seq: None, events: self.latest_stock(shop, product).await? })
            }
            // Too many values to send all of them: whoever comes back reads them where they are listed.
            Channel::Inventory | Channel::Shop(_) | Channel::Agents | Channel::Admin => {
                let resync =
                    after.map(|after| self.resync(channel, after, "current values are read over HTTP"));
                Ok(Missed { seq: None, events: resync.into_iter().collect() })
            }
            // What a shop sends itself is kept as it was sent: see `Realtime::kept`.
            Channel::Custom(_) => Ok(Missed::default()),
        }
    }

    /// A page of a log.
    pub(super) async fn page(
        &self,
        shop: &ShopId,
        channel: &Channel,
        after: u64,
        limit: u32,
    ) -> Result<Missed> {
        if let Channel::Conversation(conversation) = channel {
            let (seq, said) = self.said(shop, conversation, after, limit).await?;
            let events = self.replayed_chat(channel, &said, after, seq, Some(limit));
            return Ok(Missed { seq: Some(seq), events });
        }
        let (seq, events) = self.log(shop, channel, after, limit).await?;
        Ok(Missed { seq: Some(seq), events: self.replayed(channel, &events, after, seq, Some(limit)) })
    }

    /// How far a conversation has come, and what was said in it after `after`.
    async fn said(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<(u64, Vec<Message>)> {
        let last = self.store.last_seq(shop, conversation).await?.unwrap_or_default();
        if limit == 0 || after >= last {
            return Ok((last, vec![]));
        }
        let said = self.chat.after(shop, conversation, (after, last), limit).await?;
        // What is being written right now has a place and comes by itself: the log is whole up to before it.
        let is_all = u32::try_from(said.len()).is_ok_and(|count| count < limit);
        let reached = said.last().map_or(after, |message| message.seq);
        Ok((if is_all { reached.max(after) } else { last }, said))
    }

    /// How far a log has come, and its events after `after`, each with its `seq`; none at all if `limit` is 0.
    async fn log(
        &self,
        shop: &ShopId,
        channel: &Channel,
        after: u64,
        limit: u32,
    ) -> Result<(u64, Vec<(u64, JournalEvent)>)> {
        let (seq, events) = match channel {
            Channel::Order(order) => {
                let seq = self.store.order(shop, order).await?.map_or(0, |stored| stored.order.version);
                let events = match limit {
                    0 => vec![],
                    limit => self.store.order_journal(shop, order, after, limit).await?,
                };
                (seq, events.into_iter().map(|event| (event.version, event)).collect())
            }
            Channel::User(user) => self.log_of(shop, user, after, limit).await?,
            _ => (0, vec![]),
        };
        Ok((seq, events))
    }

    /// The same of a person's own log, whose last event says how far it has come unless there are more.
    async fn log_of(
        &self,
        shop: &ShopId,
        user: &UserId,
        after: u64,
        limit: u32,
    ) -> Result<(u64, Vec<(u64, JournalEvent)>)> {
        let mut events = vec![];
        if limit > 0 {
            events = self.store.log_after(shop, user, after, limit).await?;
            let is_all = u32::try_from(events.len()).is_ok_and(|count| count < limit);
            if let Some((last, _)) = events.last().filter(|_| is_all) {
                return Ok((*last, events));
            }
        }
        let seq = self.store.log_seq(shop, user).await?;
        if limit > 0 && events.is_empty() && seq > after {
            // Written between the two reads, or too long ago to be there.
            events = self.store.log_after(shop, user, after, limit).await?;
        }
        Ok((seq, events))
    }

    async fn latest_stock(&self, shop: &ShopId, product: &ProductId) -> Result<Vec<EventFrame>> {
        let mut variants: BTreeMap<Option<VariantId>, Vec<LevelRow>> = BTreeMap::new();
        for level in self.store.levels(shop, product, true).await? {
            variants.entry(level.sku.variant_id.clone()).or_default().push(level);
        }
        let channel = Channel::Product(product.clone());
        let (now, threshold) = (self.clock.now(), self.settings.low_stock_threshold);
        let frames = variants.values().filter_map(|levels| stock_frame(levels, &channel, now, threshold));
        Ok(frames.collect())
    }

    /// Missed events as frames, or word that they are no longer all there. Of a page it is enough that nothing is
    /// missing on it.
    fn replayed(
        &self,
        channel: &Channel,
        events: &[(u64, JournalEvent)],
        after: u64,
        seq: u64,
        page: Option<u32>,
    ) -> Vec<EventFrame> {
        if let Err(reason) = check_whole(events.iter().map(|(seq, _)| *seq), after, seq, page) {
            return vec![self.resync(channel, after, reason)];
        }
        events.iter().filter_map(|(seq, event)| live(event, channel, Some(*seq))).collect()
    }

    /// The same of what was said in a conversation.
    fn replayed_chat(
        &self,
        channel: &Channel,
        said: &[Message],
        after: u64,
        seq: u64,
        page: Option<u32>,
    ) -> Vec<EventFrame> {
        if let Err(reason) = check_whole(said.iter().map(|message| message.seq), after, seq, page) {
            return vec![self.resync(channel, after, reason)];
        }
        said.iter().map(|message| frame_of(message, channel)).collect()
    }

    fn resync(&self, channel: &Channel, after: u64, reason: &str) -> EventFrame {
        let name = crate::clock::derived(&["resync", &channel.to_string(), &after.to_string()]);
        let head = EventHead {
            id: EventId::from_uuid(name),
            channel: channel.to_string(),
            seq: None,
            version: None,
            timestamp: self.clock.now().as_millisecond(),
            cause: None,
        };
        EventFrame {
            head,
            event: LiveEvent::ResyncRequired {
                channel: channel.to_string(),
                from_seq: after,
                reason: reason.into(),
            },
        }
    }
}

/// Whether the places of what was read of a log after `after` are all there, up to `seq` or as far as a page goes; if not,
/// why not.
fn check_whole(
    places: impl ExactSizeIterator<Item = u64>,
    after: u64,
    seq: u64,
    page: Option<u32>,
) -> std::result::Result<(), &'static str> {
    let count = u64::try_from(places.len()).unwrap_or(u64::MAX);
    let reached = after.saturating_add(count);
    let is_full = page.is_some_and(|limit| count >= u64::from(limit));
    // More may have been written since `seq` was read, but nothing may be missing.
    let is_whole =
        after <= seq && (reached >= seq || is_full) && places.eq(after.saturating_add(1)..=reached);
    match (is_whole, after > seq) {
        (true, _) => Ok(()),
        (false, true) => Err("the channel has not come that far"),
        (false, false) => Err("too much was missed"),
    }
}
