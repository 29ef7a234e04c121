//! Wishes to be told of a product.

use domain::{Money, ProductId, VariantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What somebody wants to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductAlertKind {
    /// It can be bought again.
    BackInStock,
    /// It costs less.
    PriceDrop,
}

impl std::str::FromStr for ProductAlertKind {
    type Err = ();
    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "back_in_stock" => Ok(Self::BackInStock),
            "price_drop" => Ok(Self::PriceDrop),
            _ => Err(()),
        }
    }
}

/// A wish to be told of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewProductAlert {
    /// Of which variant; of the product, if none is named.
    #[serde(default, alias = "variantId", skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Where mail goes, of whoever has no account; it is used when it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Only when it costs this or less, in minor units of the shop's currency; any lower price, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub below: Option<i64>,
}

/// Of which variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichVariant {
    /// Of the product, if none is named.
    #[serde(default)]
    pub variant_id: Option<VariantId>,
}

/// A wish to be told of a product, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductAlertView {
    /// Of what.
    pub kind: ProductAlertKind,
    /// Of which product.
    pub product_id: ProductId,
    /// Of which variant of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Only when it costs this or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Money>,
    /// Whether mail was sent to confirm the address.
    pub awaits_confirmation: bool,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
