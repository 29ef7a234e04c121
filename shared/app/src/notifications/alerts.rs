//! Wishes to be told of a product: that it is there again, that it costs less.

use contract::{
    Fact,
    http::notifications::{NewProductAlert, ProductAlertKind, ProductAlertView},
};
use domain::{Money, Permission, Principal, ProductId, VariantId, notification::address::is_mail_address};
use jiff::SignedDuration;

use super::{
    Notifications,
    links::{Link, address_digest},
};
use crate::{
    Error, Result,
    journal::Author,
    store::notifications::{Letter, Watcher},
};

/// Wishes that one person may have.
const MOST: u32 = 100;
/// How long a wish is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long one is kept that nobody has confirmed.
const UNCONFIRMED_KEPT: SignedDuration = SignedDuration::from_hours(48);

impl Notifications {
    /// Somebody wants to be told of a product. Wished again, the last wish holds.
    pub async fn wish(
        &self,
        who: &Principal,
        (product, kind): (&ProductId, ProductAlertKind),
        new: NewProductAlert,
    ) -> Result<ProductAlertView> {
        who.may(Permission::BeNotified)?;
        let found = self.store.product(&who.shop, product).await?.filter(|found| !found.is_deleted);
        let found = found.ok_or(Error::NotFound)?;
        let has_variant = |variant: &VariantId| {
            found.product.details.variants.iter().any(|known| known.variant_id == *variant)
        };
        if new.variant_id.as_ref().is_some_and(|variant| !has_variant(variant)) {
            return Err(Error::field("variant_id", "unknown", "expected a variant of the product"));
        }
        if new.below.is_some_and(|below| below < 0) {
            return Err(Error::field("below", "out_of_range", "expected 0 or more minor units"));
        }
        if new.email.as_deref().is_some_and(|email| !is_mail_address(email)) {
            return Err(Error::field("email", "invalid", "expected one address, such as ana@shop.example"));
        }
        let watcher = self.watcher(who, product, kind, new);
        let known = self.store.watcher(&who.shop, &watcher).await?;
        if known.is_none() && self.store.count_watches(&who.shop, &who.subject, MOST).await? >= MOST as usize
        {
            return Err(Error::field("product_id", "too_many", "expected at most 100 wishes"));
        }
        let is_confirmed = watcher.email.is_none()
            || known.is_some_and(|known| known.is_confirmed && known.email == watcher.email);
        let watcher = Watcher { is_confirmed, ..watcher };
        if let Some(email) = watcher.email.as_deref().filter(|_| !is_confirmed) {
            self.limit_confirmations(&who.shop, email).await?;
        }
        self.store.put_watcher(&watcher, &self.wished(&Author::of(who), &watcher, true)).await?;
        if let Some(email) = watcher.email.clone().filter(|_| !is_confirmed) {
            let letter = Letter::ConfirmAlert(Box::new(watcher.clone()));
            self.ask(&who.shop, &who.subject, email, letter).await?;
        }
        Ok(ProductAlertView {
            kind,
            product_id: product.clone(),
            below: watcher.below.map(|below| Money::new(below, found.product.details.price.currency)),
            variant_id: watcher.variant_id,
            awaits_confirmation: !is_confirmed,
            created_at: watcher.created_at,
        })
    }

    fn watcher(
        &self,
        who: &Principal,
        product: &ProductId,
        kind: ProductAlertKind,
        new: NewProductAlert,
    ) -> Watcher {
        let kept = if new.email.is_some() { UNCONFIRMED_KEPT } else { KEPT };
        Watcher {
            user_id: who.subject.clone(),
            kind,
            product_id: product.clone(),
            variant_id: new.variant_id,
            email: new.email,
            is_confirmed: false,
            below: new.below,
            created_at: self.clock.now(),
            expires_at: self.clock.after(kept).as_second(),
        }
    }

    /// Somebody does not want to be told of a product any more.
    pub async fn unwish(
        &self,
        who: &Principal,
        (product, kind): (&ProductId, ProductAlertKind),
        variant: Option<VariantId>,
    ) -> Result<()> {
        who.may(Permission::BeNotified)?;
        let watcher = self.watcher(
            who,
            product,
            kind,
            NewProductAlert { variant_id: variant, ..NewProductAlert::default() },
        );
        self.store.forget_watcher(&watcher, &self.wished(&Author::of(who), &watcher, false)).await
    }

    /// Somebody at an address says that they want it.
    pub(super) async fn confirm_alert(&self, link: &Link) -> Result<()> {
        let Link::ConfirmAlert { shop, user, product, variant, kind, address } = link else {
            return Err(Error::Unauthenticated);
        };
        let like = Watcher {
            user_id: user.clone(),
            kind: *kind,
            product_id: product.clone(),
            variant_id: variant.clone(),
            email: None,
            is_confirmed: true,
            below: None,
            created_at: self.clock.now(),
            expires_at: self.clock.after(KEPT).as_second(),
        };
        let found = self.store.watcher(shop, &like).await?.ok_or(Error::NotFound)?;
        if found.email.as_deref().is_none_or(|email| address_digest(email) != *address) {
            return Err(Error::NotFound);
        }
        let confirmed = Watcher { is_confirmed: true, expires_at: like.expires_at, ..found };
        let author = Author { shop: shop.clone(), actor: user.clone(), cause: None };
        self.store.put_watcher(&confirmed, &self.wished(&author, &confirmed, true)).await
    }

    fn wished(&self, author: &Author, watcher: &Watcher, is_wanted: bool) -> contract::JournalEvent {
        let fact = Fact::ProductAlertChanged {
            user_id: watcher.user_id.clone(),
            product_id: watcher.product_id.clone(),
            kind: watcher.kind,
            is_wanted,
        };
        author.event(&self.clock, format!("product:{}", watcher.product_id), 0, fact)
    }
}
