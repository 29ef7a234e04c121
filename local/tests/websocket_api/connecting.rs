//! Handshakes and `$connect`.

use local::part::Part;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::{client_async, tungstenite::Error};

use crate::api::{Api, hears, sends};

#[tokio::test]
async fn connect_gets_the_handshake() {
    let mut api = Api::new().await;
    let headers =
        [("user-agent", "test/1"), ("x-forwarded-for", "203.0.113.9"), ("sec-websocket-protocol", "v2,v1")];
    let (_socket, response) = api.connects_at("/ws?ticket=a%26b&x=1&x=2", &headers).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "v2");
    let mut event = api.event().await;
    let connection_id = event["requestContext"]["connectionId"].take();
    assert!(connection_id.as_str().unwrap().ends_with('='));
    let request_id = event["requestContext"]["requestId"].take();
    assert_eq!(event["requestContext"]["extendedRequestId"].take(), request_id);
    let headers = event["headers"].as_object_mut().unwrap();
    assert!(headers.remove("Host").is_some() && headers.remove("Sec-WebSocket-Key").is_some());
    event.as_object_mut().unwrap().remove("multiValueHeaders");
    let expected = json!({
        "headers": {
            "Sec-WebSocket-Protocol": "v2,v1",
            "Sec-WebSocket-Version": "13",
            "User-Agent": "test/1",
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "http",
        },
        "queryStringParameters": {"ticket": "a&b", "x": "2"},
        "multiValueQueryStringParameters": {"ticket": ["a&b"], "x": ["1", "2"]},
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "messageDirection": "IN",
            "connectionId": null,
            "connectedAt": 1_772_478_188_000_i64,
            "requestTime": "02/Mar/2026:19:03:08 +0000",
            "requestTimeEpoch": 1_772_478_188_000_i64,
            "requestId": null,
            "extendedRequestId": null,
            "stage": "ws",
            "domainName": "127.0.0.1",
            "apiId": "local",
            "identity": {"sourceIp": "203.0.113.9", "userAgent": "test/1"},
        },
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn connect_can_refuse_the_handshake() {
    let api = Api::new().await;
    for (path, status) in [
        ("/ws?status=401", 401),
        ("/ws?status=429", 429),
        ("/ws?status=nonsense", 502),
        ("/ws?status=99", 502),
    ] {
        let Err(Error::Http(response)) = api.connects_at(path, &[]).await else {
            panic!("{path} was let in")
        };
        assert_eq!(response.status(), status, "{path}");
    }
    assert_eq!(api.sockets.counts().open, 0);
}

#[tokio::test]
async fn old_paths_are_served_too() {
    let mut api = Api::new().await;
    let mut sockets = Vec::new();
    for path in ["/", "/realtime", "/ws/support/42", "/ws?userId=1"] {
        sockets.push(api.connects_at(path, &[]).await.unwrap());
        let event = api.event().await;
        assert_eq!(event["requestContext"]["stage"], "ws");
        assert_eq!(event.get("queryStringParameters").is_some(), path.contains('?'), "{path}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_handshake_is_told_so() {
    let api = Api::new().await;
    let response = reqwest::get(format!("http://{}/ws", api.address)).await.unwrap();
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

#[tokio::test]
async fn a_client_that_leaves_during_connect_is_forgotten() {
    let mut api = Api::new().await;
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    let handshake = "GET /ws?held=1 HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let connected = api.event().await["requestContext"]["connectionId"].clone();
    assert!(api.sockets.is_busy());
    drop(stream);
    api.gate.add_permits(1);
    let event = api.event().await;
    assert_eq!(event["requestContext"]["connectionId"], connected);
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1006);
    assert_eq!(api.sockets.counts().open, 0);
}

#[tokio::test]
async fn a_connection_cannot_be_posted_to_before_connect_has_let_it_in() {
    let mut api = Api::new().await;
    let address = format!("ws://{}/ws?held=1", api.address);
    let stream = TcpStream::connect(api.address).await.unwrap();
    let client = tokio::spawn(client_async(address, stream));
    let event = api.event().await;
    let connection_id = event["requestContext"]["connectionId"].as_str().unwrap();
    assert_eq!(api.posts(connection_id, "1").await, Err("410 GoneException".to_owned()));
    api.gate.add_permits(1);
    let (mut socket, _) = client.await.unwrap().unwrap();
    sends(&mut socket, &json!({"type": "ping"})).await;
    hears(&mut socket).await;
    assert_eq!(api.posts(connection_id, "1").await, Ok(()));
}
