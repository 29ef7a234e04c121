//! What anybody would write first: words weighed by their rarity, and the phrasing that is nearest by cosine. Its
//! confidence is fitted to each draw's own tuning part.

use std::collections::{BTreeMap, HashMap};

use super::{
    Verdict,
    protocol::{Data, Draw},
};

/// From which confidence on it answers.
const THRESHOLD: f64 = 0.7;
/// Steps in which the confidence is fitted. It stands still long before.
const STEPS: usize = 50;

/// The plain method.
#[derive(Debug)]
pub struct Baseline {
    rarities: HashMap<String, f64>,
    phrasings: Vec<(usize, BTreeMap<String, f64>)>,
    /// Confidence is the logistic function of `base + slope * cosine`.
    base: f64,
    slope: f64,
}

impl Baseline {
    pub fn new(data: &Data, draw: &Draw) -> Self {
        let faqs = draw.faqs.iter().enumerate();
        let texts: Vec<(usize, Vec<String>)> =
            faqs.flat_map(|(intent, texts)| texts.iter().map(move |text| (intent, words(text)))).collect();
        let mut rarities: HashMap<String, f64> = HashMap::new();
        for (_, text) in &texts {
            let mut text: Vec<&String> = text.iter().collect();
            text.sort_unstable();
            text.dedup();
            for word in text {
                *rarities.entry(word.clone()).or_default() += 1.0;
            }
        }
        let all = u32::try_from(texts.len()).map_or(f64::MAX, f64::from);
        for count in rarities.values_mut() {
            *count = ((1.0 + all) / (1.0 + *count)).ln() + 1.0;
        }
        let mut baseline = Self { rarities, phrasings: vec![], base: 0.0, slope: 0.0 };
        baseline.phrasings = texts.iter().map(|(intent, text)| (*intent, baseline.vector(text))).collect();
        let questions = draw.tuning.iter().map(|(text, intent)| (*text, Some(*intent)));
        let messages = data.out_of_scope_tuning.iter().map(|text| (text.as_str(), None));
        let seen = questions.chain(messages).map(|(text, intent)| {
            let (found, cosine) = baseline.nearest(text);
            (cosine, if Some(found) == intent { 1.0 } else { 0.0 })
        });
        (baseline.base, baseline.slope) = fit(&seen.collect::<Vec<_>>());
        baseline
    }

    pub fn verdict(&self, text: &str) -> Option<Verdict> {
        let (intent, cosine) = self.nearest(text);
        let confidence = logistic(self.base + self.slope * cosine);
        let percent = (0..=100u8).rev().find(|percent| f64::from(*percent) <= confidence * 100.0)?;
        Some(Verdict { intent, confidence: percent, is_answered: confidence >= THRESHOLD })
    }

    fn nearest(&self, text: &str) -> (usize, f64) {
        let vector = self.vector(&words(text));
        let cosine = |phrasing: &BTreeMap<String, f64>| {
            let products = vector.iter().filter_map(|(word, share)| Some(share * phrasing.get(word)?));
            products.sum::<f64>()
        };
        let all = self.phrasings.iter().map(|(intent, phrasing)| (*intent, cosine(phrasing)));
        // The first of those that are as near.
        all.fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best })
    }

    /// Words that no phrasing has count nothing.
    fn vector(&self, words: &[String]) -> BTreeMap<String, f64> {
        let mut vector: BTreeMap<String, f64> = BTreeMap::new();
        for word in words {
            if let Some(rarity) = self.rarities.get(word) {
                *vector.entry(word.clone()).or_default() += rarity;
            }
        }
        let length = vector.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        for weight in vector.values_mut() {
            *weight /= length;
        }
        vector
    }
}

/// Words of two letters and more in lower case, as most libraries cut them.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.filter(|word| word.chars().count() > 1).map(str::to_owned).collect()
}

fn logistic(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}

/// Logistic regression with one variable, by Newton's method.
fn fit(seen: &[(f64, f64)]) -> (f64, f64) {
    let (mut base, mut slope) = (0.0, 0.0);
    for _ in 0..STEPS {
        let (mut toward, mut toward_slope) = (0.0, 0.0);
        // A little more than nothing, so that it can be divided by.
        let (mut a, mut b, mut c) = (1e-6, 0.0, 1e-6);
        for (value, is_right) in seen {
            let expected = logistic(base + slope * value);
            let (error, spread) = (is_right - expected, expected * (1.0 - expected));
            toward += error;
            toward_slope += error * value;
            a += spread;
            b += spread * value;
            c += spread * value * value;
        }
        let determinant = a * c - b * b;
        base += (c * toward - b * toward_slope) / determinant;
        slope += (a * toward_slope - b * toward) / determinant;
    }
    (base, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_confidence_is_how_often_it_was_right() {
        let seen: Vec<(f64, f64)> = (0..100)
            .flat_map(|n| [(0.2, f64::from(u8::from(n < 30))), (0.8, f64::from(u8::from(n < 90)))])
            .collect();
        let (base, slope) = fit(&seen);
        assert!((logistic(base + slope * 0.2) - 0.3).abs() < 1e-3);
        assert!((logistic(base + slope * 0.8) - 0.9).abs() < 1e-3);
    }
}
