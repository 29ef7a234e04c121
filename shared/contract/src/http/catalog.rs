//! Products, their variants, and what customers say of them.

use std::{collections::BTreeMap, fmt};

use domain::{
    Line, Money, Paragraph, ProductId, UserId, VariantId,
    product::{ImageUrl, Terms},
    review::{Ratings, Stars},
    stock::Quantity,
};
use jiff::{Timestamp, civil::Date};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::ToSchema;

/// The most variants of one product.
pub const MAX_VARIANTS: usize = 200;
/// The most categories of one product.
pub const MAX_CATEGORIES: usize = 20;
/// The most tags of one product.
pub const MAX_TAGS: usize = 50;
/// The most pictures of one product.
pub const MAX_IMAGES: usize = 20;

/// A product to be made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewProduct {
    /// What it is to be called in paths; derived from the `Idempotency-Key` if absent.
    pub product_id: Option<ProductId>,
    /// What it is.
    #[serde(flatten)]
    pub details: ProductDetails,
}

/// By hand, because an error inside of what serde flattens has lost the path to its field.
impl<'de> Deserialize<'de> for NewProduct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = NewProduct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a product")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NewProduct, A::Error> {
        let mut product_id = None;
        let others = Others { map, product_id: &mut product_id };
        let details = ProductDetails::deserialize(MapAccessDeserializer::new(others))?;
        Ok(NewProduct { product_id, details })
    }
}

/// Every field but the product's name, which it keeps.
struct Others<'a, A> {
    map: A,
    product_id: &'a mut Option<ProductId>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Others<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            match self.map.next_key::<String>()? {
                None => return Ok(None),
                Some(name) if matches!(name.as_str(), "product_id" | "productId") => {
                    *self.product_id = self.map.next_value()?;
                }
                Some(name) => return seed.deserialize(name.into_deserializer()).map(Some),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
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
    /// Where its pictures are, the best first; at most 20.
    #[serde(default, alias = "imageUrls", alias = "images", skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub image_urls: Vec<ImageUrl>,
    /// What it belongs to, the widest first; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub categories: Vec<Line>,
    /// Words by which it is found; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub tags: Vec<Line>,
    /// When more of it is expected.
    #[serde(default, alias = "restockDate", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub restock_date: Option<Date>,
    /// The last day on which it is sold, in the shop's zone.
    #[serde(
        default,
        alias = "expiryDate",
        alias = "expirationDate",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, format = Date)]
    pub expiry_date: Option<Date>,
    /// Whether it can be ordered when it is not in stock: what is missing is then owed.
    #[serde(default, alias = "allowBackorder")]
    pub allow_backorder: bool,
    /// The most pieces in one order, all variants together; absent for no limit.
    #[serde(default, alias = "maxPerOrder", skip_serializing_if = "Option::is_none")]
    pub max_per_order: Option<Quantity>,
}

impl ProductDetails {
    /// Something called `name` that costs `price`, and nothing else said of it.
    pub const fn new(name: Line, price: Money) -> Self {
        Self {
            name,
            description: None,
            price,
            variants: vec![],
            image_urls: vec![],
            categories: vec![],
            tags: vec![],
            restock_date: None,
            expiry_date: None,
            allow_backorder: false,
            max_per_order: None,
        }
    }

    /// Under which terms it is sold.
    pub const fn terms(&self) -> Terms {
        Terms {
            expiry_date: self.expiry_date,
            max_per_order: self.max_per_order,
            allow_backorder: self.allow_backorder,
        }
    }
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

/// What is to be read along with a product: words separated by commas.
#[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProductQuery {
    /// Any of `variants` (which are always there), `reviews`, `stats`, `availability`, separated by commas; `all` for all of them.
    pub include: Option<String>,
}

/// A product and what was asked along with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductInFull {
    /// The product.
    #[serde(flatten)]
    pub product: ProductView,
    /// Its newest reviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviews: Option<super::Page<ReviewView>>,
    /// How it is liked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ProductStats>,
    /// Whether it can be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
}

/// Whether a product can be bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Availability {
    /// Whether an order for one piece would be taken now, of some variant if it has any.
    pub is_orderable: bool,
    /// Its stock, all variants together.
    #[serde(flatten)]
    pub stock: super::inventory::StockView,
    /// The stock of each variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<super::inventory::StockView>,
}

/// How a product is liked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductStats {
    /// What the reviews give it.
    pub rating: RatingView,
    /// How many customers like it.
    pub likes: u64,
    /// How many customers have it among their favourites.
    pub favorites: u64,
    /// How often it was shared.
    pub shares: u64,
    /// The same for each way of sharing it.
    pub shares_by_channel: BTreeMap<ShareChannel, u64>,
}

/// What the reviews of a product give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RatingView {
    /// Average of stars, rounded to hundredths; absent without reviews.
    #[schema(minimum = 1, maximum = 5)]
    pub average: Option<f64>,
    /// How many reviews there are.
    pub count: u64,
    /// How many give each number of stars.
    pub by_stars: BTreeMap<u8, u64>,
}

impl From<Ratings> for RatingView {
    fn from(ratings: Ratings) -> Self {
        // At most 500, which a float holds exactly.
        let average = ratings.average_hundredths().and_then(|hundredths| u32::try_from(hundredths).ok());
        Self {
            average: average.map(|hundredths| f64::from(hundredths) / 100.0),
            count: ratings.count(),
            by_stars: ratings.each().map(|(stars, count)| (stars.get(), count)).collect(),
        }
    }
}

/// A review to be written. A customer has one for each product: a later one replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct NewReview {
    /// 1 to 5 stars.
    #[serde(alias = "stars")]
    pub rating: Stars,
    /// What there is to say.
    #[serde(default, alias = "comment", skip_serializing_if = "Option::is_none")]
    pub text: Option<Paragraph>,
    /// The name under which it is shown; without one it is shown without a name.
    #[serde(default, alias = "authorName", skip_serializing_if = "Option::is_none")]
    pub author_name: Option<Line>,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewView {
    /// Of what.
    pub product_id: ProductId,
    /// What it says.
    #[serde(flatten)]
    pub review: NewReview,
    /// Whether its author had bought the product when they wrote it.
    pub verified_purchase: bool,
    /// Who wrote it; only the author and the shop's staff see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<UserId>,
    /// When it was first written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last written.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// How often it was written.
    pub version: u64,
}

/// What a customer thinks of a product without words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReactionView {
    /// Of what.
    pub product_id: ProductId,
    /// Whether this customer likes it.
    pub is_liked: bool,
    /// Whether it is among this customer's favourites.
    pub is_favorite: bool,
    /// How many customers like it.
    pub likes: u64,
    /// How many customers have it among their favourites.
    pub favorites: u64,
}

/// How a product is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShareChannel {
    /// By mail.
    Email,
    /// On Facebook.
    Facebook,
    /// On Instagram.
    Instagram,
    /// On LINE.
    Line,
    /// By a link that was copied.
    #[serde(alias = "copy")]
    Link,
    /// On Pinterest.
    Pinterest,
    /// By text message.
    Sms,
    /// On Telegram.
    Telegram,
    /// On WhatsApp.
    Whatsapp,
    /// On X.
    #[serde(alias = "twitter")]
    X,
    /// In some other way.
    Other,
}

impl ShareChannel {
    /// Every way of sharing.
    pub const ALL: [Self; 11] = [
        Self::Email,
        Self::Facebook,
        Self::Instagram,
        Self::Line,
        Self::Link,
        Self::Pinterest,
        Self::Sms,
        Self::Telegram,
        Self::Whatsapp,
        Self::X,
        Self::Other,
    ];

    /// Its name in bodies and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Facebook => "facebook",
            Self::Instagram => "instagram",
            Self::Line => "line",
            Self::Link => "link",
            Self::Pinterest => "pinterest",
            Self::Sms => "sms",
            Self::Telegram => "telegram",
            Self::Whatsapp => "whatsapp",
            Self::X => "x",
            Self::Other => "other",
        }
    }
}

/// A product to be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct NewShare {
    /// How.
    pub channel: ShareChannel,
}

/// A product that is shared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ShareView {
    /// The address to pass on: the product's page, with the way it came by.
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_of_sharing_is_written_by_its_name() {
        for channel in ShareChannel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
        }
    }

    #[test]
    fn a_product_to_be_made_is_its_details_and_perhaps_a_name() {
        let body = serde_json::json!({ "productId": "lamp", "name": "Lamp", "price": { "amount": 1, "currency": "USD" } });
        let new: NewProduct = serde_json::from_value(body).unwrap();
        assert_eq!(new.product_id.as_ref().map(ProductId::as_str), Some("lamp"));
        let written = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<NewProduct>(&written).unwrap().details, new.details);
        let unnamed = serde_json::json!({ "product_id": null, "name": "Lamp", "price": { "amount": 1, "currency": "USD" } });
        assert_eq!(serde_json::from_value::<NewProduct>(unnamed).unwrap().product_id, None);
        assert!(serde_json::from_str::<NewProduct>(r#"{"product_id":"lamp"}"#).is_err());
        assert!(serde_json::from_str::<NewProduct>("[]").is_err());
    }

    #[test]
    fn older_names_are_understood() {
        let product: ProductDetails = serde_json::from_value(serde_json::json!({
            "name": "Lamp", "price": { "amount": 1, "currency": "USD" }, "imageUrls": ["https://a.example/1"],
            "restockDate": "2026-02-01", "expiryDate": "2026-03-01", "allowBackorder": true, "maxPerOrder": 2,
        }))
        .unwrap();
        assert!(product.allow_backorder && product.restock_date.is_some() && product.image_urls.len() == 1);
        assert_eq!(product.terms().max_per_order.map(Quantity::get), Some(2));
        assert_eq!(product.terms().expiry_date, Some("2026-03-01".parse().unwrap()));
        let review: NewReview = serde_json::from_value(
            serde_json::json!({ "stars": 4, "comment": "Bright", "authorName": "Ana" }),
        )
        .unwrap();
        assert!(review.text.is_some() && review.author_name.is_some());
        let share: NewShare = serde_json::from_str(r#"{"channel":"twitter"}"#).unwrap();
        assert_eq!(share.channel, ShareChannel::X);
    }
}
