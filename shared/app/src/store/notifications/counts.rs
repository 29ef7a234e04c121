//! How many notifications came how far, for each day, kind and way.

use std::collections::BTreeMap;

use domain::{
    ShopId,
    notification::{DeliveryState, Kind, Medium},
};
use jiff::{SignedDuration, civil::Date};
use serde::Deserialize;

use crate::{
    Error, Result,
    store::{
        Dynamo, Key, Query,
        dynamo::{Update, number, values},
    },
};

/// How long counts are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Which deliveries are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// Whose.
    pub shop: ShopId,
    /// On which day in UTC.
    pub day: Date,
    /// Of which kind.
    pub kind: Kind,
    /// On which way.
    pub medium: Medium,
}

/// How many came to each state.
pub type Counts = BTreeMap<&'static str, u64>;

/// A row of counts.
#[derive(Debug, Clone, Deserialize)]
pub struct CountsRow {
    /// Of which kind.
    pub kind: Kind,
    /// On which way.
    pub medium: Medium,
    /// How many came to each state, by its name.
    #[serde(flatten)]
    pub counts: BTreeMap<String, serde_json::Value>,
}

/// The attribute that counts a state.
pub const fn counted_as(state: DeliveryState) -> Option<&'static str> {
    match state {
        DeliveryState::Queued | DeliveryState::Claimed => None,
        DeliveryState::Sent => Some("n_sent"),
        DeliveryState::Delivered => Some("n_delivered"),
        DeliveryState::Opened => Some("n_opened"),
        DeliveryState::Clicked => Some("n_clicked"),
        DeliveryState::Failed => Some("n_failed"),
        DeliveryState::Expired => Some("n_expired"),
        DeliveryState::Suppressed => Some("n_suppressed"),
    }
}

fn counts_pk(shop: &ShopId, day: Date) -> String {
    format!("{shop}#counts#{day}")
}

impl Dynamo {
    /// Adds to the counts of a day.
    pub async fn count_deliveries(&self, counted: &Counted, counts: &Counts, request: &str) -> Result<()> {
        let Counted { shop, day, kind, medium } = counted;
        let key = Key::new(counts_pk(shop, *day), format!("{kind}#{}", medium.name()));
        let attribute = |error: serde_dynamo::Error| Error::internal(error.to_string());
        let ends = day.at(0, 0, 0, 0).in_tz("UTC").map_err(|error| Error::internal(error.to_string()))?;
        let ends = ends.timestamp().checked_add(KEPT).unwrap_or(jiff::Timestamp::MAX).as_second();
        let mut all = values([
            (":kind", serde_dynamo::to_attribute_value(kind).map_err(attribute)?),
            (":medium", serde_dynamo::to_attribute_value(medium).map_err(attribute)?),
            (":ends", number(ends)),
        ]);
        let added: Vec<String> = counts.keys().map(|name| format!("{name} :{name}")).collect();
        all.extend(counts.iter().map(|(name, count)| (format!(":{name}"), number(count))));
        let update = Update {
            set: "kind = :kind, medium = :medium, expires_at = :ends",
            rest: &format!("ADD {}", added.join(", ")),
            values: all,
            ..Update::default()
        };
        self.update(&self.tables.notifications, &key, update, request).await.map(drop)
    }

    /// The counts of a day.
    pub async fn delivery_counts(&self, shop: &ShopId, day: Date) -> Result<Vec<CountsRow>> {
        self.query_all(Query::new(&self.tables.notifications, counts_pk(shop, day))).await
    }
}
