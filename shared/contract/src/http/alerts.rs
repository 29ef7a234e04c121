//! Lines that stock should not cross, what is told when it does, and places where it lies.

use domain::{AlertId, Line, LocationId, ProductId, UserId, VariantId, alerts::AlertKind};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The lines of a product's levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewThresholds {
    /// This many pieces and fewer are few; 0 for none.
    #[serde(alias = "lowStock", alias = "low_stock_threshold")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub low_stock: u32,
    /// This many pieces and more are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub overstock: Option<u32>,
    /// Pieces that are too old in so many days or fewer are soon too old.
    #[serde(default, alias = "expiryDays", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub expiry_days: Option<u16>,
}

/// The lines of a product's levels, as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThresholdsView {
    /// The product.
    pub product_id: ProductId,
    /// The lines.
    #[serde(flatten)]
    pub thresholds: NewThresholds,
    /// Grows with every change.
    pub version: u64,
}

/// Where an alert is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// Nobody has seen to it.
    Open,
    /// Somebody has.
    Acknowledged,
}

/// An alert about stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// Its name.
    pub alert_id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// Whether somebody has seen to it.
    pub status: AlertStatus,
    /// The product.
    pub product_id: ProductId,
    /// The variant, if there are any.
    pub variant_id: Option<VariantId>,
    /// Where.
    pub location: LocationId,
    /// How many there were.
    pub quantity: i64,
    /// The line that was crossed; of what is `expiring`, how many days ahead.
    pub threshold: i64,
    /// The day before which they are best, of what is `expiring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<Date>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub raised_at: Timestamp,
    /// When somebody saw to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<UserId>,
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlertsRequest {
    /// Entries on the page, 1 to 100; 20 unless said otherwise. A page with filters may have fewer.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only with this status.
    pub status: Option<AlertStatus>,
    /// Only of this kind.
    pub kind: Option<AlertKind>,
    /// Only of this product.
    #[serde(alias = "productId")]
    pub product_id: Option<ProductId>,
}

/// A place where stock lies, to be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewLocation {
    /// What it is called in requests.
    #[serde(alias = "locationId", alias = "id")]
    pub location_id: LocationId,
    /// What it is called.
    pub name: Line,
}

/// A place where stock lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LocationView {
    /// What it is called in requests.
    pub location_id: LocationId,
    /// What it is called.
    pub name: Line,
}

/// Into how many buckets the levels of a product are to be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewDivision {
    /// 1 to 32. Each bucket takes about 250 reservations a second; reading costs as many requests.
    #[schema(minimum = 1, maximum = 32)]
    pub buckets: u16,
}

/// Into how many buckets the levels of a product are divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DivisionView {
    /// The product.
    pub product_id: ProductId,
    /// From how many buckets pieces are drawn.
    pub buckets: u16,
    /// The levels that are divided so.
    pub levels: usize,
}
