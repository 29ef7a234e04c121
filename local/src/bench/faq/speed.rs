//! How long it takes to learn a thousand FAQs, and to match a message with them.

use std::{
    hint::black_box,
    io::Write,
    time::{Duration, Instant},
};

use domain::faq::{Faq, Matcher};
use serde::Serialize;

use super::{
    faq,
    protocol::{Data, Numbers},
};
use crate::bench::percentiles::Percentiles;

const FAQS: usize = 1_000;
const PHRASINGS: usize = 5;

/// On one core.
#[derive(Debug, Serialize)]
pub struct Speed {
    faqs: usize,
    phrasings: usize,
    messages: usize,
    /// Milliseconds to learn them.
    build_ms: f64,
    /// Milliseconds from a message to the decision, with its reasons.
    match_ms: Percentiles,
}

/// Entries are drawn from all questions, so they are as like one another as entries can be; the messages are the
/// questions that are left, each asked once.
pub fn measure(data: &Data) -> Speed {
    let mut numbers = Numbers(9);
    let mut rest: Vec<&str> = data.questions.iter().map(|(text, _)| text.as_str()).collect();
    let mut draw = |number| {
        let texts: Vec<&str> = (0..PHRASINGS).filter_map(|_| numbers.take(&mut rest)).collect();
        faq(number, &texts)
    };
    let faqs: Vec<Faq> = (0..FAQS).filter_map(&mut draw).collect();
    let begin = Instant::now();
    let matcher = Matcher::new(&faqs);
    let build_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let durations: Vec<Duration> = rest.iter().map(|text| timed(&matcher, text)).collect();
    Speed {
        faqs: faqs.len(),
        phrasings: PHRASINGS,
        messages: durations.len(),
        build_ms,
        match_ms: Percentiles::of(durations.into_iter()),
    }
}

fn timed(matcher: &Matcher, text: &str) -> Duration {
    let begin = Instant::now();
    black_box(matcher.answer(black_box(text)));
    begin.elapsed()
}

impl Speed {
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Self { faqs, phrasings, messages, build_ms, match_ms: Percentiles { p50, p99, max } } = self;
        writeln!(out, "{faqs} FAQs of {phrasings} phrasings: built in {build_ms:.0} ms")?;
        writeln!(
            out,
            "a match, over {messages} messages: p50 {p50:.3} ms, p99 {p99:.3} ms, at most {max:.3} ms"
        )
    }
}
