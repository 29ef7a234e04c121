//! Mail: what is in it, how it ends, and what comes back of it.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{fates, link_in, mails, mails_to, path_of, reachable_at, says, tells_by},
    world::{Person, World},
};

const ANA: &str = "ana@shop.example";

/// Ana, who can be reached by mail.
async fn ana_with_an_address<'a>(world: &'a World, address: &str) -> Person<'a> {
    reachable_at(world, "ana", json!({ "email": address })).await;
    world.customer("ana").await
}

fn header<'a>(mail: &'a Value, name: &str) -> Option<&'a str> {
    let headers = mail["headers"].as_array()?;
    headers.iter().find(|header| header[0] == name)?[1].as_str()
}

/// What is behind the link with which a mail program ends mail of its kind.
fn way_out(mail: &Value) -> String {
    path_of(header(mail, "List-Unsubscribe").unwrap().trim_start_matches('<').trim_end_matches('>'))
}

#[tokio::test]
async fn a_mail_says_the_same_as_text_and_as_a_page_and_how_to_end_it() {
    let world = World::new().await;
    let ana = ana_with_an_address(&world, ANA).await;
    let data = json!({ "order_number": "<b>7</b>", "order_id": "ord_1" });
    let id = tells_by(&world, "ana", ("order_shipped", data), &["email"]).await;
    assert_eq!(fates(&ana, &id, "email").await, ["delivered, 1"]);
    let mail = mails_to(&world, ANA).await.remove(0);
    assert_eq!(
        (&mail["from"], &mail["subject"]),
        (&json!("shop@shop.example"), &json!("Your order is on its way"))
    );
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    assert!(text.contains("Order <b>7</b> has been shipped"), "{text}");
    assert!(html.contains("Order &lt;b&gt;7&lt;") && !html.contains("<b>7"), "{html}");
    assert_eq!(header(&mail, "List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(link_in(&mail, "/unsubscribe"), way_out(&mail));
    assert_eq!(mail["tags"]["notification"], id);
    world.end().await;
}

#[tokio::test]
async fn what_nobody_can_turn_off_has_no_way_out() {
    let world = World::new().await;
    ana_with_an_address(&world, ANA).await;
    tells_by(&world, "ana", ("payment_failed", json!({ "order_number": "7" })), &["email"]).await;
    let mail = mails_to(&world, ANA).await.remove(0);
    assert_eq!(header(&mail, "List-Unsubscribe"), None);
    assert!(!mail["text"].as_str().unwrap().contains("unsubscribe"), "{mail}");
    world.end().await;
}

#[tokio::test]
async fn one_press_ends_mail_of_a_kind_and_looking_at_the_page_does_not() {
    let world = World::new().await;
    let ana = ana_with_an_address(&world, ANA).await;
    mails(&world, "ana").await;
    let link = way_out(&mails_to(&world, ANA).await.remove(0));
    let page = world.nobody().get(&link).await;
    assert_eq!(page.headers["content-type"].to_str().unwrap(), "text/html; charset=utf-8");
    assert!(page.body.as_str().unwrap().contains("<form method=\"post\">"), "{page:?}");
    let id = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "email").await, ["delivered, 1"], "a mail scanner has followed the link");

    let (http, url, _) = world.nobody().http();
    for _ in 0..2 {
        let press = http.post(format!("{url}{link}")).form(&[("List-Unsubscribe", "One-Click")]);
        assert_eq!(press.send().await.unwrap().status(), 200);
    }
    let id = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "email").await, ["suppressed (preference), 0"]);
    let payment =
        tells_by(&world, "ana", ("payment_failed", json!({ "order_number": "7" })), &["email"]).await;
    assert_eq!(fates(&ana, &payment, "email").await, ["delivered, 1"], "of payments they are told anyway");
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["categories"], json!({ "orders": { "channels": { "email": false } } }));
    world.end().await;
}

#[tokio::test]
async fn a_link_that_was_changed_or_is_too_old_does_nothing() {
    let world = World::new().await;
    let ana = ana_with_an_address(&world, ANA).await;
    mails(&world, "ana").await;
    let link = way_out(&mails_to(&world, ANA).await.remove(0));
    let (path, token) = link.split_once("?token=").unwrap();
    let (text, seal) = token.split_once('.').unwrap();
    let forged = [
        path.to_owned(),
        format!("{path}?token="),
        format!("{path}?token={text}"),
        format!("{path}?token={text}.{}", "A".repeat(43)),
        format!("{path}?token=A{text}.{seal}"),
        format!("{path}?token={}", ana.token.clone().unwrap()),
    ];
    for link in forged {
        for method in [Method::GET, Method::POST] {
            let answer = world.nobody().send(method.clone(), &link, &[], None).await;
            assert!([400, 401].contains(&answer.status.as_u16()), "{method} {link}: {answer:?}");
        }
    }
    let id = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &id, "email").await, ["delivered, 1"]);
    world.leaps(SignedDuration::from_hours(366 * 24)).await;
    let late = world.nobody().send(Method::POST, &link, &[], None).await;
    assert_eq!(late.outcome(), "401 unauthenticated");
    world.end().await;
}

#[tokio::test]
async fn a_link_that_leads_nowhere_shows_a_page_to_whoever_follows_it_and_a_problem_to_programs() {
    let world = World::new().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["unsubscribe", "confirm"] {
        for (method, query, status) in [
            (Method::GET, "?token=forged.token", 401),
            (Method::POST, "?token=forged.token", 401),
            (Method::GET, "?token=", 401),
            (Method::GET, "", 400),
        ] {
            let link = format!("/api/v1/notifications/{path}{query}");
            let asks = async |accept: &str, language: &str| {
                let headers = [("accept", accept), ("accept-language", language)];
                world.nobody().send(method.clone(), &link, &headers, None).await
            };
            let page = asks(browser, "en-GB,en;q=0.9").await;
            assert_eq!(page.status.as_u16(), status, "{method} {link}");
            assert_eq!(page.headers["content-type"].to_str().unwrap(), "text/html; charset=utf-8");
            assert!(page.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
            let text = page.body.as_str().unwrap();
            assert!(
                text.contains("<p role=\"alert\">This link does not work.") && !text.contains("token"),
                "{text}"
            );
            let page = asks(browser, "fa").await;
            assert!(page.body.as_str().unwrap().contains("<html lang=\"fa\" dir=\"rtl\">"), "{page:?}");
            for accept in ["application/json", "application/problem+json, text/html;q=0.5", "*/*"] {
                let problem = asks(accept, "en").await;
                assert_eq!(problem.headers["content-type"], "application/problem+json", "{accept}");
                assert_eq!((problem.status.as_u16(), &problem.body["status"]), (status, &json!(status)));
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn an_address_from_which_mail_came_back_gets_no_more() {
    let world = World::new().await;
    let gone = "bounce+ana@simulator.amazonses.com";
    let ana = ana_with_an_address(&world, gone).await;
    let first = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &first, "email").await, ["failed (it came back), 1"]);
    let second = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &second, "email").await, ["suppressed (bounced), 0"]);
    // Whoever else gives that address, and however it is written.
    reachable_at(&world, "bea", json!({ "email": "Bounce+Ana@simulator.amazonses.com" })).await;
    let bea = world.customer("bea").await;
    let third = mails(&world, "bea").await;
    assert_eq!(fates(&bea, &third, "email").await, ["suppressed (bounced), 0"]);
    // Another address of the same person is not meant.
    reachable_at(&world, "ana", json!({ "email": ANA })).await;
    let fourth = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &fourth, "email").await, ["delivered, 1"]);
    world.end().await;
}

#[tokio::test]
async fn whoever_complains_of_a_mail_gets_no_more() {
    let world = World::new().await;
    let ana = ana_with_an_address(&world, "complaint@simulator.amazonses.com").await;
    says(&ana, "preferences", json!({ "marketing": true })).await.ok();
    let first = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &first, "email").await, ["delivered, 1"]);
    let second = mails(&world, "ana").await;
    assert_eq!(fates(&ana, &second, "email").await, ["suppressed (unsubscribed), 0"]);
    let known = ana.get("/api/v1/notifications/preferences").await.ok();
    assert_eq!(known["marketing"], false, "and has taken back their consent to advertising");
    world.end().await;
}

#[tokio::test]
async fn an_answer_of_somebody_on_holiday_changes_nothing() {
    let world = World::new().await;
    let ana = ana_with_an_address(&world, "ooto@simulator.amazonses.com").await;
    for _ in 0..2 {
        let id = mails(&world, "ana").await;
        assert_eq!(fates(&ana, &id, "email").await, ["delivered, 1"]);
    }
    world.end().await;
}

#[tokio::test]
async fn a_mail_that_ses_does_not_take_comes_again_once() {
    let world = World::new().await;
    let ana = ana_with_an_address(&world, ANA).await;
    for (number, kind) in ["throttle", "refuse"].into_iter().enumerate() {
        world.fault(json!({ "service": "ses", "kind": kind, "count": 2 })).await;
        let id = mails(&world, "ana").await;
        assert_eq!(mails_to(&world, ANA).await.len(), number, "{kind}");
        world.advance(SignedDuration::from_secs(15)).await;
        assert_eq!(mails_to(&world, ANA).await.len(), number + 1, "{kind}");
        let fate = fates(&ana, &id, "email").await.remove(0);
        assert!(fate.starts_with("delivered") && fate.ends_with(", 3"), "{fate}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_mail_is_written_in_the_language_and_direction_of_whoever_reads_it() {
    let world = World::new().await;
    reachable_at(&world, "ana", json!({ "email": ANA, "locale": "fa-IR" })).await;
    mails(&world, "ana").await;
    let mail = mails_to(&world, ANA).await.remove(0);
    let html = mail["html"].as_str().unwrap();
    assert!(html.contains("dir=\"rtl\"") && html.contains("lang=\"fa\""), "{html}");
    let page = world.nobody().get(&way_out(&mail)).await;
    assert!(page.body.as_str().unwrap().contains("<html lang=\"fa\" dir=\"rtl\">"), "{page:?}");
    world.end().await;
}
