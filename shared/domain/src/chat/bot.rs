//! What a shop says by itself: which of its responses, in which language, and the words that it has for its own state.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hours::BusinessHours;
use crate::{AutoResponseId, faq::mentions, order::OrderStatus};

/// When something is said without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A conversation begins.
    Welcome,
    /// A person is wanted, and nobody is there.
    Offline,
    /// A person is wanted, and all who are there have as much to do as they can.
    Busy,
    /// A message has one of the response's words.
    Keyword,
}

impl Trigger {
    /// Its name, as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Offline => "offline",
            Self::Busy => "busy",
            Self::Keyword => "keyword",
        }
    }
}

/// Something that a shop says without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoResponse {
    /// Its name.
    pub id: AutoResponseId,
    /// When it is said.
    pub trigger: Trigger,
    /// The words, of a `keyword` response.
    pub keywords: Vec<String>,
    /// What is said, with slots.
    pub text: String,
    /// In which language.
    pub language: String,
    /// Whether it is said at all.
    pub is_active: bool,
}

/// Whether somebody can be talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeskState {
    /// An agent is there and has room.
    Online,
    /// Nobody is there.
    Offline,
    /// All who are there have as much to do as they can.
    NoSeatsAvailable,
    /// The shop has no agents.
    Disabled,
}

/// The language of a conversation: what its customer wants, or what their words are written in.
pub fn language<'a>(wanted: Option<&'a str>, text: &str) -> &'a str {
    if let Some(wanted) = wanted {
        return wanted.split(['-', '_']).next().unwrap_or(wanted);
    }
    let is_in = |range: std::ops::RangeInclusive<char>| text.chars().any(|letter| range.contains(&letter));
    if is_in('\u{0e00}'..='\u{0e7f}') {
        "th"
    } else if is_in('\u{0600}'..='\u{06ff}') {
        "fa"
    } else {
        "en"
    }
}

/// The response for `trigger`: in this language, or else in English, or else whichever there is.
pub fn choose<'a>(
    responses: &'a [AutoResponse],
    trigger: Trigger,
    language: &str,
) -> Option<&'a AutoResponse> {
    let of_it = || responses.iter().filter(|one| one.is_active && one.trigger == trigger);
    let in_language = |wanted: &str| of_it().find(|one| one.language.eq_ignore_ascii_case(wanted));
    in_language(language).or_else(|| in_language("en")).or_else(|| of_it().next())
}

/// The response that one of its words in `text` asks for; one in this language before others.
pub fn by_keyword<'a>(responses: &'a [AutoResponse], text: &str, language: &str) -> Option<&'a AutoResponse> {
    let is_asked_for = |one: &&AutoResponse| {
        one.is_active && one.trigger == Trigger::Keyword && mentions(text, &one.keywords).is_some()
    };
    let asked_for = || responses.iter().filter(is_asked_for);
    asked_for().find(|one| one.language.eq_ignore_ascii_case(language)).or_else(|| asked_for().next())
}

/// What begins a list of questions that may be meant.
pub fn did_you_mean(language: &str) -> &'static str {
    match language {
        "th" => "คุณหมายถึงคำถามเหล่านี้หรือไม่?",
        "fa" => "آیا منظورتان یکی از این‌هاست؟",
        _ => "Did you mean one of these?",
    }
}

/// Where an order is, in words.
fn order_in_words(status: OrderStatus, language: &str) -> &'static str {
    let [english, thai, persian] = match status {
        OrderStatus::PendingPayment => ["waiting to be paid", "รอการชำระเงิน", "در انتظار پرداخت"],
        OrderStatus::Paid => ["paid", "ชำระเงินแล้ว", "پرداخت‌شده"],
        OrderStatus::OnHold => ["being checked", "อยู่ระหว่างการตรวจสอบ", "در دست بررسی"],
        OrderStatus::Processing => ["being prepared", "กำลังเตรียมจัดส่ง", "در حال آماده‌سازی"],
        OrderStatus::Shipped => ["on its way", "จัดส่งแล้ว", "ارسال‌شده"],
        OrderStatus::OutForDelivery => ["out for delivery", "กำลังนำส่ง", "در راه تحویل"],
        OrderStatus::Delivered => ["delivered", "จัดส่งสำเร็จแล้ว", "تحویل‌شده"],
        OrderStatus::DeliveryFailed => ["not delivered yet", "จัดส่งไม่สำเร็จ", "تحویل‌نشده"],
        OrderStatus::Returned => ["on its way back", "ถูกส่งคืน", "مرجوع‌شده"],
        OrderStatus::Cancelled => ["cancelled", "ยกเลิกแล้ว", "لغوشده"],
        OrderStatus::Expired => ["expired, as it was not paid", "หมดอายุเพราะไม่ได้ชำระเงิน", "منقضی‌شده"],
    };
    in_language(english, thai, persian, language)
}

/// Where somebody's newest order is, as a sentence.
pub fn order_in_a_sentence(number: &str, status: OrderStatus, language: &str) -> String {
    let status = order_in_words(status, language);
    match language {
        "th" => format!("คำสั่งซื้อล่าสุดของคุณ {number}: {status}"),
        "fa" => format!("آخرین سفارش شما {number}: {status}"),
        _ => format!("Your latest order is {number}: {status}."),
    }
}

/// Whether something is in stock, as a sentence.
pub fn stock_in_a_sentence(is_in_stock: bool, language: &str) -> &'static str {
    match is_in_stock {
        true => in_language("It is in stock.", "สินค้านี้มีในสต็อก", "این کالا موجود است.", language),
        false => in_language(
            "It is out of stock at the moment.",
            "สินค้านี้หมดชั่วคราว",
            "این کالا فعلاً ناموجود است.",
            language,
        ),
    }
}

/// When somebody is there, as a sentence: each interval of the week.
pub fn hours_in_a_sentence(hours: &BusinessHours, language: &str) -> String {
    if hours.weekly.is_empty() {
        let always =
            ["We are here around the clock.", "เราให้บริการตลอด 24 ชั่วโมง", "ما شبانه‌روزی پاسخگو هستیم."];
        let [english, thai, persian] = always;
        return in_language(english, thai, persian, language).to_owned();
    }
    let interval = |weekly: &super::hours::Weekly| {
        let (from, until) = (String::from(weekly.interval.from), String::from(weekly.interval.until));
        format!("{} {from}–{until}", weekly.day.in_words(language))
    };
    let week = hours.weekly.iter().map(interval).collect::<Vec<_>>().join(", ");
    match language {
        "th" => format!("เวลาทำการ: {week}"),
        "fa" => format!("ساعت کاری: {week}."),
        _ => format!("We are here {week}."),
    }
}

fn in_language<'a>(english: &'a str, thai: &'a str, persian: &'a str, language: &str) -> &'a str {
    match language {
        "th" => thai,
        "fa" => persian,
        _ => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(id: &str, trigger: Trigger, language: &str, keywords: &[&str]) -> AutoResponse {
        AutoResponse {
            id: AutoResponseId::new(format!("aut_{id}")).unwrap(),
            trigger,
            keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
            text: id.to_owned(),
            language: language.to_owned(),
            is_active: true,
        }
    }

    #[test]
    fn a_response_is_said_in_the_customers_language_or_in_english() {
        let all = [
            response("en", Trigger::Welcome, "en", &[]),
            response("th", Trigger::Welcome, "th", &[]),
            AutoResponse { is_active: false, ..response("fa", Trigger::Welcome, "fa", &[]) },
        ];
        let said = |language| choose(&all, Trigger::Welcome, language).map(|one| one.text.as_str());
        assert_eq!([said("th"), said("fa"), said("de")], [Some("th"), Some("en"), Some("en")]);
        assert_eq!(choose(&all, Trigger::Busy, "en"), None);
    }

    #[test]
    fn a_language_is_what_is_wanted_or_what_is_written() {
        assert_eq!(language(Some("th-TH"), "hello"), "th");
        assert_eq!(language(None, "สวัสดี"), "th");
        assert_eq!(language(None, "سلام"), "fa");
        assert_eq!(language(None, "hello"), "en");
    }

    #[test]
    fn a_word_asks_for_its_response() {
        let all = [response("coupon", Trigger::Keyword, "en", &["coupon", "voucher"])];
        assert!(by_keyword(&all, "I have a VOUCHER code", "en").is_some());
        assert!(by_keyword(&all, "I have a question", "en").is_none());
    }
}
