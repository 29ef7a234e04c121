//! What a client gets.

use serde_json::json;

use crate::api::{Api, refusal};

#[tokio::test]
async fn an_answer_arrives_with_its_status_headers_and_cookies() {
    let api = Api::new().await;
    let answer =
        json!({"statusCode": 418, "headers": {"X-Tea": "yes"}, "cookies": ["a=1", "b=2"], "body": "short"});
    let response = api.answers(answer).await;
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-tea"], "yes");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.text().await.unwrap(), "short");
}

#[tokio::test]
async fn a_function_that_fails_is_an_internal_server_error() {
    let api = Api::new().await;
    let expected = (500, json!({"message": "Internal Server Error"}));
    assert_eq!(refusal(api.gets("/panics").await).await, expected, "a panic");
    assert_eq!(refusal(api.gets("/hangs").await).await, expected, "its own timeout");
    assert_eq!(refusal(api.answers(json!({"statusCode": "no"})).await).await, expected, "a malformed answer");
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let api = Api::new().await;
    assert_eq!(refusal(api.gets("/nowhere").await).await, (404, json!({"message": "Not Found"})));
    assert_eq!(refusal(api.gets("/answers").await).await, (404, json!({"message": "Not Found"})));
}

#[tokio::test]
async fn the_site_serves_its_files() {
    let api = Api::new().await;
    assert_eq!(api.gets("/docs").await.text().await.unwrap(), "<p>docs/index.html</p>");
    let file = api.gets("/docs/a/b.js").await;
    assert_eq!(file.headers()["content-type"], "text/html");
    assert_eq!(file.headers()["cache-control"], "no-cache");
    assert_eq!(file.text().await.unwrap(), "<p>docs/a/b.js</p>");
    assert_eq!(api.gets("/docs/none").await.status(), 404);
    assert_eq!(api.gets("/docs/%2e%2e%2fsecret").await.status(), 404, "nothing lies above it");
}
