//! All phrasings of a shop, turned round: which of them have a feature, and how much of each it is.

use std::collections::{BTreeMap, HashMap};

use super::features::{Feature, Part, real};

/// What one entry is known by.
#[derive(Debug, Default)]
pub struct Known {
    /// Its question and the other ways to put it.
    pub phrasings: Vec<Vec<Part>>,
    /// Its keywords. They count as phrasings, but not in what phrasings have on average.
    pub keywords: Vec<Vec<Part>>,
}

/// Finds what is like a message.
#[derive(Debug)]
pub struct Index {
    numbers: HashMap<Feature, usize>,
    columns: Vec<Column>,
    /// The entry of each text.
    texts: Vec<usize>,
    entries: usize,
}

/// How much a feature says, and in which texts it is.
#[derive(Debug, Default)]
struct Column {
    /// From 1, if every entry has it.
    rarity: f64,
    texts: Vec<Share>,
    /// What the phrasings of an entry have on average.
    averages: Vec<Share>,
}

/// What share a feature has in a text. The squares of a text's shares come to 1.
#[derive(Debug, Clone, Copy)]
struct Share {
    of: usize,
    share: f64,
}

/// A message, ready to be compared.
#[derive(Debug)]
pub struct Query {
    /// What it consists of; a feature that no entry has is in no column.
    parts: Vec<(Option<usize>, Part)>,
    /// What the weights come to together.
    length: f64,
    /// How much each of its terms says.
    pub measures: Vec<f64>,
    /// How much all of them say, and how much of that some entry has.
    pub said: f64,
    known: f64,
}

/// How much a message is like an entry.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    /// Which entry.
    pub entry: usize,
    /// The text of it that is most like the message, if any is at all.
    pub nearest: Option<usize>,
    /// 0 to 1.
    pub score: f64,
}

impl Index {
    /// Indexes the entries.
    pub fn of(entries: Vec<Known>) -> Self {
        let mut index =
            Self { numbers: HashMap::new(), columns: vec![], texts: vec![], entries: entries.len() };
        let mut averages = vec![];
        let mut texts = vec![];
        for (entry, known) in entries.into_iter().enumerate() {
            let mut counted = vec![];
            for (text, is_phrasing) in known.texts() {
                texts.push(index.count(text));
                averages.push(is_phrasing);
                index.texts.push(entry);
                counted.extend(texts.last().into_iter().flat_map(BTreeMap::keys).copied());
            }
            counted.sort_unstable();
            counted.dedup();
            index.columns.resize_with(index.numbers.len(), Column::default);
            // Until all entries are known, how many have it.
            for number in counted {
                index.column(number, |column| column.rarity += 1.0);
            }
        }
        for column in &mut index.columns {
            column.rarity = rarity(index.entries, column.rarity);
        }
        index.weigh(texts, &averages);
        index
    }

    /// How often each feature is in the text, by its number.
    fn count(&mut self, text: Vec<Part>) -> BTreeMap<usize, f64> {
        let mut counts = BTreeMap::new();
        for part in text {
            let next = self.numbers.len();
            let number = *self.numbers.entry(part.feature).or_insert(next);
            *counts.entry(number).or_default() += part.weight;
        }
        counts
    }

    /// Gives each feature its share of each text, and of what the phrasings of an entry have on average.
    fn weigh(&mut self, texts: Vec<BTreeMap<usize, f64>>, is_phrasing: &[bool]) {
        let mut averages: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); self.entries];
        for (of, mut counts) in texts.into_iter().enumerate() {
            for (number, count) in &mut counts {
                *count *= self.rarity(Some(*number));
            }
            let length = length(counts.values().copied());
            let entry = self.texts.get(of).copied().unwrap_or_default();
            for (number, weight) in counts {
                let share = weight / length;
                self.column(number, |column| column.texts.push(Share { of, share }));
                if let Some(average) = averages.get_mut(entry).filter(|_| is_phrasing.get(of) == Some(&true))
                {
                    *average.entry(number).or_default() += share;
                }
            }
        }
        for (of, average) in averages.into_iter().enumerate() {
            let length = length(average.values().copied());
            for (number, sum) in average {
                self.column(number, |column| column.averages.push(Share { of, share: sum / length }));
            }
        }
    }

    fn column(&mut self, number: usize, change: impl FnOnce(&mut Column)) {
        if let Some(column) = self.columns.get_mut(number) {
            change(column);
        }
    }

    fn rarity(&self, number: Option<usize>) -> f64 {
        let column = number.and_then(|number| self.columns.get(number));
        column.map_or_else(|| rarity(self.entries, 0.0), |column| column.rarity)
    }

    /// Prepares a message of so many terms.
    pub fn look_up(&self, parts: Vec<Part>, terms: usize) -> Query {
        let parts = parts.into_iter().map(|part| (self.numbers.get(&part.feature).copied(), part));
        let parts: Vec<_> = parts.collect();
        let (mut known_weights, mut unknown_weights) = (BTreeMap::new(), HashMap::new());
        let mut query =
            Query { parts: vec![], length: 0.0, measures: vec![0.0; terms], said: 0.0, known: 0.0 };
        let mut unknown = vec![];
        for (number, part) in &parts {
            let (weight, measure) = (part.weight * self.rarity(*number), part.measure * self.rarity(*number));
            match number {
                Some(number) => *known_weights.entry(*number).or_insert(0.0) += weight,
                // That two things are said together is new in most messages, and nothing that is not understood.
                None if part.term.is_none() => {}
                None => {
                    let next = unknown.len();
                    let place = *unknown_weights.entry(&part.feature).or_insert(next);
                    unknown.resize(unknown_weights.len(), 0.0);
                    if let Some(sum) = unknown.get_mut(place) {
                        *sum += weight;
                    }
                }
            }
            query.said += measure;
            query.known += if number.is_some() { measure } else { 0.0 };
            if let Some(sum) = part.term.and_then(|term| query.measures.get_mut(term)) {
                *sum += measure;
            }
        }
        query.length = length(known_weights.into_values().chain(unknown));
        query.parts = parts;
        query
    }

    /// How much the message is like each entry: the mean of how much it is like the nearest text, and like what the
    /// phrasings have on average (cosines).
    pub fn scores(&self, query: &Query) -> Vec<Score> {
        let mut texts = vec![0.0; self.texts.len()];
        let mut averages = vec![0.0; self.entries];
        for (number, part) in &query.parts {
            let Some(column) = number.and_then(|number| self.columns.get(number)) else { continue };
            let weight = part.weight * column.rarity / query.length;
            for (sums, shares) in [(&mut texts, &column.texts), (&mut averages, &column.averages)] {
                for Share { of, share } in shares {
                    if let Some(sum) = sums.get_mut(*of) {
                        *sum += weight * share;
                    }
                }
            }
        }
        let entries = averages.into_iter().enumerate();
        let mut scores: Vec<Score> =
            entries.map(|(entry, average)| Score { entry, nearest: None, score: average / 2.0 }).collect();
        let mut nearest = vec![0.0; self.entries];
        for (text, (entry, likeness)) in self.texts.iter().zip(texts).enumerate() {
            if let (Some(most), Some(score)) = (nearest.get_mut(*entry), scores.get_mut(*entry))
                && likeness > *most
            {
                (*most, score.nearest) = (likeness, Some(text));
            }
        }
        scores.iter_mut().zip(nearest).for_each(|(score, likeness)| score.score += likeness / 2.0);
        scores
    }

    /// What each part of the message added to the score of an entry: by its nearest text, by what its phrasings have
    /// on average.
    pub fn contributions<'a>(
        &'a self,
        query: &'a Query,
        score: Score,
    ) -> impl Iterator<Item = (&'a str, f64, f64)> {
        query.parts.iter().filter_map(move |(number, part)| {
            let column = self.columns.get((*number)?)?;
            let weight = part.weight * column.rarity / query.length / 2.0;
            let text = weight * score.nearest.map_or(0.0, |nearest| share(&column.texts, nearest));
            Some((part.label.as_str(), text, weight * share(&column.averages, score.entry)))
        })
    }
}

impl Known {
    fn texts(self) -> impl Iterator<Item = (Vec<Part>, bool)> {
        let phrasings = self.phrasings.into_iter().map(|text| (text, true));
        phrasings.chain(self.keywords.into_iter().map(|text| (text, false)))
    }
}

impl Query {
    /// How much of what is said some entry has, 0 to 1.
    pub fn known(&self) -> f64 {
        if self.said > 0.0 { self.known / self.said } else { 0.0 }
    }

    /// What is said and in no entry, as it was written.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let parts = self.parts.iter().filter(|(number, part)| number.is_none() && part.measure > MOST_IDLE);
        parts.map(|(_, part)| part.label.as_str())
    }
}

/// What a word that begins a question measures at most.
const MOST_IDLE: f64 = 0.3;

/// How much is said by what `having` of so many entries have.
fn rarity(entries: usize, having: f64) -> f64 {
    ((1.0 + real(entries)) / (1.0 + having)).ln() + 1.0
}

/// Never 0, to divide by.
fn length(weights: impl Iterator<Item = f64>) -> f64 {
    weights.map(|weight| weight * weight).sum::<f64>().sqrt().max(f64::MIN_POSITIVE)
}

/// The shares are in the order of what they are of.
fn share(shares: &[Share], of: usize) -> f64 {
    let found = shares.binary_search_by_key(&of, |share| share.of);
    found.ok().and_then(|found| shares.get(found)).map_or(0.0, |share| share.share)
}
