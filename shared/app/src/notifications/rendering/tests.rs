//! What is said, in every language and on every medium, and what cannot be said.

use domain::notification::{Kind, LOCALES, Medium, seed};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Rendered, Renderer, samples};

mod hostile;

fn renderer() -> Renderer {
    let zone = TimeZone::get("Asia/Bangkok").unwrap();
    Renderer::new("Lumen", "https://shop.example/").in_zone(zone)
}

fn rendered(kind: Kind, medium: Medium, locale: &str, data: &Value) -> Rendered {
    renderer().render(kind, medium, locale, &seed(kind, locale, medium), data).unwrap()
}

/// Samples of what no text of `kind` makes sense without.
fn needed(kind: Kind) -> Value {
    let needed = kind.variables().iter().filter(|variable| variable.is_needed);
    Value::Object(needed.map(|variable| (variable.name.into(), super::values::sample(variable))).collect())
}

#[test]
fn every_seed_can_be_kept_and_shows_all_of_its_sample() {
    let renderer = renderer();
    for kind in Kind::ALL {
        for locale in LOCALES {
            for medium in Medium::ALL {
                let template = seed(*kind, locale, medium);
                assert_eq!(renderer.check(*kind, &template), Ok(()), "{kind} in {locale}");
                let full = renderer.preview(*kind, medium, locale, &template).unwrap();
                let needed = needed(*kind);
                assert_eq!(renderer.check_data(*kind, &needed), Ok(()));
                let bare = renderer.render(*kind, medium, locale, &template, &needed).unwrap();
                for shown in [&full, &bare] {
                    let text = format!("{} {}", shown.title, shown.body);
                    let html = shown.html.as_deref().unwrap_or_default();
                    for trace in ["{{", "}}", "{%", "%}", "none", "undefined", "  ", " .", " ,", "()", "“”"]
                    {
                        assert!(!text.contains(trace), "{trace} in {kind} in {locale}: {text}");
                    }
                    assert!(!html.contains("{{") && !html.contains("{%"), "{kind} in {locale}: {html}");
                    assert!(!shown.title.is_empty() && !shown.body.is_empty(), "{kind} in {locale}");
                }
                assert!(full.action_url.unwrap().starts_with("https://shop.example/"), "{kind}");
            }
        }
    }
}

#[test]
fn variables_that_a_seed_speaks_of_are_in_what_it_says() {
    let renderer = renderer();
    for kind in Kind::ALL {
        let sample = samples(&[kind.variables()]);
        for locale in LOCALES {
            for medium in [Medium::Push, Medium::Email] {
                let template = seed(*kind, locale, medium);
                let said = renderer.preview(*kind, medium, locale, &template).unwrap();
                for (name, value) in sample.as_object().unwrap() {
                    let is_shown = [&template.title, &template.body]
                        .iter()
                        .any(|source| source.contains(&format!("{{{{ {name} }}}}")));
                    if let (true, Some(text)) =
                        (is_shown, value.as_str().filter(|text| !text.contains("2026-")))
                    {
                        let all = format!("{} {}", said.title, said.body);
                        assert!(all.contains(text), "{name} of {kind} in {locale}: {all}");
                    }
                }
            }
        }
    }
}

fn order() -> Value {
    json!({
        "order_id": "ord_1",
        "order_number": "1042",
        "recipient_name": "Ana",
        "total": { "amount": 4_997, "currency": "USD" },
        "lines": [
            { "name": "Brass Lamp", "quantity": 2, "total": { "amount": 3_998, "currency": "USD" } },
            { "name": "Candle", "quantity": 1, "total": { "amount": 999, "currency": "USD" } },
        ],
        "unsubscribe_url": "https://api.example/unsubscribe?token=a&shop=b",
    })
}

#[test]
fn a_mail_says_the_same_as_text_and_as_a_page() {
    let mail = rendered(Kind::OrderConfirmation, Medium::Email, "en-GB", &order());
    assert_eq!(mail.title, "Your order 1042 at Lumen");
    assert_eq!(
        mail.body,
        "Hello Ana,\n\nthank you for your order! We have received your payment and are getting everything ready.\n\n\
         Order 1042:\n\n- 2 × Brass Lamp: $39.98\n- 1 × Candle: $9.99\n\nTotal: $49.97\n\n\
         We will tell you as soon as your parcel is on its way.\n\n\
         View details: https://shop.example/orders/ord_1\n\n-- \n\
         You get this mail because you have an account with Lumen or asked to be told.\n\
         Unsubscribe: https://api.example/unsubscribe?token=a&shop=b"
    );
    let html = mail.html.unwrap();
    assert!(html.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"));
    for part in [
        "<li>2 × Brass Lamp: $39.98</li>",
        "<p style=\"margin:16px 0;\">Total: $49.97</p>",
        "href=\"https:&#x2f;&#x2f;shop.example&#x2f;orders&#x2f;ord_1\"",
        "unsubscribe?token=a&amp;shop=b\"",
        ">Unsubscribe</a>",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn people_read_it_in_their_language() {
    let shipped = json!({ "order_number": "1042", "carrier": "DHL", "tracking_number": "JD0146",
                          "expected_on": "2026-03-21" });
    let dropped = json!({ "product_name": "Brass Lamp", "old_price": { "amount": 249_900, "currency": "THB" },
                          "price": { "amount": 199_900, "currency": "THB" } });
    let earned = json!({ "points": 1_200, "balance": 12_480 });
    let alert = json!({ "event": "new_device", "device": "Firefox", "happened_at": "2026-03-20T20:30:00Z" });
    let said = |locale| {
        [
            (Kind::OrderShipped, &shipped),
            (Kind::PriceDrop, &dropped),
            (Kind::LoyaltyReward, &earned),
            (Kind::SecurityAlert, &alert),
        ]
        .map(|(kind, data)| {
            let push = rendered(kind, Medium::Push, locale, data);
            format!("{} | {}", push.title, push.body)
        })
    };
    assert_eq!(
        said("en"),
        [
            "Your order is on its way | Order 1042 has been shipped with DHL, tracking number JD0146. It should arrive on 21 March 2026.",
            "Brass Lamp is now ฿1,999.00 | The price dropped from ฿2,499.00 to ฿1,999.00.",
            "You have earned 1,200 points | Your balance: 12,480 points. Thank you for being with us!",
            "New sign-in to your account | Somebody signed in with Firefox (21 March 2026, 03:30). If this was not you, secure your account now.",
        ]
    );
    assert_eq!(
        said("th-TH"),
        [
            "จัดส่งสินค้าของคุณแล้ว | คำสั่งซื้อ 1042 จัดส่งแล้วโดย DHL หมายเลขพัสดุ JD0146 คาดว่าจะได้รับในวันที่ 21 มีนาคม 2569",
            "Brass Lamp ลดเหลือ ฿1,999.00 | ราคาลดลงจาก ฿2,499.00 เหลือ ฿1,999.00",
            "คุณได้รับ 1,200 คะแนน | คะแนนสะสมของคุณ: 12,480 คะแนน ขอบคุณที่อยู่กับเรา",
            "มีการเข้าสู่ระบบบัญชีของคุณจากอุปกรณ์ใหม่ | มีผู้เข้าสู่ระบบบัญชีของคุณด้วย Firefox (21 มีนาคม 2569 เวลา 03:30 น.) หากไม่ใช่คุณ โปรดป้องกันบัญชีของคุณทันที",
        ]
    );
    assert_eq!(
        said("fa"),
        [
            "سفارش شما ارسال شد | سفارش 1042 با DHL ارسال شد؛ کد رهگیری: JD0146. انتظار می‌رود در ۱ فروردین ۱۴۰۵ به دستتان برسد.",
            "\u{200f}Brass Lamp اکنون ۱٬۹۹۹٫۰۰ بات | قیمت از ۲٬۴۹۹٫۰۰ بات به ۱٬۹۹۹٫۰۰ بات کاهش یافت.",
            "۱٬۲۰۰ امتیاز گرفتید | موجودی شما: ۱۲٬۴۸۰ امتیاز. از همراهی شما سپاسگزاریم!",
            "ورود تازه به حساب شما | کسی با Firefox وارد حساب شما شد (۱ فروردین ۱۴۰۵، ساعت ۰۳:۳۰). اگر کار شما نبوده، همین حالا حساب خود را ایمن کنید.",
        ]
    );
    let mail = rendered(Kind::OrderConfirmation, Medium::Email, "fa-IR", &order()).html.unwrap();
    for part in [
        "lang=\"fa\" dir=\"rtl\"",
        "text-align:right",
        "<li>۲ × Brass Lamp: ۳۹٫۹۸ دلار</li>",
        ">لغو دریافت ایمیل</a>",
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
}

#[test]
fn a_text_message_is_all_in_one_and_names_the_shop() {
    let data = json!({ "event": "new_device", "device": "Firefox", "place": "Bangkok",
                       "happened_at": "2026-01-05T20:30:00Z" });
    let message = rendered(Kind::SecurityAlert, Medium::Sms, "en", &data);
    assert_eq!(
        message.body,
        "Lumen: New sign-in to your account\nSomebody signed in with Firefox near Bangkok \
         (6 January 2026, 03:30). If this was not you, secure your account now.\n\
         https://shop.example/account/security"
    );
    assert_eq!(message.html, None);
    let data = json!({ "message": "é".repeat(4_000) });
    assert!(rendered(Kind::ChatMessage, Medium::Sms, "en", &data).body.chars().count() < 400);
}

#[test]
fn what_somebody_wrote_in_lines_stays_in_lines_and_a_name_does_not_make_any() {
    let data = json!({ "sender_name": "Mia\n\n- Total: $0", "message": "one\r\n\r\n\r\n\r\ntwo  \nthree" });
    let push = rendered(Kind::ChatMessage, Medium::Push, "en", &data);
    assert_eq!((push.title.as_str(), push.body.as_str()), ("Mia - Total: $0", "one\n\ntwo\nthree"));
    let long = rendered(Kind::ChatMessage, Medium::Push, "en", &json!({ "sender_name": "é".repeat(1_000) }));
    assert_eq!(long.title.chars().count(), 200);
    assert!(long.title.ends_with('…'));
}

#[test]
fn addresses_that_are_no_pages_are_left_out() {
    let data = json!({ "headline": "Sale", "message": "Now", "action_url": "javascript:alert(1)",
                       "image_url": "data:image/svg+xml,<svg onload=alert(1)>" });
    let push = rendered(Kind::PromotionAlert, Medium::Push, "en", &data);
    assert_eq!((push.action_url.as_deref(), push.image_url), (Some("https://shop.example/"), None));
    let given = json!({ "message": "Now", "action_url": "https://sale.example/a?b=c&d=%20" });
    let push = rendered(Kind::PromotionAlert, Medium::Push, "en", &given);
    assert_eq!(push.action_url.unwrap(), "https://sale.example/a?b=c&d=%20");
}

#[test]
fn values_that_are_not_what_their_variables_are_have_names_and_codes() {
    let data = json!({ "price": 19.99, "old_price": { "amount": 1, "currency": "XXX" }, "product_name": ["a"],
                       "image_url": "javascript:alert(1)", "colour": "red", "variant_name": null });
    let problems = renderer().check_data(Kind::PriceDrop, &data).unwrap_err();
    let found: Vec<String> = problems.iter().map(|(field, code, _)| format!("{field} {code}")).collect();
    assert_eq!(
        found,
        [
            "colour unknown_variable",
            "image_url invalid",
            "old_price invalid",
            "price invalid",
            "product_name invalid"
        ]
    );
    assert!(renderer().check_data(Kind::PriceDrop, &json!([])).is_err());
    let missing =
        renderer().check_data(Kind::OrderStatusUpdate, &json!({ "order_number": null })).unwrap_err();
    assert_eq!((missing[0].0.as_str(), missing[0].1, missing.len()), ("order_number", "required", 1));
    for kind in Kind::ALL {
        assert_eq!(renderer().check_data(*kind, &samples(&[kind.variables()])), Ok(()), "{kind}");
    }
}

#[test]
fn a_digest_has_a_line_for_each() {
    let titles = ["Brass Lamp is now $19.99", "<b>Candle</b> is\nback"].map(String::from);
    let data = json!({ "recipient_name": "Ana", "unsubscribe_url": "https://api.example/u?t=1" });
    let mail = renderer().digest("en", &titles, &data).unwrap();
    assert_eq!(mail.title, "2 updates from Lumen");
    assert!(mail.body.starts_with(
        "Hello Ana,\n\nhere is what happened since our last mail:\n\n- Brass Lamp is now $19.99\n- <b>Candle</b> is back\n"
    ));
    assert!(mail.html.unwrap().contains("<li>&lt;b&gt;Candle&lt;&#x2f;b&gt; is back</li>"));
    assert_eq!(mail.action_url.unwrap(), "https://shop.example/notifications");
    assert_eq!(renderer().digest("en", &titles[..1], &Value::Null).unwrap().title, "1 update from Lumen");
    for locale in LOCALES {
        let many: Vec<String> = (0..100).map(|number| format!("{number} {}", "x".repeat(180))).collect();
        let mail = renderer().digest(locale, &many, &data).unwrap();
        assert!(mail.html.unwrap().contains("<li>99 xxx"), "{locale}");
    }
}
