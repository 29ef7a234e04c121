//! Addresses that people give: whether something could be sent to them at all.

/// Whether mail can be sent to it: one address and nothing else, as people write them. Quoted and bare-host forms, which
/// the standard knows and nobody has, are left out, and so is everything that could begin another header.
pub fn is_mail_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    // Marks above and below letters are no letters, and words of Thai or Hindi have them.
    let is_letter = |c: char| c.is_alphanumeric() || (!c.is_ascii() && !c.is_whitespace() && !c.is_control());
    let is_plain = |c: char| is_letter(c) || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| is_letter(c) || c == '-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.chars().all(is_plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && labels.len() >= 2
        && labels.iter().all(|label| is_label(label))
        && labels.last().is_some_and(|last| last.chars().any(char::is_alphabetic))
}

/// Whether text messages can be sent to it: `+`, the country and the number, seven to fifteen digits (E.164).
pub fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_only_looks_like_them() {
        let good = ["ana@shop.example", "a.b+c@mail.shop.example", "ณา@ร้าน.ไทย", "x@1.example"];
        assert_eq!(good.map(is_mail_address), [true; 4]);
        let bad = [
            "",
            "ana",
            "@shop.example",
            "ana@",
            "ana@shop",
            "ana@shop.1",
            "a na@shop.example",
            "ana@shop.example\r\nBcc: all@shop.example",
            "ana@shop.example,bea@shop.example",
            "Ana <ana@shop.example>",
            ".ana@shop.example",
            "a..b@shop.example",
            "ana@-shop.example",
            "ana@shop..example",
        ];
        assert_eq!(bad.map(is_mail_address), [false; 14]);
    }

    #[test]
    fn numbers_are_written_with_their_country() {
        assert_eq!(["+66812345678", "+989121234567"].map(is_phone_number), [true; 2]);
        let bad = [
            "",
            "+",
            "0812345678",
            "+0812345678",
            "+66 81 234 5678",
            "+123456",
            "+1234567890123456",
            "+66x12345678",
        ];
        assert_eq!(bad.map(is_phone_number), [false; 8]);
    }
}
