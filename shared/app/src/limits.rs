//! How often what costs money may be done.

use std::collections::BTreeSet;

use contract::http::inventory::NewLine;
use domain::{Principal, Role, ShopId, rate::Rate, reservation::MAX_LINES, risk::Activity};
use jiff::SignedDuration;

use crate::{Clock, Result, clock::derived, store::Dynamo};

/// Something that costs money, each with its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Become a guest.
    Guest,
    /// Get a ticket for a socket.
    Ticket,
    /// Hold stock.
    Reserve,
    /// Place an order.
    Order,
    /// Begin to pay, or ask how it stands.
    Pay,
    /// Say what one thinks of a product, or pass it on.
    Opinion,
    /// Add a file to a conversation, or have it looked at.
    File,
    /// Say where one can be reached, or what one waits for.
    Reach,
}

impl Limit {
    const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Ticket => "ticket",
            Self::Reserve => "reserve",
            Self::Order => "order",
            Self::Pay => "pay",
            Self::Opinion => "opinion",
            Self::File => "file",
            Self::Reach => "reach",
        }
    }

    /// What one person may do.
    const fn per_subject(self) -> Rate {
        match self {
            Self::Guest | Self::Ticket => Rate::new(20, SignedDuration::from_secs(2)),
            Self::Reserve | Self::Order | Self::Pay | Self::Opinion | Self::File | Self::Reach => {
                Rate::new(30, SignedDuration::from_secs(1))
            }
        }
    }

    /// What all guests behind one address may do: more, because an office shares one.
    const fn per_address(self) -> Rate {
        match self {
            Self::Guest => Rate::new(30, SignedDuration::from_secs(2)),
            _ => Rate::new(60, SignedDuration::from_millis(500)),
        }
    }
}

/// What was seen of somebody who begins to pay, this time included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What they did.
    pub subject: Option<Activity>,
    /// What everybody at their address did.
    pub address: Option<Activity>,
    /// A digest of that address, under which more is counted.
    pub source: Option<String>,
}

/// The name under which what is done at an address is counted.
pub(crate) fn by_address(source: &str) -> String {
    format!("@{source}")
}

/// Holds of one product for all guests behind one address: twenty at once, and twenty more in fifteen minutes, which
/// is as long as they last.
const HOLDS: Rate = Rate::new(20, SignedDuration::from_secs(45));

/// Counts what costs money.
#[derive(Debug, Clone)]
pub struct Limits {
    store: Dynamo,
    clock: Clock,
}

impl Limits {
    /// Counts are kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Counts one act of `who`. Guest tokens are free, so guests are counted by their address; a service is
    /// trusted to know what it does.
    ///
    /// # Errors
    /// [`crate::Error::Limited`] if it is one too many.
    pub async fn spend(&self, who: &Principal, limit: Limit, address: &str) -> Result<()> {
        match who.role {
            Role::Service => Ok(()),
            Role::Guest => self.spend_address(&who.shop, limit, address).await,
            _ => {
                let request = self.clock.fresh().to_string();
                let (name, rate) = (limit.name(), limit.per_subject());
                self.store
                    .limit(&who.shop, name, who.subject.as_str(), rate, self.clock.now(), &request)
                    .await
            }
        }
    }

    /// Counts that `who` begins to pay: against their limit, and for whoever judges how risky that is. Nothing is
    /// counted of a service.
    ///
    /// # Errors
    /// [`crate::Error::Limited`] if it is one too many.
    pub async fn spend_intent(&self, who: &Principal, address: &str) -> Result<Seen> {
        if who.role == Role::Service {
            return Ok(Seen::default());
        }
        let (shop, subject, now) = (&who.shop, who.subject.as_str(), self.clock.now());
        let (source, limit) = (source(shop, address), Limit::Pay);
        let place = by_address(&source);
        let [first, second] = [self.clock.fresh().to_string(), self.clock.fresh().to_string()];
        let (subject, address) = match who.role {
            Role::Guest => {
                let rate = limit.per_address();
                let address = self.store.limit_intent(shop, &place, rate, now, &first).await?;
                (self.store.count_intent(shop, subject, now, &second).await?, address)
            }
            _ => {
                let rate = limit.per_subject();
                let subject = self.store.limit_intent(shop, subject, rate, now, &first).await?;
                (subject, self.store.count_intent(shop, &place, now, &second).await?)
            }
        };
        Ok(Seen { subject: Some(subject), address: Some(address), source: Some(source) })
    }

    /// Counts what a guest holds of each of these products, by their address: guest tokens are free, and without a
    /// cap one address could hold all there is. Nothing is counted, and nothing written, for anybody else.
    ///
    /// # Errors
    /// [`crate::Error::Limited`] if it is one too many.
    pub async fn spend_holds(&self, who: &Principal, lines: &[NewLine], address: &str) -> Result<()> {
        if who.role != Role::Guest {
            return Ok(());
        }
        let products: BTreeSet<_> = lines.iter().take(MAX_LINES).map(|line| &line.product_id).collect();
        let address = by_address(&source(&who.shop, address));
        for product in products {
            let request = self.clock.fresh().to_string();
            let name = format!("hold-{product}");
            self.store.limit(&who.shop, &name, &address, HOLDS, self.clock.now(), &request).await?;
        }
        Ok(())
    }

    /// Counts one act of somebody at `address`.
    ///
    /// # Errors
    /// [`crate::Error::Limited`] if it is one too many.
    pub async fn spend_address(&self, shop: &ShopId, limit: Limit, address: &str) -> Result<()> {
        let request = self.clock.fresh().to_string();
        let who = by_address(&source(shop, address));
        self.store.limit(shop, limit.name(), &who, limit.per_address(), self.clock.now(), &request).await
    }
}

/// A digest of an address: rows that last name no address.
fn source(shop: &ShopId, address: &str) -> String {
    let whole = derived(&[shop.as_str(), "address", &network(address)]).simple().to_string();
    whole.chars().take(16).collect()
}

/// The address, or for IPv6 its /64: one household has them all.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn ipv6_addresses_of_one_household_are_one() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
