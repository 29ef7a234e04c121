//! How good and how fast the FAQ matcher is, by the protocol of docs/faq.md, beside what anybody would write first.

mod baseline;
mod protocol;
mod speed;

use std::{collections::BTreeMap, io::Write, path::Path};

use domain::{
    FaqId,
    faq::{Confidence, Faq, Matcher, asks_for_human},
};
use serde::Serialize;

use super::{BenchError, Report, table};
use baseline::Baseline;
use protocol::{Data, Draw};
use speed::Speed;

/// Phrasings of each intent that the FAQ has.
const PHRASINGS: [usize; 2] = [1, 5];
const SEEDS: [u64; 3] = [0, 1, 2];
/// The intent of the data that asks for a human.
const HUMAN: &str = "contact_human_agent";

/// What was seen.
#[derive(Debug, Serialize)]
pub struct FaqReport {
    intents: usize,
    questions: usize,
    methods: Vec<Method>,
    calibration: Vec<Band>,
    human: Humans,
    speed: Speed,
}

/// Means over the seeds, of the test part.
#[derive(Debug, Serialize)]
struct Method {
    name: &'static str,
    phrasings: usize,
    accuracy: f64,
    /// At confidence 70, of all questions.
    answered: f64,
    /// Of those that were answered, what was right.
    precision: f64,
    /// Of all questions, what was answered wrongly.
    wrong: f64,
    /// Of the messages that belong to no intent.
    out_of_scope_answered: f64,
}

/// First answers of one band of confidence.
#[derive(Debug, Serialize)]
struct Band {
    phrasings: usize,
    from: u8,
    answers: u32,
    right: f64,
}

/// Whether requests for a human are recognised, over all the data: nothing of it was learned.
#[derive(Debug, Serialize)]
struct Humans {
    asked: u32,
    recognised: u32,
    others: u32,
    taken_for_one: u32,
}

/// What a method makes of a message.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    intent: usize,
    /// Per cent.
    confidence: u8,
    is_answered: bool,
}

/// Answers that are counted.
#[derive(Debug, Default)]
struct Tally {
    questions: u32,
    right: u32,
    answered: u32,
    answered_right: u32,
    out_of_scope: u32,
    out_of_scope_answered: u32,
    /// By tens of confidence: how many, and how many of them right.
    bands: BTreeMap<u8, (u32, u32)>,
}

/// Measures on the files `questions.csv` and `out-of-scope.csv` of `folder`.
pub fn measure(folder: &Path) -> Result<FaqReport, BenchError> {
    let data = Data::read(folder)?;
    let (mut methods, mut calibration) = (vec![], vec![]);
    for phrasings in PHRASINGS {
        let (mut built_in, mut plain) = (Tally::default(), Tally::default());
        for seed in SEEDS {
            let draw = data.draw(phrasings, seed);
            let matcher = Matcher::new(&faqs(&draw));
            built_in.count(&data, &draw, |text| verdict(&matcher, text));
            let baseline = Baseline::new(&data, &draw);
            plain.count(&data, &draw, |text| baseline.verdict(text));
        }
        methods.push(plain.method("TF-IDF of words, nearest phrasing", phrasings));
        methods.push(built_in.method("as it is built in", phrasings));
        calibration.extend(built_in.calibration(phrasings));
    }
    Ok(FaqReport {
        intents: data.intents.len(),
        questions: data.questions.len(),
        methods,
        calibration,
        human: humans(&data),
        speed: speed::measure(&data),
    })
}

/// An entry for each intent, whose number is its id.
fn faqs(draw: &Draw) -> Vec<Faq> {
    let entries = draw.faqs.iter().enumerate().filter_map(|(number, texts)| faq(number, texts));
    entries.collect()
}

fn faq(number: usize, texts: &[&str]) -> Option<Faq> {
    let (question, alternatives) = texts.split_first()?;
    Some(Faq {
        id: FaqId::new(format!("faq_{number:04}")).ok()?,
        question: (*question).to_owned(),
        alternatives: alternatives.iter().map(|text| (*text).to_owned()).collect(),
        keywords: vec![],
        threshold: Confidence::DEFAULT_THRESHOLD,
        is_active: true,
    })
}

fn verdict(matcher: &Matcher, text: &str) -> Option<Verdict> {
    let candidates = matcher.rank(text);
    let best = candidates.first()?;
    let second = candidates.get(1).map_or(Confidence::NONE, |second| second.confidence);
    Some(Verdict {
        intent: best.faq.as_str().strip_prefix(FaqId::PREFIX)?.parse().ok()?,
        confidence: best.confidence.percent(),
        is_answered: best.confidence.is_enough(Confidence::DEFAULT_THRESHOLD, second),
    })
}

fn humans(data: &Data) -> Humans {
    let mut humans = Humans { asked: 0, recognised: 0, others: 0, taken_for_one: 0 };
    for (text, intent) in &data.questions {
        let is_recognised = u32::from(asks_for_human(text));
        // Whoever wants customer service may or may not mean a person: neither is wrong.
        match data.intents.get(*intent).map(String::as_str) {
            Some(HUMAN) => {
                humans.asked += 1;
                humans.recognised += is_recognised;
            }
            Some("contact_customer_service") => {}
            _ => {
                humans.others += 1;
                humans.taken_for_one += is_recognised;
            }
        }
    }
    humans
}

impl Tally {
    fn count(&mut self, data: &Data, draw: &Draw, verdict: impl Fn(&str) -> Option<Verdict>) {
        for (text, intent) in &draw.test {
            let verdict = verdict(text);
            let is_right = u32::from(verdict.is_some_and(|verdict| verdict.intent == *intent));
            self.questions += 1;
            self.right += is_right;
            if verdict.is_some_and(|verdict| verdict.is_answered) {
                self.answered += 1;
                self.answered_right += is_right;
            }
            let confidence = verdict.map_or(0, |verdict| verdict.confidence);
            let (all, right) = self.bands.entry(confidence.min(99) / 10 * 10).or_default();
            *all += 1;
            *right += is_right;
        }
        for text in &data.out_of_scope_test {
            self.out_of_scope += 1;
            self.out_of_scope_answered += u32::from(verdict(text).is_some_and(|verdict| verdict.is_answered));
        }
    }

    fn method(&self, name: &'static str, phrasings: usize) -> Method {
        Method {
            name,
            phrasings,
            accuracy: share(self.right, self.questions),
            answered: share(self.answered, self.questions),
            precision: share(self.answered_right, self.answered),
            wrong: share(self.answered - self.answered_right, self.questions),
            out_of_scope_answered: share(self.out_of_scope_answered, self.out_of_scope),
        }
    }

    fn calibration(&self, phrasings: usize) -> impl Iterator<Item = Band> {
        let bands = self.bands.iter();
        bands.map(move |(from, (answers, right))| Band {
            phrasings,
            from: *from,
            answers: *answers,
            right: share(*right, *answers),
        })
    }
}

/// Every seed has nearly as many questions, so the share of all is the mean over the seeds.
fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

impl Report for FaqReport {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Self { intents, questions, methods, calibration, human, speed } = self;
        writeln!(out, "{questions} questions of {intents} intents; means over {} seeds\n", SEEDS.len())?;
        let row = |method: &Method| {
            [
                method.name.to_owned(),
                method.phrasings.to_string(),
                format!("{:.3}", method.accuracy),
                format!("{:.3}", method.answered),
                format!("{:.3}", method.precision),
                format!("{:.3}", method.wrong),
                format!("{:.3}", method.out_of_scope_answered),
            ]
        };
        let rows: Vec<_> = methods.iter().map(row).collect();
        let head = ["method", "k", "accuracy", "answered", "precision", "wrong", "out of scope"];
        table::write(out, head, &rows)?;
        let row = |band: &Band| {
            let name = format!("{} to {}", band.from, band.from + if band.from == 90 { 10 } else { 9 });
            [name, band.phrasings.to_string(), band.answers.to_string(), format!("{:.2}", band.right)]
        };
        let rows: Vec<_> = calibration.iter().map(row).collect();
        writeln!(out)?;
        table::write(out, ["confidence", "k", "first answers", "right"], &rows)?;
        let Humans { asked, recognised, others, taken_for_one } = human;
        writeln!(out, "\na human: {recognised} of {asked} requests, {taken_for_one} of {others} others\n")?;
        speed.write(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_they_say() {
        let data = Data::of(
            vec![("a lamp".into(), "lamp".into()), ("a vase".into(), "vase".into())],
            vec![],
            vec!["the weather".into()],
        );
        let draw = Draw { faqs: vec![], tuning: vec![], test: vec![("x", 0), ("y", 1), ("z", 1)] };
        let mut tally = Tally::default();
        tally.count(&data, &draw, |text| {
            let confidence = if text == "z" { 50 } else { 90 };
            Some(Verdict { intent: 0, confidence, is_answered: confidence > 70 && text != "the weather" })
        });
        let method = tally.method("", 1);
        assert!((method.accuracy - 1.0 / 3.0).abs() < 1e-9 && (method.answered - 2.0 / 3.0).abs() < 1e-9);
        assert!((method.precision - 0.5).abs() < 1e-9 && (method.wrong - 1.0 / 3.0).abs() < 1e-9);
        assert!(method.out_of_scope_answered.abs() < 1e-9);
        let bands: Vec<_> = tally.calibration(1).map(|band| (band.from, band.answers)).collect();
        assert_eq!(bands, [(50, 1), (90, 2)]);
    }
}
