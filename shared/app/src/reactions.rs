//! What customers think of products without words: likes, favourites, passing them on.

use std::sync::Arc;

use contract::{
    Fact,
    http::catalog::{NewShare, ReactionView, ShareView},
};
use domain::{Permission, Principal, ProductId};

use crate::{
    Clock, Error, Result, Settings,
    journal::Author,
    store::{
        Dynamo, Transaction,
        opinions::{Counter, StoredReaction},
    },
};

/// How often a reaction is written anew because another request of the same person was faster.
const MAX_ROUNDS: u32 = 8;

/// What is said of products without words, in all shops.
#[derive(Debug, Clone)]
pub struct Reactions {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
}

/// Something that a customer can think of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// They like it.
    Like,
    /// It is among their favourites.
    Favorite,
}

/// Whether they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toggle {
    /// They do.
    On,
    /// They do not, or no longer.
    Off,
}

impl Reaction {
    fn of(self, stored: &mut StoredReaction) -> (&mut bool, Counter) {
        match self {
            Self::Like => (&mut stored.is_liked, Counter::Likes),
            Self::Favorite => (&mut stored.is_favorite, Counter::Favorites),
        }
    }
}

impl Reactions {
    /// Reactions are kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock, settings: Arc<Settings>) -> Self {
        Self { store, clock, settings }
    }

    /// Notes that a customer likes a product, or has it among their favourites, or no longer. What is so already stays
    /// so, and is counted once.
    pub async fn react(
        &self,
        who: &Principal,
        product: &ProductId,
        reaction: Reaction,
        toggle: Toggle,
    ) -> Result<ReactionView> {
        who.may(Permission::GiveOpinion)?;
        self.check_product(who, product).await?;
        for _ in 0..MAX_ROUNDS {
            let mut next = self.store.reaction(&who.shop, &who.subject, product).await?;
            let (is_so, counter) = reaction.of(&mut next);
            if *is_so == (toggle == Toggle::On) {
                return self.view(who, product, &next).await;
            }
            *is_so = toggle == Toggle::On;
            next.version += 1;
            let by = if toggle == Toggle::On { 1 } else { -1 };
            if self.save(who, product, &next, (counter, by)).await? {
                return self.view(who, product, &next).await;
            }
        }
        Err(Error::busy())
    }

    async fn save(
        &self,
        who: &Principal,
        product: &ProductId,
        next: &StoredReaction,
        change: (Counter, i64),
    ) -> Result<bool> {
        let fact = Fact::ReactionChanged {
            product_id: product.clone(),
            customer_id: who.subject.clone(),
            is_liked: next.is_liked,
            is_favorite: next.is_favorite,
        };
        let event = Author::of(who).event(&self.clock, format!("product:{product}"), next.version, fact);
        let mut transaction = Transaction::default();
        transaction.put_reaction(&self.store, &who.shop, &who.subject, product, next)?;
        transaction.count_opinions(&self.store, &who.shop, product, &[change])?;
        transaction.journal_opinion(&self.store, &event)?;
        Ok(self.store.commit(&transaction).await?.is_ok())
    }

    async fn view(
        &self,
        who: &Principal,
        product: &ProductId,
        stored: &StoredReaction,
    ) -> Result<ReactionView> {
        let stats = self.store.product_stats(&who.shop, product, true).await?;
        Ok(ReactionView {
            product_id: product.clone(),
            is_liked: stored.is_liked,
            is_favorite: stored.is_favorite,
            likes: stats.likes,
            favorites: stats.favorites,
        })
    }

    /// Counts that a product is passed on, and says at which address it is to be found.
    pub async fn share(&self, who: &Principal, product: &ProductId, new: NewShare) -> Result<ShareView> {
        who.may(Permission::ShareProduct)?;
        self.check_product(who, product).await?;
        let channel = new.channel;
        let fact = Fact::ProductShared { product_id: product.clone(), channel };
        let event = Author::of(who).event(&self.clock, format!("product:{product}"), 0, fact);
        let mut transaction = Transaction::default();
        // In a transaction, because the SDK names it: one whose answer was lost is not counted twice.
        transaction.count_opinions(&self.store, &who.shop, product, &[(Counter::Shares(channel), 1)])?;
        transaction.journal_opinion(&self.store, &event)?;
        let taken = |_| Error::internal(format!("there is an event {} already", event.id));
        self.store.commit(&transaction).await?.map_err(taken)?;
        Ok(ShareView {
            url: format!("{}/products/{product}?shared_by={}", self.settings.shop_url, channel.name()),
        })
    }

    async fn check_product(&self, who: &Principal, product: &ProductId) -> Result<()> {
        let found = self.store.product(&who.shop, product).await?;
        found.filter(|found| !found.is_deleted).map(drop).ok_or(Error::NotFound)
    }
}
