//! A connection from its upgrade to its `$disconnect`: one task that reads, writes and closes.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{io::AsyncWriteExt, task::JoinSet};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use crate::{
    gateway::{self, Caller},
    template::WebSocketTarget,
    work::UnderWay,
};

use super::{
    Sockets,
    event::{About, Occasion},
    socket::{Ending, Outgoing, Session, Socket},
};

/// The most bytes in one frame (AWS quota).
const FRAME_LIMIT: usize = 32 * 1024;

/// The most bytes in one message (AWS quota).
pub const MESSAGE_LIMIT: usize = 128 * 1024;

/// How many messages of one client are handled at a time. They run concurrently, without an order, as on AWS; a client
/// that sends faster is read more slowly.
const MESSAGES_AT_A_TIME: usize = 16;

/// How many waiting messages are written before they are flushed together.
const WRITES_AT_A_TIME: usize = 32;

/// How long a client has for its part of a close. It is time on the wire, not on the turnable clock.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

type Stream = WebSocketStream<TokioIo<Upgraded>>;

impl Sockets {
    /// Serves an admitted client until its connection ends, and forgets it. `under_way` is its handshake. What an idle
    /// connection does not need is in a box of its own, made when it is needed: this is kept for each of them.
    pub(super) async fn serve(&self, upgraded: Upgraded, about: About, under_way: UnderWay) {
        let socket = Arc::new(Socket::new(about.caller, about.connection_id, about.connected_at));
        let session = Session(Arc::clone(&socket));
        self.register(&socket);
        let mut stream =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config())).await;
        drop(under_way);

        let mut handled = JoinSet::new();
        let ending = tokio::select! {
            biased;
            ending = socket.told_to_end() => ending,
            ending = self.converse(&mut stream, &socket, &mut handled) => ending,
        };
        // What was received is handled, whether or not its sender is still there.
        handled.detach_all();

        let under_way = self.work.begin();
        self.open().remove(&socket.id);
        // Whoever posts from here on is told that the connection is gone.
        socket.end(ending.clone());
        if ending.is_ours {
            let told = tokio::time::timeout(CLOSE_LIMIT, Box::pin(tell(&mut stream, &ending, &socket))).await;
            tracing::debug!(connection_id = socket.id, code = ending.code, ?told, "a connection is closed");
        }
        socket.close();
        Box::pin(self.say_goodbye(&socket.caller, &socket.id, socket.connected_at, &ending)).await;
        drop(session);
        drop(under_way);
        Box::pin(hang_up(stream)).await;
    }

    /// Invokes `$disconnect`, if there is one.
    pub(super) async fn say_goodbye(
        &self,
        caller: &Caller,
        id: &str,
        connected_at: Timestamp,
        ending: &Ending,
    ) {
        let Some(route) = self.api.routes.get("$disconnect") else {
            return;
        };
        let WebSocketTarget::Function(function) = &route.target else {
            return;
        };
        let about = About {
            connection_id: id.to_owned(),
            connected_at,
            caller: caller.clone(),
            now: self.clock.now(),
            request_id: gateway::new_id(),
            occasion: Occasion::Disconnect(ending.clone()),
        };
        if let Err(error) = self.lambda.invoke(function, about.disconnect()).await {
            // Best effort, as on AWS: nothing tries it again.
            tracing::error!(function, %error, "$disconnect failed");
        }
    }

    /// Reads and writes until the client, or its connection, ends it.
    async fn converse(&self, stream: &mut Stream, socket: &Arc<Socket>, handled: &mut JoinSet<()>) -> Ending {
        loop {
            tokio::select! {
                read = stream.next(), if handled.len() < MESSAGES_AT_A_TIME => match read {
                    Some(Ok(Message::Text(text))) => {
                        self.counters.received();
                        socket.touch(self.clock.now());
                        handled.spawn(self.clone().handle(Arc::clone(socket), text, self.work.begin()));
                    }
                    Some(Ok(Message::Binary(_))) => return Ending::BINARY,
                    Some(Ok(Message::Close(frame))) => return closed_by_client(stream, frame).await,
                    // Pings are answered by tungstenite; they are no messages and keep nobody awake.
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return broken(&error),
                    None => return Ending::LOST,
                },
                message = socket.next() => {
                    if let Err(error) = Box::pin(write(stream, socket, message)).await {
                        return broken(&error);
                    }
                }
                Some(done) = handled.join_next() => {
                    if let Err(error) = done {
                        // Cancelled: the local cloud is ending.
                        if error.is_panic() {
                            tracing::error!(%error, "the handling of a message died");
                        }
                    }
                }
            }
        }
    }
}

/// Writes a message and those that wait behind it, then flushes them together.
async fn write(stream: &mut Stream, socket: &Socket, first: Outgoing) -> tungstenite::Result<()> {
    let mut written = Vec::new();
    let mut next = Some(first);
    while let Some(Outgoing { text, under_way }) = next {
        let length = text.len();
        stream.feed(Message::Text(text)).await?;
        socket.wrote(length);
        written.push(under_way);
        next = if written.len() < WRITES_AT_A_TIME { socket.next_waiting() } else { None };
    }
    stream.flush().await
}

/// Says the last that was posted before the end, then why it ends.
async fn tell(stream: &mut Stream, ending: &Ending, socket: &Socket) -> tungstenite::Result<()> {
    while let Some(message) = socket.next_waiting() {
        stream.feed(Message::Text(message.text)).await?;
    }
    let frame = CloseFrame { code: ending.code.into(), reason: ending.reason.clone().into_owned().into() };
    stream.close(Some(frame)).await
}

/// Lets the client finish its close, then lets the connection go. What it still sends is read and dropped: closing over
/// unread bytes would reset the connection, and with it the close frame that the client has not read yet.
async fn hang_up(mut stream: Stream) {
    let farewell = async {
        while let Some(Ok(_)) = stream.next().await {}
        let raw = stream.get_mut();
        raw.shutdown().await?;
        tokio::io::copy(raw, &mut tokio::io::sink()).await
    };
    let farewell = tokio::time::timeout(CLOSE_LIMIT, farewell).await;
    tracing::trace!(?farewell, "a connection is let go");
}

async fn closed_by_client(stream: &mut Stream, frame: Option<CloseFrame>) -> Ending {
    // The reply to the close frame is queued; it goes out with the next flush.
    let replied = tokio::time::timeout(CLOSE_LIMIT, stream.flush()).await;
    tracing::trace!(?replied, "a client closed");
    match frame {
        Some(CloseFrame { code, reason }) => {
            Ending { code: code.into(), reason: reason.as_str().to_owned().into(), is_ours: false }
        }
        None => Ending::WITHOUT_STATUS,
    }
}

fn broken(error: &Error) -> Ending {
    match error {
        Error::Capacity(_) => Ending::TOO_BIG,
        Error::Utf8(_) => Ending::NOT_TEXT,
        // A connection that ends without a close frame is reported as a protocol error, but there is nobody to tell.
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => Ending::LOST,
        Error::Protocol(_) => Ending::PROTOCOL_ERROR,
        _ => Ending::LOST,
    }
}

fn config() -> WebSocketConfig {
    // Small buffers: ten thousand sockets must fit into one process. What is written waits in its queue, not here.
    WebSocketConfig::default()
        .read_buffer_size(512)
        .write_buffer_size(4 * 1024)
        .max_frame_size(Some(FRAME_LIMIT))
        .max_message_size(Some(MESSAGE_LIMIT))
}
