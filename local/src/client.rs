//! A client of the realtime API, as a shop's page or app would be one.
//!
//! It opens a ticket and a socket, says hello and listens. Each event is told once: those of a log in order and
//! without a gap, those of a state while they are newer. It asks for what is missing, comes back when its socket
//! breaks, and opens the next one before API Gateway ends this one, so that nothing falls between. What it is to say in a
//! conversation it says until it is acknowledged, always under the same name. Benchmarks, replays and stories hear the
//! shop through it.

mod frame;
mod inbox;
mod line;
mod session;

use std::{collections::BTreeMap, sync::Arc};

use contract::http::auth::TicketView;
use domain::ConversationId;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

pub use inbox::{Counts, Told};
pub use session::Acknowledged;

use crate::part::Boxed;
use session::{Session, Wish};

/// Gets a ticket: the address that a socket is to be opened at, or why there is none.
pub type Tickets = Arc<dyn Fn() -> Boxed<'static, Result<String, String>> + Send + Sync>;

/// The shop's clock.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What is done with what is told. The client waits for it.
pub type Tell = Arc<dyn Fn(&Told) + Send + Sync>;

/// Tickets that whoever has `token` gets at the HTTP API of `url`.
pub fn tickets(http: reqwest::Client, url: String, token: String) -> Tickets {
    Arc::new(move || {
        let request = http.post(format!("{url}/api/v1/realtime/tickets")).bearer_auth(&token);
        Box::pin(async move {
            let answer = request.send().await.and_then(reqwest::Response::error_for_status);
            let answer = answer.map_err(|error| error.to_string())?;
            let ticket: TicketView = answer.json().await.map_err(|error| error.to_string())?;
            Ok(ticket.url)
        })
    })
}

/// As whom a client listens, and to what.
#[derive(Clone)]
pub struct Options {
    pub tickets: Tickets,
    /// What it is called in the shop's logs.
    pub name: &'static str,
    /// Channels to listen to: of logs, what happens from now on, of states, the latest first.
    pub channels: Vec<String>,
    /// Whether to listen to the log of whoever it is too.
    pub hears_own_log: bool,
    /// Whether large frames may come compressed.
    pub accepts_gzip: bool,
    pub now: Now,
    pub tell: Tell,
}

/// A client. Clones are the same one; when the last is dropped, it leaves.
#[derive(Clone)]
pub struct Client(mpsc::UnboundedSender<Wish>);

/// What came of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub counts: Counts,
    pub frames: u64,
    /// Events of logs that never came, though the server says that the logs go so far.
    pub missing: u64,
    /// The logs, and how far each was told.
    pub positions: BTreeMap<String, u64>,
    /// Sockets that broke and had a successor.
    pub reconnects: u64,
    /// Sockets that had a successor before they broke.
    pub handovers: u64,
    /// How often something missing was asked for on an open socket.
    pub resumes: u64,
    /// How often something was said again, because nobody had acknowledged it.
    pub said_again: u64,
    /// What was refused, is none of the contract's, or could not be done, in words.
    pub complaints: Vec<String>,
}

impl Client {
    /// Opens a client. The answer comes when it listens to everything, or has given up, which [`Client::finish`]
    /// will tell.
    pub async fn open(options: Options) -> Self {
        let (wishes, wished) = mpsc::unbounded_channel();
        tokio::spawn(Session::new(options, wished).run());
        let client = Self(wishes);
        client.settled(Wish::ComeBack).await;
        client
    }

    /// Listens to another channel: to a log from behind its event `from`, or from where it stands now.
    pub fn follow(&self, channel: impl Into<String>, from: Option<u64>) {
        self.wish(Wish::Follow { channel: channel.into(), from });
    }

    /// Says something in a conversation, after what is to be said already; if it is away, once it is back. The answer comes
    /// when the shop has it, and never if it is refused for good, which [`Client::finish`] will tell.
    pub fn say(
        &self,
        conversation: ConversationId,
        text: impl Into<String>,
    ) -> oneshot::Receiver<Acknowledged> {
        let (reply, acknowledged) = oneshot::channel();
        self.wish(Wish::Say { conversation, text: text.into(), reply });
        acknowledged
    }

    /// Looks at the shop's clock and does what is due by it, as it does every second anyway. The answer comes when
    /// nothing is missing and everything that was asked is answered.
    pub async fn look(&self) {
        self.settled(Wish::Look).await;
    }

    /// Breaks off, as if the network had died, and stays away until it is told to come back.
    pub fn cut(&self) {
        self.wish(Wish::Cut);
    }

    /// Comes back. The answer comes when it has all that it missed.
    pub async fn come_back(&self) {
        self.settled(Wish::ComeBack).await;
    }

    /// Asks how far every log has got, leaves, and says what came of it.
    pub async fn finish(&self) -> Summary {
        let (reply, summary) = oneshot::channel();
        self.wish(Wish::Finish(reply));
        let died = |_| Summary { complaints: vec!["the client died".to_owned()], ..Summary::default() };
        summary.await.unwrap_or_else(died)
    }

    async fn settled(&self, wish: impl FnOnce(oneshot::Sender<()>) -> Wish) {
        let (reply, settled) = oneshot::channel();
        self.wish(wish(reply));
        // A client that has given up answers nobody; it says why at the end.
        if settled.await.is_err() {
            tracing::debug!("a client has given up");
        }
    }

    fn wish(&self, wish: Wish) {
        if self.0.send(wish).is_err() {
            tracing::debug!("a client has left");
        }
    }
}
