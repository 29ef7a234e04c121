//! Dividing the levels of a product into buckets, so that thousands can buy it at once.
//!
//! Each level is divided in one transaction and sold from all the while. What is set aside or sold stays in the bucket
//! where it was drawn; only what is free is shared out anew.

use contract::{
    Fact, JournalEvent,
    http::alerts::{DivisionView, NewDivision},
    journal::StockMovement,
};
use domain::{
    Bucket, Permission, Principal, ProductId, Sku, StockChange, bucket::share_out, stock::ChangeType,
};

use super::Inventory;
use crate::{
    Error, Result,
    journal::Author,
    store::{
        Transaction,
        inventory::{LevelRow, joined},
    },
};

/// How often a level is divided anew because it was sold from meanwhile.
const MAX_ROUNDS: u32 = 32;

impl Inventory {
    /// Divides every level that a product has into so many buckets, or joins them again.
    pub async fn divide(
        &self,
        who: &Principal,
        product: &ProductId,
        new: NewDivision,
    ) -> Result<DivisionView> {
        who.may(Permission::AdjustStock)?;
        if !(1..=Bucket::MOST).contains(&new.buckets) {
            let message = format!("expected 1 to {}", Bucket::MOST);
            return Err(Error::field("buckets", "out_of_range", message));
        }
        let levels = joined(self.store.buckets(&who.shop, product, true).await?);
        if levels.is_empty() {
            return Err(Error::NotFound);
        }
        for level in &levels {
            self.divide_level(who, &level.sku, new.buckets).await?;
        }
        let fact = Fact::StockDivided { product_id: product.clone(), buckets: new.buckets };
        let event = Author::of(who).event(&self.clock, format!("stock:{product}"), 0, fact);
        let mut transaction = Transaction::default();
        transaction.journal_watch(&self.store, product, &event)?;
        // The name of the event is new: nobody can have written it before.
        self.store.commit(&transaction).await?.map_err(|_| Error::internal("an event is there twice"))?;
        Ok(DivisionView { product_id: product.clone(), buckets: new.buckets, levels: levels.len() })
    }

    async fn divide_level(&self, who: &Principal, sku: &Sku, count: u16) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            let rows = self.store.buckets_of(&who.shop, sku).await?;
            let events = self.shared_out(who, sku, &rows, count);
            let made = u16::try_from(rows.len()).unwrap_or(u16::MAX).max(count);
            let mut transaction = Transaction::default();
            transaction.divide_stock(&self.store, &events, sku, (made, count), rows.first())?;
            if self.store.commit(&transaction).await?.is_ok() {
                self.store.divisions.learn(&who.shop, sku, Some(count));
                return Ok(());
            }
        }
        Err(Error::busy())
    }

    /// A ledger row for each bucket: what it gets of what is free, or gives.
    fn shared_out(&self, who: &Principal, sku: &Sku, rows: &[LevelRow], count: u16) -> Vec<JournalEvent> {
        let free = rows.iter().map(|row| row.level.available).sum();
        let shares = share_out(free, count);
        let buckets = rows.len().max(shares.len());
        let event = |(index, bucket): (usize, Bucket)| {
            let before = rows.get(index).map_or(0, |row| row.level.available);
            let difference = shares.get(index).copied().unwrap_or(0) - before;
            let movement = StockMovement {
                sku: sku.clone(),
                bucket,
                change: StockChange::count(ChangeType::Correction, difference),
                reason: domain::Line::new(format!("shared out to {count} buckets")).ok(),
                order_id: None,
                reservation_id: None,
                client_time: None,
                expires_on: None,
            };
            let subject = format!("stock:{}", sku.product_id);
            Author::of(who).event(&self.clock, subject, 0, Fact::StockChanged(movement))
        };
        Bucket::all(u16::try_from(buckets).unwrap_or(u16::MAX)).enumerate().map(event).collect()
    }
}
