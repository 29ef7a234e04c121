//! The WebSocket API over real sockets, and `@connections` through the AWS SDK.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and serves what it tests"
)]

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use aws_sdk_apigatewaymanagement::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    error::SdkError,
    primitives::Blob,
};
use futures_util::{SinkExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::LambdaEvent;
use local::{
    clock::TurnableClock,
    gateway,
    lambda::{self, Handler, Lambda},
    part::Part,
    template::{WebSocketApi, WebSocketRoute, WebSocketTarget},
    websocket_api::Sockets,
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

type Socket = WebSocketStream<TcpStream>;

/// One WebSocket API whose functions pass on what they are told.
struct Api {
    address: SocketAddr,
    sockets: Sockets,
    clock: TurnableClock,
    management: Client,
    events: mpsc::UnboundedReceiver<Value>,
    /// One permit lets one held function go on.
    gate: Arc<Semaphore>,
}

impl Api {
    async fn new() -> Self {
        let clock = TurnableClock::standing_at(start());
        let (told, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let lambda = Lambda::in_process(functions(told, &gate)).with_clock(clock.clone());
        let sockets = Sockets::new(routes(), lambda, clock.clone());
        let address = serve(sockets.router()).await;
        let endpoint = serve(sockets.connections()).await;
        let management = management(&format!("http://{endpoint}"));
        Self {
            address,
            sockets,
            clock,
            management,
            events,
            gate,
        }
    }

    async fn connects(&self) -> Socket {
        self.connects_at("/ws", &[]).await.unwrap().0
    }

    async fn connects_at(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<
        (
            Socket,
            tokio_tungstenite::tungstenite::handshake::client::Response,
        ),
        Error,
    > {
        let mut request = format!("ws://{}{path}", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        client_async(request, TcpStream::connect(self.address).await.unwrap()).await
    }

    /// A socket and its connection's id.
    async fn admitted(&mut self) -> (Socket, String) {
        let socket = self.connects().await;
        let event = self.event().await;
        (
            socket,
            event["requestContext"]["connectionId"]
                .as_str()
                .unwrap()
                .to_owned(),
        )
    }

    /// The next event that a function was told.
    async fn event(&mut self) -> Value {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        event.expect("a function should have been invoked").unwrap()
    }

    /// Status and reason of the next event, a `$disconnect`.
    async fn disconnect(&mut self) -> (u64, String) {
        let context = self.event().await["requestContext"].clone();
        assert_eq!(context["eventType"], "DISCONNECT");
        let reason = context["disconnectReason"].as_str().unwrap();
        (
            context["disconnectStatusCode"].as_u64().unwrap(),
            reason.to_owned(),
        )
    }

    async fn turn(&self, duration: SignedDuration) {
        self.clock.turn_to(self.clock.after(duration));
        self.sockets.run_due(self.clock.now()).await;
    }

    async fn posts(&self, connection_id: &str, text: &str) -> Result<(), String> {
        let post = self
            .management
            .post_to_connection()
            .connection_id(connection_id)
            .data(Blob::new(text));
        post.send().await.map(drop).map_err(|error| named(&error))
    }
}

fn start() -> Timestamp {
    "2026-03-02T19:03:08Z".parse().unwrap()
}

async fn serve(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(gateway::serve(listener, router));
    address
}

fn management(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("WsMessage", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// The error's name and status.
fn named<E: aws_sdk_apigatewaymanagement::error::ProvideErrorMetadata + std::fmt::Debug>(
    error: &SdkError<E>,
) -> String {
    let status = error.raw_response().map(|response| response.status().as_u16());
    format!(
        "{} {}",
        status.unwrap(),
        error.as_service_error().unwrap().code().unwrap()
    )
}

fn routes() -> WebSocketApi {
    let function = |name: &str| WebSocketTarget::Function(name.to_owned());
    let pong = r#"{"type":"pong","timestamp":$context.requestTimeEpoch,"to":"$context.connectionId"}"#;
    let routes = [
        ("$connect", function("Connect"), false),
        ("$disconnect", function("Note"), false),
        ("$default", function("Answer"), true),
        ("silent", function("Answer"), false),
        ("fails", function("Fail"), true),
        ("held", function("Hold"), true),
        ("ping", WebSocketTarget::Mock(pong.to_owned()), true),
    ];
    let routes = routes
        .into_iter()
        .map(|(key, target, responds)| (key.to_owned(), WebSocketRoute { target, responds }));
    WebSocketApi {
        selection: "$request.body.type".to_owned(),
        routes: routes.collect(),
    }
}

/// `Connect` answers with the status that the query asks for and picks the first subprotocol; `Answer` answers with the
/// message's `answer`, or with its whole event; `Hold` and a `$connect` that asks for it wait until they are let go; all
/// of them tell the test.
fn functions(
    told: mpsc::UnboundedSender<Value>,
    gate: &Arc<Semaphore>,
) -> BTreeMap<String, (Duration, Handler)> {
    let (note, hold) = (told.clone(), told.clone());
    let note = lambda::plain(move |event: LambdaEvent<Value>| {
        let sent = note.send(event.payload);
        async move { Ok(sent.map(|()| json!({"statusCode": 200}))?) }
    });
    let (connect, let_go) = (told.clone(), Arc::clone(gate));
    let connect = lambda::plain(move |event: LambdaEvent<Value>| {
        let event = event.payload;
        let status = event["queryStringParameters"]["status"]
            .as_str()
            .unwrap_or("200")
            .parse::<u16>();
        let protocol = event["headers"]["Sec-WebSocket-Protocol"]
            .as_str()
            .and_then(|offered| offered.split(',').next());
        let answer = json!({"headers": protocol.map(|protocol| json!({"Sec-WebSocket-Protocol": protocol})), "body": "who are you?"});
        let is_held = !event["queryStringParameters"]["held"].is_null();
        let (let_go, sent) = (Arc::clone(&let_go), connect.send(event));
        async move {
            sent?;
            if is_held {
                let_go.acquire().await?.forget();
            }
            let mut answer = answer;
            answer["statusCode"] = json!(status?);
            Ok(answer)
        }
    });
    let answer = lambda::plain(move |event: LambdaEvent<Value>| {
        let event = event.payload;
        let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap_or_default();
        let answer = body
            .get("answer")
            .cloned()
            .unwrap_or_else(|| json!({"statusCode": 200, "body": event.to_string()}));
        let sent = told.send(event);
        async move { Ok(sent.map(|()| answer)?) }
    });
    let let_go = Arc::clone(gate);
    let hold = lambda::plain(move |event: LambdaEvent<Value>| {
        let (let_go, sent) = (Arc::clone(&let_go), hold.send(event.payload));
        async move {
            sent?;
            let_go.acquire().await?.forget();
            Ok(json!({"statusCode": 200, "body": "\"let go\""}))
        }
    });
    let fail = lambda::plain(|_: LambdaEvent<Value>| async { Err::<(), _>("told to fail".into()) });
    [
        ("Note", note),
        ("Connect", connect),
        ("Answer", answer),
        ("Fail", fail),
        ("Hold", hold),
    ]
    .into_iter()
    .map(|(name, handler)| (name.to_owned(), (Duration::from_secs(10), handler)))
    .collect()
}

async fn sends(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hears(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    let message = message.expect("a message should have come").unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// Code and reason of the close that ends the socket.
async fn close_of(socket: &mut Socket) -> (u16, String) {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        if let Message::Close(Some(frame)) = message.expect("a close should have come").unwrap().unwrap() {
            return (frame.code.into(), frame.reason.as_str().to_owned());
        }
    }
}

fn text_frame(length: usize, opcode: Data, is_final: bool) -> Message {
    Message::Frame(Frame::message(vec![b'x'; length], OpCode::Data(opcode), is_final))
}

#[tokio::test]
async fn connect_gets_the_handshake() {
    let mut api = Api::new().await;
    let headers = [
        ("user-agent", "test/1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("sec-websocket-protocol", "v2,v1"),
    ];
    let (_socket, response) = api
        .connects_at("/ws?ticket=a%26b&x=1&x=2", &headers)
        .await
        .unwrap();
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
        assert_eq!(
            event.get("queryStringParameters").is_some(),
            path.contains('?'),
            "{path}"
        );
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
async fn a_message_is_routed_and_its_answer_comes_back() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    sends(&mut socket, &json!({"type": "hello"})).await;
    let mut event = hears(&mut socket).await;
    assert_eq!(event, api.event().await);
    let context = event["requestContext"].as_object_mut().unwrap();
    for id in ["requestId", "extendedRequestId", "messageId"] {
        assert_eq!(context.remove(id).unwrap().as_str().unwrap().len(), 16, "{id}");
    }
    assert_eq!(context.remove("connectionId").unwrap(), connection_id);
    let expected = json!({
        "requestContext": {
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "messageDirection": "IN",
            "connectedAt": 1_772_478_188_000_i64,
            "requestTime": "02/Mar/2026:19:03:08 +0000",
            "requestTimeEpoch": 1_772_478_188_000_i64,
            "stage": "ws",
            "domainName": "127.0.0.1",
            "apiId": "local",
            "identity": {"sourceIp": "127.0.0.1", "userAgent": ""},
        },
        "body": r#"{"type":"hello"}"#,
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn a_mock_route_answers_without_a_function() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    sends(&mut socket, &json!({"type": "ping"})).await;
    let expected = json!({"type": "pong", "timestamp": 1_772_478_188_000_i64, "to": connection_id});
    assert_eq!(hears(&mut socket).await, expected);
    assert_eq!(api.sockets.counts().answered, 1);
}

#[tokio::test]
async fn a_route_without_a_response_stays_silent() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    sends(&mut socket, &json!({"type": "silent"})).await;
    api.event().await;
    sends(&mut socket, &json!({"type": "ping"})).await;
    assert_eq!(hears(&mut socket).await["type"], "pong");
}

#[tokio::test]
async fn a_failed_message_is_answered_by_the_gateway() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    for message in [
        json!({"type": "fails"}),
        json!({"answer": null}),
        json!({"answer": {"statusCode": 200, "body": {}}}),
    ] {
        sends(&mut socket, &message).await;
        let failed = hears(&mut socket).await;
        assert_eq!(failed["message"], "Internal server error", "{message}");
        assert_eq!(failed["connectionId"], connection_id);
        assert_eq!(failed["requestId"].as_str().unwrap().len(), 16);
    }
}

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
        post.connection_id(&connection_id)
            .data(Blob::new("1"))
            .send()
            .await
            .unwrap();
        assert_eq!(hears(&mut socket).await, json!(1), "{stage}");
    }
}

#[tokio::test]
async fn a_connection_can_be_looked_at() {
    let mut api = Api::new().await;
    let headers = [("user-agent", "test/1"), ("x-forwarded-for", "203.0.113.9")];
    let (mut socket, _) = api.connects_at("/ws", &headers).await.unwrap();
    let connection_id = api.event().await["requestContext"]["connectionId"]
        .as_str()
        .unwrap()
        .to_owned();
    api.clock.turn_to(api.clock.after(SignedDuration::from_secs(60)));
    sends(&mut socket, &json!({"type": "ping"})).await;
    hears(&mut socket).await;
    let connection = api
        .management
        .get_connection()
        .connection_id(connection_id)
        .send()
        .await
        .unwrap();
    assert_eq!(connection.connected_at().unwrap().secs(), start().as_second());
    assert_eq!(
        connection.last_active_at().unwrap().secs(),
        start().as_second() + 60
    );
    let identity = connection.identity().unwrap();
    assert_eq!(
        (identity.source_ip(), identity.user_agent()),
        (Some("203.0.113.9"), Some("test/1"))
    );
}

#[tokio::test]
async fn a_connection_can_be_deleted_after_its_last_message() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    api.posts(&connection_id, "1").await.unwrap();
    api.management
        .delete_connection()
        .connection_id(&connection_id)
        .send()
        .await
        .unwrap();
    assert_eq!(hears(&mut socket).await, json!(1));
    assert_eq!(
        close_of(&mut socket).await,
        (1000, "Connection Closed Normally".to_owned())
    );
    assert_eq!(
        api.disconnect().await,
        (1000, "Connection Closed Normally".to_owned())
    );
    assert_eq!(
        api.posts(&connection_id, "2").await,
        Err("410 GoneException".to_owned())
    );
}

#[tokio::test]
async fn a_connection_that_never_was_is_gone() {
    let api = Api::new().await;
    let gone = "410 GoneException";
    assert_eq!(api.posts("AAAAAAAAAAAAAAA=", "1").await, Err(gone.to_owned()));
    let get = api
        .management
        .get_connection()
        .connection_id("AAAAAAAAAAAAAAA=")
        .send()
        .await;
    assert_eq!(named(&get.unwrap_err()), gone);
    let delete = api
        .management
        .delete_connection()
        .connection_id("AAAAAAAAAAAAAAA=")
        .send()
        .await;
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
async fn a_message_in_frames_of_32_kilobytes_arrives_whole() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for (opcode, is_final) in [
        (Data::Text, false),
        (Data::Continue, false),
        (Data::Continue, false),
        (Data::Continue, true),
    ] {
        socket
            .send(text_frame(32 * 1024, opcode, is_final))
            .await
            .unwrap();
    }
    assert_eq!(api.event().await["body"].as_str().unwrap().len(), 128 * 1024);
}

#[tokio::test]
async fn a_frame_over_32_kilobytes_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket
        .send(text_frame(32 * 1024 + 1, Data::Text, true))
        .await
        .unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1009);
    assert_eq!(api.disconnect().await.0, 1009);
}

#[tokio::test]
async fn a_message_over_128_kilobytes_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket
        .send(text_frame(32 * 1024, Data::Text, false))
        .await
        .unwrap();
    for _ in 0..4 {
        socket
            .send(text_frame(32 * 1024, Data::Continue, false))
            .await
            .unwrap();
    }
    assert_eq!(close_of(&mut socket).await.0, 1009);
    assert_eq!(api.disconnect().await.0, 1009);
}

#[tokio::test]
async fn a_binary_frame_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1003);
    assert_eq!(api.disconnect().await.0, 1003);
}

#[tokio::test]
async fn text_that_is_none_closes_its_socket() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    socket
        .send(Message::Frame(Frame::message(
            vec![0xff],
            OpCode::Data(Data::Text),
            true,
        )))
        .await
        .unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1007);
    assert_eq!(api.disconnect().await.0, 1007);
}

#[tokio::test]
async fn ten_idle_minutes_end_a_connection() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    api.turn(SignedDuration::from_mins(9)).await;
    sends(&mut socket, &json!({"type": "ping"})).await;
    hears(&mut socket).await;
    api.turn(SignedDuration::from_mins(9)).await;
    assert_eq!(api.sockets.counts().open, 1, "a message keeps it awake");
    api.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(api.sockets.counts().open, 0);
    assert_eq!(
        api.events.try_recv().unwrap()["requestContext"]["disconnectStatusCode"],
        1001
    );
    assert_eq!(close_of(&mut socket).await, (1001, "Going away".to_owned()));
}

#[tokio::test]
async fn two_hours_end_a_connection_however_busy() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for _ in 0..13 {
        api.turn(SignedDuration::from_mins(9)).await;
        sends(&mut socket, &json!({"type": "ping"})).await;
        hears(&mut socket).await;
    }
    let end = start() + SignedDuration::from_hours(2);
    assert_eq!(api.sockets.counts().open, 1);
    api.turn(SignedDuration::from_mins(2)).await;
    assert_eq!(api.sockets.next_due(), Some(end));
    api.turn(SignedDuration::from_mins(1)).await;
    assert_eq!(close_of(&mut socket).await, (1001, "Going away".to_owned()));
    assert_eq!(api.disconnect().await.0, 1001);
    assert_eq!(api.sockets.next_due(), None);
}

#[tokio::test]
async fn disconnect_says_how_the_client_left() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    socket.close(None).await.unwrap();
    assert_eq!(
        api.disconnect().await,
        (1005, "Client-side close frame status not set".to_owned())
    );
    assert_eq!(
        api.posts(&connection_id, "1").await,
        Err("410 GoneException".to_owned())
    );

    let (mut socket, _) = api.admitted().await;
    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
        code: 4001.into(),
        reason: "bye".into(),
    };
    socket.close(Some(frame)).await.unwrap();
    assert_eq!(api.disconnect().await, (4001, "bye".to_owned()));

    let (socket, _) = api.admitted().await;
    drop(socket);
    assert_eq!(
        api.disconnect().await,
        (1006, "Connection Closed Abnormally".to_owned())
    );
    assert_eq!(api.sockets.counts().open, 0);
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

#[tokio::test]
async fn messages_of_one_client_run_at_the_same_time_sixteen_at_most() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for _ in 0..20 {
        sends(&mut socket, &json!({"type": "held"})).await;
    }
    for _ in 0..16 {
        assert_eq!(api.event().await["requestContext"]["routeKey"], "held");
    }
    let (mut other, _) = api.admitted().await;
    sends(&mut other, &json!({"type": "ping"})).await;
    assert_eq!(
        hears(&mut other).await["type"],
        "pong",
        "one client's messages hold up no other's"
    );
    assert!(api.events.try_recv().is_err() && api.sockets.is_busy());
    api.gate.add_permits(20);
    for _ in 0..20 {
        assert_eq!(hears(&mut socket).await, json!("let go"));
    }
    assert_eq!(api.sockets.counts().received, 21);
}

#[tokio::test]
async fn a_posted_message_arrives_while_the_clients_own_are_held() {
    let mut api = Api::new().await;
    let (mut socket, connection_id) = api.admitted().await;
    for _ in 0..16 {
        sends(&mut socket, &json!({"type": "held"})).await;
        api.event().await;
    }
    api.posts(&connection_id, "1").await.unwrap();
    assert_eq!(hears(&mut socket).await, json!(1));
}

#[tokio::test]
async fn a_hundred_messages_get_a_hundred_answers_and_then_nothing_is_under_way() {
    let mut api = Api::new().await;
    let (mut socket, _) = api.admitted().await;
    for n in 0..100 {
        sends(
            &mut socket,
            &json!({"answer": {"statusCode": 200, "body": n.to_string()}}),
        )
        .await;
    }
    let mut heard = Vec::new();
    for _ in 0..100 {
        heard.push(hears(&mut socket).await.as_u64().unwrap());
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..100).collect::<Vec<_>>());
    // The session may still be noting that the last answer is written.
    let idle = async {
        while api.sockets.is_busy() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), idle)
        .await
        .expect("nothing should be under way");
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
    assert_eq!(
        api.posts(connection_id, "1").await,
        Err("410 GoneException".to_owned())
    );
    api.gate.add_permits(1);
    let (mut socket, _) = client.await.unwrap().unwrap();
    sends(&mut socket, &json!({"type": "ping"})).await;
    hears(&mut socket).await;
    assert_eq!(api.posts(connection_id, "1").await, Ok(()));
}

#[tokio::test]
async fn a_shutdown_disconnects_everybody() {
    let mut api = Api::new().await;
    let (mut one, _) = api.admitted().await;
    let (mut other, _) = api.admitted().await;
    api.sockets.go_away().await;
    for socket in [&mut one, &mut other] {
        assert_eq!(close_of(socket).await.0, 1001);
        assert_eq!(api.disconnect().await.0, 1001);
    }
}
