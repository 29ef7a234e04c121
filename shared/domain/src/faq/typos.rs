//! Slips of the pen: one letter too many, too few, wrong, or two exchanged, in a word of at least five letters.

use std::{collections::HashSet, sync::LazyLock};

use super::{lexicon, stem::stem};

/// Letters of the shortest word that may be misspelled. In shorter ones another letter is another word.
const SHORTEST: usize = 5;

/// The words that a text may have meant.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// The shop's own words in alphabetical order; those of the tables come after them.
    own: Vec<Spelling>,
    known: HashSet<String>,
    stems: HashSet<String>,
}

/// A word, and which letters are in it.
#[derive(Debug)]
struct Spelling {
    word: String,
    letters: Vec<char>,
    mask: u64,
}

static TABLES: LazyLock<Dictionary> =
    LazyLock::new(|| Dictionary::spelled(lexicon::words().iter().map(String::as_str)));

impl Dictionary {
    /// The words of the shop, normalised, in any order, and those of the tables.
    pub fn of<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        Self::spelled(words)
    }

    fn spelled<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut words: Vec<&str> = words.collect();
        words.sort_unstable();
        words.dedup();
        let known = words.iter().map(|word| (*word).to_owned()).collect();
        let stems = words.iter().map(|word| stem(word)).collect();
        let own =
            words.into_iter().map(Spelling::of).filter(|spelling| spelling.letters.len() + 1 >= SHORTEST);
        Self { own: own.collect(), known, stems }
    }

    /// The word that was meant, if `word` is none but differs from one by a slip.
    pub fn correct(&self, word: &str) -> Option<&str> {
        let tables = &*TABLES;
        if word.chars().count() < SHORTEST || self.knows(word) || tables.knows(word) {
            return None;
        }
        let stem = stem(word);
        if self.stems.contains(&stem) || tables.stems.contains(&stem) || lexicon::is_common(&stem) {
            return None;
        }
        let written = Spelling::of(word);
        let meant = self.own.iter().chain(&tables.own).find(|meant| meant.is_a_slip_from(&written));
        meant.map(|meant| meant.word.as_str())
    }

    fn knows(&self, word: &str) -> bool {
        self.known.contains(word)
    }
}

impl Spelling {
    fn of(word: &str) -> Self {
        let letters: Vec<char> = word.chars().collect();
        let mask = letters.iter().fold(0, |mask, letter| mask | 1 << (u32::from(*letter) % 64));
        Self { word: word.to_owned(), letters, mask }
    }

    /// The masks of two such words differ in two letters at most, which most words do not.
    fn is_a_slip_from(&self, other: &Self) -> bool {
        (self.mask ^ other.mask).count_ones() <= 2 && is_a_slip(&self.letters, &other.letters)
    }
}

/// Whether one edit leads from one word to the other: the optimal string alignment distance is 1.
fn is_a_slip(one: &[char], other: &[char]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let same = short.iter().zip(long).take_while(|(one, other)| one == other).count();
    let (short, long) = (short.get(same..).unwrap_or_default(), long.get(same..).unwrap_or_default());
    match (short, long) {
        (short, [_, long @ ..]) if short.len() == long.len() => short == long,
        ([a, short @ ..], [b, long @ ..]) if short.len() == long.len() => {
            let exchanged = match (short, long) {
                ([c, short @ ..], [d, long @ ..]) => (a, c, short) == (d, b, long),
                _ => false,
            };
            short == long || exchanged
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn correct(word: &str) -> Option<String> {
        Dictionary::of(["lantern", "سفارش", "cafe"].into_iter()).correct(word).map(str::to_owned)
    }

    #[test]
    fn one_slip_in_a_long_word_is_forgiven() {
        for slip in ["lantren", "lanterm", "lanten", "laantern", "antern"] {
            assert_eq!(correct(slip).as_deref(), Some("lantern"), "{slip}");
        }
        assert_eq!(correct("سفلرش").as_deref(), Some("سفارش"));
    }

    #[test]
    fn two_slips_short_words_and_words_that_exist_are_left_alone() {
        for word in ["lamtren", "cafi", "lantern", "lanterns", "three", "taken"] {
            assert_eq!(correct(word), None, "{word}");
        }
    }
}
