//! How a shop words what it says.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    notifications::{letter, newest, reachable_at, tells},
    world::{Person, Reply, World},
};

const PATH: &str = "/api/v1/notifications/templates/order_delivered";

async fn words(admin: &Person<'_>, query: &str, template: Value) -> Reply {
    admin.send(Method::PUT, &format!("{PATH}{query}"), &[], Some(template.to_string())).await
}

async fn arrives(world: &World, user: &str, channels: Value) {
    let body = json!({ "user_id": user, "type": "order_delivered", "data": { "order_number": "1042" },
        "channels": channels });
    assert_eq!(tells(world, body).await.status, 201);
    world.idle().await;
}

#[tokio::test]
async fn a_shop_s_own_words_are_used_in_their_language_and_on_their_way_and_in_no_other_shop() {
    let shops = ["Shops", "JwtShops"].map(|name| (name.to_owned(), "default,acme".to_owned()));
    let world = World::with(shops.into()).await;
    let admin = world.admin().await;
    let page =
        json!({ "title_template": "Hooray, {{ order_number }}!", "body_template": "It is at your door." });
    let mail = json!({ "title_template": "It is there: {{ order_number }}", "body_template": "Dear friend,\n\nlook outside." });
    let thai = json!({ "title_template": "ถึงแล้ว {{ order_number }}", "body_template": "อยู่หน้าประตู" });
    let saved = words(&admin, "?locale=en&channel=websocket", page).await.ok();
    assert_eq!((&saved["is_custom"], &saved["preview"]["title"]), (&json!(true), &json!("Hooray, 1042!")));
    words(&admin, "?locale=en&channel=email", mail).await.ok();
    words(&admin, "?locale=th", thai).await.ok();
    reachable_at(&world, "ana", json!({ "email": "ana@shop.example", "locale": "en-GB" })).await;
    reachable_at(&world, "nok", json!({ "email": "nok@shop.example", "locale": "th" })).await;
    reachable_at(&world, "omid", json!({ "locale": "fa" })).await;
    world.advance(SignedDuration::from_mins(2)).await;
    for user in ["ana", "nok", "omid"] {
        arrives(&world, user, json!(["websocket", "email"])).await;
    }
    let title =
        async |user: &str| newest(&world.customer(user).await, "order_delivered").await["title"].clone();
    assert_eq!(title("ana").await, "Hooray, 1042!");
    assert_eq!(title("nok").await, "ถึงแล้ว 1042");
    assert_eq!(title("omid").await, "سفارش شما رسید");
    assert!(letter(&world, "It is there: 1042").await["text"].as_str().unwrap().contains("look outside."));
    assert_eq!(letter(&world, "ถึงแล้ว").await["to"], json!(["nok@shop.example"]));
    let other = world.person("admin", "olga", "acme").await;
    let theirs = other.get(PATH).await.ok();
    assert_eq!(
        (&theirs["is_custom"], &theirs["title_template"]),
        (&json!(false), &json!("Your order has arrived"))
    );
    assert_eq!(
        admin.get(&format!("{PATH}?channel=websocket")).await.ok()["title_template"],
        "Hooray, {{ order_number }}!"
    );
    world.end().await;
}

#[tokio::test]
async fn a_template_is_shown_with_its_variables_and_what_comes_out_of_it() {
    let world = World::new().await;
    let read = world.admin().await.get(&format!("{PATH}?locale=en&channel=email")).await.ok();
    assert_eq!(read["is_custom"], false);
    assert!(read["variables"].as_array().unwrap().contains(&json!("order_number")), "{read}");
    assert_eq!(read["preview"]["title"], "Your order has arrived");
    assert!(read["preview"]["html"].as_str().unwrap().contains('<'), "{read}");
    let unknown = world.admin().await.get("/api/v1/notifications/templates/no_such_type").await;
    assert_eq!(unknown.outcome(), "404 not_found");
    assert_eq!(world.customer("ana").await.get(PATH).await.outcome(), "403 forbidden");
    world.end().await;
}

#[tokio::test]
async fn a_template_that_cannot_be_used_is_refused_with_its_field_and_the_old_one_stays() {
    let world = World::new().await;
    let admin = world.admin().await;
    let good = |field: &str, value: Value| {
        let mut template = json!({ "title_template": "It is there", "body_template": "Look outside." });
        template[field] = value;
        template
    };
    let bad = [
        good("title_template", json!("{{ order_nmber }}")),
        good("body_template", json!("{% if %}")),
        good("body_template", json!("{{ order_number")),
        good("title_template", json!("")),
        good("title_template", json!("x".repeat(5_000))),
        good("action_url", json!("javascript:alert(1)")),
        good("icon_url", json!("http://img.example/{{ secret }}.png")),
        good("ttl", json!(-1)),
        good("body_template", json!("{% include 'other' %}")),
    ];
    let mut refused = vec![];
    for template in bad {
        let reply = words(&admin, "?locale=en", template).await;
        let code = reply.body["errors"][0]["code"].as_str().unwrap_or_default();
        refused.push(format!("{} {code}", reply.complaint()));
    }
    let wrong = words(&admin, "?locale=!!", good("title_template", json!("Yes"))).await;
    refused.push(wrong.complaint());
    insta::assert_snapshot!(refused.join("\n"), @r"
    400 validation_failed title_template unknown_variable
    400 validation_failed body_template template_syntax
    400 validation_failed body_template template_syntax
    400 validation_failed title_template required
    400 validation_failed title_template too_long
    400 validation_failed action_url invalid_url
    400 validation_failed icon_url unknown_variable
    400 validation_failed ttl invalid
    400 validation_failed body_template template_syntax
    400 validation_failed locale
    ");
    assert_eq!(admin.get(PATH).await.ok()["is_custom"], false);
    world.end().await;
}
