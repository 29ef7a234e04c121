//! A WebSocket client: frames out, replies and events in, each where it belongs.

use std::{collections::VecDeque, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// Longer than anything takes that is coming; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Events that came while something else was waited for, batches taken apart.
    events: VecDeque<Value>,
    frames_sent: u64,
    /// How many frames came compressed.
    pub inflated: u64,
}

impl Socket {
    pub async fn open(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, tungstenite::Error> {
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self { stream, events: VecDeque::new(), frames_sent: 0, inflated: 0 })
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// Sends a frame and waits for the answer to it.
    pub async fn asks(&mut self, kind: &str, data: Value) -> Value {
        self.frames_sent += 1;
        let id = format!("c{}", self.frames_sent);
        self.send_text(&json!({ "id": id, "type": kind, "data": data }).to_string()).await;
        loop {
            let frame = self.frame().await.unwrap();
            if frame["reply_to"] == id.as_str() {
                return frame;
            }
            self.keep(frame);
        }
    }

    /// The same; `None` if API Gateway says that its function failed.
    pub async fn tries(&mut self, kind: &str, data: Value) -> Option<Value> {
        self.frames_sent += 1;
        let id = format!("c{}", self.frames_sent);
        self.send_text(&json!({ "id": id, "type": kind, "data": data }).to_string()).await;
        loop {
            let frame = self.frame().await.unwrap();
            if frame["reply_to"] == id.as_str() {
                return Some(frame);
            }
            if frame["message"] == "Internal server error" {
                return None;
            }
            self.keep(frame);
        }
    }

    /// Whether a greeting is answered: not if it is refused, nor if the socket is closed before or after it.
    pub async fn is_welcome(&mut self) -> bool {
        if self.stream.send(Message::text(r#"{"type":"hello"}"#)).await.is_err() {
            return false;
        }
        loop {
            match self.frame().await {
                Ok(frame) if frame["type"] == "connection.ready" => return true,
                Ok(frame) if frame["type"] == "error" => {
                    assert_eq!(frame["error"]["code"], "unauthenticated", "{frame}");
                    return false;
                }
                Ok(frame) => self.keep(frame),
                Err(_) => return false,
            }
        }
    }

    pub async fn subscribes(&mut self, channel: &str) -> Value {
        self.asks("subscribe", json!({ "channel": channel })).await
    }

    /// The next event of a kind; others are passed over.
    pub async fn next(&mut self, kind: &str) -> Value {
        loop {
            let event = self.any_event().await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The next event, whatever it is.
    pub async fn any_event(&mut self) -> Value {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let frame = self.frame().await.unwrap();
            self.keep(frame);
        }
    }

    /// All events that were posted before this is asked and have not been read yet.
    pub async fn so_far(&mut self) -> Vec<Value> {
        self.send_text(r#"{"type":"ping"}"#).await;
        loop {
            let frame = self.frame().await.unwrap();
            if frame["type"] == "pong" {
                return self.events.drain(..).collect();
            }
            self.keep(frame);
        }
    }

    /// The next frame as it came, or why there is none: the close code.
    pub async fn frame(&mut self) -> Result<Value, Option<u16>> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("nothing came");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Ok(self.inflate(serde_json::from_str(&text).unwrap()));
                }
                Some(Ok(Message::Close(close))) => return Err(close.map(|close| close.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// With which code the socket is closed; what comes before that is passed over.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.frame().await {
                return code;
            }
        }
    }

    /// The frame that is in a compressed one, or the frame itself.
    fn inflate(&mut self, frame: Value) -> Value {
        if frame["type"] != "gzip" {
            return frame;
        }
        self.inflated += 1;
        let bytes = STANDARD.decode(frame["data"].as_str().unwrap()).unwrap();
        serde_json::from_reader(flate2::read::GzDecoder::new(&bytes[..])).unwrap()
    }

    fn keep(&mut self, frame: Value) {
        match (frame["type"].as_str(), frame["events"].as_array()) {
            (Some("batch"), Some(events)) => self.events.extend(events.iter().cloned()),
            _ => self.events.push_back(frame),
        }
    }

    pub async fn close(mut self) {
        self.stream.close(None).await.unwrap();
    }
}
