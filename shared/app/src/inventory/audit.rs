//! Whether stock is what its ledger says, and the repair of what is not.

use std::collections::BTreeMap;

use contract::{
    Fact,
    http::inventory::{StockDrift, StockReconciliation, StockRepair},
    journal::StockMovement,
};
use domain::{
    Bucket, Permission, Principal, ProductId, Reservation, ReservationId, ShopId, Sku, StockChange,
    bucket::Part, checkpoint::HoldSum, reservation::ReservationStatus, stock::ChangeType,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Inventory;
use crate::{
    Result,
    journal::Author,
    store::{
        Cursor, Transaction,
        inventory::{Books, LevelRow},
    },
};

/// So many holds are read at a time.
const AT_ONCE: usize = 16;

/// What comparing one product came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Comparison {
    levels: usize,
    movements: usize,
    drift: Vec<StockDrift>,
}

impl Inventory {
    /// Compares the levels and holds of a page of products with their ledgers.
    pub async fn reconcile(
        &self,
        who: &Principal,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<StockReconciliation> {
        who.may(Permission::AuditStock)?;
        let (products, next) = self.store.products(&who.shop, limit, cursor).await?;
        let mut report = StockReconciliation {
            levels_checked: 0,
            movements_checked: 0,
            drift: vec![],
            next_cursor: next.map(|cursor| cursor.to_string()),
        };
        for product in products {
            let found = self.compare_at_rest(&who.shop, &product.product_id).await?;
            report.levels_checked += found.levels;
            report.movements_checked += found.movements;
            report.drift.extend(found.drift);
        }
        Ok(report)
    }

    /// Repairs what a page of products shows: the ledger is brought to what a level says, since that is what every sale
    /// was checked against, and pieces that are set aside for a hold that has ended go back. Each repair is a row of
    /// the ledger, a correction.
    pub async fn repair(&self, who: &Principal, limit: u32, cursor: Option<Cursor>) -> Result<StockRepair> {
        who.may(Permission::AdjustStock)?;
        let (products, next) = self.store.products(&who.shop, limit, cursor).await?;
        let mut report = StockRepair {
            repaired: vec![],
            left: vec![],
            next_cursor: next.map(|cursor| cursor.to_string()),
        };
        for product in products {
            for drift in self.compare_at_rest(&who.shop, &product.product_id).await?.drift {
                match self.repair_one(who, &drift).await? {
                    true => report.repaired.push(drift),
                    false => report.left.push(drift),
                }
            }
        }
        Ok(report)
    }

    /// Compares a product until it is seen the same twice: what is sold meanwhile is no drift.
    async fn compare_at_rest(&self, shop: &ShopId, product: &ProductId) -> Result<Comparison> {
        let mut before = self.compare(shop, product).await?;
        for _ in 0..8 {
            if before.drift.is_empty() {
                break;
            }
            let again = self.compare(shop, product).await?;
            if again == before {
                break;
            }
            before = again;
        }
        Ok(before)
    }

    async fn compare(&self, shop: &ShopId, product: &ProductId) -> Result<Comparison> {
        let levels = self.store.buckets(shop, product, true).await?;
        let most = levels.iter().filter_map(|row| row.buckets).max().unwrap_or(1);
        let mut found = Comparison { levels: levels.len(), ..Comparison::default() };
        for bucket in Bucket::all(most) {
            let levels: Vec<_> = levels.iter().filter(|row| row.bucket == bucket).collect();
            let books = self.store.books(shop, product, bucket, None).await?;
            found.movements += books.movements.len();
            found.drift.extend(level_drift(&levels, &books, bucket));
            found.drift.extend(self.hold_drift(shop, &books, bucket).await?);
        }
        Ok(found)
    }

    /// Holds that do not hold what the ledger says is set aside for them.
    async fn hold_drift(&self, shop: &ShopId, books: &Books, bucket: Bucket) -> Result<Vec<StockDrift>> {
        let mut set_aside: BTreeMap<(ReservationId, Sku), i64> = BTreeMap::new();
        for HoldSum { reservation_id, sku, pieces } in books.checkpoint.holds() {
            set_aside.insert((reservation_id.clone(), sku.clone()), *pieces);
        }
        for (_, movement) in &books.movements {
            if let Some(id) = &movement.reservation_id {
                *set_aside.entry((id.clone(), movement.sku.clone())).or_default() += movement.change.reserved;
            }
        }
        let open = set_aside.into_iter().filter(|(_, pieces)| *pieces != 0);
        let read = open.map(|((id, sku), pieces)| async move {
            let stored = self.store.reservation(shop, &id).await?;
            let held = stored.map_or(0, |stored| held_in(&stored.reservation, &sku, bucket));
            let drift = StockDrift {
                sku,
                bucket: bucket.number(),
                reservation_id: Some(id),
                level: [0, held, 0],
                ledger: [0, pieces, 0],
            };
            Ok::<_, crate::Error>((held != pieces).then_some(drift))
        });
        let found: Vec<_> = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Writes one correction; `false` if something has changed meanwhile.
    async fn repair_one(&self, who: &Principal, drift: &StockDrift) -> Result<bool> {
        let [available, reserved, committed] = std::array::from_fn(|counter| {
            drift.level.get(counter).unwrap_or(&0) - drift.ledger.get(counter).unwrap_or(&0)
        });
        let kind = ChangeType::Correction;
        let (change, reason) = match drift.reservation_id {
            None => (
                StockChange { kind, available, reserved, committed },
                "reconciled: the ledger follows the level",
            ),
            Some(_) => (
                StockChange { kind, available: -reserved, reserved, committed: 0 },
                "reconciled: the hold is not there",
            ),
        };
        let part = Part { sku: drift.sku.clone(), bucket: Bucket::new(drift.bucket), quantity: one()? };
        let mut movement = StockMovement::of(&part, change);
        movement.reservation_id.clone_from(&drift.reservation_id);
        movement.reason = domain::Line::new(reason).ok();
        let subject = format!("stock:{}", drift.sku.product_id);
        let event = Author::of(who).event(&self.clock, subject, 0, Fact::StockChanged(movement));
        let mut transaction = Transaction::default();
        match &drift.reservation_id {
            Some(id) => {
                let seen = self.store.reservation(&who.shop, id).await?;
                transaction.move_stock(&self.store, std::slice::from_ref(&event))?;
                transaction.check_reservation(&self.store, &who.shop, id, seen.as_ref())?;
            }
            None => {
                let rows = self.store.buckets_of(&who.shop, &drift.sku).await?;
                let row = rows.iter().find(|row| row.bucket == part.bucket);
                if row.map(counters).unwrap_or_default() != drift.level {
                    return Ok(false);
                }
                transaction.write_movement(&self.store, &event)?;
                transaction.check_level(&self.store, &who.shop, &part, row)?;
            }
        }
        Ok(self.store.commit(&transaction).await?.is_ok())
    }
}

fn one() -> Result<domain::stock::Quantity> {
    domain::stock::Quantity::new(1).map_err(|error| crate::Error::internal(error.to_string()))
}

fn counters(row: &LevelRow) -> [i64; 3] {
    [row.level.available, row.level.reserved, row.level.committed]
}

/// How many pieces of a bucket a hold has set aside.
fn held_in(hold: &Reservation, sku: &Sku, bucket: Bucket) -> i64 {
    if hold.status != ReservationStatus::Active {
        return 0;
    }
    let parts = hold.parts().into_iter().filter(|part| part.sku == *sku && part.bucket == bucket);
    parts.map(|part| i64::from(part.quantity)).sum()
}

/// Levels that are not their checkpoint and the sum of their ledger.
fn level_drift(levels: &[&LevelRow], books: &Books, bucket: Bucket) -> Vec<StockDrift> {
    let kept = books.checkpoint.levels().iter();
    let mut sums: BTreeMap<&Sku, [i64; 3]> = kept.map(|level| (&level.sku, level.sums)).collect();
    for (_, StockMovement { sku, change, .. }) in &books.movements {
        let [available, reserved, committed] = sums.entry(sku).or_default();
        *available += change.available;
        *reserved += change.reserved;
        *committed += change.committed;
    }
    let drift = |sku: &Sku, level, ledger| StockDrift {
        sku: sku.clone(),
        bucket: bucket.number(),
        reservation_id: None,
        level,
        ledger,
    };
    let mut found = vec![];
    for row in levels {
        let (level, ledger) = (counters(row), sums.remove(&row.sku).unwrap_or_default());
        if level != ledger {
            found.push(drift(&row.sku, level, ledger));
        }
    }
    let orphans = sums.into_iter().filter(|(_, ledger)| *ledger != [0; 3]);
    found.extend(orphans.map(|(sku, ledger)| drift(sku, [0; 3], ledger)));
    found
}
