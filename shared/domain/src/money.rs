//! Money: whole minor units with an ISO 4217 currency, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

mod currencies;

use self::currencies::{CHARGED, Decimals};

/// An ISO 4217 currency that can be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Currency(&'static str, Decimals);

// Derived, this would ask for input that lives for ever, for the sake of the code.
impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The code is not a currency in which this shop can charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a currency that can be charged")]
pub struct UnsupportedCurrency;

impl Currency {
    /// The currency with this three-letter code, in either case.
    pub fn new(code: &str) -> Result<Self, UnsupportedCurrency> {
        let code = code.to_ascii_uppercase();
        let place = CHARGED.binary_search_by_key(&code.as_str(), |(code, _)| code);
        let known = place.ok().and_then(|place| CHARGED.get(place));
        known.map(|(code, decimals)| Self(code, *decimals)).ok_or(UnsupportedCurrency)
    }

    /// Every currency that can be charged.
    pub fn all() -> impl Iterator<Item = Self> {
        CHARGED.iter().map(|(code, decimals)| Self(code, *decimals))
    }

    /// The three-letter code, upper case.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// How many decimal digits the minor unit has: 2 for USD, 0 for JPY, 3 for KWD.
    pub const fn exponent(self) -> u16 {
        self.1.exponent()
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
    /// Banks do not count so finely.
    #[error("amounts in this currency must end in 0")]
    TooFine,
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

    /// An error if no bank would move this amount.
    pub const fn check_chargeable(self) -> Result<(), MoneyError> {
        if self.amount % self.currency.1.step() == 0 { Ok(()) } else { Err(MoneyError::TooFine) }
    }

    /// The amount as Stripe counts it.
    pub fn to_stripe(self) -> Result<i64, MoneyError> {
        self.check_chargeable()?;
        self.amount.checked_mul(self.currency.1.factor()).ok_or(MoneyError::Overflow)
    }

    /// What Stripe calls `amount`; `None` if it is no amount of this currency.
    pub const fn from_stripe(amount: i64, currency: Currency) -> Option<Self> {
        let factor = currency.1.factor();
        if amount % factor == 0 { Some(Self::new(amount / factor, currency)) } else { None }
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
        for wrong in ["", "US", "USDX", "XXX", "XAU", "ZZZ", "IQD", "CLF"] {
            assert!(Currency::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_currency_is_counted_as_stripe_counts_it() {
        let zero = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";
        let (three, whole) = ("BHD JOD KWD OMR TND", "ISK UGX");
        let mut before = "";
        for currency in Currency::all() {
            let code = currency.code();
            assert!(before < code, "{code} is out of order and would not be found");
            before = code;
            assert_eq!(Currency::new(&code.to_lowercase()), Ok(currency));
            // 1,000 of our minor units, Stripe's amount of them, and the digits that a shopper sees.
            let expected = if whole.contains(code) {
                (100_000, 0)
            } else if zero.contains(code) {
                (1_000, 0)
            } else if three.contains(code) {
                (1_000, 3)
            } else {
                (1_000, 2)
            };
            let thousand = Money::new(1_000, currency);
            assert_eq!((thousand.to_stripe(), currency.exponent()), (Ok(expected.0), expected.1), "{code}");
            assert_eq!(Money::from_stripe(expected.0, currency), Some(thousand), "{code}");
            assert_eq!(
                Money::new(1_001, currency).check_chargeable().is_err(),
                three.contains(code),
                "{code}"
            );
        }
        assert_eq!(Currency::all().count(), CHARGED.len());
    }

    #[test]
    fn digits_are_those_of_the_standard_but_where_stripe_counts_otherwise() {
        let mut odd = vec![];
        for currency in Currency::all() {
            let standard =
                iso_currency::Currency::from_code(currency.code()).and_then(iso_currency::Currency::exponent);
            if standard != Some(currency.exponent()) {
                odd.push((currency.code(), standard));
            }
        }
        // Withdrawn codes that Stripe still charges, and one whose cents nobody uses.
        assert_eq!(odd, [("ANG", None), ("MGA", Some(2))]);
    }

    #[test]
    fn icelandic_crowns_travel_in_hundredths_and_no_other_way() {
        let crowns = Currency::new("ISK").unwrap();
        assert_eq!(money(5, "ISK").to_stripe(), Ok(500));
        assert_eq!(Money::from_stripe(505, crowns), None);
        assert_eq!(money(i64::MAX, "ISK").to_stripe(), Err(MoneyError::Overflow));
        assert_eq!(money(1_235, "KWD").to_stripe(), Err(MoneyError::TooFine));
    }
}
