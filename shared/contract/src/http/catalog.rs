//! Products.

use domain::{Line, Money, Paragraph, ProductId, VariantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most variants of one product.
pub const MAX_VARIANTS: usize = 200;

/// A product to be made.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct NewProduct {
    /// What it is to be called in paths; derived from the `Idempotency-Key` if absent.
    #[serde(default, alias = "productId")]
    pub product_id: Option<ProductId>,
    /// What it is.
    #[serde(flatten)]
    pub details: ProductDetails,
}

/// What a product is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ProductDetails {
    /// What it is called.
    pub name: Line,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Paragraph>,
    /// What it costs.
    pub price: Money,
    /// Its variants, at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 200)]
    pub variants: Vec<Variant>,
}

/// A size, a colour, a price.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Variant {
    /// What it is called in requests.
    #[serde(alias = "variantId")]
    pub variant_id: VariantId,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Line>,
    /// What it costs, if that differs from the product's price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductView {
    /// Its name in paths.
    pub product_id: ProductId,
    /// What it is.
    #[serde(flatten)]
    pub details: ProductDetails,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Pass it as `If-Match` to change exactly this.
    pub version: u64,
}
