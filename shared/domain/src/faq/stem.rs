//! Word endings that do not change what a shopper asks: few rules, each easy to explain.
//!
//! A stem is no word (`purchas`, `cancel`) and is never shown; it only has to be the same for the forms of one word. Words
//! of two languages that happen to have one stem are told apart by the words around them.

/// The stem of a normalised word.
pub fn stem(word: &str) -> String {
    match word.chars().next() {
        Some('a'..='z') if word.is_ascii() => english(word),
        Some('\u{600}'..='\u{6ff}') => arabic(word).to_owned(),
        _ => word.to_owned(),
    }
}

/// Endings of English, longest first, and what stands for them.
const ENGLISH: [(&str, &str); 22] = [
    ("ellations", "el"),
    ("ellation", "el"),
    ("izations", "iz"),
    ("ization", "iz"),
    ("rations", "r"),
    ("ration", "r"),
    ("itions", ""),
    ("ition", ""),
    ("ations", ""),
    ("ation", ""),
    ("ments", ""),
    ("ment", ""),
    ("ings", ""),
    ("ing", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("sses", "ss"),
    ("ness", ""),
    ("ed", ""),
    ("es", "e"),
    ("ly", ""),
    ("s", ""),
];

fn english(word: &str) -> String {
    let mut stem = word.to_owned();
    let found = ENGLISH.iter().find_map(|(ending, instead)| {
        let rest = word.strip_suffix(ending)?;
        let is_plural = *ending != "s" || !rest.ends_with(['s', 'u', 'i']);
        let is_word = rest.len() + instead.len() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y']);
        (is_plural && is_word).then(|| format!("{rest}{instead}"))
    });
    if let Some(found) = found {
        stem = found;
    }
    if stem.len() > 3 && stem.ends_with('e') {
        stem.pop();
    }
    let mut last = stem.bytes().rev();
    if stem.len() > 3 && last.next() == last.next() {
        stem.pop();
    }
    if stem.len() > 2 && stem.ends_with('y') {
        stem.pop();
        stem.push('i');
    }
    stem
}

/// The article of Arabic, plural and possessive endings of Persian.
fn arabic(word: &str) -> &str {
    let long = |rest: &&str| rest.chars().count() >= 3;
    let word = ["وال", "بال", "لل", "ال"]
        .iter()
        .find_map(|start| word.strip_prefix(start).filter(long))
        .unwrap_or(word);
    let endings = ["هایمان", "هایم", "هایی", "های", "ها", "مان", "تان", "شان", "ات", "ام", "م"];
    endings.iter().find_map(|ending| word.strip_suffix(ending).filter(long)).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_have_one_stem() {
        let families = [
            "cancel cancels canceled cancelled canceling cancelling cancellation cancellations",
            "order orders ordered ordering",
            "pay pays paying payment payments",
            "bill bills billing billed",
            "purchase purchases purchased purchasing",
            "delivery deliveries",
            "deliver delivers delivered",
            "register registered registering",
            "address addresses",
            "ship shipped shipping shipment",
            "سفارش سفارشم سفارشات سفارش‌ها سفارشهای",
            "طلب الطلب",
        ];
        for family in families {
            let stems: Vec<_> =
                family.split(' ').map(|word| stem(&super::super::text::normalize(word))).collect();
            assert!(stems.iter().all(|other| *other == stems[0]), "{family}: {stems:?}");
        }
    }

    #[test]
    fn words_that_mean_something_else_are_told_apart() {
        for (one, other) in [("order", "ordinary"), ("status", "state"), ("ring", "rate"), ("bus", "but")] {
            assert_ne!(stem(one), stem(other));
        }
    }
}
