//! A WebSocket API whose functions pass on what they are told, and what a client does with it.

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

pub type Socket = WebSocketStream<TcpStream>;

/// One WebSocket API whose functions pass on what they are told.
pub struct Api {
    pub address: SocketAddr,
    pub sockets: Sockets,
    pub clock: TurnableClock,
    pub management: Client,
    pub events: mpsc::UnboundedReceiver<Value>,
    /// One permit lets one held function go on.
    pub gate: Arc<Semaphore>,
}

impl Api {
    pub async fn new() -> Self {
        let clock = TurnableClock::standing_at(start());
        let (told, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let lambda = Lambda::in_process(functions(told, &gate)).with_clock(clock.clone());
        let sockets = Sockets::new(routes(), lambda, clock.clone());
        let address = serve(sockets.router()).await;
        let endpoint = serve(sockets.connections()).await;
        let management = management(&format!("http://{endpoint}"));
        Self { address, sockets, clock, management, events, gate }
    }

    pub async fn connects(&self) -> Socket {
        self.connects_at("/ws", &[]).await.unwrap().0
    }

    pub async fn connects_at(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Socket, tokio_tungstenite::tungstenite::handshake::client::Response), Error> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        client_async(request, TcpStream::connect(self.address).await.unwrap()).await
    }

    /// A socket and its connection's id.
    pub async fn admitted(&mut self) -> (Socket, String) {
        let socket = self.connects().await;
        let event = self.event().await;
        (socket, event["requestContext"]["connectionId"].as_str().unwrap().to_owned())
    }

    /// The next event that a function was told.
    pub async fn event(&mut self) -> Value {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        event.expect("a function should have been invoked").unwrap()
    }

    /// Status and reason of the next event, a `$disconnect`.
    pub async fn disconnect(&mut self) -> (u64, String) {
        let context = self.event().await["requestContext"].clone();
        assert_eq!(context["eventType"], "DISCONNECT");
        let reason = context["disconnectReason"].as_str().unwrap();
        (context["disconnectStatusCode"].as_u64().unwrap(), reason.to_owned())
    }

    pub async fn turn(&self, duration: SignedDuration) {
        self.clock.turn_to(self.clock.after(duration));
        self.sockets.run_due(self.clock.now()).await;
    }

    pub async fn posts(&self, connection_id: &str, text: &str) -> Result<(), String> {
        let post = self.management.post_to_connection().connection_id(connection_id).data(Blob::new(text));
        post.send().await.map(drop).map_err(|error| named(&error))
    }
}

pub fn start() -> Timestamp {
    "2026-03-02T19:03:08Z".parse().unwrap()
}

pub async fn serve(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(gateway::serve(listener, router));
    address
}

pub fn management(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("WsMessage", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// The error's name and status.
pub fn named<E: aws_sdk_apigatewaymanagement::error::ProvideErrorMetadata + std::fmt::Debug>(
    error: &SdkError<E>,
) -> String {
    let status = error.raw_response().map(|response| response.status().as_u16());
    format!("{} {}", status.unwrap(), error.as_service_error().unwrap().code().unwrap())
}

pub fn routes() -> WebSocketApi {
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
    WebSocketApi { selection: "$request.body.type".to_owned(), routes: routes.collect() }
}

/// `Connect` answers with the status that the query asks for and picks the first subprotocol; `Answer` answers with the
/// message's `answer`, or with its whole event; `Hold` and a `$connect` that asks for it wait until they are let go; all
/// of them tell the test.
pub fn functions(
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
        let status = event["queryStringParameters"]["status"].as_str().unwrap_or("200").parse::<u16>();
        let protocol =
            event["headers"]["Sec-WebSocket-Protocol"].as_str().and_then(|offered| offered.split(',').next());
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
    [("Note", note), ("Connect", connect), ("Answer", answer), ("Fail", fail), ("Hold", hold)]
        .into_iter()
        .map(|(name, handler)| (name.to_owned(), (Duration::from_secs(10), handler)))
        .collect()
}

pub async fn sends(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

pub async fn hears(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    let message = message.expect("a message should have come").unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// Code and reason of the close that ends the socket.
pub async fn close_of(socket: &mut Socket) -> (u16, String) {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        if let Message::Close(Some(frame)) = message.expect("a close should have come").unwrap().unwrap() {
            return (frame.code.into(), frame.reason.as_str().to_owned());
        }
    }
}

pub fn text_frame(length: usize, opcode: Data, is_final: bool) -> Message {
    Message::Frame(Frame::message(vec![b'x'; length], OpCode::Data(opcode), is_final))
}
