//! What a message and a question have in common whatever keyboard they were typed on.
//!
//! Everything is lower case, without accents and signs; letters and digits that have several code points have one. The
//! scripts that are written without spaces stay in one piece here: [`tokens`] says which pieces those are.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The text as the matcher reads it: folded words with single spaces between them. Folding twice changes nothing.
///
/// - compatibility forms are one (`ﬁ` is `fi`, full width is half width), letters are lower case;
/// - accents, tone marks, vowel signs of Arabic and Hebrew, tatweel and joiners are gone; `ß`, `ø`, `æ` are spelled out;
/// - Arabic and Persian forms of a letter are one (`ي` `ى` are `ی`, `ك` is `ک`, `ة` is `ه`), digits are those of ASCII;
/// - what is no letter and no digit ends a word: punctuation, emoji, symbols. An apostrophe within an English word
///   does not (`don't` is `dont`);
/// - a letter stands at most twice in a row (`heeelp` is `heelp`).
pub fn normalize(text: &str) -> String {
    let mut folded = Folded::default();
    let letters = text.chars().flat_map(char::to_lowercase).nfkd().flat_map(char::to_lowercase).nfkd();
    letters.for_each(|letter| folded.take(letter));
    folded.text.truncate(folded.text.trim_end().len());
    folded.text
}

/// A piece of normalised text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A word between spaces.
    Word(&'a str),
    /// Digits, perhaps with some letters: the number of an order, an amount. Says nothing about what is asked.
    Number(&'a str),
    /// Words of a script that is written without spaces: Thai, Lao, Khmer, Burmese, Chinese, Japanese.
    Run(&'a str),
}

/// The pieces of a normalised text, in order. A run ends where the script changes.
pub fn tokens(normalized: &str) -> impl Iterator<Item = Token<'_>> {
    normalized.split(' ').flat_map(Pieces)
}

/// Text that is being folded.
#[derive(Debug, Default)]
struct Folded {
    text: String,
    /// Where the word begins that is being written.
    word: usize,
}

impl Folded {
    fn take(&mut self, letter: char) {
        match letter {
            '\'' | '’' | 'ʼ' | '`' | '´' => self.apostrophe(),
            'ß' => self.letters("ss"),
            'æ' => self.letters("ae"),
            'œ' => self.letters("oe"),
            'ø' => self.letter('o'),
            'đ' | 'ð' => self.letter('d'),
            'ł' => self.letter('l'),
            'ı' => self.letter('i'),
            'þ' => self.letters("th"),
            'ي' | 'ى' | 'ې' => self.letter('ی'),
            'ك' => self.letter('ک'),
            'ة' | 'ۀ' | 'ە' => self.letter('ه'),
            'ٱ' => self.letter('ا'),
            'ς' => self.letter('σ'),
            _ if is_left_out(letter) => {}
            _ => match ascii_digit(letter) {
                Some(digit) => self.text.push(digit),
                None if letter.is_alphanumeric() => self.letter(letter),
                None => self.end_word(),
            },
        }
    }

    fn letter(&mut self, letter: char) {
        let written = self.text.get(self.word..).unwrap_or_default();
        let is_third = written.chars().rev().take_while(|before| *before == letter).count() >= 2;
        if !is_third {
            self.text.push(letter);
        }
    }

    fn letters(&mut self, letters: &str) {
        letters.chars().for_each(|letter| self.letter(letter));
    }

    /// French and Italian put one between two words (`l'ordre`), English within one (`don't`).
    fn apostrophe(&mut self) {
        let before = self.text.get(self.word..).unwrap_or_default();
        if matches!(before, "l" | "d" | "j" | "n" | "s" | "c" | "qu" | "un" | "all" | "dell") {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if self.text.len() > self.word {
            self.text.push(' ');
            self.word = self.text.len();
        }
    }
}

/// Signs on letters, joiners and what only says how a letter is drawn.
fn is_left_out(letter: char) -> bool {
    let is_sign = matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}'
        | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}');
    is_sign || (is_combining_mark(letter) && !letter.is_alphanumeric())
}

fn ascii_digit(letter: char) -> Option<char> {
    let zeros = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{e50}'];
    let value = |zero: char| u32::from(letter).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    zeros.into_iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

/// Whether words of this script follow one another without spaces.
fn is_without_spaces(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{2ffff}')
}

/// What is left of a word that mixes scripts.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let is_run = is_without_spaces(self.0.chars().next()?);
        let end = self.0.find(|letter| is_without_spaces(letter) != is_run).unwrap_or(self.0.len());
        let (piece, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(match is_run {
            true => Token::Run(piece),
            false if piece.bytes().any(|byte| byte.is_ascii_digit()) => Token::Number(piece),
            false => Token::Word(piece),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> String {
        let normalized = normalize(text);
        let shown = tokens(&normalized).map(|token| match token {
            Token::Word(word) => format!("word {word}"),
            Token::Number(number) => format!("number {number}"),
            Token::Run(run) => format!("run {run}"),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn latin_letters_lose_case_accents_and_signs() {
        assert_eq!(normalize("  Où est-ce que MA Commande est?! 📦🙏 "), "ou est ce que ma commande est");
        assert_eq!(normalize("Straße, ØL, Łódź, İstanbul, ﬁne"), "strasse ol lodz istanbul fine");
        assert_eq!(normalize("I don’t know, l'ordre, I'm"), "i dont know l ordre im");
        assert_eq!(normalize("heeeelp!!! 1000"), "heelp 1000");
    }

    #[test]
    fn arabic_and_persian_keyboards_write_the_same() {
        assert_eq!(normalize("كِتابٌ عَلِيّ"), normalize("کتاب علی"));
        assert_eq!(normalize("هزینهٔ ارسال"), normalize("هزینه ارسال"));
        assert_eq!(normalize("می‌خواهم"), normalize("میخواهم"));
        assert_eq!(normalize("ســـفارش ۱۲۳ ٤٥"), "سفارش 123 45");
        assert_eq!(normalize("آدرس"), normalize("ادرس"));
    }

    #[test]
    fn thai_keeps_its_vowels_and_loses_its_tones() {
        assert_eq!(normalize("สินค้า"), normalize("สินคา"));
        assert_eq!(normalize("น้ำ ๑๒"), "นํา 12");
        assert_eq!(pieces("ขอดูorder 12ครับ"), "run ขอดู, word order, number 12, run ครับ");
    }

    #[test]
    fn every_single_letter_is_folded_once_and_for_all() {
        for letter in char::MIN..=char::MAX {
            let once = normalize(&format!("a{letter}b"));
            assert_eq!(normalize(&once), once, "{letter:?} {:x}", u32::from(letter));
        }
    }
}
