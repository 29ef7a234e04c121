//! Sales of stock that are made outside of checkout, what comes back of any sale, and many changes by hand at once.

use domain::{OrderReference, ReservationId, reservation::ReservedLine, stock::ChangeType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inventory::{LevelView, MovementView, NewAdjustment, NewLine};
use crate::errors::{ErrorCode, Shortage};

/// The most changes by hand in one request.
pub const MAX_ADJUSTMENTS: usize = 100;

/// An order of another system, to be processed: its stock is sold, all of it or none, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewCommitment {
    /// What that system calls it.
    #[serde(alias = "orderId")]
    pub order_id: OrderReference,
    /// The hold that is sold; without it the items are sold from what is free.
    #[serde(default, alias = "reservationId", skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// What is sold, if there is no hold; beside a hold, exactly what it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 40)]
    pub items: Vec<NewLine>,
}

/// An order whose stock is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommitmentView {
    /// Always `true`; for older clients.
    pub success: bool,
    /// The order.
    pub order_id: OrderReference,
    /// The hold that was sold, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// What was sold.
    pub items: Vec<ReservedLine>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub committed_at: Timestamp,
}

/// Sold pieces that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewReturn {
    /// The order that they were sold in.
    #[serde(alias = "orderId")]
    pub order_id: OrderReference,
    /// What came back: at most what was sold and has not come back yet.
    #[schema(min_items = 1, max_items = 40)]
    pub items: Vec<NewLine>,
}

/// Sold pieces that are on the shelf again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReturnView {
    /// The order that they were sold in.
    pub order_id: OrderReference,
    /// What came back.
    pub items: Vec<ReservedLine>,
}

/// Many changes of stock by hand; each is done or refused by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAdjustments {
    /// The changes, at most 100; those of one level are made in this order.
    #[serde(alias = "items", alias = "updates")]
    #[schema(min_items = 1, max_items = 100)]
    pub adjustments: Vec<NewAdjustment>,
}

/// What came of many changes by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdjustmentsView {
    /// How many were made.
    pub succeeded: usize,
    /// How many were refused.
    pub failed: usize,
    /// One for each change, in the order of the request.
    pub results: Vec<AdjustmentResult>,
}

/// What came of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdjustmentResult {
    /// Whether it was made.
    pub success: bool,
    /// The level after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelView>,
    /// Its ledger row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<MovementView>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RowError>,
}

/// Why one of many changes was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// For a program.
    pub code: ErrorCode,
    /// For a person.
    pub detail: String,
    /// What there is not enough of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Shortage>,
}

/// How long one level will last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastView {
    /// Of what, and where.
    #[serde(flatten)]
    pub sku: domain::Sku,
    /// Pieces that can be bought.
    pub available_quantity: i64,
    /// Pieces a day that are to be expected.
    pub daily_demand: f64,
    /// For how many days the pieces last; absent if nobody buys any.
    pub days_of_cover: Option<f64>,
    /// The day on which they will have run out, in the shop's zone, if that is within a year.
    pub runs_out_on: Option<String>,
    /// From how many days of demand this follows.
    pub days_known: usize,
    /// How it was worked out: always `tsb` (Teunter, Syntetos and Babai).
    pub method: String,
}

/// Which rows of a product's ledger are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MovementsRequest {
    /// Entries on the page, 1 to 100; 20 unless said otherwise. A page with filters may have fewer.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only from then on: RFC 3339, or a day in the shop's zone.
    #[serde(alias = "start_date")]
    pub from: Option<String>,
    /// Only until then: an instant, or the end of a day.
    #[serde(alias = "end_date")]
    pub to: Option<String>,
    /// Only changes of this kind.
    pub change_type: Option<ChangeType>,
    /// Only of this variant.
    #[serde(alias = "variantId")]
    pub variant_id: Option<domain::VariantId>,
    /// Only there.
    pub location: Option<domain::LocationId>,
}
