//! In the `Catalog` table: what customers think of products.
//!
//! | pk | sk | row |
//! |---|---|---|
//! | `{shop}#product#{id}` | `counts` | how many reviews give it each number of stars, like it, …; changed by adding |
//! | `{shop}#opinions#{person}` | `review#{product}` | their review of a product; in `by_shop`, listed under the product |
//! | the same | `reaction#{product}` | whether they like it |
//! | the same | `j#{event}` | the journal of both, and of what they passed on |
//!
//! All that one person left is in one partition, so that it can be found when they ask to be forgotten. A person's row
//! and the product's counts change in one transaction, and the row's version decides whether they do: counts are
//! exactly those of the rows.

use std::collections::BTreeMap;

use contract::{
    JournalEvent,
    http::catalog::{NewReview, ProductStats, ShareChannel},
};
use domain::{
    ProductId, ShopId, UserId,
    review::{Ratings, Stars},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Cursor, Dynamo, JOURNAL, Key, Query, Transaction,
    catalog::product_key,
    dynamo::{Indexed, item, number},
    sortable,
};
use crate::Result;

/// A customer's review of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReview {
    /// Of what.
    pub product_id: ProductId,
    /// Whose.
    pub customer_id: UserId,
    /// What it says.
    #[serde(flatten)]
    pub review: NewReview,
    /// Whether they had bought it when they wrote it.
    pub verified_purchase: bool,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// How often it was written.
    pub version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReviewRow {
    #[serde(flatten)]
    review: StoredReview,
    listing: String,
    listed_at: String,
}

/// What a customer thinks of a product without words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReaction {
    /// Whether they like it.
    pub is_liked: bool,
    /// Whether it is among their favourites.
    pub is_favorite: bool,
    /// How often that changed; 0 if never.
    pub version: u64,
}

/// Something that is counted of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Reviews that give it so many stars.
    Stars(Stars),
    /// Customers who like it.
    Likes,
    /// Customers who have it among their favourites.
    Favorites,
    /// How often it was passed on in this way.
    Shares(ShareChannel),
}

impl Counter {
    fn name(self) -> String {
        match self {
            Self::Stars(stars) => format!("stars_{}", stars.get()),
            Self::Likes => "likes".into(),
            Self::Favorites => "favorites".into(),
            Self::Shares(channel) => format!("shares_{}", channel.name()),
        }
    }
}

fn counts_key(shop: &ShopId, product: &ProductId) -> Key {
    Key::new(product_key(shop, product).pk, "counts")
}

fn opinions_pk(shop: &ShopId, person: &UserId) -> String {
    format!("{shop}#opinions#{person}")
}

fn review_key(shop: &ShopId, person: &UserId, product: &ProductId) -> Key {
    Key::new(opinions_pk(shop, person), format!("review#{product}"))
}

fn reaction_key(shop: &ShopId, person: &UserId, product: &ProductId) -> Key {
    Key::new(opinions_pk(shop, person), format!("reaction#{product}"))
}

fn listing(shop: &ShopId, product: &ProductId) -> String {
    format!("{shop}#review#{product}")
}

impl Transaction {
    /// Writes a review over the version before it, or as a new one.
    pub(crate) fn put_review(&mut self, store: &Dynamo, shop: &ShopId, review: &StoredReview) -> Result<()> {
        let key = review_key(shop, &review.customer_id, &review.product_id);
        let row = ReviewRow {
            listing: listing(shop, &review.product_id),
            listed_at: format!("{}#{}", sortable(review.created_at), review.customer_id),
            review: review.clone(),
        };
        self.put_next(store, item(&key, &row)?, review.version)
    }

    /// Writes what a customer thinks over the version before it, or for the first time.
    pub(crate) fn put_reaction(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        person: &UserId,
        product: &ProductId,
        reaction: &StoredReaction,
    ) -> Result<()> {
        let row = item(&reaction_key(shop, person, product), reaction)?;
        self.put_next(store, row, reaction.version)
    }

    fn put_next(&mut self, store: &Dynamo, item: super::Item, version: u64) -> Result<()> {
        match version {
            1 => self.put_new(&store.tables.catalog, item),
            version => self.put_version(&store.tables.catalog, item, version - 1),
        }
    }

    /// Adds to the counts of a product; without changes it adds no write.
    pub(crate) fn count_opinions(
        &mut self,
        store: &Dynamo,
        shop: &ShopId,
        product: &ProductId,
        changes: &[(Counter, i64)],
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let added: Vec<String> =
            changes.iter().map(|(counter, _)| format!("{0} :{0}", counter.name())).collect();
        let values = changes.iter().map(|(counter, by)| (format!(":{}", counter.name()), number(by)));
        let expression = format!("ADD {}", added.join(", "));
        self.update(&store.tables.catalog, &counts_key(shop, product), expression, None, values.collect())
    }

    /// Writes the journal row of what a person thinks, or passes on.
    pub(crate) fn journal_opinion(&mut self, store: &Dynamo, event: &JournalEvent) -> Result<()> {
        let key = Key::new(opinions_pk(&event.shop_id, &event.actor), format!("{JOURNAL}{}", event.id));
        self.put_new(&store.tables.catalog, item(&key, event)?)
    }
}

impl Dynamo {
    /// A customer's review of a product.
    pub async fn review(
        &self,
        shop: &ShopId,
        person: &UserId,
        product: &ProductId,
    ) -> Result<Option<StoredReview>> {
        let key = review_key(shop, person, product);
        let row: Option<ReviewRow> = self.get(&self.tables.catalog, &key, true).await?;
        Ok(row.map(|row| row.review))
    }

    /// A page of the reviews of a product, newest first.
    pub async fn reviews(
        &self,
        shop: &ShopId,
        product: &ProductId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<(Vec<StoredReview>, Option<Cursor>)> {
        let query = Query::new(&self.tables.catalog, listing(shop, product)).on_index(
            "by_shop",
            "listing",
            "listed_at",
        );
        let query = query.limit(limit).newest_first().after(cursor);
        let (keys, next): (Vec<Indexed>, _) = self.query(&query).await?;
        let keys: Vec<Key> = keys.into_iter().map(|row| Key::new(row.pk, row.sk)).collect();
        let mut rows: Vec<ReviewRow> = self.get_many(&self.tables.catalog, &keys).await?;
        rows.sort_by(|a, b| b.listed_at.cmp(&a.listed_at));
        Ok((rows.into_iter().map(|row| row.review).collect(), next))
    }

    /// What a customer thinks of a product; of one that they never said anything about, nothing.
    pub async fn reaction(
        &self,
        shop: &ShopId,
        person: &UserId,
        product: &ProductId,
    ) -> Result<StoredReaction> {
        let key = reaction_key(shop, person, product);
        Ok(self.get(&self.tables.catalog, &key, true).await?.unwrap_or_default())
    }

    /// How a product is liked.
    pub async fn product_stats(
        &self,
        shop: &ShopId,
        product: &ProductId,
        consistent: bool,
    ) -> Result<ProductStats> {
        let row: Option<Map<String, Value>> =
            self.get(&self.tables.catalog, &counts_key(shop, product), consistent).await?;
        let row = row.unwrap_or_default();
        let count = |counter: Counter| row.get(&counter.name()).and_then(Value::as_u64).unwrap_or(0);
        let shares_by_channel: BTreeMap<ShareChannel, u64> = ShareChannel::ALL
            .into_iter()
            .map(|channel| (channel, count(Counter::Shares(channel))))
            .filter(|(_, shares)| *shares > 0)
            .collect();
        Ok(ProductStats {
            rating: Ratings::of(Stars::ALL.map(|stars| count(Counter::Stars(stars)))).into(),
            likes: count(Counter::Likes),
            favorites: count(Counter::Favorites),
            shares: shares_by_channel.values().sum(),
            shares_by_channel,
        })
    }
}
