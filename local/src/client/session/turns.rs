//! What a client does because time has passed: its own for what is waited for, the shop's for how long lines last.

use std::time::Duration;

use contract::frames::Command;
use jiff::SignedDuration;
use tokio::time::Instant;

use super::Session;

/// How often the shop's clock is looked at.
const TURN: Duration = Duration::from_secs(1);

/// How long a log may lack something before it is asked for: most gaps are events that overtook others.
const GAP_PATIENCE: Duration = Duration::from_millis(250);

/// How often it is asked for in vain.
const MOST_ASKS: u32 = 4;

/// How long a line is kept that has a successor.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// How long before its end a line gets its successor, by the shop's clock.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);

impl Session {
    /// When something is to be done, if nothing happens before.
    pub(super) fn next_turn(&self) -> Instant {
        let look = Instant::now() + TURN;
        let asks = self.asks.values().map(|ask| ask.again_at);
        let gaps = self.gaps.values().map(|(_, since)| *since + GAP_PATIENCE);
        let farewells = self.lines.values().filter_map(|line| line.lingers_until);
        asks.chain(gaps).chain(farewells).chain(self.open_at).fold(look, Instant::min)
    }

    /// Does what is due.
    pub(super) fn turn(&mut self) {
        let now = Instant::now();
        if self.open_at.is_some_and(|due| due <= now) {
            self.open();
        }
        let past = self.lines.iter().filter(|(_, line)| line.lingers_until.is_some_and(|until| until <= now));
        for number in past.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.asks.retain(|_, ask| ask.line != number);
            if let Some(connection) = self.lines.remove(&number) {
                connection.line.close();
            }
        }
        self.repeat(now);
        self.close_gaps(now);
        self.keep_alive();
        self.hand_over();
    }

    /// Asks for what is missing for too long; what is asked for in vain is given up.
    fn close_gaps(&mut self, now: Instant) {
        for gap in self.inbox.gaps().collect::<Vec<_>>() {
            let Some((_, since)) = self.gaps.get(&gap.channel) else {
                continue; // noticed in this very turn
            };
            if *since + GAP_PATIENCE > now {
                continue;
            }
            if self.inbox.asked(&gap.channel) >= MOST_ASKS {
                let told = self.inbox.give_up(&gap.channel);
                self.tell(&told);
            } else {
                self.gaps.insert(gap.channel.clone(), (gap.last_seq, now));
                self.fill(gap);
            }
        }
    }

    /// Notes which gaps there are, and since when.
    pub(super) fn notice_gaps(&mut self) {
        let now = Instant::now();
        let before = std::mem::take(&mut self.gaps);
        let noticed = self.inbox.gaps().map(|gap| {
            let known = before.get(&gap.channel).filter(|(at, _)| *at == gap.last_seq);
            (gap.channel, known.copied().unwrap_or((gap.last_seq, now)))
        });
        self.gaps = noticed.collect();
    }

    /// Says something on lines that have been silent for as long as the server allows.
    fn keep_alive(&mut self) {
        let now = (self.options.now)();
        let silent = self.lines.iter().filter(|(_, line)| {
            line.ready.as_ref().is_some_and(|ready| {
                let beat = i64::try_from(ready.heartbeat_interval_ms.max(1_000)).unwrap_or(i64::MAX);
                now.duration_since(line.last_sent) >= SignedDuration::from_millis(beat)
            })
        });
        for number in silent.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.send(number, None, Command::Ping(serde_json::Map::new()));
        }
    }

    /// Opens the next line before the server ends this one. Where the clock is wrong, not more often than it would
    /// have to be.
    fn hand_over(&mut self) {
        let now = (self.options.now)();
        let is_due = self.lines.values().next_back().is_some_and(|line| {
            let ends_at = line.ready.as_ref().map_or(now, |ready| ready.expires_at);
            line.is_live
                && now.duration_since(ends_at) >= -OVERLAP
                && now.duration_since(line.opened_at) >= OVERLAP
        });
        if is_due && self.opening.is_none() && self.open_at.is_none() {
            self.open();
        }
    }
}
