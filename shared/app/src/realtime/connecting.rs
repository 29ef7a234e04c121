//! Opening sockets, and ending them.

use contract::http::auth::TicketView;
use domain::{Channel, ConnectionId, Permission, Principal, ShopId, UserId};
use jiff::{SignedDuration, Timestamp};

use super::Realtime;
use crate::{
    Error, Result,
    identity::digest,
    store::realtime::{Connection, Ticket},
};

/// How long a ticket is good.
const TICKET_GOOD: SignedDuration = SignedDuration::from_secs(60);
/// How long API Gateway keeps a connection, at most.
const LONGEST_CONNECTION: SignedDuration = SignedDuration::from_hours(2);

/// When a token was issued, and until when it is good.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// Whatever ends older tokens ends this one.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub good_until: Timestamp,
}

/// How a socket is to be opened.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// The ticket, if the client has one.
    pub ticket: Option<String>,
    /// Who it is by its token, if the client sent one instead.
    pub bearer: Option<(Principal, Validity)>,
    /// The page that opens it.
    pub origin: Option<String>,
    /// Whether large events may come compressed.
    pub accepts_gzip: bool,
    /// Channels to listen to from the beginning.
    pub channels: Vec<String>,
    /// Who the client says it is; older ones do.
    pub claims_to_be: Option<String>,
}

impl Realtime {
    /// Writes a ticket for whoever asks, good as far as their token is.
    pub async fn issue_ticket(&self, who: &Principal, token: Validity) -> Result<TicketView> {
        who.may(Permission::OpenSocket)?;
        let good_until = self.clock.after(TICKET_GOOD);
        let ticket = Ticket {
            principal: Principal { linked_guests: std::collections::BTreeSet::new(), ..who.clone() },
            token_issued_at: token.issued_at,
            token_until: token.good_until,
            good_until,
            expires_at: good_until.as_second() + 600,
        };
        let secret = hex::encode(rand::random::<[u8; 24]>());
        self.store.put_ticket(&digest(&secret), &ticket).await?;
        let name = format!("tkt_{}.{secret}", who.shop);
        let url = format!("{}?ticket={name}&v=1", self.settings.websocket_url);
        Ok(TicketView { ticket: name, url, expires_at: good_until })
    }

    /// Admits a connection, or refuses it: unknown page, no ticket, a ticket that is used up.
    pub async fn connect(&self, id: &ConnectionId, admission: Admission) -> Result<()> {
        if let Some(origin) = &admission.origin
            && !self.settings.admits_origin(origin)
        {
            return Err(Error::Forbidden);
        }
        let (principal, token) = match (admission.bearer, &admission.ticket) {
            (Some(bearer), _) => bearer,
            (None, Some(ticket)) => self.redeem(ticket, id).await?,
            (None, None) => return Err(Error::Unauthenticated),
        };
        principal.may(Permission::OpenSocket)?;
        if admission.claims_to_be.is_some_and(|name| name != principal.subject.as_str()) {
            return Err(Error::Forbidden);
        }
        let mut channels = vec![];
        for name in &admission.channels {
            channels.push(admitted_at_once(&principal, name)?);
        }
        self.take_place(&principal).await?;
        let ends_at = token.good_until.min(self.clock.after(LONGEST_CONNECTION));
        let connection = Connection {
            connection_id: id.clone(),
            principal,
            connected_at: self.clock.now(),
            token_issued_at: token.issued_at,
            ends_at,
            accepts_gzip: admission.accepts_gzip && self.settings.allows_compression,
            expires_at: ends_at.as_second() + 60,
        };
        self.store.put_connection(&connection, channels).await?;
        // Asked only now: sessions that are ended while this runs are either seen here, or whoever ends them sees the
        // connection. A ticket may also be older than the end of its owner's sessions.
        let admitted = self.identity.admit(connection.principal.clone(), token.issued_at).await;
        if let Err(error) = admitted {
            self.push.forget(&connection.principal.shop, id).await?;
            return Err(error);
        }
        Ok(())
    }

    async fn redeem(&self, ticket: &str, id: &ConnectionId) -> Result<(Principal, Validity)> {
        let parts = ticket.strip_prefix("tkt_").and_then(|rest| rest.split_once('.'));
        let (shop, secret) = parts.ok_or(Error::Unauthenticated)?;
        let shop = ShopId::new(shop).map_err(|_| Error::Unauthenticated)?;
        let ticket = self.store.use_ticket(&shop, &digest(secret), id, self.clock.now()).await?;
        let ticket = ticket.ok_or(Error::Unauthenticated)?;
        let token = Validity { issued_at: ticket.token_issued_at, good_until: ticket.token_until };
        Ok((ticket.principal, token))
    }

    /// Forgets a connection that has ended.
    pub async fn disconnect(&self, id: &ConnectionId) -> Result<()> {
        if let Some(connection) = self.store.connection(id).await? {
            let forgotten = self.push.forget(&connection.principal.shop, id).await?;
            self.presence.left(forgotten.as_slice()).await?;
        }
        Ok(())
    }

    /// Closes a socket. The gateway says that it has ended, as of any other.
    pub async fn hang_up(&self, id: &ConnectionId) -> Result<()> {
        self.push.close(id).await
    }

    /// Closes those of a person's sockets whose sessions have ended. The relay does so too, if whoever ended them cannot.
    pub async fn close_ended(&self, shop: &ShopId, user: &UserId) -> Result<usize> {
        self.presence.close_ended(shop, user).await
    }
}

/// A channel of which one sees without looking anything up whether somebody may join it.
fn admitted_at_once(who: &Principal, name: &str) -> Result<Channel> {
    let channel =
        Channel::parse(name).map_err(|error| Error::field("channels", "invalid", error.to_string()))?;
    if channel.audience().admits(who, None) { Ok(channel) } else { Err(Error::Forbidden) }
}
