//! Words that somebody should look at: what is said is delivered as it is, and marked for staff.
//!
//! The list of words is English's. Other languages are passed over, not suspected: a letter that the list does not know
//! says nothing about what was meant.

use domain::{ShopId, chat::Message};
use rustrict::{Censor, Type};

use super::Chat;
use crate::Result;

/// What a message can be marked as, and from how bad on.
const MARKS: [(&str, Type); 4] = [
    ("profane", Type::PROFANE),
    ("offensive", Type::OFFENSIVE),
    ("sexual", Type::SEXUAL),
    ("mean", Type::MEAN),
];

/// Why somebody should look at `text`; nothing, as a rule.
fn flags_of(text: &str) -> Vec<String> {
    let found = Censor::from_str(text).analyze();
    let is_meant = |kind: Type| found.is(kind & Type::MODERATE_OR_HIGHER);
    MARKS.into_iter().filter(|(_, kind)| is_meant(*kind)).map(|(name, _)| name.to_owned()).collect()
}

impl Chat {
    /// Marks a message for staff if its words ask for it. Doing it again changes nothing.
    pub(super) async fn look_at_words(&self, shop: &ShopId, message: &Message) -> Result<()> {
        let flags = flags_of(message.content.text.as_deref().unwrap_or_default());
        if flags.is_empty() {
            return Ok(());
        }
        let request = self.clock.fresh().to_string();
        self.store.flag_message(shop, &message.conversation_id, message.seq, &flags, &request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked_by_what_they_are() {
        for (text, flags) in [
            ("this fucking lamp", "profane sexual"),
            ("y0u are a fuck1ng b1tch", "profane offensive sexual"),
            ("kill yourself", "offensive mean"),
            ("nice tits", "sexual"),
            ("what a shit shop", "profane"),
        ] {
            assert_eq!(flags_of(text).join(" "), flags, "{text}");
        }
    }

    #[test]
    fn what_shoppers_say_is_not_marked() {
        let orders =
            "Where is my order #4711? I paid 12.50 and still WAIT!!! Please help, I need it in Scunthorpe";
        let harmless = [
            orders,
            "The class assignment: a bass, a cockatoo cage, two cocktail glasses",
            "The lamp is broken, this is bad. I am angry and want my money back.",
            "ขอบคุณค่ะ สินค้าของฉันอยู่ที่ไหน",
            "سفارش من کجاست؟ لطفاً کمک کنید",
            "Où est ma commande ? Größe 42, bitte.",
            "aaaaaaaaaa 😀😀😀😀 https://shop.example/lamp?x=1",
        ];
        for text in harmless {
            assert_eq!(flags_of(text), Vec::<String>::new(), "{text}");
        }
    }
}
