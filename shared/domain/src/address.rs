//! Where a parcel goes.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::Line;

/// Where a parcel goes. Of a person: it has no text of its own for logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShippingAddress {
    /// Who takes it.
    pub name: Line,
    /// Street and house.
    pub line1: Line,
    /// Floor, company, door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<Line>,
    /// Town.
    pub city: Line,
    /// State, province, county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Line>,
    /// Postal code; not every country has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Line>,
    /// Country.
    pub country: Country,
    /// For the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Line>,
}

impl fmt::Debug for ShippingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShippingAddress")
    }
}

/// A country by the two letters of ISO 3166.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(String);

/// The text is no code of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the two letters of a country, such as GB")]
pub struct NoCountry;

impl TryFrom<String> for Country {
    type Error = NoCountry;
    fn try_from(text: String) -> Result<Self, NoCountry> {
        let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_code { Ok(Self(text.to_ascii_uppercase())) } else { Err(NoCountry) }
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.0
    }
}

impl PartialSchema for Country {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z]{2}$")).build().into()
    }
}

impl ToSchema for Country {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_letters_and_an_address_is_not_logged() {
        let read = |country: &str| {
            let text = format!(r#"{{"name":"Ana","line1":"1 High St","city":"York","country":"{country}"}}"#);
            serde_json::from_str::<ShippingAddress>(&text)
        };
        assert_eq!(read("gb").unwrap().country, Country("GB".into()));
        assert_eq!(format!("{:?}", read("GB").unwrap()), "ShippingAddress");
        for wrong in ["", "G", "GBR", "G1", "é"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
