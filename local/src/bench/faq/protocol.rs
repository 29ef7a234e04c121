//! Who draws which phrasings from which questions, so that the same run draws the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use crate::bench::BenchError;

/// Every fifth of the questions that are left is for tuning.
const TUNING: usize = 5;

/// The questions, and messages that belong to no intent.
#[derive(Debug, Default)]
pub struct Data {
    /// In alphabetical order.
    pub intents: Vec<String>,
    /// Each text once, in the order of the file, with the number of its intent.
    pub questions: Vec<(String, usize)>,
    /// Messages to tune on.
    pub out_of_scope_tuning: Vec<String>,
    /// Messages to test on.
    pub out_of_scope_test: Vec<String>,
}

/// What one seed draws.
#[derive(Debug)]
pub struct Draw<'a> {
    /// The phrasings of each intent.
    pub faqs: Vec<Vec<&'a str>>,
    pub tuning: Vec<(&'a str, usize)>,
    pub test: Vec<(&'a str, usize)>,
}

impl Data {
    /// Reads the two files.
    pub fn read(folder: &Path) -> Result<Self, BenchError> {
        let questions = columns(&folder.join("questions.csv"), ["text", "intent"])?;
        let messages = columns(&folder.join("out-of-scope.csv"), ["split", "text"])?;
        let part = |split: &str| {
            let texts = messages.iter().filter(|(of, _)| of == split).map(|(_, text)| text.clone());
            texts.collect::<Vec<_>>()
        };
        // The part that is called so is what nobody may tune on.
        Ok(Self::of(questions, part("val"), part("train")))
    }

    /// Questions with their intents, and messages to tune and to test on.
    pub fn of(questions: Vec<(String, String)>, tuning: Vec<String>, test: Vec<String>) -> Self {
        let intents: BTreeSet<&String> = questions.iter().map(|(_, intent)| intent).collect();
        let intents: Vec<String> = intents.into_iter().cloned().collect();
        let mut seen = BTreeSet::new();
        let first = questions.into_iter().filter(|(text, _)| seen.insert(text.clone()));
        let numbered = first.filter_map(|(text, intent)| Some((text, intents.binary_search(&intent).ok()?)));
        let questions = numbered.collect();
        Self { intents, questions, out_of_scope_tuning: tuning, out_of_scope_test: test }
    }

    /// Draws `phrasings` of each intent; the rest is divided.
    pub fn draw(&self, phrasings: usize, seed: u64) -> Draw<'_> {
        let mut numbers = Numbers(seed);
        let mut of_intent: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, (_, intent)) in self.questions.iter().enumerate() {
            of_intent.entry(*intent).or_default().push(place);
        }
        let mut drawn = BTreeSet::new();
        let mut faqs = vec![];
        for places in of_intent.values_mut() {
            let chosen: Vec<usize> = (0..phrasings).filter_map(|_| numbers.take(places)).collect();
            faqs.push(chosen.iter().filter_map(|place| self.text(*place)).collect());
            drawn.extend(chosen);
        }
        let (mut tuning, mut test) = (vec![], vec![]);
        let rest = self.questions.iter().enumerate().filter(|(place, _)| !drawn.contains(place));
        for (index, (_, (text, intent))) in rest.enumerate() {
            let part = if index % TUNING == 0 { &mut tuning } else { &mut test };
            part.push((text.as_str(), *intent));
        }
        Draw { faqs, tuning, test }
    }

    fn text(&self, place: usize) -> Option<&str> {
        self.questions.get(place).map(|(text, _)| text.as_str())
    }
}

/// Two columns of a file.
fn columns(path: &Path, names: [&str; 2]) -> Result<Vec<(String, String)>, BenchError> {
    let unreadable = |error: csv::Error| BenchError::Unexpected(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|source| BenchError::File { path: path.to_owned(), source })?;
    let mut reader = csv::Reader::from_reader(file);
    let head = reader.headers().map_err(unreadable)?.clone();
    let [first, second] = names.map(|name| head.iter().position(|column| column == name));
    let (Some(first), Some(second)) = (first, second) else {
        return Err(BenchError::Unexpected(format!("{} has no columns {names:?}", path.display())));
    };
    let row = |row: csv::Result<csv::StringRecord>| {
        let row = row.map_err(unreadable)?;
        let cell = |column| row.get(column).unwrap_or_default().to_owned();
        Ok((cell(first), cell(second)))
    };
    reader.records().map(row).collect()
}

/// Numbers that follow from a seed: SplitMix64, which is a few lines and the same on every machine and version.
#[derive(Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// Takes one of `rest` out, any of them.
    pub fn take<T>(&mut self, rest: &mut Vec<T>) -> Option<T> {
        let count = u64::try_from(rest.len()).ok().filter(|count| *count > 0)?;
        let place = usize::try_from(self.next() % count).ok()?;
        Some(rest.swap_remove(place))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_has_every_question_once_and_is_the_same_again() {
        let question =
            |number: usize| (format!("question {}", number % 40), ["a", "b"][number % 2].to_owned());
        let data = Data::of((0..80).map(question).collect(), vec![], vec![]);
        let draw = data.draw(5, 1);
        assert_eq!(draw.faqs.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5]);
        assert_eq!((draw.tuning.len(), draw.test.len()), (6, 24));
        let rest = draw.tuning.iter().chain(&draw.test).map(|(text, _)| *text);
        let all: BTreeSet<&str> = draw.faqs.iter().flatten().copied().chain(rest).collect();
        assert_eq!(all.len(), 40);
        assert_eq!(data.draw(5, 1).faqs, draw.faqs);
        assert_ne!(data.draw(5, 2).faqs, draw.faqs);
    }
}
