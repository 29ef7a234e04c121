//! What speaks for an entry, so that whoever writes FAQs sees what to change.

use super::{keywords::Hits, terms::Typo};

/// Contributions of each kind that are told.
const MOST_TOLD: usize = 6;

/// What speaks for an entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Why {
    /// The phrasing or keyword of the entry that is most like the message.
    pub nearest: String,
    /// What the message has in common with that, most important first.
    pub words: Vec<Contribution>,
    /// What it has in common with what the entry's phrasings have on average.
    pub learned: Vec<Contribution>,
    /// The entry's keywords in the message.
    pub keywords: Vec<String>,
    /// Words of the message that were read as others.
    pub typos: Vec<Typo>,
    /// How much of what the message says some entry of the shop says too, 0 to 1.
    pub known: f64,
    /// What it says and no entry of the shop.
    pub unknown: Vec<String>,
}

/// What a part of the message adds to the likeness.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The word of the message; two words with `+` between them count because they are together.
    pub what: String,
    /// Of a hundred that a message gets which is the same as every phrasing.
    pub points: f64,
}

impl Why {
    /// Puts together what there is.
    pub fn new<'a>(
        nearest: String,
        contributions: impl Iterator<Item = (&'a str, f64, f64)>,
        hits: Option<&Hits>,
        typos: &[Typo],
        (known, unknown): (f64, impl Iterator<Item = &'a str>),
    ) -> Self {
        let (mut words, mut learned) = (vec![], vec![]);
        for (label, text, average) in contributions {
            add(&mut words, label, text);
            add(&mut learned, label, average);
        }
        let mut why = Self {
            nearest,
            words: told(words),
            learned: told(learned),
            keywords: hits.map(|hits| hits.keywords.clone()).unwrap_or_default(),
            typos: typos.to_vec(),
            known,
            unknown: vec![],
        };
        for word in unknown {
            if !why.unknown.iter().any(|known| known == word) {
                why.unknown.push(word.to_owned());
            }
        }
        why
    }
}

/// A word adds by itself, by its meaning and by its letters.
fn add<'a>(sums: &mut Vec<(&'a str, f64)>, label: &'a str, value: f64) {
    match sums.iter_mut().find(|(known, _)| *known == label) {
        Some((_, sum)) => *sum += value,
        None => sums.push((label, value)),
    }
}

fn told(mut sums: Vec<(&str, f64)>) -> Vec<Contribution> {
    // In tenths, as it is told, so that what differs by less is in the order of the message.
    for (_, sum) in &mut sums {
        *sum = (*sum * 1000.0).round() / 10.0;
    }
    sums.retain(|(_, points)| *points > 0.0);
    sums.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    sums.truncate(MOST_TOLD);
    sums.into_iter().map(|(what, points)| Contribution { what: what.to_owned(), points }).collect()
}
