//! Numbers, amounts and days as people of each language write them.

use calendrical_calculations::{gregorian::fixed_from_gregorian, persian::fast_persian_from_fixed};
use domain::Money;
use jiff::{Zoned, civil::Date};
use minijinja::{Error, Output, State, Value, value::ValueKind};

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const THAI_MONTHS: [&str; 12] = [
    "มกราคม",
    "กุมภาพันธ์",
    "มีนาคม",
    "เมษายน",
    "พฤษภาคม",
    "มิถุนายน",
    "กรกฎาคม",
    "สิงหาคม",
    "กันยายน",
    "ตุลาคม",
    "พฤศจิกายน",
    "ธันวาคม",
];
const PERSIAN_MONTHS: [&str; 12] =
    ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"];

/// Signs that stand for one currency only, or are written so that they do.
const SIGNS: [(&str, &str); 17] = [
    ("AUD", "A$"),
    ("BRL", "R$"),
    ("CAD", "CA$"),
    ("CNY", "CN¥"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("MXN", "MX$"),
    ("NZD", "NZ$"),
    ("PHP", "₱"),
    ("THB", "฿"),
    ("TWD", "NT$"),
    ("VND", "₫"),
];
const PERSIAN_NAMES: [(&str, &str); 9] = [
    ("AED", "درهم"),
    ("CNY", "یوان"),
    ("EUR", "یورو"),
    ("GBP", "پوند"),
    ("INR", "روپیه"),
    ("JPY", "ین"),
    ("THB", "بات"),
    ("TRY", "لیر"),
    ("USD", "دلار"),
];

/// Writes a value of a text. The template's name is its language. What has parts is not written.
pub(super) fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned),
        ValueKind::Number => value.as_i64().map(|number| self::number(state.name(), number)),
        _ => None,
    };
    out.write_str(&text.unwrap_or_default()).map_err(Error::from)
}

/// `1,480`, `۱٬۴۸۰`.
pub(super) fn number(locale: &str, number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    in_digits(locale, &format!("{sign}{}", grouped(number.unsigned_abs())))
}

/// `$19.99`, `US$19.99`, `۱۹٫۹۹ دلار`.
pub(super) fn money(locale: &str, money: Money) -> String {
    let digits = usize::from(money.currency.exponent());
    let unit = 10_u64.pow(u32::from(money.currency.exponent()));
    let absolute = money.amount.unsigned_abs();
    let written = match digits {
        0 => grouped(absolute),
        _ => format!("{}.{:0digits$}", grouped(absolute / unit), absolute % unit),
    };
    let sign = if money.amount < 0 { "-" } else { "" };
    let code = money.currency.code();
    let find =
        |names: &[(&str, &'static str)]| names.iter().find(|(of, _)| *of == code).map(|(_, name)| *name);
    if locale == "fa" {
        let name = find(&PERSIAN_NAMES).unwrap_or(code);
        return format!("{} {name}", in_digits(locale, &format!("{sign}{written}")));
    }
    match (code, find(&SIGNS)) {
        ("USD", _) if locale == "en" => format!("{sign}${written}"),
        ("USD", _) => format!("{sign}US${written}"),
        (_, Some(symbol)) => format!("{sign}{symbol}{written}"),
        (_, None) => format!("{sign}{code}\u{a0}{written}"),
    }
}

/// `21 March 2026`, `21 มีนาคม 2569`, `۱ فروردین ۱۴۰۵`: Thais count years from the Buddha's death, Iranians have months of
/// their own.
pub(super) fn date(locale: &str, date: Date) -> String {
    let (year, month, day) = (i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs());
    let fixed = fixed_from_gregorian(year, month, day);
    let (year, month, day, months) = match (locale, fast_persian_from_fixed(fixed)) {
        ("fa", Ok((year, month, day))) => (year, month, day, PERSIAN_MONTHS),
        ("th", _) => (year + 543, month, day, THAI_MONTHS),
        _ => (year, month, day, ENGLISH_MONTHS),
    };
    let month = months.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
    in_digits(locale, &format!("{day} {month} {year}"))
}

/// A day with a time of day.
pub(super) fn moment(locale: &str, at: &Zoned) -> String {
    let (day, time) = (date(locale, at.date()), at.strftime("%H:%M").to_string());
    match locale {
        "fa" => format!("{day}، ساعت {}", in_digits(locale, &time)),
        "th" => format!("{day} เวลา {time} น."),
        _ => format!("{day}, {time}"),
    }
}

/// `line` such that it is shown from its beginning. A line is shown in the direction of its first letter; one in Persian that
/// begins with a name in other letters has a mark before it.
pub(super) fn directed(locale: &str, line: &str) -> String {
    let is_persian = |c: char| c.is_alphabetic() && ('\u{600}'..='\u{6ff}').contains(&c);
    let begins_foreign = line.chars().find(|c| c.is_alphabetic()).is_some_and(|c| !is_persian(c));
    match locale == "fa" && begins_foreign && line.contains(is_persian) {
        true => format!("\u{200f}{line}"),
        false => line.to_owned(),
    }
}

/// Thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Persian has digits and separators of its own; Thai text has its digits too, but shops write the others.
fn in_digits(locale: &str, written: &str) -> String {
    if locale != "fa" {
        return written.to_owned();
    }
    let persian = |c: char| match c {
        '0'..='9' => char::from_u32(u32::from(c) - u32::from('0') + u32::from('۰')).unwrap_or(c),
        ',' => '٬',
        '.' => '٫',
        _ => c,
    };
    written.chars().map(persian).collect()
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;

    fn amount(locale: &str, minor: i64, code: &str) -> String {
        money(locale, Money::new(minor, Currency::new(code).unwrap()))
    }

    #[test]
    fn amounts_have_their_currency_s_decimals_and_their_language_s_digits() {
        let of = |locale| {
            [(1_999, "USD"), (123_456_789, "THB"), (500, "JPY"), (1_230, "KWD"), (-5, "EUR"), (100, "CHF")]
                .map(|(minor, code)| amount(locale, minor, code))
        };
        assert_eq!(
            of("en"),
            ["$19.99", "฿1,234,567.89", "¥500", "KWD\u{a0}1.230", "-€0.05", "CHF\u{a0}1.00"]
        );
        assert_eq!(of("th")[0], "US$19.99");
        assert_eq!(
            of("fa"),
            ["۱۹٫۹۹ دلار", "۱٬۲۳۴٬۵۶۷٫۸۹ بات", "۵۰۰ ین", "۱٫۲۳۰ KWD", "-۰٫۰۵ یورو", "۱٫۰۰ CHF"]
        );
        assert_eq!(amount("en", i64::MIN, "USD"), "-$92,233,720,368,547,758.08");
    }

    #[test]
    fn days_are_those_of_the_calendar_that_people_use() {
        let days = ["2026-03-21", "2025-03-20", "2024-12-31", "2017-03-20"];
        let of = |locale| days.map(|day| date(locale, day.parse().unwrap()));
        assert_eq!(of("en"), ["21 March 2026", "20 March 2025", "31 December 2024", "20 March 2017"]);
        assert_eq!(of("th")[0], "21 มีนาคม 2569");
        // The years 1399 and 1403 had a thirtieth Esfand, 1395 too.
        assert_eq!(of("fa"), ["۱ فروردین ۱۴۰۵", "۳۰ اسفند ۱۴۰۳", "۱۱ دی ۱۴۰۳", "۳۰ اسفند ۱۳۹۵"]);
    }

    #[test]
    fn a_persian_line_that_begins_with_a_foreign_name_is_shown_from_the_right() {
        let of = |line| directed("fa", line);
        assert_eq!(of("Brass Lamp دوباره موجود شد"), "\u{200f}Brass Lamp دوباره موجود شد");
        assert_eq!(of("- ۲ × Candle: ۹ دلار"), "\u{200f}- ۲ × Candle: ۹ دلار");
        for line in ["سفارش 1042 تأیید شد", "https://shop.example/orders/1", "", "1042", "Hello, Ana."]
        {
            assert_eq!(of(line), line);
        }
        assert_eq!(directed("en", "Lamp"), "Lamp");
    }

    #[test]
    fn every_day_of_forty_years_has_a_name_in_every_language() {
        let start: Date = "2000-01-01".parse().unwrap();
        let mut day = start;
        for _ in 0..14_610 {
            for locale in ["en", "th", "fa"] {
                let written = date(locale, day);
                assert_eq!(written.split(' ').filter(|part| !part.is_empty()).count(), 3, "{day} {written}");
            }
            day = day.tomorrow().unwrap();
        }
    }
}
