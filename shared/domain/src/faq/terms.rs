//! What is read in a text: its words, what they mean, and which of them were misspelled.

use super::{
    lexicon::{self, Entry, Kind},
    stem::stem,
    text::{Token, normalize, tokens},
    typos::Dictionary,
};

/// Letters of a text that are read; what comes after them is not. Longer than any message of a shopper.
const MOST_LETTERS: usize = 2_000;
/// Words of the longest phrase of the tables.
const LONGEST_PHRASE: usize = 3;

/// A word, or a phrase that stands for one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// As it was written, normalised.
    pub written: String,
    /// Its stem, or the stems of the phrase.
    pub stem: String,
    /// What it is.
    pub entry: Entry,
    /// Whether it is an unknown part of a text without spaces: several words, perhaps, or a piece of one.
    pub is_run: bool,
}

/// A word that was read as another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typo {
    /// As it was written, normalised.
    pub written: String,
    /// The word that was read.
    pub read: String,
}

/// What is read in a text.
#[derive(Debug, Default)]
pub struct Reading {
    /// In order. Numbers are left out: they say which one is meant, not what is asked.
    pub terms: Vec<Term>,
    /// In order.
    pub typos: Vec<Typo>,
}

impl Term {
    /// What words that say the same have in common.
    pub fn key(&self) -> &str {
        self.entry.meaning.unwrap_or(&self.stem)
    }
}

/// The text as far as it is read.
pub fn start(text: &str) -> &str {
    let end = text.char_indices().nth(MOST_LETTERS).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default()
}

/// The normalised text, as far as it is read.
pub fn readable(text: &str) -> String {
    normalize(start(text))
}

/// Reads a text with the words of `dictionary`.
pub fn read(text: &str, dictionary: &Dictionary) -> Reading {
    let normalized = readable(text);
    let mut reading = Reading::default();
    let mut words: Vec<(&str, String)> = vec![];
    for token in tokens(&normalized) {
        match token {
            Token::Word(word) => match dictionary.correct(word) {
                Some(read) => {
                    words.push((word, stem(read)));
                    reading.typos.push(Typo { written: word.to_owned(), read: read.to_owned() });
                }
                None => words.push((word, stem(word))),
            },
            Token::Number(_) => reading.take_words(&mut words),
            Token::Run(run) => {
                reading.take_words(&mut words);
                reading.take_run(run);
            }
        }
    }
    reading.take_words(&mut words);
    reading
}

impl Reading {
    /// Takes words that stand side by side, the longest phrases first.
    fn take_words(&mut self, words: &mut Vec<(&str, String)>) {
        let mut rest = words.as_slice();
        while let Some((first, others)) = rest.split_first() {
            let phrase = (2..=LONGEST_PHRASE).rev().find_map(|length| phrase(rest.get(..length)?));
            let (length, term) = phrase.unwrap_or_else(|| (1, word(first)));
            rest = rest.get(length..).unwrap_or(others);
            self.terms.push(term);
        }
        words.clear();
    }

    /// Cuts a run at the words of the tables.
    fn take_run(&mut self, run: &str) {
        let (mut unknown, mut rest) = (String::new(), run);
        while let Some(letter) = rest.chars().next() {
            let (length, entry) = match lexicon::piece(rest) {
                Some((length, entry)) => (length, Some(entry)),
                None => (letter.len_utf8(), None),
            };
            let (piece, after) = rest.split_at(length);
            rest = after;
            match entry {
                Some(entry) => {
                    self.take_unknown(&mut unknown);
                    let (written, stem) = (piece.to_owned(), piece.to_owned());
                    self.terms.push(Term { written, stem, entry, is_run: false });
                }
                None => unknown.push_str(piece),
            }
        }
        self.take_unknown(&mut unknown);
    }

    fn take_unknown(&mut self, unknown: &mut String) {
        if !unknown.is_empty() {
            let (written, stem) = (unknown.clone(), std::mem::take(unknown));
            self.terms.push(Term { written, stem, entry: UNKNOWN, is_run: true });
        }
    }
}

/// What is in no table says what is asked.
const UNKNOWN: Entry = Entry { meaning: None, kind: Kind::Content };

fn word((written, stem): &(&str, String)) -> Term {
    let entry = lexicon::entry(stem).unwrap_or(UNKNOWN);
    Term { written: (*written).to_owned(), stem: stem.clone(), entry, is_run: false }
}

fn phrase(words: &[(&str, String)]) -> Option<(usize, Term)> {
    let stem = words.iter().map(|(_, stem)| stem.as_str()).collect::<Vec<_>>().join(" ");
    let entry = lexicon::entry(&stem)?;
    let written = words.iter().map(|(written, _)| *written).collect::<Vec<_>>().join(" ");
    Some((words.len(), Term { written, stem, entry, is_run: false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let reading = read(text, &Dictionary::of(std::iter::empty()));
        let terms = reading.terms.iter().filter(|term| term.entry.kind == Kind::Content);
        terms.map(|term| term.key().to_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn phrases_stand_for_one_thing() {
        assert_eq!(shown("Can I get my money back, please?"), "get refund");
        assert_eq!(shown("I no longer want order 12345"), "cancel order");
        assert_eq!(shown("where is my parcel"), "track ship");
    }

    #[test]
    fn slips_of_the_pen_are_read_as_what_was_meant() {
        assert_eq!(shown("cancle my oredr"), "cancel order");
        assert_eq!(shown("یک سفارشش را لفو کنید"), "سفارش لفو");
    }

    #[test]
    fn thai_is_cut_at_known_words() {
        assert_eq!(shown("ขอยกเลิกออเดอร์ได้ไหมคะ"), "ยกเลิก คำสั่งซื้อ");
    }

    #[test]
    fn a_text_of_any_length_is_read_as_far_as_a_message_goes() {
        assert_eq!(readable(&"ก".repeat(200_000)).chars().count(), 2);
        assert_eq!(readable(&"ab ".repeat(50_000)).chars().count(), MOST_LETTERS);
    }
}
