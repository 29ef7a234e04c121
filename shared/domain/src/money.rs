//! Money: whole minor units with an ISO 4217 currency, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// An ISO 4217 currency that can be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

/// The code is not a currency in which this shop can charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a currency that can be charged")]
pub struct UnsupportedCurrency;

impl Currency {
    /// The currency with this three-letter code, in either case.
    pub fn new(code: &str) -> Result<Self, UnsupportedCurrency> {
        let known =
            iso_currency::Currency::from_code(&code.to_ascii_uppercase()).ok_or(UnsupportedCurrency)?;
        // Precious metals, test codes and the like have no minor unit: nothing can be priced in them.
        known.exponent().map(|_| Self(known)).ok_or(UnsupportedCurrency)
    }

    /// Every currency that can be charged.
    pub fn all() -> impl Iterator<Item = Self> {
        use iso_currency::IntoEnumIterator;
        iso_currency::Currency::iter().filter_map(|currency| Self::new(currency.code()).ok())
    }

    /// The three-letter code, upper case.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal digits the minor unit has: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u16 {
        self.0.exponent().unwrap_or(2)
    }
}

impl TryFrom<String> for Currency {
    type Error = UnsupportedCurrency;
    fn try_from(code: String) -> Result<Self, UnsupportedCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().into()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        let code = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[A-Za-z]{3}$"))
            .description(Some("ISO 4217 code"));
        code.build().into()
    }
}

impl ToSchema for Currency {}

/// An amount of money in whole minor units (cents, pence, yen).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units; negative only in ledgers.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

/// Two amounts could not be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// They are in different currencies.
    #[error("the amounts are in different currencies")]
    CurrencyMismatch,
    /// The result does not fit 64 bits.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum of both.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// This amount `quantity` times.
    pub fn times(self, quantity: u32) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_mul(i64::from(quantity)).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }
}

impl fmt::Display for Money {
    /// `19.99 USD`, `500 JPY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent());
        let (sign, absolute) = (if self.amount < 0 { "-" } else { "" }, self.amount.unsigned_abs());
        if digits == 0 {
            return write!(f, "{sign}{absolute} {}", self.currency);
        }
        let unit = 10_u64.pow(u32::from(self.currency.exponent()));
        write!(f, "{sign}{}.{:0digits$} {}", absolute / unit, absolute % unit, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::new(code).unwrap())
    }

    #[test]
    fn amounts_are_written_with_their_currency_s_digits() {
        let written = [money(1999, "usd"), money(-5, "GBP"), money(500, "JPY"), money(1230, "KWD")]
            .map(|m| m.to_string());
        assert_eq!(written, ["19.99 USD", "-0.05 GBP", "500 JPY", "1.230 KWD"]);
    }

    #[test]
    fn sums_refuse_other_currencies_and_overflow() {
        assert_eq!(money(1, "USD").plus(money(1, "EUR")), Err(MoneyError::CurrencyMismatch));
        assert_eq!(money(i64::MAX, "USD").plus(money(1, "USD")), Err(MoneyError::Overflow));
        assert_eq!(money(i64::MAX, "USD").times(2), Err(MoneyError::Overflow));
        assert_eq!(money(250, "USD").times(3), Ok(money(750, "USD")));
    }

    #[test]
    fn only_chargeable_currencies_exist() {
        for wrong in ["", "US", "USDX", "XXX", "XAU", "ZZZ"] {
            assert!(Currency::new(wrong).is_err(), "{wrong}");
        }
    }
}
