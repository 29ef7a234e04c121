//! What two texts are compared by: words, what they mean, pairs of them, and the letters of words that nobody knows.

use super::{
    lexicon::{Kind, is_common},
    terms::{Reading, Term},
};

/// Something that two texts may have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Feature {
    /// A stem.
    Word(String),
    /// A group of words that say the same.
    Meaning(&'static str),
    /// Two things that are said near one another, in either order.
    Pair(String, String),
    /// Letters of a word in a row. `^` begins the word, `$` ends it.
    Letters(String),
}

/// A feature of a text.
#[derive(Debug)]
pub struct Part {
    /// Which one.
    pub feature: Feature,
    /// How much it counts when texts are compared, before its rarity.
    pub weight: f64,
    /// How much of what the text says it stands for; nothing if another part stands for the same.
    pub measure: f64,
    /// As a person would name it.
    pub label: String,
    /// Which term of the text it comes from; a pair comes from two.
    pub term: Option<usize>,
}

// Chosen on the tuning part of the protocol in docs/faq.md; a tenth more or less of each changes little.
const MEANING: f64 = 1.0;
/// The word itself, where its meaning counts too.
const WORD_OF_MEANING: f64 = 0.5;
const WORD: f64 = 0.9;
const PAIR: f64 = 0.5;
/// All letters of one word together.
const LETTERS: f64 = 0.5;
const CARRIER: f64 = 0.3;
const FUNCTION: f64 = 0.1;

/// A thing is paired with this many that follow.
const PAIRED_WITH: usize = 3;
/// Letters in a row, of words and of runs.
const OF_WORDS: std::ops::RangeInclusive<usize> = 3..=5;
const OF_RUNS: std::ops::RangeInclusive<usize> = 2..=4;
/// Of Chinese and Japanese, where a letter is nearly a word.
const OF_IDEOGRAMS: std::ops::RangeInclusive<usize> = 1..=2;

/// The features of what was read.
pub fn features(reading: &Reading) -> Vec<Part> {
    let mut parts = vec![];
    // Words that hold sentences together are in nearly every text: comparing them takes most of the time and tells
    // nothing, unless there is nothing else (`who are you?`).
    let is_idle = reading.terms.iter().all(|term| term.entry.kind == Kind::Function);
    let compared = |(_, term): &(usize, &Term)| is_idle || term.entry.kind != Kind::Function;
    for (index, term) in reading.terms.iter().enumerate().filter(compared) {
        add_term(index, term, &mut parts);
    }
    let said: Vec<&Term> = reading.terms.iter().filter(|term| term.entry.kind == Kind::Content).collect();
    for (index, one) in said.iter().enumerate() {
        let others = said.iter().skip(index + 1).take(PAIRED_WITH);
        parts.extend(others.map(|other| pair(one, other)));
    }
    parts
}

fn add_term(index: usize, term: &Term, parts: &mut Vec<Part>) {
    let share = match term.entry.kind {
        Kind::Content => 1.0,
        Kind::Carrier => CARRIER,
        Kind::Function => FUNCTION,
    };
    let word = Feature::Word(term.stem.clone());
    if term.is_run {
        return add_run(index, term, parts);
    }
    let mut add = |feature, weight: f64, measure: f64| {
        let (weight, measure, label) = (weight * share, measure * share, term.written.clone());
        parts.push(Part { feature, weight, measure, label, term: Some(index) });
    };
    match term.entry.meaning {
        Some(meaning) => {
            add(word, WORD_OF_MEANING, 0.0);
            add(Feature::Meaning(meaning), MEANING, MEANING);
        }
        None => {
            add(word, WORD, WORD);
            // The letters are for misspelled and foreign words; `news` is no half of `newsletter`.
            if term.entry.kind == Kind::Content && !is_common(&term.stem) {
                let letters = letters(&format!("^{}$", term.stem), OF_WORDS);
                let weight = LETTERS / real(letters.len()).sqrt();
                for letters in letters {
                    add(Feature::Letters(letters), weight, 0.0);
                }
            }
        }
    }
}

/// A run says as much as the words that it probably has.
fn add_run(index: usize, term: &Term, parts: &mut Vec<Part>) {
    let are_ideograms = term.stem.chars().all(|letter| letter >= '\u{3040}');
    let (lengths, letters_of_a_word) = if are_ideograms { (OF_IDEOGRAMS, 2.0) } else { (OF_RUNS, 4.0) };
    let letters = letters(&term.stem, lengths);
    let words = (real(term.stem.chars().count()) / letters_of_a_word).max(1.0);
    let count = real(letters.len());
    parts.extend(letters.into_iter().map(|letters| Part {
        feature: Feature::Letters(letters),
        weight: WORD * (words / count).sqrt(),
        measure: WORD * words / count,
        label: term.written.clone(),
        term: Some(index),
    }));
}

fn pair(one: &Term, other: &Term) -> Part {
    let (first, second) = if one.key() <= other.key() { (one, other) } else { (other, one) };
    Part {
        feature: Feature::Pair(first.key().to_owned(), second.key().to_owned()),
        weight: PAIR,
        measure: 0.0,
        label: format!("{} + {}", one.written, other.written),
        term: None,
    }
}

/// All rows of so many letters; the word itself if it is shorter.
fn letters(word: &str, lengths: std::ops::RangeInclusive<usize>) -> Vec<String> {
    let all: Vec<char> = word.chars().collect();
    let rows = lengths.flat_map(|length| all.windows(length)).map(|row| row.iter().collect());
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() { vec![word.to_owned()] } else { rows }
}

/// A count, to calculate with.
pub fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
