//! The catalog: what is sold, and for how much.

use std::{collections::BTreeSet, sync::Arc};

use contract::{
    ErrorCode, Fact,
    http::{
        Page,
        catalog::{
            Availability, MAX_CATEGORIES, MAX_IMAGES, MAX_TAGS, MAX_VARIANTS, NewProduct, ProductDetails,
            ProductInFull, ProductView, ReviewView, Variant,
        },
    },
};
use domain::{Money, Permission, Principal, ProductId, ShopId, VariantId};

use crate::{
    Clock, Error, Result, Settings,
    idempotency::RequestKey,
    inventory::Inventory,
    journal::Author,
    reviews::Reviews,
    store::{Cursor, Dynamo, Transaction, catalog::StoredProduct, orders::check_fingerprint},
};

/// The products of all shops.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Dynamo,
    clock: Clock,
    settings: Arc<Settings>,
    inventory: Inventory,
    reviews: Reviews,
}

/// How many reviews are read along with a product.
const REVIEWS_INCLUDED: u32 = 10;

/// What is to be read along with a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// Its newest reviews.
    pub reviews: bool,
    /// How it is liked.
    pub stats: bool,
    /// Whether it can be bought.
    pub availability: bool,
}

impl Include {
    /// Everything.
    pub const ALL: Self = Self { reviews: true, stats: true, availability: true };

    /// Reads words separated by commas; `variants` are always there.
    pub fn parse(words: &str) -> Result<Self> {
        let mut include = Self::default();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "all" => include = Self::ALL,
                "variants" => {}
                "reviews" => include.reviews = true,
                "stats" => include.stats = true,
                "availability" => include.availability = true,
                _ => {
                    let message = "expected variants, reviews, stats, availability or all";
                    return Err(Error::field("include", "unknown", message));
                }
            }
        }
        Ok(include)
    }
}

impl Catalog {
    /// Products are kept in `store`; what belongs to them is read from `inventory` and `reviews`.
    pub const fn new(
        store: Dynamo,
        clock: Clock,
        settings: Arc<Settings>,
        inventory: Inventory,
        reviews: Reviews,
    ) -> Self {
        Self { store, clock, settings, inventory, reviews }
    }

    /// A product.
    pub async fn read(&self, shop: &ShopId, id: &ProductId) -> Result<ProductView> {
        Ok(self.existing(shop, id).await?.product)
    }

    /// A product and what was asked along with it, all read at once.
    pub async fn read_with(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        id: &ProductId,
        include: Include,
    ) -> Result<ProductInFull> {
        let product = self.read(shop, id).await?;
        // Boxed: each of these futures is deep, and together they would be too large for the stack.
        let reviews = Box::pin(async {
            match include.reviews {
                true => self.reviews.list(shop, viewer, id, REVIEWS_INCLUDED, None).await.map(Some),
                false => Ok(None),
            }
        });
        let stats = Box::pin(async {
            match include.stats {
                true => self.store.product_stats(shop, id, false).await.map(Some),
                false => Ok(None),
            }
        });
        let availability = Box::pin(async {
            match include.availability {
                true => self.availability(shop, viewer, &product).await.map(Some),
                false => Ok(None),
            }
        });
        let read = futures_util::future::try_join3(reviews, stats, availability).await;
        let (reviews, stats, availability) = read?;
        Ok(ProductInFull { product, reviews, stats, availability })
    }

    async fn availability(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        product: &ProductView,
    ) -> Result<Availability> {
        let variants: Vec<VariantId> =
            product.details.variants.iter().map(|variant| variant.variant_id.clone()).collect();
        let (stock, variants) =
            self.inventory.stock_by_variant(shop, viewer, &product.product_id, &variants).await?;
        let is_there = match variants.is_empty() {
            true => stock.is_in_stock,
            false => variants.iter().any(|variant| variant.is_in_stock),
        };
        let terms = product.details.terms();
        let is_open = terms.are_open_on(self.settings.today(self.clock.now()));
        Ok(Availability { is_orderable: is_open && (is_there || terms.allow_backorder), stock, variants })
    }

    /// The variants of a product.
    pub async fn variants(&self, shop: &ShopId, id: &ProductId) -> Result<Vec<Variant>> {
        Ok(self.read(shop, id).await?.details.variants)
    }

    /// A page of the reviews of a product, newest first.
    pub async fn reviews(
        &self,
        shop: &ShopId,
        viewer: Option<&Principal>,
        id: &ProductId,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<ReviewView>> {
        self.existing(shop, id).await?;
        self.reviews.list(shop, viewer, id, limit, cursor).await
    }

    /// A page of products, oldest first.
    pub async fn list(&self, shop: &ShopId, limit: u32, cursor: Option<Cursor>) -> Result<Page<ProductView>> {
        let (data, next) = self.store.products(shop, limit, cursor).await?;
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// Makes a product. Asked again with the same key it answers with the same product.
    pub async fn create(&self, who: &Principal, key: &RequestKey, new: NewProduct) -> Result<ProductView> {
        who.may(Permission::MaintainCatalog)?;
        check(&new.details)?;
        let named = || ProductId::from_uuid(key.name(who, "product"));
        let id = new.product_id.unwrap_or_else(named);
        if id.is_reserved() {
            return Err(Error::field("product_id", "reserved", "is a word of the API's own paths"));
        }
        let before = self.store.product(&who.shop, &id).await?;
        if let Some(made) = before.as_ref().filter(|found| !found.is_deleted) {
            return match check_fingerprint(&made.fingerprint, &key.fingerprint) {
                Ok(()) => Ok(made.product.clone()),
                Err(_) => Err(Error::conflict(ErrorCode::VersionConflict, "there is a product with this id")),
            };
        }
        let now = self.clock.now();
        let version = before.map_or(0, |found| found.product.version) + 1;
        let product =
            ProductView { product_id: id, details: new.details, created_at: now, updated_at: now, version };
        self.save(who, product, None, key.fingerprint.clone()).await
    }

    /// Changes a product, if it is still at version `seen`.
    pub async fn change(
        &self,
        who: &Principal,
        id: &ProductId,
        seen: Option<u64>,
        details: ProductDetails,
    ) -> Result<ProductView> {
        who.may(Permission::MaintainCatalog)?;
        check(&details)?;
        let StoredProduct { product, fingerprint, .. } = self.existing(&who.shop, id).await?;
        check_version(seen, product.version)?;
        let version = product.version + 1;
        let previous_price = Some(product.details.price);
        let changed = ProductView { details, updated_at: self.clock.now(), version, ..product };
        self.save(who, changed, previous_price, fingerprint).await
    }

    /// Takes a product out of the catalog; its orders and stock stay.
    pub async fn delete(&self, who: &Principal, id: &ProductId, seen: Option<u64>) -> Result<()> {
        who.may(Permission::MaintainCatalog)?;
        let mut stored = self.existing(&who.shop, id).await?;
        check_version(seen, stored.product.version)?;
        stored.product.version += 1;
        stored.is_deleted = true;
        self.write(who, &stored, Fact::ProductDeleted { product_id: id.clone() }).await
    }

    async fn existing(&self, shop: &ShopId, id: &ProductId) -> Result<StoredProduct> {
        self.store.product(shop, id).await?.filter(|found| !found.is_deleted).ok_or(Error::NotFound)
    }

    async fn save(
        &self,
        who: &Principal,
        product: ProductView,
        previous_price: Option<Money>,
        fingerprint: String,
    ) -> Result<ProductView> {
        let fact = Fact::ProductSaved {
            product_id: product.product_id.clone(),
            name: product.details.name.clone(),
            price: product.details.price,
            previous_price,
        };
        self.write(who, &StoredProduct { product: product.clone(), fingerprint, is_deleted: false }, fact)
            .await?;
        Ok(product)
    }

    async fn write(&self, who: &Principal, stored: &StoredProduct, fact: Fact) -> Result<()> {
        let ProductView { product_id, version, .. } = &stored.product;
        let event = Author::of(who).event(&self.clock, format!("product:{product_id}"), *version, fact);
        let mut transaction = Transaction::default();
        transaction.put_product(&self.store, &who.shop, stored)?;
        transaction.journal_product(&self.store, product_id, &event)?;
        let changed = |_| Error::conflict(ErrorCode::VersionConflict, "the product has changed meanwhile");
        self.store.commit(&transaction).await?.map_err(changed)
    }
}

fn check_version(seen: Option<u64>, version: u64) -> Result<()> {
    match seen {
        Some(seen) if seen != version => {
            Err(Error::conflict(ErrorCode::VersionConflict, format!("the product is at version {version}")))
        }
        _ => Ok(()),
    }
}

fn check(details: &ProductDetails) -> Result<()> {
    if details.price.amount < 0 {
        return Err(Error::field("price.amount", "out_of_range", "expected 0 or more minor units"));
    }
    details
        .price
        .check_chargeable()
        .map_err(|error| Error::field("price.amount", "invalid", error.to_string()))?;
    let lists = [
        ("variants", details.variants.len(), MAX_VARIANTS),
        ("image_urls", details.image_urls.len(), MAX_IMAGES),
        ("categories", details.categories.len(), MAX_CATEGORIES),
        ("tags", details.tags.len(), MAX_TAGS),
    ];
    for (field, length, most) in lists {
        if length > most {
            return Err(Error::field(field, "too_many", format!("expected at most {most}")));
        }
    }
    let mut seen = BTreeSet::new();
    for (index, variant) in details.variants.iter().enumerate() {
        if !seen.insert(&variant.variant_id) {
            return Err(Error::field(
                &format!("variants[{index}].variant_id"),
                "duplicate",
                "is there twice",
            ));
        }
        let price = variant.price.unwrap_or(details.price);
        let is_chargeable = price.check_chargeable().is_ok();
        if price.amount < 0 || !is_chargeable || price.currency != details.price.currency {
            let message = "expected 0 or more minor units of the product's currency";
            return Err(Error::field(&format!("variants[{index}].price"), "out_of_range", message));
        }
    }
    Ok(())
}
