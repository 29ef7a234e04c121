//! Telling many, or one, something of a shop's own.

use contract::{
    ErrorCode,
    frames::{AnyEvent, EventHead, LiveEvent},
    http::realtime::{BroadcastView, NewBroadcast, Reach},
};
use domain::{
    Channel, ConnectionId, EventId, Permission, Principal, ShopId, UserId, channel::is_custom_name,
};
use serde_json::{Value, json};

use crate::{
    Clock, Error, Result,
    delivery::Delivery,
    idempotency::{Idempotency, RequestKey},
    push::{Frame, Outgoing},
    store::{
        Dynamo,
        realtime::{Connection, listeners::Listener, people::Device},
    },
};

/// The largest payload, in bytes. Whoever has more to say puts it somewhere and says where.
const MAX_PAYLOAD: usize = 64 * 1024;
/// The largest payload to a person or a connection, where it can be read nowhere else and must fit a frame.
const MAX_DIRECT_PAYLOAD: usize = 30 * 1024;
/// What the events are called that are sent to everybody in the shop.
const EVERYBODY: &str = "all";

/// Sends events of a shop's own.
#[derive(Debug, Clone)]
pub struct Broadcasts {
    store: Dynamo,
    clock: Clock,
    delivery: Delivery,
    idempotency: Idempotency,
}

/// Who is meant.
enum Target {
    Everybody,
    Channel(Channel),
    User(UserId),
    Connection(ConnectionId),
}

impl Target {
    /// What the event's `channel` says.
    fn name(&self, new: &NewBroadcast) -> String {
        match self {
            Self::Everybody => EVERYBODY.into(),
            Self::Channel(channel) => channel.to_string(),
            Self::User(user) => Channel::User(user.clone()).to_string(),
            Self::Connection(_) => new.target_channel.clone().unwrap_or_else(|| EVERYBODY.into()),
        }
    }
}

impl Broadcasts {
    /// Reads who listens in `store` and sends by `delivery`.
    pub const fn new(store: Dynamo, clock: Clock, delivery: Delivery, idempotency: Idempotency) -> Self {
        Self { store, clock, delivery, idempotency }
    }

    /// Sends an event to a channel, to everybody in the shop, to one person, or to one connection.
    pub async fn send(&self, who: &Principal, key: &RequestKey, new: NewBroadcast) -> Result<BroadcastView> {
        who.may(Permission::Broadcast)?;
        check_type(&new.data.kind, &new.data.payload)?;
        let target = self.target(&who.shop, &new).await?;
        let size = serde_json::to_vec(&new.data.payload).map_or(usize::MAX, |text| text.len());
        let most = if matches!(target, Target::Channel(_)) { MAX_PAYLOAD } else { MAX_DIRECT_PAYLOAD };
        if size > most {
            return Err(Error::invalid(
                ErrorCode::PayloadTooLarge,
                format!("expected a payload of at most {most} bytes"),
            ));
        }
        self.idempotency
            .once(who, key, "broadcast", async |run| {
                let id = EventId::from_uuid(run.name("broadcast"));
                self.deliver(&who.shop, id, &target, &new).await
            })
            .await
    }

    async fn target(&self, shop: &ShopId, new: &NewBroadcast) -> Result<Target> {
        let target = match (&new.target_client_id, &new.target_user_id, &new.target_channel) {
            (Some(client), ..) => {
                let connection = self.store.connection(client).await?;
                let is_ours = connection.is_some_and(|connection| connection.principal.shop == *shop);
                if is_ours { Target::Connection(client.clone()) } else { return Err(Error::NotFound) }
            }
            (None, Some(user), _) => Target::User(user.clone()),
            (None, None, Some(name)) => {
                let unknown = || {
                    Error::field("target_channel", "invalid", "expected the name of a channel of this shop")
                };
                match Channel::parse(name).map_err(|_| unknown())? {
                    Channel::Shop(other) if other != *shop => return Err(unknown()),
                    channel => Target::Channel(channel),
                }
            }
            (None, None, None) if new.kind == Reach::Broadcast => Target::Everybody,
            (None, None, None) => {
                return Err(Error::field("target_user_id", "required", "whom is it for?"));
            }
        };
        Ok(target)
    }

    async fn deliver(
        &self,
        shop: &ShopId,
        event_id: EventId,
        target: &Target,
        new: &NewBroadcast,
    ) -> Result<BroadcastView> {
        let head = EventHead {
            id: event_id.clone(),
            channel: target.name(new),
            seq: None,
            version: None,
            timestamp: self.clock.now().as_millisecond(),
            cause: None,
        };
        let event = AnyEvent { head, kind: new.data.kind.clone(), data: new.data.payload.clone() };
        if let Target::Channel(channel) = target {
            // Kept before it is sent: a frame that is too large says to read it there.
            self.store.keep_broadcast(shop, channel, &event, self.clock.now()).await?;
        }
        let listeners = self.listeners(shop, target).await?;
        let mut outgoing = Outgoing::default();
        outgoing.add(Frame::of(&event)?, &listeners);
        let receivers = outgoing.receivers();
        self.delivery.deliver(shop, outgoing).await?;
        Ok(BroadcastView { event_id, channel: event.head.channel, receivers })
    }

    async fn listeners(&self, shop: &ShopId, target: &Target) -> Result<Vec<Listener>> {
        let now = self.clock.now();
        match target {
            Target::Everybody => {
                let devices = self.store.everybody(shop, now).await?;
                Ok(devices.into_iter().map(Device::into_listener).collect())
            }
            Target::Channel(channel) => self.store.listeners(shop, channel, now).await,
            Target::User(user) => self.store.listeners(shop, &Channel::User(user.clone()), now).await,
            Target::Connection(id) => {
                let connection = self.store.connection(id).await?;
                Ok(connection.iter().map(Connection::listener).collect())
            }
        }
    }
}

/// An event is of a type that clients know, with the data that they expect, or of the shop's own.
fn check_type(kind: &str, payload: &Value) -> Result<()> {
    if is_custom_name(kind) {
        return Ok(());
    }
    let known: Result<LiveEvent, _> = serde_json::from_value(json!({ "type": kind, "data": payload }));
    known.map(drop).map_err(|error| {
        let text = error.to_string();
        match text.starts_with("unknown variant") {
            true => Error::field(
                "data.type",
                "invalid",
                "expected a type of this API, `test_message` or `custom.…`",
            ),
            false => Error::field("data.payload", "invalid", text),
        }
    })
}
