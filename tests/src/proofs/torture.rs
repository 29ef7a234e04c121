//! Bodies that no parser should survive, on every route that takes one: each is refused, and nothing is stored.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

/// Texts that are no JSON, or JSON that no route can mean.
fn bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "\u{feff}{}",
        "nul",
        "None",
        "True",
        "undefined",
        "NaN",
        "Infinity",
        "-Infinity",
        "-",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "--1",
        "[",
        "]",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,,2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{}{}",
        "//{}",
        "/*{}*/{}",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"a\nb\"",
        "\"\u{0}\"",
        "[]",
        "[[]]",
        "[{}]",
        "0",
        "-0",
        "1e999",
        "-1e999",
        "9007199254740993",
        "18446744073709551616",
        "1.5",
        "\"\"",
        "\"text\"",
        "true",
        "[null]",
        "{\"a\":\"\\ud800\"",
        "{\"\\ud800\":1",
        "{\"a\":1e999}x",
        "{\"__proto__\":{}",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    // Bytes that are no UTF-8: a lone continuation, an overlong slash, a surrogate, one past the last character.
    for bytes in [
        &b"\x80"[..],
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"\"\xf4\x90\x80\x80\"",
        b"\xff\xfe{\0}\0",
    ] {
        bodies.push(bytes.to_vec());
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        bodies.push(open.repeat(100_000).into_bytes());
        bodies.push(format!("{}1{}", open.repeat(10_000), close.repeat(10_000)).into_bytes());
    }
    bodies.push(format!("[{}1]", "1,".repeat(200_000)).into_bytes());
    bodies.push(format!("{{\"a\":\"{}\"}}", "x".repeat(600_000)).into_bytes());
    bodies.push("9".repeat(100_000).into_bytes());
    bodies
}

const TABLES: [&str; 7] = [
    "CatalogTable",
    "ChatTable",
    "CustomersTable",
    "InventoryTable",
    "OrdersTable",
    "PlatformTable",
    "RealtimeTable",
];

/// How many rows each table has that outlive a request: all but the counters of limits and the records of requests.
async fn rows(world: &World) -> BTreeMap<&'static str, usize> {
    let mut rows = BTreeMap::new();
    for table in TABLES {
        let items = world.aws("DynamoDB_20120810.Scan", &json!({ "TableName": table })).await;
        assert_eq!(items["LastEvaluatedKey"], Value::Null, "{table} is more than a page");
        let lasting =
            items["Items"].as_array().unwrap().iter().filter(|item| item.get("expires_at").is_none());
        rows.insert(table, lasting.count());
    }
    rows
}

/// Every route that takes a body of JSON, with something that is not there for each name in its path.
fn routes(document: &Value) -> Vec<(Method, String)> {
    let mut routes = vec![];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            // Where a body may be left out, an empty one means something.
            if operation["requestBody"]["required"] != true {
                continue;
            }
            let steps = path.split('/').map(|step| if step.starts_with('{') { "nothing" } else { step });
            let concrete = steps.collect::<Vec<_>>().join("/");
            routes.push((method.to_uppercase().parse().unwrap(), concrete));
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_makes_no_sense_is_refused_by_every_route_and_nothing_is_stored() {
    let world = World::new().await;
    world.product("lamp", 5).await;
    let routes = routes(&world.nobody().get("/openapi.json").await.ok());
    let (bodies, admin) = (bodies(), world.admin().await);
    world.idle().await;
    let before = rows(&world).await;
    let (http, url, token) = admin.http();
    let mut tried = 0;
    for (method, path) in &routes {
        for body in &bodies {
            let request = http
                .request(method.clone(), format!("{url}{path}"))
                .bearer_auth(token.as_deref().unwrap())
                .header("content-type", "application/json")
                .header("idempotency-key", world.fresh_key())
                .body(body.clone());
            let answer = request.send().await.unwrap();
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert!(answer.status().is_client_error(), "{method} {path} {shown}: {}", answer.status());
            let kind = answer.headers()["content-type"].to_str().unwrap();
            assert_eq!(kind, "application/problem+json", "{method} {path} {shown}");
            tried += 1;
        }
    }
    world.idle().await;
    assert_eq!(rows(&world).await, before);
    eprintln!("{tried} bodies on {} routes", routes.len());
    world.end().await;
}
