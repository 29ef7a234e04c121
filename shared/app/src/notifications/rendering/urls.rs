//! Addresses that notifications lead to: pages of the shop, or pages of the web.

use minijinja::{Error, Output, State, Value, value::ValueKind};

/// Longer ones are cut off by somebody on the way.
const MAX_LENGTH: usize = 2_000;

/// Writes a value of an address: an address as it is, anything else as one part of a path or a query.
pub(super) fn write(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return out.write_str(value.as_str().unwrap_or_default()).map_err(Error::from);
    }
    let text = match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned),
        ValueKind::Number => value.as_i64().map(|number| number.to_string()),
        _ => None,
    };
    out.write_str(&encoded(&text.unwrap_or_default(), is_unreserved)).map_err(Error::from)
}

/// `address` if it may be followed, whole: with `shop_url` before it if it is a path. What no address can have in it is
/// percent-encoded, as browsers do. Nothing, if it leads anywhere but to a web page.
pub(super) fn absolute(shop_url: &str, address: &str) -> Option<String> {
    if address.chars().any(|c| c.is_control() || c.is_whitespace() || "\\\"<>^`{|}".contains(c)) {
        return None;
    }
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let whole = match is_path {
        true => format!("{shop_url}{address}"),
        false => address.to_owned(),
    };
    let whole = encoded(&whole, |byte| byte.is_ascii_graphic());
    let is_good = is_web(&whole) && whole.len() <= MAX_LENGTH;
    is_good.then_some(whole)
}

/// Whether it names a host, and nobody who would sign in there.
fn is_web(address: &str) -> bool {
    let (scheme, rest) = address.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    ["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && authority.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && !authority.contains('@')
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// `text` with all bytes percent-encoded that are not `kept`.
fn encoded(text: &str, kept: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match kept(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.extend(["%".into(), hex::encode_upper([byte])]),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_shop_and_of_the_web_are_led_to() {
        let shop = "https://shop.example";
        let led = |address| absolute(shop, address);
        assert_eq!(led("/orders/1?a=b#c").unwrap(), "https://shop.example/orders/1?a=b#c");
        assert_eq!(led("HTTPS://other.example/x").unwrap(), "HTTPS://other.example/x");
        assert_eq!(led("http://[2001:db8::1]:8080/x").unwrap(), "http://[2001:db8::1]:8080/x");
        assert_eq!(led("/กาแฟ").unwrap(), "https://shop.example/%E0%B8%81%E0%B8%B2%E0%B9%81%E0%B8%9F");
        for wrong in [
            "",
            "orders",
            "javascript:alert(1)",
            "JavaScript://shop.example/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:/evil.example",
            "https://",
            "https:///x",
            "https://shop.example@evil.example/",
            "https://a:b@evil.example",
            "https://shop.example/\nSet-Cookie: a",
            "https://shop.example/ x",
            "https://shop.example/\"onclick=\"x",
            "https://shop.example/<script>",
            "java\tscript:alert(1)",
            "\u{202e}https://shop.example",
            "mailto:a@b.example",
        ] {
            assert_eq!(led(wrong), None, "{wrong:?}");
        }
        assert_eq!(led(&format!("/{}", "a".repeat(2_000))), None);
    }
}
