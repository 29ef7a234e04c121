//! Handing frames to whoever listens: inline, or through the queue where there are very many.

use std::{collections::BTreeMap, sync::Arc};

use contract::frames::{EventFrame, LiveEvent};
use domain::{Channel, ConnectionId, ShopId};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::Relay;
use crate::{
    Error, Result,
    push::{Outgoing, Push, encode},
};

/// More receivers than this are served by `fanout`, so many in each of its messages.
const SHARD: usize = 1_000;

/// One shard of a large broadcast, as it travels through the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shard {
    /// The tenant.
    pub shop_id: ShopId,
    /// Who is to receive it.
    pub connections: Vec<ConnectionId>,
    /// The frame, as it is sent.
    pub frame: String,
}

impl Relay {
    /// Sends frames to whoever listens: inline, or through the queue where there are very many.
    pub(super) async fn send(&self, shop: &ShopId, frames: &[(Channel, EventFrame)]) -> Result<()> {
        let mut listeners: BTreeMap<Channel, Vec<ConnectionId>> = BTreeMap::new();
        // Owned: a closure over references makes a future that no caller can prove to be Send.
        let channels: std::collections::BTreeSet<Channel> =
            frames.iter().map(|(channel, _)| channel.clone()).collect();
        let read = channels.into_iter().map(|channel| async move {
            let found = self.store.listeners(shop, &channel).await?;
            Ok::<_, Error>((channel, found.into_iter().map(|listener| listener.connection_id).collect()))
        });
        let mut read = stream::iter(read).buffered(16);
        while let Some(found) = read.next().await {
            let (channel, connections) = found?;
            listeners.insert(channel, connections);
        }
        let mut outgoing = Outgoing::default();
        for (channel, frame) in frames {
            let connections = listeners.get(channel).map(Vec::as_slice).unwrap_or_default();
            if connections.is_empty() {
                continue;
            }
            let text = encode(frame)?;
            if connections.len() > SHARD {
                self.hand_out(shop, connections, &text).await?;
                continue;
            }
            for connection in connections {
                outgoing.add(connection.clone(), text.clone());
            }
        }
        self.push.deliver(shop, outgoing).await;
        Ok(())
    }

    async fn hand_out(&self, shop: &ShopId, connections: &[ConnectionId], frame: &Arc<str>) -> Result<()> {
        for connections in connections.chunks(SHARD) {
            let shard =
                Shard { shop_id: shop.clone(), connections: connections.to_vec(), frame: frame.to_string() };
            let body = serde_json::to_string(&shard).map_err(|error| Error::internal(error.to_string()))?;
            let call = self.queue.send_message().queue_url(&self.queue_url).message_body(body);
            call.send()
                .await
                .map_err(|error| Error::Unavailable { what: "the queue", source: Box::new(error) })?;
        }
        Ok(())
    }
}

/// Serves one shard of a large broadcast.
pub async fn serve_shard(push: &Push, shard: Shard) {
    let frame: Arc<str> = shard.frame.into();
    let mut outgoing = Outgoing::default();
    for connection in shard.connections {
        outgoing.add(connection, frame.clone());
    }
    push.deliver(&shard.shop_id, outgoing).await;
}

/// Leaves only the newest value of each SKU on each channel: older ones would be dropped by the client anyway.
pub(super) fn latest_only(frames: Vec<(Channel, EventFrame)>) -> Vec<(Channel, EventFrame)> {
    let mut newest = BTreeMap::new();
    for (index, (channel, frame)) in frames.iter().enumerate() {
        if let LiveEvent::InventoryUpdated(stock) = &frame.event {
            newest.insert((channel.clone(), stock.product_id.clone(), stock.variant_id.clone()), index);
        }
    }
    let is_newest = |index: usize, channel: &Channel, frame: &EventFrame| match &frame.event {
        LiveEvent::InventoryUpdated(stock) => {
            newest.get(&(channel.clone(), stock.product_id.clone(), stock.variant_id.clone())) == Some(&index)
        }
        _ => true,
    };
    let kept =
        frames.into_iter().enumerate().filter(|(index, (channel, frame))| is_newest(*index, channel, frame));
    kept.map(|(_, frame)| frame).collect()
}
