//! What a client asks on its lines, and what the answers mean. Everything asked may be asked again.

use std::time::Duration;

use contract::{
    ErrorCode,
    frames::{ClientFrame, Command, ConnectionReady, FrameError, Resume, ResumePoint, Subscribe},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::Session;

/// Channels in one frame.
const MOST_CHANNELS: usize = 50;

/// How long an answer may take before the same is asked again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait where a refusal does not say.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the same is asked on one line.
const MOST_TRIES: u32 = 20;

/// Something that was asked and is not answered yet.
#[derive(Debug)]
pub(super) struct Ask {
    pub line: u64,
    pub command: Command,
    pub purpose: Purpose,
    /// When it is asked again.
    pub again_at: Instant,
    pub tries: u32,
}

/// Why something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Hello,
    /// To listen.
    Join,
    /// To get what is missing.
    Fill,
    /// To know how far the logs have got.
    Stock,
    /// To say something.
    Say,
}

impl Purpose {
    /// Whether a line on which it is not answered yet is not to be relied on.
    pub(super) const fn is_of_joining(self) -> bool {
        !matches!(self, Self::Fill | Self::Say)
    }
}

/// What an `ack` says: of one channel or of several.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    channels: Vec<Reached>,
    #[serde(flatten)]
    only: Option<Reached>,
}

#[derive(Deserialize)]
struct Reached {
    channel: String,
    #[serde(default)]
    seq: Option<u64>,
}

/// Listening to these channels, a log from behind `last_seq`.
pub(super) fn subscribe(mut channels: Vec<String>, last_seq: Option<u64>) -> Command {
    let channel = if channels.len() == 1 { channels.pop() } else { None };
    Command::Subscribe(Subscribe { channel, channels, last_seq, order_token: None })
}

impl Session {
    /// Asks something on a line.
    pub(super) fn ask(&mut self, line: u64, command: Command, purpose: Purpose) {
        if let Command::Resume(Resume { channels }) = &command {
            for point in channels {
                self.inbox.ask(&point.channel);
            }
        }
        self.asked += 1;
        let id = format!("c{}", self.asked);
        let again_at = Instant::now() + PATIENCE;
        self.send(line, Some(id.clone()), command.clone());
        self.asks.insert(id, Ask { line, command, purpose, again_at, tries: 1 });
    }

    pub(super) fn send(&mut self, line: u64, id: Option<String>, command: Command) {
        let now = (self.options.now)();
        let Some(connection) = self.lines.get_mut(&line) else {
            return;
        };
        match serde_json::to_string(&ClientFrame { id, command }) {
            Ok(frame) => {
                connection.line.send(frame);
                connection.last_sent = now;
            }
            Err(error) => self.complain(format!("a frame was not sent: {error}")),
        }
    }

    /// The line is known by whom it greets.
    pub(super) fn greeted(&mut self, line: u64, reply_to: Option<String>, ready: ConnectionReady) {
        if let Some(id) = reply_to {
            self.asks.remove(&id);
        }
        let own = format!("user:{}", ready.user_id);
        match self.lines.get_mut(&line) {
            Some(connection) if connection.ready.is_none() => connection.ready = Some(ready),
            _ => return,
        }
        if self.options.hears_own_log {
            self.inbox.follow(&own, None);
        }
        self.is_known = true;
        self.join(line);
    }

    /// All that is wanted is asked for, the logs from where they broke off.
    pub(super) fn join(&mut self, line: u64) {
        match self.lines.get_mut(&line) {
            Some(connection) if !connection.has_joined => connection.has_joined = true,
            _ => return,
        }
        let known: Vec<_> = self.inbox.positions().collect();
        for channels in known.chunks(MOST_CHANNELS) {
            self.ask(line, Command::Resume(Resume { channels: channels.to_vec() }), Purpose::Join);
        }
        let unplaced = self.inbox.unplaced().map(str::to_owned);
        let wanted: Vec<_> = unplaced.chain(self.states.iter().cloned()).collect();
        for channels in wanted.chunks(MOST_CHANNELS) {
            self.ask(line, subscribe(channels.to_vec(), None), Purpose::Join);
        }
    }

    pub(super) fn acknowledged(&mut self, id: &str, data: &Value) {
        let Some(ask) = self.asks.remove(id) else {
            return; // it was asked twice and answered twice
        };
        if ask.purpose == Purpose::Say {
            return self.was_heard(data);
        }
        let Ok(Answer { channels, only }) = Answer::deserialize(data) else {
            self.complain(format!("an answer that is none: {data}"));
            return;
        };
        for Reached { channel, seq } in channels.into_iter().chain(only) {
            match (ask.purpose, seq) {
                (Purpose::Stock, seq) => {
                    if let Some(known) = self.stock.as_mut().and_then(|stock| stock.get_mut(&channel)) {
                        *known = Some(seq.unwrap_or_default());
                    }
                }
                (_, Some(seq)) => {
                    let told = self.inbox.reached(&channel, seq);
                    self.tell(&told);
                }
                (_, None) => {}
            }
        }
    }

    /// What was refused for now is asked again, what was refused for good is not wanted any more. Of several
    /// channels, each is asked for by itself: one that is refused must not take the others with it.
    pub(super) fn refused(&mut self, line: u64, id: Option<String>, error: FrameError) {
        let Some((id, mut ask)) = id.and_then(|id| self.asks.remove_entry(&id)) else {
            self.complain(error.message);
            return;
        };
        match error.code {
            ErrorCode::RateLimited | ErrorCode::UpstreamUnavailable | ErrorCode::InternalError => {
                let pause = error.retry_after_ms.map_or(PAUSE, Duration::from_millis);
                ask.again_at = Instant::now() + pause;
                self.asks.insert(id, ask);
            }
            ErrorCode::Unauthenticated => self.lose(line, error.message),
            _ if ask.purpose == Purpose::Say => self.was_refused(error.message),
            _ => match apart(&ask.command) {
                several if several.len() > 1 => {
                    for command in several {
                        self.ask(line, command, ask.purpose);
                    }
                }
                _ => {
                    for channel in channels(&ask.command) {
                        self.inbox.forget(channel);
                        self.states.retain(|state| state != channel);
                        if let Some(stock) = &mut self.stock {
                            stock.remove(channel);
                        }
                        self.summary.complaints.push(format!("{channel}: {}", error.message));
                    }
                }
            },
        }
    }

    /// API Gateway says that something came to nothing.
    pub(super) fn ask_again(&mut self, line: u64, why: &str) {
        tracing::debug!(line, why, "something is asked again");
        let again_at = Instant::now() + PAUSE;
        for ask in self.asks.values_mut().filter(|ask| ask.line == line) {
            ask.again_at = ask.again_at.min(again_at);
        }
    }

    /// Asks again what was not answered in time.
    pub(super) fn repeat(&mut self, now: Instant) {
        let due = self.asks.iter_mut().filter(|(_, ask)| ask.again_at <= now);
        let mut again = vec![];
        for (id, ask) in due {
            ask.tries += 1;
            ask.again_at = now + PATIENCE;
            if let Command::SendMessage(said) = &mut ask.command {
                said.attempt += 1;
                self.summary.said_again += 1;
            }
            again.push((ask.line, id.clone(), ask.command.clone(), ask.tries));
        }
        for (line, id, command, tries) in again {
            if tries > MOST_TRIES {
                self.lose(line, "it was not answered".to_owned());
            } else {
                self.send(line, Some(id), command);
            }
        }
    }

    /// Asks how far the logs have got.
    pub(super) fn take_stock(&mut self) {
        let logs: Vec<_> = self.inbox.positions().map(|point| point.channel).collect();
        self.stock = Some(logs.iter().map(|channel| (channel.clone(), None)).collect());
        if let Some(line) = self.newest_live() {
            for channels in logs.chunks(MOST_CHANNELS) {
                self.ask(line, subscribe(channels.to_vec(), None), Purpose::Stock);
            }
        }
    }

    /// Asks for what a log lacks, unless that is under way.
    pub(super) fn fill(&mut self, gap: ResumePoint) {
        let is_asked =
            self.asks.values().any(|ask| channels(&ask.command).any(|channel| channel == gap.channel));
        if let (Some(line), false) = (self.newest_live(), is_asked) {
            self.summary.resumes += 1;
            self.ask(line, Command::Resume(Resume { channels: vec![gap] }), Purpose::Fill);
        }
    }
}

/// The channels that are asked for.
fn channels(command: &Command) -> impl Iterator<Item = &str> {
    let (one, several, points) = match command {
        Command::Subscribe(wanted) => (wanted.channel.as_deref(), wanted.channels.as_slice(), [].as_slice()),
        Command::Resume(resume) => (None, [].as_slice(), resume.channels.as_slice()),
        _ => (None, [].as_slice(), [].as_slice()),
    };
    let points = points.iter().map(|point: &ResumePoint| point.channel.as_str());
    one.into_iter().chain(several.iter().map(String::as_str)).chain(points)
}

/// The same, each channel by itself.
fn apart(command: &Command) -> Vec<Command> {
    match command {
        Command::Subscribe(wanted) => {
            let each = |channel: &str| subscribe(vec![channel.to_owned()], wanted.last_seq);
            channels(command).map(each).collect()
        }
        Command::Resume(resume) => {
            let each = |point: &ResumePoint| Command::Resume(Resume { channels: vec![point.clone()] });
            resume.channels.iter().map(each).collect()
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_of_one_channel_or_of_several() {
        let read = |data: Value| {
            let Answer { channels, only } = Answer::deserialize(&data).unwrap();
            let reached = channels.into_iter().chain(only);
            reached.map(|one| format!("{} {:?}", one.channel, one.seq)).collect::<Vec<_>>()
        };
        assert_eq!(read(json!({"channel": "user:ana", "seq": 7})), ["user:ana Some(7)"]);
        let several = json!({"channels": [{"channel": "order:ord_1", "seq": 1}, {"channel": "inventory", "seq": null}]});
        assert_eq!(read(several), ["order:ord_1 Some(1)", "inventory None"]);
        assert!(read(json!({})).is_empty());
    }

    #[test]
    fn what_is_refused_together_is_asked_for_apart() {
        let together = subscribe(vec!["inventory".to_owned(), "admin".to_owned()], None);
        let apart = apart(&together);
        assert_eq!(apart.iter().flat_map(channels).collect::<Vec<_>>(), ["inventory", "admin"]);
        assert_eq!(super::apart(&apart[1]).len(), 1);
    }
}
