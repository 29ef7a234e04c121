//! Stock and reservations.

use domain::{
    EventId, Line, LocationId, OrderReference, ProductId, ReservationId, UserId, VariantId,
    reservation::{ReservationStatus, ReservedLine},
    stock::{ChangeType, Quantity, Sku, StockStatus},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many of a product there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockView {
    /// The product.
    pub product_id: ProductId,
    /// The variant that was asked for.
    pub variant_id: Option<VariantId>,
    /// Pieces that can be bought.
    pub available_quantity: i64,
    /// Whether there are any.
    pub is_in_stock: bool,
    /// The same in three steps.
    pub stock_status: StockStatus,
    /// Grows with every change.
    pub version: u64,
    /// What only staff sees.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub in_full: Option<StockInFull>,
}

/// What only staff sees of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockInFull {
    /// Pieces that lie there, set aside or not.
    pub on_hand: i64,
    /// Pieces that are set aside.
    pub reserved: i64,
    /// Pieces sold and not returned.
    pub committed: i64,
    /// This many and fewer are few.
    pub low_stock_threshold: i64,
    /// The same for each place and variant.
    pub by_location: Vec<LevelView>,
}

/// One stock level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LevelView {
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: Sku,
    /// Pieces that can be bought.
    pub available_quantity: i64,
    /// Pieces that lie there.
    pub on_hand: i64,
    /// Pieces that are set aside.
    pub reserved: i64,
    /// Pieces sold and not returned.
    pub committed: i64,
    /// Grows with every change.
    pub version: u64,
}

/// What to do with a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// So many more.
    Add,
    /// So many fewer.
    Subtract,
    /// Exactly so many can be bought.
    Set,
}

/// An instant as clients write it: RFC 3339, or milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ClientTime {
    /// `2026-01-05T09:00:00Z`
    #[schema(value_type = String, format = DateTime)]
    Text(Timestamp),
    /// `1767603600000`
    Milliseconds(i64),
}

impl ClientTime {
    /// The instant, if there is one that far away.
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::Text(instant) => Some(instant),
            Self::Milliseconds(ms) => Timestamp::from_millisecond(ms).ok(),
        }
    }
}

/// A change of stock by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAdjustment {
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: Sku,
    /// How many: 1 to 1,000,000, or 0 to `set` to nothing.
    #[schema(maximum = 1_000_000)]
    pub quantity: u32,
    /// What to do.
    pub operation: Operation,
    /// Why, for a person to read.
    #[serde(default)]
    pub reason: Option<Line>,
    /// The order that it is for, if any: a subtraction is then a sale.
    #[serde(default, alias = "orderId")]
    pub order_id: Option<OrderReference>,
    /// When it happened as the client says; it is noted and not trusted.
    #[serde(default, alias = "timestamp", skip_serializing_if = "Option::is_none")]
    pub client_time: Option<ClientTime>,
    /// The day before which what is added is best.
    #[serde(default, alias = "expiresOn", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<Date>,
}

/// A level after a change by hand, and the ledger row of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdjustmentView {
    /// The level.
    pub level: LevelView,
    /// The ledger row.
    pub movement: MovementView,
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovementView {
    /// Its name.
    pub movement_id: EventId,
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: Sku,
    /// Why.
    pub change_type: ChangeType,
    /// Difference of the pieces that can be bought.
    pub available: i64,
    /// Difference of the pieces that are set aside.
    pub reserved: i64,
    /// Difference of the pieces that are sold.
    pub committed: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: UserId,
    /// Why, for a person to read.
    pub reason: Option<Line>,
    /// The order that it was for.
    pub order_id: Option<OrderReference>,
    /// The hold that it was for.
    pub reservation_id: Option<ReservationId>,
    /// When it happened as the client said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub client_time: Option<Timestamp>,
    /// The day before which what came in is best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<Date>,
}

/// One line that a shopper asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewLine {
    /// The product.
    #[serde(alias = "productId")]
    pub product_id: ProductId,
    /// Its variant, if it has any.
    #[serde(default, alias = "variantId", skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// From where, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
    /// How many.
    pub quantity: Quantity,
}

impl From<NewLine> for ReservedLine {
    fn from(line: NewLine) -> Self {
        let NewLine { product_id, variant_id, location, quantity } = line;
        Self { sku: Sku { product_id, variant_id, location: location.unwrap_or_default() }, quantity }
    }
}

/// Stock to be set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewReservation {
    /// What; lines of the same kind are put together. All or nothing.
    #[schema(min_items = 1, max_items = 40)]
    pub items: Vec<NewLine>,
    /// For how long, at most and by default as configured.
    #[serde(default, alias = "ttlSeconds")]
    #[schema(minimum = 1)]
    pub ttl_seconds: Option<u32>,
    /// The order that it is for, if any; it must still be open.
    #[serde(default, alias = "orderId", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderReference>,
}

/// More time for a hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewExtension {
    /// How much more, at most and by default as long as holds last.
    #[serde(default, alias = "ttlSeconds")]
    #[schema(minimum = 1)]
    pub ttl_seconds: Option<u32>,
}

/// Stock that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservationView {
    /// Always `true`; for older clients.
    pub success: bool,
    /// Its name.
    pub reservation_id: ReservationId,
    /// Where it is in its life.
    pub status: ReservationStatus,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What is set aside.
    pub items: Vec<ReservedLine>,
}

/// Whether stock agrees with its ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockReconciliation {
    /// Levels that were compared.
    pub levels_checked: usize,
    /// Ledger rows that were added up.
    pub movements_checked: usize,
    /// Where they differ.
    pub drift: Vec<StockDrift>,
    /// Pass it as `cursor` to go on with the next products; absent at the end.
    pub next_cursor: Option<String>,
}

/// What of stock and its ledger was made to agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockRepair {
    /// What was repaired, as it was.
    pub repaired: Vec<StockDrift>,
    /// What changed meanwhile and is left for another time.
    pub left: Vec<StockDrift>,
    /// Pass it as `cursor` to go on with the next products; absent at the end.
    pub next_cursor: Option<String>,
}

/// A level that is not the sum of its ledger, or a hold that does not hold what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockDrift {
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: Sku,
    /// Which bucket, where the level is divided.
    #[serde(default, skip_serializing_if = "is_first")]
    pub bucket: u16,
    /// The hold, if it is about one: `level` is then what it holds, and `ledger` what was set aside for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// What the level says: available, reserved, committed.
    pub level: [i64; 3],
    /// What the ledger says.
    pub ledger: [i64; 3],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_first(bucket: &u16) -> bool {
    *bucket == 0
}
