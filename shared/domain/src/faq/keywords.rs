//! Words that a shop names for an entry.

use std::collections::{BTreeMap, HashMap};

use super::{
    terms::{Term, read, readable},
    typos::Dictionary,
};

/// The first of `keywords` that is in `text`, for responses that are given on a word. Forms of a word count as the
/// word; words that say the same and slips of the pen do not.
pub fn mentions<'a, K: AsRef<str>>(text: &str, keywords: &'a [K]) -> Option<&'a str> {
    let dictionary = Dictionary::default();
    let (said, normalized) = (read(text, &dictionary).terms, readable(text));
    keywords.iter().map(AsRef::as_ref).find(|keyword| {
        let keyword = Keyword::new(0, readable(keyword), &read(keyword, &dictionary).terms);
        let is_there = |keyword: Keyword| match keyword.is_run {
            true => normalized.contains(&keyword.written),
            false => (0..said.len()).any(|start| keyword.is_at(&said, start)),
        };
        keyword.is_some_and(is_there)
    })
}

/// The keywords of all entries.
#[derive(Debug, Default)]
pub struct Keywords {
    /// By the stem of their first word.
    words: HashMap<String, Vec<Keyword>>,
    /// Those with parts that are written without spaces: found wherever they stand.
    runs: Vec<Keyword>,
}

#[derive(Debug)]
struct Keyword {
    entry: usize,
    /// As the shop wrote it, normalised.
    written: String,
    /// The stems of its words, in order.
    stems: Vec<String>,
    /// Whether a part of it has no spaces and is in no table: then it is found wherever its letters are.
    is_run: bool,
}

/// The keywords of one entry that are in a message.
#[derive(Debug, Default, Clone)]
pub struct Hits {
    /// Which, normalised.
    pub keywords: Vec<String>,
    /// How much of the message they are, 0 to 1.
    pub share: f64,
}

/// A message, to look for keywords in.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// Its terms.
    pub terms: &'a [Term],
    /// How much each of them says.
    pub measures: &'a [f64],
    /// How much they say together.
    pub sum: f64,
    /// All of it.
    pub normalized: &'a str,
}

impl Keywords {
    /// Learns a keyword of an entry.
    pub fn learn(&mut self, entry: usize, written: String, terms: &[Term]) {
        let Some(keyword) = Keyword::new(entry, written, terms) else { return };
        match keyword.stems.first().cloned() {
            Some(first) if !keyword.is_run => self.words.entry(first).or_default().push(keyword),
            _ => self.runs.push(keyword),
        }
    }

    /// What is hit by a message, by entry.
    pub fn hits(&self, said: Said<'_>) -> BTreeMap<usize, Hits> {
        let mut hits: BTreeMap<usize, Hits> = BTreeMap::new();
        let mut hit = |keyword: &Keyword, share: f64| {
            let hits = hits.entry(keyword.entry).or_default();
            if !hits.keywords.contains(&keyword.written) {
                hits.keywords.push(keyword.written.clone());
                hits.share = (hits.share + share).min(1.0);
            }
        };
        for (start, term) in said.terms.iter().enumerate() {
            let keywords = self.words.get(&term.stem).into_iter().flatten();
            for keyword in keywords.filter(|keyword| keyword.is_at(said.terms, start)) {
                let measures = said.measures.iter().skip(start).take(keyword.stems.len());
                hit(keyword, measures.sum::<f64>() / said.sum.max(f64::MIN_POSITIVE));
            }
        }
        for keyword in self.runs.iter().filter(|keyword| said.normalized.contains(&keyword.written)) {
            let letters = |text: &str| super::features::real(text.chars().count());
            hit(keyword, letters(&keyword.written) / letters(said.normalized).max(1.0));
        }
        hits
    }
}

impl Keyword {
    /// None if nothing can be read in it.
    fn new(entry: usize, written: String, terms: &[Term]) -> Option<Self> {
        let stems: Vec<String> = terms.iter().map(|term| term.stem.clone()).collect();
        let is_run = terms.iter().any(|term| term.is_run);
        (!stems.is_empty()).then_some(Self { entry, written, stems, is_run })
    }

    fn is_at(&self, terms: &[Term], start: usize) -> bool {
        let said = terms.iter().skip(start).map(|term| &term.stem).take(self.stems.len());
        said.eq(&self.stems)
    }
}
