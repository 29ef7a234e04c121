//! Taking stock: from one bucket where a level has only one, from whichever has enough where it is divided.

use contract::{Fact, errors::Shortage, journal::StockMovement};
use domain::{
    Bucket, ShopId, Sku, StockChange,
    bucket::{Part, draw},
    reservation::ReservedLine,
};
use futures_util::future::try_join_all;

use crate::{
    Clock, Error, Result,
    journal::Author,
    store::{
        Dynamo, Refusal, Transaction,
        inventory::{available_instead, buckets_instead},
    },
};

/// How often buckets are chosen anew because somebody emptied one meanwhile.
const MAX_ROUNDS: u32 = 8;

/// What taking stock came to.
#[derive(Debug)]
pub(crate) enum Taken<T> {
    /// It was taken, and all that goes with it was written.
    Done(T),
    /// There is too little: of what, and how much there is.
    Short(Vec<(Sku, i64)>),
    /// It is there, in more buckets than one transaction can draw from.
    Scattered,
    /// Something else that goes with it did not hold.
    Refused,
}

/// Takes `wanted`, all or nothing, in a transaction that `write` makes for the buckets that it is given. The
/// transaction's first writes must be the levels' ([`Transaction::move_stock`]).
pub(crate) async fn take<T>(
    store: &Dynamo,
    shop: &ShopId,
    wanted: &[ReservedLine],
    mut write: impl FnMut(&[Part]) -> Result<(Transaction, T)>,
) -> Result<Taken<T>> {
    let first =
        |line: &ReservedLine| Part { bucket: store.divisions.any(shop, &line.sku), ..line.in_first_bucket() };
    let mut parts: Vec<Part> = wanted.iter().map(first).collect();
    for _ in 0..MAX_ROUNDS {
        let (transaction, value) = write(&parts)?;
        if transaction.is_too_large() {
            return Ok(Taken::Scattered);
        }
        let Err(refusal) = store.commit(&transaction).await? else {
            return Ok(Taken::Done(value));
        };
        if (transaction.shelves().len()..transaction.len()).any(|index| refusal.of(index).is_some()) {
            return Ok(Taken::Refused);
        }
        let short = short_for_good(store, shop, &transaction, &refusal);
        if !short.is_empty() {
            return Ok(Taken::Short(short));
        }
        match choose(store, shop, wanted).await? {
            Ok(chosen) => parts = chosen,
            Err(short) => return Ok(Taken::Short(short)),
        }
    }
    Err(Error::busy())
}

/// Levels that have too little and no other bucket to draw from.
fn short_for_good(
    store: &Dynamo,
    shop: &ShopId,
    transaction: &Transaction,
    refusal: &Refusal,
) -> Vec<(Sku, i64)> {
    let short = |(index, (sku, bucket)): (usize, &(Sku, Bucket))| {
        let available = available_instead(refusal, index)?;
        let is_divided = !bucket.is_first()
            || buckets_instead(refusal, index).is_some()
            || store.divisions.of(shop, sku).is_some();
        (!is_divided).then(|| (sku.clone(), available))
    };
    transaction.shelves().iter().enumerate().filter_map(short).collect()
}

/// Buckets that have enough of each line as they are now, or what there is too little of.
async fn choose(
    store: &Dynamo,
    shop: &ShopId,
    wanted: &[ReservedLine],
) -> Result<Result<Vec<Part>, Vec<(Sku, i64)>>> {
    let levels = try_join_all(wanted.iter().map(|line| store.buckets_of(shop, &line.sku))).await?;
    let (mut parts, mut short) = (vec![], vec![]);
    for (line, rows) in wanted.iter().zip(levels) {
        let free: Vec<_> = rows.iter().map(|row| (row.bucket, row.level.available)).collect();
        match draw(&free, line.quantity) {
            Ok(drawn) => parts.extend(drawn.into_iter().map(|(bucket, quantity)| Part {
                sku: line.sku.clone(),
                bucket,
                quantity,
            })),
            Err(error) => short.push((line.sku.clone(), error.available)),
        }
    }
    Ok(if short.is_empty() { Ok(parts) } else { Err(short) })
}

/// The error that says which of `lines` there is too little of; what the holder has already counts as there.
pub(crate) fn short_of(lines: &[ReservedLine], short: &[(Sku, i64)], held: impl Fn(&Sku) -> u32) -> Error {
    let shortage = |(sku, available): &(Sku, i64)| {
        let line = lines.iter().find(|line| line.sku == *sku)?;
        let available_quantity = available + i64::from(held(sku));
        Some(Shortage { sku: sku.clone(), quantity: line.quantity.get(), available_quantity })
    };
    Error::short_of(short.iter().filter_map(shortage).collect())
}

/// The ledger rows of what is done to `parts`, each as `note` completes it.
pub(crate) fn movements(
    author: &Author,
    clock: &Clock,
    parts: impl IntoIterator<Item = (Part, StockChange)>,
    note: impl Fn(&mut StockMovement),
) -> Vec<contract::JournalEvent> {
    let event = |(part, change): (Part, StockChange)| {
        let mut movement = StockMovement::of(&part, change);
        note(&mut movement);
        let subject = format!("stock:{}", part.sku.product_id);
        author.event(clock, subject, 0, Fact::StockChanged(movement))
    };
    parts.into_iter().map(event).collect()
}
