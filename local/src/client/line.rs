//! One socket of a client: a task that carries frames both ways until either side ends it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// How long the other side has to answer a goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// What happens on a line, and on which.
pub struct Happening {
    pub line: u64,
    pub what: What,
}

pub enum What {
    /// It is open: frames can be sent.
    Opened(Line),
    /// It was not opened, in words.
    Failed(String),
    /// A frame came.
    Frame(String),
    /// It ended, in words.
    Closed(String),
}

/// An open socket. Dropped, it breaks off as if the network had died; what was to be sent is lost.
pub struct Line(mpsc::UnboundedSender<Outgoing>);

enum Outgoing {
    Frame(String),
    Goodbye,
}

impl Line {
    /// Opens the socket at `url`; what happens on it is told to `happenings`.
    pub async fn open(url: &str, number: u64, happenings: mpsc::Sender<Happening>) -> Result<Self, String> {
        let opened = tokio_tungstenite::connect_async(url).await;
        let (stream, _) = opened.map_err(|error| format!("a socket was not opened: {error}"))?;
        let (sender, outgoing) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let why = carry(stream, outgoing, number, &happenings).await;
            tell(&happenings, number, What::Closed(why)).await;
        });
        Ok(Self(sender))
    }

    /// Sends a frame. One that cannot be sent any more is lost, and the end of the line is told.
    pub fn send(&self, frame: String) {
        self.post(Outgoing::Frame(frame));
    }

    /// Ends the line as it should be ended.
    pub fn close(self) {
        self.post(Outgoing::Goodbye);
    }

    fn post(&self, outgoing: Outgoing) {
        if self.0.send(outgoing).is_err() {
            tracing::trace!("a line has ended");
        }
    }
}

/// Tells what happened to whoever holds the client; there may be nobody any more.
pub async fn tell(happenings: &mpsc::Sender<Happening>, line: u64, what: What) {
    if happenings.send(Happening { line, what }).await.is_err() {
        tracing::trace!("nobody listens any more");
    }
}

async fn carry(
    mut stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    number: u64,
    happenings: &mpsc::Sender<Happening>,
) -> String {
    loop {
        tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    tell(happenings, number, What::Frame(text.as_str().to_owned())).await;
                }
                Some(Ok(Message::Close(_))) | None => return "it was closed".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.to_string(),
            },
            next = outgoing.recv() => match next {
                Some(Outgoing::Frame(frame)) => {
                    if let Err(error) = stream.send(Message::text(frame)).await {
                        return error.to_string();
                    }
                }
                Some(Outgoing::Goodbye) => {
                    let farewell = async {
                        stream.close(None).await?;
                        while stream.next().await.transpose()?.is_some() {}
                        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
                    };
                    let said = tokio::time::timeout(FAREWELL, farewell).await;
                    tracing::trace!(?said, "a line was closed");
                    return "it was left".to_owned();
                }
                None => return "it was cut".to_owned(),
            },
        }
    }
}
