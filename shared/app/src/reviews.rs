//! Reviews: what customers write of products, and whether they had bought them.

use contract::{
    Fact,
    http::{
        Page,
        catalog::{NewReview, ReviewView},
    },
};
use domain::{Permission, Principal, ProductId, ShopId, UserId, review};

use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{
        Cursor, Dynamo, Transaction,
        opinions::{Counter, StoredReview},
        orders::{Listed, StoredOrder},
    },
};

/// How often a review is written anew because another request of the same person was faster.
const MAX_ROUNDS: u32 = 8;
/// How many of a person's orders are looked through for a purchase, newest first, a hundred at a time.
const PAGES_OF_ORDERS: u32 = 5;

/// The reviews of all shops.
#[derive(Debug, Clone)]
pub struct Reviews {
    store: Dynamo,
    clock: Clock,
}

impl Reviews {
    /// Reviews are kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// A page of the reviews of a product, newest first.
    pub async fn list(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        product: &ProductId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<ReviewView>> {
        let (reviews, next) = self.store.reviews(shop, product, limit, cursor).await?;
        let data = reviews.into_iter().map(|review| review_view(review, viewer)).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// Writes what a customer has to say of a product, in place of what they said before. The product's counts change
    /// with it, in one transaction.
    pub async fn write(&self, who: &Principal, product: &ProductId, new: NewReview) -> Result<ReviewView> {
        who.may(Permission::GiveOpinion)?;
        self.store
            .product(&who.shop, product)
            .await?
            .filter(|found| !found.is_deleted)
            .ok_or(Error::NotFound)?;
        let verified_purchase = self.has_bought(who, product).await?;
        for _ in 0..MAX_ROUNDS {
            let before = self.store.review(&who.shop, &who.subject, product).await?;
            let now = self.clock.now();
            let next = StoredReview {
                product_id: product.clone(),
                customer_id: who.subject.clone(),
                review: new.clone(),
                verified_purchase,
                created_at: before.as_ref().map_or(now, |before| before.created_at),
                updated_at: now,
                version: before.as_ref().map_or(0, |before| before.version) + 1,
            };
            match before {
                // What was said already is not said again: a request that is repeated after a crash ends here.
                Some(before) if before.review == new && before.verified_purchase == verified_purchase => {
                    return Ok(review_view(before, Some(who)));
                }
                before => {
                    if self.save(who, before.as_ref(), &next).await? {
                        return Ok(review_view(next, Some(who)));
                    }
                }
            }
        }
        Err(Error::busy())
    }

    /// Writes a review and what it does to the counts; `false` if somebody was faster.
    async fn save(
        &self,
        who: &Principal,
        before: Option<&StoredReview>,
        next: &StoredReview,
    ) -> Result<bool> {
        let fact = Fact::ReviewSaved {
            product_id: next.product_id.clone(),
            customer_id: next.customer_id.clone(),
            rating: next.review.rating,
            verified_purchase: next.verified_purchase,
        };
        let subject = format!("product:{}", next.product_id);
        let event = Author::of(who).event(&self.clock, subject, next.version, fact);
        let changes = review::changes(before.map(|before| before.review.rating), Some(next.review.rating));
        let changes: Vec<_> = changes.into_iter().map(|(stars, by)| (Counter::Stars(stars), by)).collect();
        let mut transaction = Transaction::default();
        transaction.put_review(&self.store, &who.shop, next)?;
        transaction.count_opinions(&self.store, &who.shop, &next.product_id, &changes)?;
        transaction.journal_opinion(&self.store, &event)?;
        Ok(self.store.commit(&transaction).await?.is_ok())
    }

    /// Whether a customer, or a guest that they were, has bought a product, as far as their newest 500 orders say.
    async fn has_bought(&self, who: &Principal, product: &ProductId) -> Result<bool> {
        for buyer in std::iter::once(&who.subject).chain(&who.linked_guests) {
            if self.is_in_orders_of(&who.shop, buyer, product).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_in_orders_of(&self, shop: &ShopId, buyer: &UserId, product: &ProductId) -> Result<bool> {
        let mut cursor = None;
        for _ in 0..PAGES_OF_ORDERS {
            let (orders, next) = self.store.orders(shop, Listed::Of(buyer), 100, cursor).await?;
            for order in orders.iter().filter(|stored| stored.order.is_bought()) {
                if self.is_in(shop, order, product).await? {
                    return Ok(true);
                }
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(false)
    }

    async fn is_in(&self, shop: &ShopId, order: &StoredOrder, product: &ProductId) -> Result<bool> {
        let lines = self.store.order_lines(shop, order).await?;
        Ok(lines.iter().any(|line| line.sku.product_id == *product))
    }
}

/// A review as `viewer` sees it: who wrote it is for the author and the shop's staff.
fn review_view(stored: StoredReview, viewer: Option<&Principal>) -> ReviewView {
    let sees_author = viewer.is_some_and(|who| who.is_staff() || who.subject == stored.customer_id);
    ReviewView {
        product_id: stored.product_id,
        review: stored.review,
        verified_purchase: stored.verified_purchase,
        customer_id: sees_author.then_some(stored.customer_id),
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        version: stored.version,
    }
}
