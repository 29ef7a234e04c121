//! Which amounts Stripe accepts in which currency.

use super::failure::Failure;

/// Presentment currencies, <https://docs.stripe.com/currencies>.
const KNOWN: &[&str] = &[
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd",
    "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop",
    "crc", "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip",
    "gmd", "gnf", "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy",
    "kes", "kgs", "khr", "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl",
    "mga", "mkd", "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok",
    "npr", "nzd", "omr", "pab", "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf",
    "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd", "top",
    "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu", "uzs", "vnd", "vuv", "wst", "xaf", "xcd", "xof",
    "xpf", "yer", "zar", "zmw",
];
/// Amounts have three decimals, of which the banks take two.
const THREE_DECIMALS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];
/// Currencies without decimals that Stripe still takes in hundredths.
const WHOLE_HUNDREDS: &[&str] = &["isk", "ugx"];
const MAX_AMOUNT: i64 = 99_999_999;

/// The currency in lower case, if Stripe takes it.
pub fn known(code: &str) -> Result<String, Failure> {
    let code = code.to_lowercase();
    if KNOWN.contains(&code.as_str()) {
        return Ok(code);
    }
    let message =
        format!("Invalid currency: {code}. Stripe currently supports these currencies: {}", KNOWN.join(", "));
    Err(Failure::invalid_param("currency", message))
}

/// Checks an amount in minor units.
pub fn check(amount: i64, currency: &str, param: &str) -> Result<(), Failure> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Failure::invalid_param(param, message).code("parameter_invalid_integer"));
    }
    if amount > MAX_AMOUNT {
        let message = format!("Amount must be no more than {MAX_AMOUNT} {currency}.");
        return Err(Failure::invalid_param(param, message).code("amount_too_large"));
    }
    let step = if THREE_DECIMALS.contains(&currency) {
        10
    } else if WHOLE_HUNDREDS.contains(&currency) {
        100
    } else {
        1
    };
    if amount % step == 0 {
        return Ok(());
    }
    let message = format!("Invalid {currency} amount: it must be divisible by {step}.");
    Err(Failure::invalid_param(param, message).code("parameter_invalid_integer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_currency() {
        for (amount, currency) in [(1, "gbp"), (99_999_999, "usd"), (5, "jpy"), (10, "kwd"), (500, "isk")] {
            assert!(check(amount, currency, "amount").is_ok(), "{amount} {currency}");
        }
        for (amount, currency) in [(0, "gbp"), (-1, "gbp"), (100_000_000, "usd"), (11, "kwd"), (505, "isk")] {
            assert!(check(amount, currency, "amount").is_err(), "{amount} {currency}");
        }
    }

    #[test]
    fn currencies_are_known_in_either_case() {
        assert_eq!(known("GBP").unwrap(), "gbp");
        assert!(known("xyz").is_err() && known("").is_err());
    }
}
