//! The life of a client: a task that opens lines, listens, asks for what is missing, and changes lines before they
//! end.
//!
//! Everything that happens is handled at once and without waiting; what takes time is told when it is done.

mod asking;
mod saying;
mod turns;

use std::{collections::BTreeMap, time::Duration};

use contract::frames::{Command, ConnectionReady, Hello, Reply};
use domain::{Channel, ConversationId, Line as Text};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Options, Summary, Told,
    frame::{self, Event, Incoming},
    inbox::Inbox,
    line::{Happening, Line, What, tell},
};

use asking::{Ask, Purpose};
pub use saying::Acknowledged;
use saying::Outbox;

/// How long to wait before a line is opened again; doubled with each that failed since the last good one.
const PAUSE: Duration = Duration::from_millis(200);

/// And at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many lines in a row may fail before the client gives up.
const MOST_FAILURES: u32 = 20;

/// Frames that may wait for this task before the lines are read more slowly.
const BACKLOG: usize = 256;

/// What whoever holds the client wants.
pub enum Wish {
    Follow { channel: String, from: Option<u64> },
    Say { conversation: ConversationId, text: String, reply: oneshot::Sender<Acknowledged> },
    Look(oneshot::Sender<()>),
    Cut,
    ComeBack(oneshot::Sender<()>),
    Finish(oneshot::Sender<Summary>),
}

pub struct Session {
    options: Options,
    inbox: Inbox,
    /// State channels that are listened to.
    states: Vec<String>,
    wished: mpsc::UnboundedReceiver<Wish>,
    happened: mpsc::Receiver<Happening>,
    happenings: mpsc::Sender<Happening>,
    /// By number; a later one has the greater.
    lines: BTreeMap<u64, Connection>,
    numbers: u64,
    /// The line that is being opened.
    opening: Option<u64>,
    /// When the next is to be.
    open_at: Option<Instant>,
    failures: u32,
    /// Whether a line was ever greeted: then it is known whose log is one's own.
    is_known: bool,
    is_away: bool,
    asks: BTreeMap<String, Ask>,
    asked: u64,
    /// Since when each gap is known, and where it is.
    gaps: BTreeMap<String, (u64, Instant)>,
    outbox: Outbox,
    waiting: Vec<oneshot::Sender<()>>,
    finish: Option<oneshot::Sender<Summary>>,
    /// How far each log has got, asked at the end.
    stock: Option<BTreeMap<String, Option<u64>>>,
    summary: Summary,
}

/// An open line and how far it has come.
struct Connection {
    line: Line,
    ready: Option<ConnectionReady>,
    /// Whether all that is wanted has been asked for on it.
    has_joined: bool,
    /// Whether everything is listened to on it.
    is_live: bool,
    /// When it was opened, by the shop's clock.
    opened_at: Timestamp,
    /// When a frame was last sent, by the shop's clock.
    last_sent: Timestamp,
    /// Until when it is kept, when it has a successor.
    lingers_until: Option<Instant>,
}

impl Session {
    pub fn new(options: Options, wished: mpsc::UnboundedReceiver<Wish>) -> Self {
        let (happenings, happened) = mpsc::channel(BACKLOG);
        let mut session = Self {
            options,
            inbox: Inbox::default(),
            states: vec![],
            wished,
            happened,
            happenings,
            lines: BTreeMap::new(),
            numbers: 0,
            opening: None,
            open_at: None,
            failures: 0,
            is_known: false,
            is_away: true,
            asks: BTreeMap::new(),
            asked: 0,
            gaps: BTreeMap::new(),
            outbox: Outbox::default(),
            waiting: vec![],
            finish: None,
            stock: None,
            summary: Summary::default(),
        };
        for channel in std::mem::take(&mut session.options.channels) {
            session.listen_to(&channel, None);
        }
        session
    }

    /// Lives until it is told to finish, or nobody holds the client any more.
    pub async fn run(mut self) {
        loop {
            let turn = self.next_turn();
            tokio::select! {
                wish = self.wished.recv() => match wish {
                    Some(wish) => self.obey(wish),
                    None => break,
                },
                Some(Happening { line, what }) = self.happened.recv() => self.heed(line, what),
                () = tokio::time::sleep_until(turn) => self.turn(),
            }
            self.speak();
            self.notice_gaps();
            self.settle();
            if self.has_finished() {
                break;
            }
        }
        for (_, connection) in std::mem::take(&mut self.lines) {
            connection.line.close();
        }
    }

    fn obey(&mut self, wish: Wish) {
        match wish {
            Wish::Follow { channel, from } => {
                if let Some(command) = self.listen_to(&channel, from) {
                    let joined = self.lines.iter().filter(|(_, line)| line.has_joined);
                    for number in joined.map(|(number, _)| *number).collect::<Vec<_>>() {
                        self.ask(number, command.clone(), Purpose::Join);
                    }
                }
            }
            Wish::Say { conversation, text, reply } => self.outbox.add(conversation, text, reply),
            Wish::Look(settled) => {
                self.waiting.push(settled);
                self.turn();
            }
            Wish::Cut => {
                self.summary.reconnects += u64::from(self.newest_live().is_some());
                (self.is_away, self.opening, self.open_at) = (true, None, None);
                self.lines.clear();
                self.asks.clear();
                self.stock = None;
            }
            Wish::ComeBack(settled) => {
                self.waiting.push(settled);
                if std::mem::take(&mut self.is_away) {
                    self.open();
                }
            }
            Wish::Finish(reply) => self.finish = Some(reply),
        }
    }

    /// Notes that a channel is wanted. How it is asked for, unless it was wanted already.
    fn listen_to(&mut self, channel: &str, from: Option<u64>) -> Option<Command> {
        let is_log = Channel::parse(channel).is_ok_and(|channel| channel.is_log());
        if is_log {
            self.inbox.follow(channel, from);
        } else if self.states.iter().any(|known| known == channel) {
            return None;
        } else {
            self.states.push(channel.to_owned());
        }
        Some(asking::subscribe(vec![channel.to_owned()], from.filter(|_| is_log)))
    }

    /// Begins to open a line.
    fn open(&mut self) {
        self.numbers += 1;
        let (number, happenings) = (self.numbers, self.happenings.clone());
        (self.opening, self.open_at) = (Some(number), None);
        let (ticket, encoding) =
            ((self.options.tickets)(), if self.options.accepts_gzip { "&encoding=gzip" } else { "" });
        tokio::spawn(async move {
            let opened = async { Line::open(&(ticket.await? + encoding), number, happenings.clone()).await };
            let what = opened.await.map_or_else(What::Failed, What::Opened);
            tell(&happenings, number, what).await;
        });
    }

    fn heed(&mut self, number: u64, what: What) {
        match what {
            What::Opened(line) if self.opening == Some(number) => {
                self.opening = None;
                let now = (self.options.now)();
                let connection = Connection {
                    line,
                    ready: None,
                    has_joined: false,
                    is_live: false,
                    opened_at: now,
                    last_sent: now,
                    lingers_until: None,
                };
                self.lines.insert(number, connection);
                let client = Text::new(self.options.name).ok();
                self.ask(number, Command::Hello(Hello { client, version: None }), Purpose::Hello);
                // Whoever comes back knows what to ask for and need not wait to be greeted.
                if self.is_known {
                    self.join(number);
                }
            }
            What::Failed(why) if self.opening == Some(number) => {
                self.opening = None;
                self.has_failed(why);
            }
            What::Frame(text) if self.lines.contains_key(&number) => self.read(number, &text),
            What::Closed(why) => self.lose(number, why),
            // Of a line that was cut or left meanwhile.
            What::Opened(_) | What::Failed(_) | What::Frame(_) => {}
        }
    }

    fn read(&mut self, number: u64, text: &str) {
        self.summary.frames += 1;
        match frame::read(text) {
            Ok(Incoming::Events(events)) => {
                for event in events {
                    let told = match event {
                        Event::Known(event) => self.inbox.take(*event),
                        Event::Other(event) => self.inbox.take_other(*event),
                    };
                    self.tell(&told);
                }
            }
            Ok(Incoming::Reply(Reply::Ack { reply_to, data })) => self.acknowledged(&reply_to, &data),
            Ok(Incoming::Reply(Reply::Error { reply_to, error })) => self.refused(number, reply_to, error),
            Ok(Incoming::Reply(Reply::ConnectionReady { reply_to, data })) => {
                self.greeted(number, reply_to, data);
            }
            Ok(Incoming::Reply(Reply::Pong { .. } | Reply::Batch { .. } | Reply::Gzip { .. })) => {}
            Ok(Incoming::Failed(why)) => self.ask_again(number, &why),
            Err(why) => self.complain(format!("an unknown frame: {why}")),
        }
        self.may_be_live(number);
    }

    /// A line has ended, or is not to be used any more.
    fn lose(&mut self, number: u64, why: String) {
        let Some(connection) = self.lines.remove(&number) else {
            return;
        };
        self.asks.retain(|_, ask| ask.line != number);
        self.stock = None;
        tracing::debug!(number, why, "a line ended");
        if connection.lingers_until.is_some() {
            return;
        }
        if connection.is_live {
            self.summary.reconnects += 1;
            self.open_again();
        } else {
            self.has_failed(why);
        }
    }

    /// A line did not come as far as to be listened on.
    fn has_failed(&mut self, why: String) {
        self.failures += 1;
        if self.failures >= MOST_FAILURES && self.newest_live().is_none() {
            self.complain(why);
        } else {
            self.open_again();
        }
    }

    fn open_again(&mut self) {
        let is_served = self.lines.values().any(|line| line.lingers_until.is_none());
        if !self.is_away && self.opening.is_none() && !is_served {
            let pause = PAUSE.saturating_mul(1 << self.failures.min(5)).min(LONGEST_PAUSE);
            self.open_at = Some(Instant::now() + pause);
        }
    }

    fn has_given_up(&self) -> bool {
        self.failures >= MOST_FAILURES && self.lines.is_empty()
    }

    /// A line on which everything is listened to succeeds the one before, which is kept a little: what no log keeps
    /// may still be on it.
    fn may_be_live(&mut self, number: u64) {
        let is_joining = self.asks.values().any(|ask| ask.line == number && ask.purpose.is_of_joining());
        let Some(connection) = self.lines.get_mut(&number) else {
            return;
        };
        if connection.is_live || connection.ready.is_none() || is_joining {
            return;
        }
        connection.is_live = true;
        self.failures = 0;
        let until = Instant::now() + turns::LINGER;
        for (_, before) in self.lines.range_mut(..number) {
            before.lingers_until.get_or_insert(until);
            self.summary.handovers += u64::from(before.is_live);
        }
    }

    /// The line that frames are sent on.
    fn newest_live(&self) -> Option<u64> {
        self.lines.iter().rev().find(|(_, line)| line.is_live).map(|(number, _)| *number)
    }

    /// Answers whoever waits for everything to be there.
    fn settle(&mut self) {
        let is_settled = self.newest_live().is_some()
            && self.opening.is_none()
            && self.lines.values().all(|line| line.is_live)
            && self.asks.is_empty()
            && self.inbox.gaps().next().is_none();
        if self.has_given_up() {
            self.waiting.clear();
        }
        if !is_settled {
            return;
        }
        for waiting in self.waiting.drain(..) {
            if waiting.send(()).is_err() {
                tracing::trace!("nobody waits any more");
            }
        }
        if self.finish.is_some() && self.stock.is_none() {
            self.take_stock();
        }
    }

    /// Says what came of it, once how far the logs have got is known, or never will be.
    fn has_finished(&mut self) -> bool {
        let is_counted = self.stock.as_ref().is_some_and(|stock| stock.values().all(Option::is_some));
        if !is_counted && !self.has_given_up() {
            return false;
        }
        let Some(reply) = self.finish.take() else {
            return false;
        };
        let mut summary = std::mem::take(&mut self.summary);
        for (channel, seq) in self.stock.iter().flatten() {
            summary.missing += self.inbox.missing(channel, seq.unwrap_or_default());
        }
        summary.counts = self.inbox.counts();
        summary.positions = self.inbox.positions().map(|point| (point.channel, point.last_seq)).collect();
        if reply.send(summary).is_err() {
            tracing::debug!("nobody wants to know what came of a client");
        }
        true
    }

    fn tell(&self, told: &[Told]) {
        for one in told {
            (self.options.tell)(one);
        }
    }

    fn complain(&mut self, why: String) {
        self.summary.complaints.push(why);
    }
}
