//! Sold pieces that come back.

use std::ops::Range;

use contract::{
    ErrorCode, Fact, JournalEvent,
    http::sales::{NewReturn, ReturnView},
    journal::StockMovement,
};
use domain::{
    Bucket, EventId, OrderReference, PaymentId, Permission, Principal, ShopId,
    bucket::{Part, draw},
    order::OrderLine,
    payment,
    reservation::{MAX_LINES, ReservedLine, less},
    stock::{ChangeType, StockChange},
};
use jiff::Timestamp;

use super::{Inventory, aggregated};
use crate::{
    Clock, Error, Result,
    clock::derived_at,
    idempotency::Run,
    journal::Author,
    store::{
        Dynamo, Refusal, Transaction,
        inventory::{SaleRow, buckets_instead},
        orders::StoredOrder,
        payments::StoredRefund,
    },
};

/// How often buckets are chosen anew because somebody changed one meanwhile.
const MAX_ROUNDS: u32 = 8;

/// What comes back, and the name under which it does so once.
pub(crate) struct ComingBack<'a> {
    /// Everything that is written is named after this and the next.
    pub name: &'a str,
    /// When the name began to mean this.
    pub since: Timestamp,
    /// The order that it was sold in.
    pub order: Option<OrderReference>,
    /// What.
    pub lines: &'a [ReservedLine],
}

/// What taking something back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// It is on the shelf.
    Done,
    /// An earlier run put it there.
    Before,
    /// An earlier run put some of its lines there, and not all.
    InPart,
    /// Its pieces lie in so many buckets that one transaction cannot move them all.
    TooMany,
    /// What goes with it did not hold.
    Refused,
}

impl Inventory {
    /// Puts sold pieces of an order back on the shelf: at most what was sold and has not come back yet.
    pub async fn take_back(&self, who: &Principal, run: Run, new: NewReturn) -> Result<ReturnView> {
        who.may(Permission::AdjustStock)?;
        let lines = aggregated(new.items, MAX_LINES)?;
        let author = Author::of(who);
        let name = run.name("return").to_string();
        let order = Some(new.order_id.clone());
        let back = ComingBack { name: &name, since: run.started_at, order, lines: &lines };
        for _ in 0..MAX_ROUNDS {
            let sale = self.store.sale(&who.shop, &new.order_id).await?;
            let sold = self.sold_in(who, &new.order_id, sale.as_ref()).await?;
            let is_repeated = self.is_back(who, &back).await?;
            if !is_repeated {
                check_left(&sold.left, &lines)?;
            }
            let next = returned(sale, &new.order_id, run.started_at, &lines)?;
            let with = |transaction: &mut Transaction| {
                transaction.put_sale(&self.store, &who.shop, &next)?;
                match &sold.payment {
                    Some((payment, version)) => {
                        transaction.check_payment(&self.store, &who.shop, payment, *version)
                    }
                    None => Ok(()),
                }
            };
            match take_chunk_back(&self.store, &self.clock, &author, &back, (0, &lines), &with).await? {
                Back::Done | Back::Before => {
                    return Ok(ReturnView { order_id: new.order_id, items: lines });
                }
                Back::TooMany => {
                    return Err(Error::field("items", "too_many", "expected fewer lines at once"));
                }
                Back::InPart | Back::Refused => {}
            }
        }
        Err(Error::busy())
    }

    /// Whether an earlier run put it back.
    async fn is_back(&self, who: &Principal, back: &ComingBack<'_>) -> Result<bool> {
        let Some(line) = back.lines.first() else { return Ok(false) };
        let first = event(&self.clock, &Author::of(who), back, 0, &line.in_first_bucket());
        let (shop, product) = (&who.shop, &line.sku.product_id);
        Ok(self.store.movement(shop, product, Bucket::FIRST, &first.id).await?.is_some())
    }

    /// What of an order's sold pieces has not come back.
    async fn sold_in(&self, who: &Principal, order: &OrderReference, sale: Option<&SaleRow>) -> Result<Sold> {
        let returned = sale.map(|sale| sale.returned.as_slice()).unwrap_or_default();
        let own = match order.own() {
            Some(id) => self.store.order(&who.shop, &id).await?.filter(|stored| stored.order.version > 0),
            None => None,
        };
        let Some(stored) = own else {
            let sale = sale.filter(|sale| !sale.lines.is_empty()).ok_or(Error::NotFound)?;
            return Ok(Sold { left: less(&sale.lines, returned), payment: None });
        };
        let payment = crate::payments::payment_id(&who.shop, &stored.order.id);
        let paid = self.store.payment(&who.shop, &payment).await?;
        let Some(paid) = paid.filter(|_| stored.order.has_sold(false)) else {
            return Err(Error::conflict(ErrorCode::InvalidTransition, "nothing of the order is sold"));
        };
        let refunds = self.store.refunds(&who.shop, &payment).await?;
        let left = left_of(&self.store, &who.shop, &stored, &refunds, returned).await?;
        Ok(Sold { left, payment: Some((payment, paid.payment.version)) })
    }
}

/// What of an order's pieces, of which `returned` came back otherwise, is neither back with any of `refunds` nor on its way.
pub(crate) async fn left_of(
    store: &Dynamo,
    shop: &ShopId,
    order: &StoredOrder,
    refunds: &[StoredRefund],
    returned: &[ReservedLine],
) -> Result<Vec<ReservedLine>> {
    let lines = store.order_lines(shop, order).await?;
    // What is owed was not sold yet.
    let sold: Vec<_> = lines.iter().filter_map(OrderLine::in_stock).collect();
    let left = payment::still_sold(&sold, refunds.iter().map(|stored| &stored.refund));
    Ok(less(&left, returned))
}

/// What can still come back, and, of an order of this shop, the payment whose refunds may take back as well.
struct Sold {
    left: Vec<ReservedLine>,
    payment: Option<(PaymentId, u64)>,
}

/// An error if one of the lines that are `wanted` is more than is `left`.
pub(crate) fn check_left(left: &[ReservedLine], wanted: &[ReservedLine]) -> Result<()> {
    let is_too_many = |line: &ReservedLine| {
        left.iter().find(|sold| sold.sku == line.sku).is_none_or(|sold| line.quantity > sold.quantity)
    };
    match wanted.iter().position(is_too_many) {
        None => Ok(()),
        Some(index) => {
            let field = format!("items[{index}].quantity");
            Err(Error::field(&field, "out_of_range", "more than was sold and has not come back"))
        }
    }
}

/// The sale after these pieces came back.
fn returned(
    sale: Option<SaleRow>,
    order: &OrderReference,
    at: Timestamp,
    lines: &[ReservedLine],
) -> Result<SaleRow> {
    let sale = sale.unwrap_or_else(|| SaleRow {
        order: order.clone(),
        reservation_id: None,
        lines: vec![],
        sold_at: at,
        returned: vec![],
        version: 0,
    });
    let all = sale.returned.iter().chain(lines).cloned();
    let returned = domain::reservation::aggregate(all)
        .map_err(|error| Error::field("items", "out_of_range", error.to_string()))?;
    Ok(SaleRow { returned, version: sale.version + 1, ..sale })
}

/// Puts sold pieces back on the shelf, once for each name, in as many transactions as that needs.
///
/// # Errors
/// `Internal` if that is more than was sold.
pub(crate) async fn take_back(
    store: &Dynamo,
    clock: &Clock,
    author: &Author,
    back: &ComingBack<'_>,
) -> Result<()> {
    let mut left: Vec<_> = back.lines.chunks(MAX_LINES).enumerate().collect();
    while let Some((number, lines)) = left.pop() {
        match take_chunk_back(store, clock, author, back, (number, lines), &|_| Ok(())).await? {
            Back::Done | Back::Before | Back::Refused => {}
            // Each line has its own name in this chunk, whichever others it comes back with.
            Back::InPart | Back::TooMany => {
                let (first, rest) = lines.split_at(half(lines)?);
                left.extend([(number, rest), (number, first)]);
            }
        }
    }
    Ok(())
}

/// How many of these lines are taken back at once when all of them are too many.
pub(crate) fn half(lines: &[ReservedLine]) -> Result<usize> {
    match lines.len() / 2 {
        // A level has fewer buckets than that.
        0 => Err(Error::internal("one line is more than a transaction can move")),
        half => Ok(half),
    }
}

/// Puts one chunk of what comes back on the shelf, together with what `with` adds.
///
/// # Errors
/// `Internal` if that is more than was sold.
pub(crate) async fn take_chunk_back(
    store: &Dynamo,
    clock: &Clock,
    author: &Author,
    back: &ComingBack<'_>,
    (number, lines): (usize, &[ReservedLine]),
    with: &(dyn Fn(&mut Transaction) -> Result<()> + Sync),
) -> Result<Back> {
    let in_first: Vec<Part> = lines.iter().map(ReservedLine::in_first_bucket).collect();
    let (mut parts, mut was_short) = (in_first.clone(), false);
    for _ in 0..MAX_ROUNDS {
        let named_event = |part: &Part| event(clock, author, back, number, part);
        let mut transaction = moved_back(store, lines, &parts, &named_event)?;
        let named = transaction.len();
        with(&mut transaction)?;
        if transaction.is_too_large() {
            return Ok(Back::TooMany);
        }
        let Err(refusal) = store.commit(&transaction).await? else {
            return Ok(Back::Done);
        };
        let shelves = transaction.shelves().len();
        match back_before(&refusal, shelves..named, &parts) {
            0 => {}
            all if all == lines.len() => return Ok(Back::Before),
            _ => return Ok(Back::InPart),
        }
        if (named..transaction.len()).any(|index| refusal.of(index).is_some()) {
            return Ok(Back::Refused);
        }
        let is_divided = (0..shelves).any(|index| buckets_instead(&refusal, index).is_some());
        let sold = if is_divided { sold_parts(store, &author.shop, lines).await? } else { None };
        if sold.is_none() && (was_short || !is_divided) {
            return Err(Error::internal(format!("{} would take back more than was sold", back.name)));
        }
        // Perhaps somebody put it there just now: whoever tries again meets what they wrote.
        was_short = sold.is_none();
        parts = sold.unwrap_or_else(|| in_first.clone());
    }
    Err(Error::busy())
}

/// How many lines an earlier run put back: of each, one row is in the first bucket's ledger. The ledger's `rows` are those of
/// `parts`, and then those of lines without a part there.
fn back_before(refusal: &Refusal, rows: Range<usize>, parts: &[Part]) -> usize {
    let is_first = |number: usize| parts.get(number).is_none_or(|part| part.bucket.is_first());
    rows.enumerate().filter(|(number, row)| is_first(*number) && refusal.of(*row).is_some()).count()
}

/// What puts `parts` of `lines` back, each under its name.
fn moved_back(
    store: &Dynamo,
    lines: &[ReservedLine],
    parts: &[Part],
    named: &dyn Fn(&Part) -> JournalEvent,
) -> Result<Transaction> {
    let mut transaction = Transaction::default();
    transaction.move_stock(store, &parts.iter().map(named).collect::<Vec<_>>())?;
    // The row in the first bucket's ledger is what a repeated run meets, whichever buckets that one would choose.
    for line in lines.iter().filter(|line| !has_first(parts, line)) {
        let mut marker = named(&line.in_first_bucket());
        if let Fact::StockChanged(movement) = &mut marker.fact {
            movement.change =
                StockChange { kind: ChangeType::Return, available: 0, reserved: 0, committed: 0 };
        }
        transaction.write_movement(store, &marker)?;
    }
    Ok(transaction)
}

fn has_first(parts: &[Part], line: &ReservedLine) -> bool {
    parts.iter().any(|part| part.sku == line.sku && part.bucket.is_first())
}

/// Buckets of which so many pieces are sold; `None` if there are too few.
async fn sold_parts(store: &Dynamo, shop: &ShopId, lines: &[ReservedLine]) -> Result<Option<Vec<Part>>> {
    let mut parts = vec![];
    for line in lines {
        let rows = store.buckets_of(shop, &line.sku).await?;
        let sold: Vec<(Bucket, i64)> = rows.iter().map(|row| (row.bucket, row.level.committed)).collect();
        let Ok(drawn) = draw(&sold, line.quantity) else { return Ok(None) };
        let part = |(bucket, quantity)| Part { sku: line.sku.clone(), bucket, quantity };
        parts.extend(drawn.into_iter().map(part));
    }
    Ok(Some(parts))
}

fn event(clock: &Clock, author: &Author, back: &ComingBack<'_>, number: usize, part: &Part) -> JournalEvent {
    let sku = serde_json::to_string(&part.sku).unwrap_or_default();
    let id = EventId::from_uuid(derived_at(back.since, &[back.name, &number.to_string(), &sku]));
    let mut movement = StockMovement::of(part, StockChange::take_back(part.quantity));
    movement.order_id.clone_from(&back.order);
    let subject = format!("stock:{}", part.sku.product_id);
    author.event_named(id, clock.now(), subject, 0, Fact::StockChanged(movement))
}
