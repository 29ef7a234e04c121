//! Which currencies can be charged, and how Stripe counts in each.
//!
//! Sources: <https://docs.stripe.com/currencies> for what is charged and its special cases, ISO 4217 for the digits. What
//! Stripe counts without decimals has none here either (ISO gives MGA two that nobody uses).

use self::Decimals::{Three, Two, Whole, Zero};

/// How amounts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Decimals {
    /// The minor unit is the unit.
    Zero,
    /// Hundredths.
    Two,
    /// Thousandths, of which banks take only tens.
    Three,
    /// Whole units, which Stripe wants in hundredths: 5 ISK is 500.
    Whole,
}

impl Decimals {
    /// Digits after the point.
    pub(super) const fn exponent(self) -> u16 {
        match self {
            Zero | Whole => 0,
            Two => 2,
            Three => 3,
        }
    }

    /// Stripe's units in one of ours.
    pub(super) const fn factor(self) -> i64 {
        match self {
            Whole => 100,
            Zero | Two | Three => 1,
        }
    }

    /// What amounts must be a multiple of.
    pub(super) const fn step(self) -> i64 {
        match self {
            Three => 10,
            Zero | Two | Whole => 1,
        }
    }
}

/// Every currency that can be charged, in alphabetical order.
#[rustfmt::skip]
pub(super) const CHARGED: &[(&str, Decimals)] = &[
    ("AED", Two), ("AFN", Two), ("ALL", Two), ("AMD", Two), ("ANG", Two), ("AOA", Two), ("ARS", Two),
    ("AUD", Two), ("AWG", Two), ("AZN", Two), ("BAM", Two), ("BBD", Two), ("BDT", Two), ("BGN", Two),
    ("BHD", Three), ("BIF", Zero), ("BMD", Two), ("BND", Two), ("BOB", Two), ("BRL", Two), ("BSD", Two),
    ("BWP", Two), ("BYN", Two), ("BZD", Two), ("CAD", Two), ("CDF", Two), ("CHF", Two), ("CLP", Zero),
    ("CNY", Two), ("COP", Two), ("CRC", Two), ("CVE", Two), ("CZK", Two), ("DJF", Zero), ("DKK", Two),
    ("DOP", Two), ("DZD", Two), ("EGP", Two), ("ETB", Two), ("EUR", Two), ("FJD", Two), ("FKP", Two),
    ("GBP", Two), ("GEL", Two), ("GIP", Two), ("GMD", Two), ("GNF", Zero), ("GTQ", Two), ("GYD", Two),
    ("HKD", Two), ("HNL", Two), ("HTG", Two), ("HUF", Two), ("IDR", Two), ("ILS", Two), ("INR", Two),
    ("ISK", Whole), ("JMD", Two), ("JOD", Three), ("JPY", Zero), ("KES", Two), ("KGS", Two), ("KHR", Two),
    ("KMF", Zero), ("KRW", Zero), ("KWD", Three), ("KYD", Two), ("KZT", Two), ("LAK", Two), ("LBP", Two),
    ("LKR", Two), ("LRD", Two), ("LSL", Two), ("MAD", Two), ("MDL", Two), ("MGA", Zero), ("MKD", Two),
    ("MMK", Two), ("MNT", Two), ("MOP", Two), ("MUR", Two), ("MVR", Two), ("MWK", Two), ("MXN", Two),
    ("MYR", Two), ("MZN", Two), ("NAD", Two), ("NGN", Two), ("NIO", Two), ("NOK", Two), ("NPR", Two),
    ("NZD", Two), ("OMR", Three), ("PAB", Two), ("PEN", Two), ("PGK", Two), ("PHP", Two), ("PKR", Two),
    ("PLN", Two), ("PYG", Zero), ("QAR", Two), ("RON", Two), ("RSD", Two), ("RUB", Two), ("RWF", Zero),
    ("SAR", Two), ("SBD", Two), ("SCR", Two), ("SEK", Two), ("SGD", Two), ("SHP", Two), ("SLE", Two),
    ("SOS", Two), ("SRD", Two), ("SZL", Two), ("THB", Two), ("TJS", Two), ("TND", Three), ("TOP", Two),
    ("TRY", Two), ("TTD", Two), ("TWD", Two), ("TZS", Two), ("UAH", Two), ("UGX", Whole), ("USD", Two),
    ("UYU", Two), ("UZS", Two), ("VND", Zero), ("VUV", Zero), ("WST", Two), ("XAF", Zero), ("XCD", Two),
    ("XOF", Zero), ("XPF", Zero), ("YER", Two), ("ZAR", Two), ("ZMW", Two),
];
