//! Who is there: on which devices, and what staff is told of it.
//!
//! Every connection has a row under its person's name; whoever has one that says so is online. Staff is told when that
//! changes: when the first device comes, when the last one leaves or is found dead, when somebody looks away. Guests
//! come and go by the thousand and are not announced.

use std::{collections::BTreeSet, time::Duration};

use contract::{
    frames::{EventFrame, EventHead, LiveEvent, PresenceStatus},
    http::realtime::PresenceView,
};
use domain::{Channel, ConnectionId, EventId, ShopId, UserId};

use crate::{
    Clock, Result,
    push::{Frame, Outgoing, Push},
    store::{
        Dynamo,
        customers::Access,
        realtime::{Connection, people::Device},
    },
};

/// How long telling staff may take; whoever cannot be told by then asks `GET /api/v1/realtime/presence`.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who is there, and who is told.
#[derive(Debug, Clone)]
pub struct Presence {
    store: Dynamo,
    clock: Clock,
    push: Push,
}

/// How it stands with somebody whose connections are these.
pub fn status_of<'a>(connections: impl IntoIterator<Item = &'a Device>) -> PresenceStatus {
    let statuses = connections.into_iter().map(|connection| match connection.is_away {
        true => PresenceStatus::Away,
        false => PresenceStatus::Online,
    });
    statuses.max().unwrap_or(PresenceStatus::Offline)
}

impl Presence {
    /// Reads `store`, tells staff by `push`.
    pub const fn new(store: Dynamo, clock: Clock, push: Push) -> Self {
        Self { store, clock, push }
    }

    /// A connection has said hello: staff is told if its person was not there before.
    pub async fn arrived(&self, connection: &Connection) -> Result<()> {
        let (shop, user) = (&connection.principal.shop, &connection.principal.subject);
        if is_guest(user) {
            return Ok(());
        }
        let all = self.connections(shop, user).await?;
        let others = all.iter().filter(|other| other.connection_id != connection.connection_id);
        if status_of(others) == PresenceStatus::Online {
            return Ok(());
        }
        self.tell(BTreeSet::from([(shop.clone(), user.clone())])).await
    }

    /// Connections are forgotten: staff is told of those people who are not there any more.
    pub async fn left(&self, gone: &[Connection]) -> Result<()> {
        let mut absent = BTreeSet::new();
        for Connection { principal, .. } in gone {
            if !is_guest(&principal.subject) {
                let others = self.connections(&principal.shop, &principal.subject).await?;
                if status_of(&others) != PresenceStatus::Online {
                    absent.insert((principal.shop.clone(), principal.subject.clone()));
                }
            }
        }
        self.tell(absent).await
    }

    /// Somebody looks at this connection, or away from it.
    pub async fn looks(&self, connection: &Connection, is_away: bool) -> Result<()> {
        self.store.set_away(connection, is_away).await?;
        let (shop, user) = (&connection.principal.shop, &connection.principal.subject);
        if is_guest(user) {
            return Ok(());
        }
        self.tell(BTreeSet::from([(shop.clone(), user.clone())])).await
    }

    /// A person's connections.
    pub async fn connections(&self, shop: &ShopId, user: &UserId) -> Result<Vec<Device>> {
        self.store.devices(shop, user, self.clock.now()).await
    }

    /// How it stands with a person.
    pub async fn of(&self, shop: &ShopId, user: &UserId) -> Result<PresenceView> {
        let connections = self.connections(shop, user).await?;
        Ok(PresenceView {
            user_id: user.clone(),
            status: status_of(&connections),
            connections: connections.len(),
            since: connections.iter().map(|connection| connection.connected_at).min(),
        })
    }

    /// Closes those of a person's sockets whose sessions have ended, and forgets them; says how many it closed. Whoever
    /// has come back with a new session stays.
    pub async fn close_ended(&self, shop: &ShopId, user: &UserId) -> Result<usize> {
        let access = self.store.access(shop, user).await?;
        let (mut closed, mut failed) = (0, None);
        for device in self.connections(shop, user).await? {
            match self.close_if_ended(shop, &device.connection_id, &access).await {
                Ok(was_closed) => closed += usize::from(was_closed),
                // The others are closed all the same; whoever asked is told to ask again.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(closed), Err)
    }

    async fn close_if_ended(&self, shop: &ShopId, id: &ConnectionId, access: &Access) -> Result<bool> {
        let Some(connection) = self.store.connection(id).await? else { return Ok(false) };
        if access.admits(&connection.principal.session, connection.token_issued_at) {
            return Ok(false);
        }
        self.push.close(id).await?;
        self.left(self.push.forget(shop, id).await?.as_slice()).await?;
        Ok(true)
    }

    /// Tells staff how it stands with people now. Staff who turn out to be gone are news themselves.
    async fn tell(&self, mut news: BTreeSet<(ShopId, UserId)>) -> Result<()> {
        while !news.is_empty() {
            let mut more = BTreeSet::new();
            for (shop, user) in news {
                let delivered = self.push.deliver(&shop, self.update_of(&shop, &user).await?, PATIENCE).await;
                let gone = delivered.gone.into_iter().map(|one| (one.principal.shop, one.principal.subject));
                more.extend(gone.filter(|(_, user)| !is_guest(user)));
            }
            news = more;
        }
        Ok(())
    }

    async fn update_of(&self, shop: &ShopId, user: &UserId) -> Result<Outgoing> {
        let mut outgoing = Outgoing::default();
        let channel = Channel::Shop(shop.clone());
        let listeners = self.store.listeners(shop, &channel, self.clock.now()).await?;
        if listeners.is_empty() {
            return Ok(outgoing);
        }
        // The instant before the rows are read orders what several connections of one person say at once.
        let read_at = self.clock.now();
        let status = status_of(&self.connections(shop, user).await?);
        let head = EventHead {
            id: EventId::from_uuid(self.clock.fresh()),
            channel: channel.to_string(),
            seq: None,
            version: u64::try_from(read_at.as_millisecond()).ok(),
            timestamp: read_at.as_millisecond(),
            cause: None,
        };
        let timestamp = head.timestamp;
        let event = LiveEvent::PresenceUpdated { user_id: user.clone(), status, timestamp };
        let frame = EventFrame { head, event };
        outgoing.add(Frame::of(&frame)?, &listeners);
        Ok(outgoing)
    }
}

fn is_guest(user: &UserId) -> bool {
    user.as_str().starts_with(UserId::GUEST_PREFIX)
}
