//! How long a guest waits for the answer that the shop gives by itself: from the message to the answer on their socket.
//!
//! Each guest asks once, in a conversation of their own, something that the seeded FAQs answer. The question takes the whole
//! path: its two writes, the stream, the relay as the template declares it, the matcher, the answer's own writes and post. It is
//! sent at its planned instant whether or not those before it were answered, and what it took is counted from that instant.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use domain::Role;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    BenchError, Report,
    percentiles::Percentiles,
    shop::{Shop, Socket, text},
    table,
};

/// What the slowest of a hundred answers may take.
const GOAL_MS: f64 = 200.0;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked, in turn.
const QUESTIONS: [&str; 4] =
    ["How can I pay?", "How do I return an item?", "How long does delivery take?", "How much is shipping?"];

/// How many ask how often.
#[derive(Debug, Clone, Copy, Args)]
pub struct Answers {
    /// Guests, each with a conversation and a socket
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    guests: u32,
    /// Questions a second in all conversations together
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    per_second: u32,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct AnswersReport {
    asked: usize,
    answered: usize,
    per_second: u32,
    /// From the planned instant to the acknowledgement of the question.
    acknowledged_ms: Percentiles,
    /// From the planned instant to the answer on the asker's socket.
    answered_ms: Percentiles,
    goal_p99_ms: f64,
}

/// A guest who is about to ask.
struct Asker {
    conversation: String,
    socket: Socket,
}

/// What became of a question.
#[derive(Default)]
struct Outcome {
    acknowledged: Option<Duration>,
    answered: Option<Duration>,
}

/// Has every guest ask once.
pub async fn measure(template: &Path, asked: Answers) -> Result<AnswersReport, BenchError> {
    let shop = Shop::open(template, |options| options).await?;
    shop.person(Role::Admin, "olga")?.post("/api/v1/chat/seed", json!({})).await?;
    let mut askers = vec![];
    for number in 0..asked.guests {
        askers.push(Asker::come(&shop, number).await?);
    }
    // Everybody was welcomed, and one who is not counted has made the relay read the FAQs.
    Asker::come(&shop, asked.guests).await?.ask(0, Instant::now()).await?;
    shop.cloud.idle().await?;

    let began = Instant::now();
    let planned = |number: u32| began + Duration::from_secs(1) * number / asked.per_second;
    let asking = (0..).zip(&mut askers).map(|(number, asker)| asker.ask(number, planned(number)));
    let outcomes = try_join_all(asking).await?;
    for asker in askers {
        asker.socket.close().await?;
    }
    shop.cloud.stop().await;
    let answered = outcomes.iter().filter_map(|outcome| outcome.answered);
    Ok(AnswersReport {
        asked: outcomes.len(),
        answered: answered.clone().count(),
        per_second: asked.per_second,
        acknowledged_ms: Percentiles::of(outcomes.iter().filter_map(|outcome| outcome.acknowledged)),
        answered_ms: Percentiles::of(answered),
        goal_p99_ms: GOAL_MS,
    })
}

impl Asker {
    async fn come(shop: &Shop, number: u32) -> Result<Self, BenchError> {
        let guest = shop.guest(number).await?;
        let opened = guest.post("/api/v1/chat/conversations", json!({})).await?;
        let conversation = text(&opened, "conversation_id")?.to_owned();
        let mut socket = Socket::open(&guest.ticket().await?).await?;
        socket.ask("chat.conversation.join", json!({ "conversation_id": conversation })).await?;
        Ok(Self { conversation, socket })
    }

    async fn ask(&mut self, number: u32, planned: Instant) -> Result<Outcome, BenchError> {
        tokio::time::sleep_until(planned.into()).await;
        let question = QUESTIONS.get(number as usize % QUESTIONS.len());
        let said = json!({
            "conversation_id": self.conversation,
            "content": { "text": question },
            "client_message_id": "question",
        });
        self.socket.send("chat.message.send", said).await?;
        let mut outcome = Outcome::default();
        while outcome.acknowledged.is_none() || outcome.answered.is_none() {
            let Ok(frame) = tokio::time::timeout(PATIENCE, self.socket.next()).await else {
                break;
            };
            let frame = frame?;
            let kind = frame.get("type").and_then(Value::as_str);
            match kind {
                Some("ack") => outcome.acknowledged = Some(planned.elapsed()),
                Some("chat.message.faq_response") => outcome.answered = Some(planned.elapsed()),
                Some("error") => return Err(BenchError::Unexpected(frame.to_string())),
                _ => {} // the welcome, the question itself
            }
        }
        Ok(outcome)
    }
}

impl Report for AnswersReport {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} guests ask once, {} a second\n", self.asked, self.per_second)?;
        let row = |name: &str, count: usize, times: Percentiles| {
            let [p50, p99, max] = [times.p50, times.p99, times.max].map(|ms| format!("{ms:.1}"));
            [name.to_owned(), count.to_string(), p50, p99, max]
        };
        let rows = [
            row("question acknowledged", self.asked, self.acknowledged_ms),
            row("answer on the socket", self.answered, self.answered_ms),
        ];
        table::write(out, ["", "questions", "p50 ms", "p99 ms", "max ms"], &rows)?;
        let is_met = self.answered == self.asked && self.answered_ms.p99 < GOAL_MS;
        let verdict = if is_met { "met" } else { "MISSED" };
        writeln!(out, "\ngoal: every question answered, p99 under {GOAL_MS:.0} ms: {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_guest_is_answered() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let report = measure(&template, Answers { guests: 4, per_second: 20 }).await.unwrap();
        assert_eq!((report.asked, report.answered), (4, 4));
        assert!(report.acknowledged_ms.p50 > 0.0 && report.answered_ms.p50 > 0.0, "{report:?}");
    }
}
