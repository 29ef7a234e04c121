//! What shoppers' words mean, whatever the shop: words that say the same, and words that say nothing.
//!
//! General vocabulary of buying, paying and delivering. It is no list of questions: those are the shop's. A language
//! that has no table here is matched by the words and letters of the phrasings that the shop gives.

mod english;
mod persian;
mod thai;

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::{stem::stem, text::normalize};

/// How much a word says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It says what is asked.
    Content,
    /// It begins a question, whatever is asked.
    Carrier,
    /// It holds the sentence together, or says which one or when.
    Function,
}

/// What a word or phrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The group of words that say the same, if it is in one. Groups of two languages are two.
    pub meaning: Option<&'static str>,
    /// How much it says.
    pub kind: Kind,
}

/// The words of one language, with spaces between them. An underscore stands between the words of a phrase.
struct Words {
    /// A name, and the words that say the same.
    meanings: &'static [(&'static str, &'static str)],
    /// Words with which people begin to ask, and oaths.
    carriers: &'static str,
    /// Words that hold a sentence together.
    function: &'static str,
    /// Numbers and times: what a question is about, not what is asked.
    specific: &'static str,
    /// Everyday words of no meaning here, so that they are not read as misspelled ones.
    common: &'static str,
}

#[derive(Debug, Default)]
struct Lexicon {
    entries: HashMap<String, Entry>,
    /// Every word as it is written, for slips of the pen.
    words: Vec<String>,
    /// Words of scripts without spaces, and how many letters the longest has.
    pieces: HashMap<String, Entry>,
    longest_piece: usize,
    common: HashSet<String>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    lexicon.learn(&english::WORDS);
    lexicon.learn(&persian::WORDS);
    lexicon.learn_pieces(&thai::WORDS);
    lexicon.words.sort_unstable();
    lexicon.words.dedup();
    lexicon
});

/// What the stem, or a phrase of stems with spaces between them, is; nothing if it is in no table.
pub fn entry(stems: &str) -> Option<Entry> {
    LEXICON.entries.get(stems).copied()
}

/// The longest word of the tables that `run` begins with, as bytes, and what it is. A run has no spaces.
pub fn piece(run: &str) -> Option<(usize, Entry)> {
    let ends =
        run.char_indices().map(|(start, letter)| start + letter.len_utf8()).take(LEXICON.longest_piece);
    let found = |end: usize| Some((end, *LEXICON.pieces.get(run.get(..end)?)?));
    ends.filter_map(found).last()
}

/// Every word of the tables, as it is written, in alphabetical order.
pub fn words() -> &'static [String] {
    &LEXICON.words
}

/// Whether the stem is an everyday word that no shop needs.
pub fn is_common(stem: &str) -> bool {
    LEXICON.common.contains(stem)
}

/// The words of a table with their phrases, normalised.
fn phrases(words: &str) -> impl Iterator<Item = Vec<String>> {
    words.split_whitespace().map(|phrase| phrase.split('_').map(normalize).collect())
}

impl Words {
    fn entries(&self) -> impl Iterator<Item = (Vec<String>, Entry)> {
        let idle = [
            (Kind::Carrier, self.carriers),
            (Kind::Function, self.function),
            (Kind::Function, self.specific),
        ];
        let idle = idle.into_iter().map(|(kind, words)| (words, Entry { meaning: None, kind }));
        let meant = self.meanings.iter().map(|(meaning, words)| {
            let entry = Entry { meaning: Some(*meaning), kind: Kind::Content };
            (*words, entry)
        });
        idle.chain(meant).flat_map(|(words, entry)| phrases(words).map(move |phrase| (phrase, entry)))
    }
}

impl Lexicon {
    fn learn(&mut self, words: &Words) {
        for (phrase, entry) in words.entries() {
            let stems: Vec<String> = phrase.iter().map(|word| stem(word)).collect();
            self.words.extend(phrase);
            self.entries.insert(stems.join(" "), entry);
        }
        self.common.extend(words.common.split_whitespace().map(stem));
    }

    fn learn_pieces(&mut self, words: &Words) {
        for (phrase, entry) in words.entries() {
            let piece = phrase.concat();
            self.longest_piece = self.longest_piece.max(piece.chars().count());
            self.pieces.insert(piece, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_say_the_same_have_one_meaning() {
        for (one, other) in [("receipt", "invoice"), ("annul", "cancellation"), ("shipping", "delivery")] {
            let meaning = |word: &str| entry(&stem(word)).and_then(|entry| entry.meaning);
            assert!(meaning(one).is_some() && meaning(one) == meaning(other), "{one} {other}");
        }
        assert_eq!(entry("monei back").and_then(|entry| entry.meaning), Some("refund"));
    }

    #[test]
    fn a_thai_run_begins_with_the_longest_word_that_is_known() {
        let run = normalize("คืนเงินได้ไหม");
        let (end, entry) = piece(&run).unwrap();
        assert_eq!((&run[..end], entry.meaning), (normalize("คืนเงิน").as_str(), Some("คืนเงิน")));
    }
}
