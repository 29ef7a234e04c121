//! Who is there: on which devices, and what staff is told of it.
//!
//! Every connection has a row under its person's name; whoever has one that says so is online. Staff is told when that
//! changes: when the first device comes, when the last one leaves or is found dead, when somebody looks away. Guests
//! come and go by the thousand and are not announced; only whoever is in a conversation with them is told.

use std::{collections::BTreeSet, time::Duration};

use contract::{
    frames::{EventFrame, EventHead, LiveEvent, PresenceStatus},
    http::realtime::PresenceView,
};
use domain::{Channel, ConnectionId, EventId, Principal, ShopId, UserId};
use jiff::Timestamp;

use crate::{
    Clock, Result,
    push::{Frame, Gone, Outgoing, Push},
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

    /// Somebody listens to a channel. Whoever listens to a conversation is told who else does.
    pub async fn joined(&self, connection: &Connection, channel: &Channel) -> Result<()> {
        let Connection { connection_id, principal, .. } = connection;
        self.tell_conversation(principal, channel, PresenceStatus::Online, Some(connection_id)).await
    }

    /// Somebody does not listen to a channel any more.
    pub async fn parted(&self, who: &Principal, channel: &Channel) -> Result<()> {
        self.tell_conversation(who, channel, PresenceStatus::Offline, None).await
    }

    /// Connections are forgotten: staff is told of those people who are not there any more.
    pub async fn left(&self, gone: &[Gone]) -> Result<()> {
        let mut absent = BTreeSet::new();
        for Gone { connection: Connection { principal, .. }, channels } in gone {
            for channel in channels {
                self.parted(principal, channel).await?;
            }
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
                let principals = delivered.gone.into_iter().map(|one| one.connection.principal);
                let gone = principals.map(|principal| (principal.shop, principal.subject));
                more.extend(gone.filter(|(_, user)| !is_guest(user)));
            }
            news = more;
        }
        Ok(())
    }

    /// Tells whoever else listens to a conversation that `who` does now, or does not any more; nobody if that is so on
    /// another of their devices than `but` too.
    async fn tell_conversation(
        &self,
        who: &Principal,
        channel: &Channel,
        status: PresenceStatus,
        but: Option<&ConnectionId>,
    ) -> Result<()> {
        if !matches!(channel, Channel::Conversation(_)) {
            return Ok(());
        }
        let read_at = self.clock.now();
        let listeners = self.store.listeners(&who.shop, channel, read_at).await?;
        let (theirs, others): (Vec<_>, Vec<_>) =
            listeners.into_iter().partition(|listener| listener.user_id == who.subject);
        if others.is_empty() || theirs.iter().any(|listener| Some(&listener.connection_id) != but) {
            return Ok(());
        }
        let mut outgoing = Outgoing::default();
        outgoing.add(Frame::of(&self.update(channel, &who.subject, status, read_at))?, &others);
        let delivered = self.push.deliver(&who.shop, outgoing, PATIENCE).await;
        // Others may turn out to be gone, who are news themselves; each is found once.
        Box::pin(self.left(&delivered.gone)).await
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
        outgoing.add(Frame::of(&self.update(&channel, user, status, read_at))?, &listeners);
        Ok(outgoing)
    }

    fn update(
        &self,
        channel: &Channel,
        user: &UserId,
        status: PresenceStatus,
        read_at: Timestamp,
    ) -> EventFrame {
        let timestamp = read_at.as_millisecond();
        let head = EventHead {
            id: EventId::from_uuid(self.clock.fresh()),
            channel: channel.to_string(),
            seq: None,
            version: u64::try_from(timestamp).ok(),
            timestamp,
            cause: None,
        };
        EventFrame { head, event: LiveEvent::PresenceUpdated { user_id: user.clone(), status, timestamp } }
    }
}

fn is_guest(user: &UserId) -> bool {
    user.as_str().starts_with(UserId::GUEST_PREFIX)
}
