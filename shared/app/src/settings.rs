//! What a deployment says about itself, read and checked once at start by the edge.

use std::collections::BTreeMap;

use domain::{Currency, ShopId, payment::CaptureMethod};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{Error, Result};

/// From when until when; open on a side that is nothing.
pub(crate) type Span = (Option<Timestamp>, Option<Timestamp>);

/// What a deployment says about itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The shops that are served; the first is the one that is meant where none is named and there is no other.
    pub shops: Vec<ShopId>,
    /// Publishable keys and the shop of each.
    pub shop_keys: BTreeMap<String, ShopId>,
    /// Host names and the shop of each.
    pub shop_hosts: BTreeMap<String, ShopId>,
    /// What the shop is called.
    pub shop_name: String,
    /// Where the shop's own pages are, without a slash at the end; empty if nobody has said.
    pub shop_url: String,
    /// Its own currency.
    pub currency: Currency,
    /// Its IANA time zone.
    pub timezone: String,
    /// The public half of the key with which pushes to browsers are signed.
    pub vapid_public_key: Option<String>,
    /// Stripe's publishable key.
    pub stripe_public_key: Option<String>,
    /// Where clients open their sockets.
    pub websocket_url: String,
    /// How often a client should `ping`.
    pub heartbeat: SignedDuration,
    /// How many may be connected to a shop, about; 0 for no limit.
    pub max_clients: usize,
    /// Whether large events may be sent compressed.
    pub allows_compression: bool,
    /// How long stock is held, at most and by default.
    pub reservation_ttl: SignedDuration,
    /// This many pieces and fewer are few.
    pub low_stock_threshold: i64,
    /// What is done about stock.
    pub stock: StockSettings,
    /// How people talk.
    pub chat: ChatSettings,
    /// How people are told things.
    pub notifications: NotificationSettings,
    /// Origins that may open sockets; `*` is any.
    pub allowed_origins: Vec<String>,
    /// When the money of an approved card is taken.
    pub capture_method: CaptureMethod,
    /// Whether what is thought of payments is obeyed.
    pub fraud_mode: FraudMode,
}

/// Whether what is thought of payments is obeyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FraudMode {
    /// Risky payments are held back or do not begin.
    #[default]
    Enforce,
    /// It is only written down: to see what rules would do.
    Shadow,
}

impl std::str::FromStr for FraudMode {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "shadow" => Ok(Self::Shadow),
            _ => Err(()),
        }
    }
}

/// How people talk in the support chat.
#[derive(Debug, Clone, Copy)]
pub struct ChatSettings {
    /// Characters that a message may have, in Unicode scalar values.
    pub max_message_length: usize,
    /// Participants that a conversation may have.
    pub max_participants: usize,
    /// How long what was said is kept.
    pub retention: SignedDuration,
    /// Whether others see that somebody is typing.
    pub shows_typing: bool,
    /// Whether agents are given what waits, or take it themselves.
    pub assigns_agents: bool,
    /// Whether what was said before can be read again.
    pub shows_history: bool,
    /// How sure the shop must be to answer by itself, 0 to 100.
    pub faq_threshold: u8,
}

/// How people are told things.
#[derive(Debug, Clone, Copy)]
pub struct NotificationSettings {
    /// Whether pushes go to browsers.
    pub pushes_to_browsers: bool,
    /// Whether mail is sent where no push was taken and nothing was read.
    pub falls_back_to_mail: bool,
    /// Whether devices say what became of a push.
    pub follows_pushes: bool,
    /// How often something is sent again that was not taken.
    pub max_retries: u32,
    /// How long it is waited before that at first; it doubles.
    pub retry_delay: SignedDuration,
    /// Browsers that one person may have.
    pub max_subscriptions: usize,
    /// How long a browser is known that does not come again.
    pub subscription_lifetime: SignedDuration,
    /// How many of many are told at once.
    pub bulk_batch: usize,
}

/// What a deployment does about stock besides selling it.
#[derive(Debug, Clone, Copy)]
pub struct StockSettings {
    /// Whether stock that crosses a line is told to staff.
    pub raises_alerts: bool,
    /// Whether changes of stock are sent to whoever listens.
    pub sends_events: bool,
    /// Whether how long stock will last is worked out.
    pub forecasts: bool,
    /// How far back the ledger is shown unless somebody says from when.
    pub history: SignedDuration,
}

/// Which end of a day is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayEdge {
    /// Its first millisecond.
    Begin,
    /// Its last.
    End,
}

impl Settings {
    /// The shop of a public request: by its publishable key, else by its host, else the only one there is.
    pub fn public_shop(&self, key: Option<&str>, host: Option<&str>) -> Option<&ShopId> {
        if let Some(key) = key {
            return self.shop_keys.get(key);
        }
        let by_host = host.and_then(|host| self.shop_hosts.get(host));
        by_host.or(match self.shops.as_slice() {
            [only] => Some(only),
            _ => None,
        })
    }

    /// The date in the shop's zone.
    pub fn today(&self, now: Timestamp) -> Date {
        self.zone().to_datetime(now).date()
    }

    /// The shop's zone.
    pub fn zone(&self) -> TimeZone {
        // Its name was checked at start.
        TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC)
    }

    /// From when until when a client means, as `from` and `to` of a query say it; see [`Settings::instant`].
    ///
    /// # Errors
    /// If one of them is no instant and no day.
    pub(crate) fn span(&self, from: Option<&str>, to: Option<&str>) -> Result<Span> {
        let instant = |field, text: Option<&str>, edge| match text {
            Some(text) => self.instant(text, edge).map(Some).ok_or_else(|| {
                Error::field(field, "invalid", "expected an instant (RFC 3339) or a day (YYYY-MM-DD)")
            }),
            None => Ok(None),
        };
        Ok((instant("from", from, DayEdge::Begin)?, instant("to", to, DayEdge::End)?))
    }

    /// The instant that a client means: RFC 3339, or a day in the shop's zone, of which `edge` is meant.
    pub fn instant(&self, text: &str, edge: DayEdge) -> Option<Timestamp> {
        if let Ok(instant) = text.parse() {
            return Some(instant);
        }
        let day: Date = text.parse().ok()?;
        let zone = self.zone();
        let midnight = |day: Date| day.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
        match edge {
            DayEdge::Begin => midnight(day),
            // A day may have 23 or 25 hours: it ends where the next one begins.
            DayEdge::End => midnight(day.tomorrow().ok()?)?.checked_sub(SignedDuration::from_millis(1)).ok(),
        }
    }

    /// Whether pages from `origin` may open sockets.
    pub fn admits_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }
}
