//! `@connections`, through the AWS SDK.

use aws_sdk_apigatewaymanagement::primitives::Blob;
use jiff::SignedDuration;
use serde_json::json;

use crate::api::{Api, close_of, hears, management, named, sends, serve, start};

#[tokio::test]
async fn a_function_posts_to_a_connection() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    api.posts(&connection_id, r#"{"type":"news"}"#).await.unwrap();
    assert_eq!(hears(&mut socket).await, json!({"type": "news"}));
    assert_eq!(api.sockets.counts().posted, 1);
}

#[tokio::test]
async fn the_management_api_may_have_a_stage_in_its_address() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    let endpoint = serve(api.sockets.connections()).await;
    for stage in ["/ws", "/$default", "/"] {
        let post = management(&format!("http://{endpoint}{stage}")).post_to_connection();
        post.connection_id(&connection_id).data(Blob::new("1")).send().await.unwrap();
        assert_eq!(hears(&mut socket).await, json!(1), "{stage}");
    }
}

#[tokio::test]
async fn a_connection_can_be_looked_at() {
    let mut api = Api::new().await;
    let headers = [("user-agent", "test/1"), ("x-forwarded-for", "203.0.113.9")];
    let (mut socket, _) = api.connects_at("/ws", &headers).await.unwrap();
    let connection_id = api.event().await["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    api.clock.turn_to(api.clock.after(SignedDuration::from_secs(60)));
    sends(&mut socket, &json!({"type": "ping"})).await;
    hears(&mut socket).await;
    let connection = api.management.get_connection().connection_id(connection_id).send().await.unwrap();
    assert_eq!(connection.connected_at().unwrap().secs(), start().as_second());
    assert_eq!(connection.last_active_at().unwrap().secs(), start().as_second() + 60);
    let identity = connection.identity().unwrap();
    assert_eq!((identity.source_ip(), identity.user_agent()), (Some("203.0.113.9"), Some("test/1")));
}

#[tokio::test]
async fn a_connection_can_be_deleted_after_its_last_message() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    api.posts(&connection_id, "1").await.unwrap();
    api.management.delete_connection().connection_id(&connection_id).send().await.unwrap();
    assert_eq!(hears(&mut socket).await, json!(1));
    assert_eq!(close_of(&mut socket).await, (1000, "Connection Closed Normally".to_owned()));
    assert_eq!(api.disconnect().await, (1000, "Connection Closed Normally".to_owned()));
    assert_eq!(api.posts(&connection_id, "2").await, Err("410 GoneException".to_owned()));
}

#[tokio::test]
async fn a_connection_that_never_was_is_gone() {
    let api = Api::new().await;
    let gone = "410 GoneException";
    assert_eq!(api.posts("AAAAAAAAAAAAAAA=", "1").await, Err(gone.to_owned()));
    let get = api.management.get_connection().connection_id("AAAAAAAAAAAAAAA=").send().await;
    assert_eq!(named(&get.unwrap_err()), gone);
    let delete = api.management.delete_connection().connection_id("AAAAAAAAAAAAAAA=").send().await;
    assert_eq!(named(&delete.unwrap_err()), gone);
}

#[tokio::test]
async fn a_post_over_128_kilobytes_is_refused() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    let refused = api.posts(&connection_id, &"1".repeat(128 * 1024 + 1)).await;
    assert_eq!(refused, Err("413 PayloadTooLargeException".to_owned()));
    let longest = format!("\"{}\"", "1".repeat(128 * 1024 - 2));
    api.posts(&connection_id, &longest).await.unwrap();
    assert_eq!(hears(&mut socket).await.as_str().unwrap().len(), 128 * 1024 - 2);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_delays_nobody() {
    let mut api = Api::new().await;
    let (_deaf, deaf_id) = api.admitted().await;
    let (mut socket, connection_id) = api.admitted().await;
    let long = "1".repeat(128 * 1024);
    let mut posted = 0;
    while api.posts(&deaf_id, &long).await.is_ok() {
        posted += 1;
        assert!(posted < 1_000, "its backlog has no end");
    }
    api.posts(&connection_id, "1").await.unwrap();
    assert_eq!(hears(&mut socket).await, json!(1));
    assert_eq!(api.disconnect().await.0, 1008);
}
