//! The matcher of one shop: built from its FAQs once, asked many times.

use super::{
    Faq,
    confidence::{Confidence, Evidence},
    features::{Part, features},
    human::asks_for_human,
    index::{Index, Known, Query, Score},
    keywords::{Hits, Keywords, Said},
    terms::{Reading, read, readable},
    text::{Token, tokens},
    typos::Dictionary,
    why::Why,
};
use crate::FaqId;

/// Entries that are ranked for a message.
const MOST_CANDIDATES: usize = 5;
/// Entries that are suggested when none is sure enough.
const MOST_SUGGESTIONS: usize = 3;
/// What a message gains that has a keyword of an entry, and what more if it consists of nothing else.
const KEYWORD: f64 = 0.15;
const NOTHING_ELSE: f64 = 0.2;

/// An entry that may be the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which one.
    pub faq: FaqId,
    /// How sure.
    pub confidence: Confidence,
    /// What that is worked out from.
    pub evidence: Evidence,
    /// What speaks for it.
    pub why: Why,
}

/// What is done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A human is asked for: no answer is given, whatever matches.
    Human,
    /// The answer of this entry is given.
    Answer(FaqId),
    /// No entry is sure enough: these are offered, three at most and perhaps none, and a human is called.
    Suggest(Vec<FaqId>),
}

/// What the matcher makes of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// What is done.
    pub decision: Decision,
    /// The entries that are most like the message, five at most, best first; equal ones in the order of their ids.
    pub candidates: Vec<Candidate>,
}

/// Knows the active FAQs of a shop.
#[derive(Debug)]
pub struct Matcher {
    entries: Vec<(FaqId, Confidence)>,
    dictionary: Dictionary,
    index: Index,
    keywords: Keywords,
    /// Every phrasing and keyword as the shop wrote it, in the order of the index.
    texts: Vec<String>,
}

impl Matcher {
    /// Learns the FAQs that are active. Their order does not matter.
    pub fn new<'a>(faqs: impl IntoIterator<Item = &'a Faq>) -> Self {
        let mut faqs: Vec<&Faq> = faqs.into_iter().filter(|faq| faq.is_active).collect();
        faqs.sort_by(|one, other| one.id.cmp(&other.id));
        faqs.dedup_by(|one, other| one.id == other.id);
        let texts: Vec<String> =
            faqs.iter().flat_map(|faq| faq.phrasings().chain(faq.keywords())).map(readable).collect();
        let words = texts.iter().flat_map(|text| tokens(text)).filter_map(|token| match token {
            Token::Word(word) => Some(word),
            Token::Number(_) | Token::Run(_) => None,
        });
        let dictionary = Dictionary::of(words);
        let mut keywords = Keywords::default();
        let known = |(entry, faq): (usize, &&Faq)| Known {
            phrasings: faq.phrasings().map(|text| features(&read(text, &dictionary))).collect(),
            keywords: faq
                .keywords()
                .map(|keyword| learned(keyword, entry, &dictionary, &mut keywords))
                .collect(),
        };
        let index = Index::of(faqs.iter().enumerate().map(known).collect());
        let texts = faqs.iter().flat_map(|faq| faq.phrasings().chain(faq.keywords())).map(str::to_owned);
        Self {
            entries: faqs.iter().map(|faq| (faq.id.clone(), faq.threshold)).collect(),
            index,
            keywords,
            texts: texts.collect(),
            dictionary,
        }
    }

    /// What is to be done with `text`, and why.
    pub fn answer(&self, text: &str) -> Match {
        let candidates = self.rank(text);
        let decision = if asks_for_human(text) { Decision::Human } else { self.decide(&candidates) };
        Match { decision, candidates }
    }

    /// The entries that are most like `text`, best first.
    pub fn rank(&self, text: &str) -> Vec<Candidate> {
        let reading = read(text, &self.dictionary);
        let query = self.index.look_up(features(&reading), reading.terms.len());
        let said = Said {
            terms: &reading.terms,
            measures: &query.measures,
            sum: query.said,
            normalized: &readable(text),
        };
        let hits = self.keywords.hits(said);
        let mut scores = self.index.scores(&query);
        for (entry, hits) in &hits {
            if let Some(score) = scores.get_mut(*entry) {
                score.score = (score.score + KEYWORD + NOTHING_ELSE * hits.share).min(1.0);
            }
        }
        scores.retain(|score| score.score > 0.0);
        let order =
            |one: &Score, other: &Score| other.score.total_cmp(&one.score).then(one.entry.cmp(&other.entry));
        if scores.len() > MOST_CANDIDATES {
            scores.select_nth_unstable_by(MOST_CANDIDATES, order);
            scores.truncate(MOST_CANDIDATES);
        }
        scores.sort_unstable_by(order);
        let best = |rank: usize| scores.get(rank).map_or(0.0, |score| score.score);
        let rivals = std::iter::once(best(1)).chain(std::iter::repeat(best(0)));
        let candidates = scores.iter().zip(rivals).filter_map(|(score, rival)| {
            self.candidate(&reading, &query, *score, rival, hits.get(&score.entry))
        });
        candidates.collect()
    }

    fn candidate(
        &self,
        reading: &Reading,
        query: &Query,
        score: Score,
        rival: f64,
        hits: Option<&Hits>,
    ) -> Option<Candidate> {
        let (faq, _) = self.entries.get(score.entry)?;
        let evidence = Evidence { score: score.score, lead: score.score - rival };
        let nearest = score.nearest.and_then(|nearest| self.texts.get(nearest)).cloned().unwrap_or_default();
        let contributions = self.index.contributions(query, score);
        let why = Why::new(nearest, contributions, hits, &reading.typos, (query.known(), query.unknown()));
        Some(Candidate { faq: faq.clone(), confidence: evidence.confidence(), evidence, why })
    }

    /// What is done with a message that got these candidates and asks for no human.
    pub fn decide(&self, candidates: &[Candidate]) -> Decision {
        let second = candidates.get(1).map_or(Confidence::NONE, |second| second.confidence);
        let is_answer = |best: &&Candidate| {
            let found = self.entries.binary_search_by(|(id, _)| id.cmp(&best.faq)).ok();
            let threshold = found.and_then(|found| self.entries.get(found)).map(|(_, threshold)| *threshold);
            threshold.is_some_and(|threshold| best.confidence.is_enough(threshold, second))
        };
        if let Some(best) = candidates.first().filter(is_answer) {
            return Decision::Answer(best.faq.clone());
        }
        let likely =
            candidates.iter().filter(|candidate| candidate.confidence >= Confidence::LEAST_SUGGESTED);
        Decision::Suggest(likely.take(MOST_SUGGESTIONS).map(|candidate| candidate.faq.clone()).collect())
    }
}

/// The features of a keyword, which is remembered.
fn learned(keyword: &str, entry: usize, dictionary: &Dictionary, keywords: &mut Keywords) -> Vec<Part> {
    let reading = read(keyword, dictionary);
    keywords.learn(entry, readable(keyword), &reading.terms);
    features(&reading)
}
