//! Templates and values that mean harm.

use domain::notification::{Kind, LOCALES, Medium, Template, seed};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{rendered, renderer, samples};

fn template(title: &str, body: &str) -> Template {
    let seed = seed(Kind::PriceDrop, "en", Medium::Push);
    Template { title: title.into(), body: body.into(), ..seed }
}

/// What is wrong with a template of price drops: field and code.
fn problems(template: &Template) -> Vec<String> {
    let problems = renderer().check(Kind::PriceDrop, template).err().unwrap_or_default();
    problems.into_iter().map(|(field, code, _)| format!("{field} {code}")).collect()
}

#[test]
fn hostile_values_are_text_wherever_they_go() {
    let hostile =
        "<script>alert(1)</script>{{ shop_name }}{% if 1 %}\"'\u{202e}gpj\r\nBcc: all@example\0\u{2028}&";
    let data = json!({
        "product_id": hostile, "product_name": hostile, "variant_name": hostile, "recipient_name": hostile,
        "old_price": { "amount": 2, "currency": "USD" }, "price": { "amount": 1, "currency": "USD" },
        "image_url": "https://cdn.example/a.png?a=b&c=d",
    });
    let mail = rendered(Kind::PriceDrop, Medium::Email, "en", &data);
    assert_eq!(
        mail.title,
        "Price drop: <script>alert(1)</script>{{ shop_name }}{% if 1 %}\"'gpj Bcc: all@example & is now $0.01"
    );
    let html = mail.html.unwrap();
    let escaped = "&lt;script&gt;alert(1)&lt;&#x2f;script&gt;{{ shop_name }}{% if 1 %}&quot;&#x27;gpj Bcc: all@example &amp;";
    assert!(html.contains(escaped), "{html}");
    assert!(!html.contains("<script>") && !html.contains('\u{202e}') && !html.contains('\0'), "{html}");
    assert_eq!(
        mail.action_url.unwrap(),
        "https://shop.example/products/%3Cscript%3Ealert%281%29%3C%2Fscript%3E%7B%7B%20shop_name%20%7D%7D%7B%25%20if%201%20%25%7D%22%27gpj%20Bcc%3A%20all%40example%20%26"
    );
    for locale in LOCALES {
        for kind in Kind::ALL {
            let all = kind.variables().iter().map(|variable| (variable.name.to_owned(), json!(hostile)));
            let data = Value::Object(all.collect());
            for medium in Medium::ALL {
                let shown = rendered(*kind, medium, locale, &data);
                assert!(!shown.title.contains(char::is_control), "{kind}");
                assert!(!shown.html.unwrap_or_default().contains("<script>"), "{kind}");
            }
        }
    }
}

#[test]
fn templates_that_cannot_work_are_refused_with_their_field() {
    assert_eq!(problems(&template("{{ product_name }}", "Now {{ price }}")), [""; 0]);
    assert_eq!(
        problems(&template("{{ prodct_name }}", "{{ total }} {{ lines[0].name }}")),
        ["title_template unknown_variable", "body_template unknown_variable"]
    );
    for wrong in [
        "{{ product_name",
        "{% if price %}",
        "{% endif %}",
        "{{ }}",
        "{% include 'a' %}",
        "{% import 'a' as b %}",
        "{% extends 'a' %}",
        "{% macro a() %}{% endmacro %}",
        "{% block a %}{% endblock %}",
        "{% set a = 1 %}",
        "{% with a = 1 %}{% endwith %}",
        "{% autoescape false %}{% endautoescape %}",
        "{% raw %}{{ a|b }}{% endraw %}",
        "{%- filter upper -%}a{% endfilter %}",
        "{% do price %}",
        "{{ product_name|safe }}",
        "{% if price %}a{% else %}{{ product_name | upper }}{% endif %}",
        "{{ product_name.upper() }}",
        "{{ range(10) }}",
        "{{ (product_name)() }}",
        "{{ 'a'() }}",
        "{% if product_name is string %}{% endif %}",
        "{{ price + 1 }}",
        "{{ 1 / 0 }}",
    ] {
        assert_eq!(problems(&template("a", wrong)), ["body_template template_syntax"], "{wrong}");
    }
    let right = "{{ (price or old_price) if (price and product_name) else 'a|b is (c)' }}{# a|b #}";
    assert_eq!(problems(&template("a", right)), [""; 0]);
}

#[test]
fn templates_that_lead_nowhere_are_refused() {
    for wrong in [
        "javascript:alert('{{ product_id }}')",
        "data:text/html,a",
        "//evil.example",
        "orders",
        "{{ price }}",
    ] {
        let leading = Template { action_url: Some(wrong.into()), ..template("a", "b") };
        assert_eq!(problems(&leading), ["action_url invalid_url"], "{wrong}");
        let shown = renderer().preview(Kind::PriceDrop, Medium::Push, "en", &leading).unwrap();
        assert_eq!(shown.action_url, None, "{wrong}");
    }
    for right in [
        "/p/{{ product_id }}?a={{ product_name }}",
        "https://app.example/{{ product_id }}",
        "{{ image_url }}",
    ] {
        let leading = Template { action_url: Some(right.into()), ..template("a", "b") };
        assert_eq!(problems(&leading), [""; 0], "{right}");
    }
    let empty = Template { title: " ".into(), ttl_seconds: Some(0), ..template("", "b") };
    assert_eq!(problems(&empty), ["title_template required", "ttl out_of_range"]);
}

#[test]
fn a_template_that_would_never_end_ends() {
    let loops = "{% for a in 'x' * 9999 %}".repeat(6) + "x" + &"{% endfor %}".repeat(6);
    let large = "{{ 'x' * 2000000000 }}";
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(1_900), ")".repeat(1_900));
    let growing = "{% for a in [product_name ~ product_name] %}".to_owned()
        + &"{% for a in [a ~ a ~ a ~ a] %}".repeat(50)
        + "{{ a }}"
        + &"{% endfor %}".repeat(51);
    for hostile in [&loops, large, &deep, &growing] {
        assert_eq!(problems(&template("a", hostile)), ["body_template template_syntax"], "{hostile:.60}");
        let kept = template("a", hostile);
        let sample = samples(&[Kind::PriceDrop.variables()]);
        let failed = renderer().render(Kind::PriceDrop, Medium::Push, "en", &kept, &sample);
        assert!(failed.is_err(), "{hostile:.60}");
    }
}

#[test]
fn what_a_failing_template_was_filled_with_is_not_in_its_error() {
    let failing = template("a", "\n{{ product_name + 1 }}");
    let data = json!({ "product_name": "Ana Smith" });
    let failed = renderer().render(Kind::PriceDrop, Medium::Push, "en", &failing, &data).unwrap_err();
    assert_eq!(failed.to_string(), "the template of price_drop fails in line 2: invalid operation");
}

#[test]
fn not_even_a_form_of_words_that_means_something_else_gets_a_template_through() {
    // Closing marks in texts, texts in comments, comments that do not end.
    let through = [
        "{{ '}}' }}{{ price|x }}",
        "{# ' #}{{ price|x }}",
        "{{ \"'\" }}{{ price|x }}",
        "{{ '\\'' }}{{ price|x }}",
    ];
    for hidden in through {
        assert_eq!(problems(&template("a", hidden)), ["body_template template_syntax"], "{hidden}");
    }
    for open in ["{# {{ price|x }}", "{{ 'a", "{% if '", "{{ {{ price }} }}", "{%"] {
        assert_eq!(problems(&template("a", open)), ["body_template template_syntax"], "{open}");
    }
}

/// Pieces of which templates are made, and pieces that do not belong together.
const PIECES: [&str; 30] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{ price }}",
    "{{ product_name }}",
    "{% if price %}",
    "{% else %}",
    "{% endif %}",
    "{% for a in product_name %}",
    "{% for a in [1, 2] %}",
    "{% endfor %}",
    "{{ a }}",
    " or ",
    " ~ ",
    "(",
    ")",
    "[",
    "]",
    "'",
    "\"",
    "\\",
    "|",
    ".",
    "ก",
    "\u{200c}",
    "\u{1f56f}",
    "- ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_is_kept_can_be_written_out_with_anything_filled_in(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..14),
        hostile in ".{0,40}",
    ) {
        let template = template(&pieces.concat(), &pieces.concat());
        let (renderer, kind) = (renderer(), Kind::PriceDrop);
        let data = json!({ "product_name": hostile, "price": { "amount": 1, "currency": "USD" } });
        let is_kept = renderer.check(kind, &template).is_ok();
        for (medium, locale) in [(Medium::Push, "en"), (Medium::Email, "fa")] {
            let written = renderer.render(kind, medium, locale, &template, &data);
            prop_assert!(written.is_ok() || !is_kept, "{}", pieces.concat());
            if let Ok(written) = written {
                prop_assert!(!written.title.contains(char::is_control));
            }
        }
    }

    #[test]
    fn no_value_gets_out_of_its_place_in_a_page(value in r#"[<>&"'/=a-z{}% \n]{0,60}"#) {
        let data = json!({ "product_name": value, "variant_name": value, "recipient_name": value });
        let page = |data: &Value| rendered(Kind::PriceDrop, Medium::Email, "en", data).html.unwrap();
        let marks = |page: &str| (page.matches('<').count(), page.matches('>').count(), page.matches('"').count());
        let harmless = json!({ "product_name": "a", "variant_name": "a", "recipient_name": "a" });
        let (hostile, harmless) = (page(&data), page(&harmless));
        // Values that are nothing but space leave out what was to be said of them, marks and all.
        if !value.trim().is_empty() {
            prop_assert_eq!(marks(&hostile), marks(&harmless));
        }
    }
}
