//! Transactions that come again under the same `ClientRequestToken`: written once, answered as often as they are asked.
//!
//! The engine does this as well, but looks through everything that it remembers with each transaction: after a hundred
//! thousand within ten minutes, one takes milliseconds. So it is never told the token.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use dynoxide::DynoxideError;
use serde_json::{Value, json};

use super::Refused;

const TOKEN: &str = "ClientRequestToken";

/// The longest token; others are refused by the engine.
const LONGEST: usize = 36;

/// How long AWS remembers a token.
const KEPT: Duration = Duration::from_mins(10);

/// What was written in the last ten minutes.
#[derive(Default)]
pub struct Repeats(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// A digest of what was asked under each token, by a digest of the token.
    asked: HashMap<u64, u64>,
    /// Digests of the tokens, oldest first.
    tokens: VecDeque<(Instant, u64)>,
}

/// Takes the token out of a request, if it is one.
pub fn token(body: &mut Value) -> Option<String> {
    let is_token = |text: &str| (1..=LONGEST).contains(&text.len());
    body.get(TOKEN).and_then(Value::as_str).filter(|text| is_token(text))?;
    match body.as_object_mut()?.remove(TOKEN) {
        Some(Value::String(token)) => Some(token),
        _ => None,
    }
}

impl Repeats {
    /// Writes, unless the same was written under the same token. What failed is not remembered.
    pub fn once(
        &self,
        token: Option<&str>,
        body: &Value,
        write: impl FnOnce() -> Result<Value, Refused>,
    ) -> Result<Value, Refused> {
        let Some(token) = token else { return write() };
        let (token, asked) = (digest(&token), digest(&items(body)));
        // Held while it is written: whoever repeats it meanwhile waits for the end.
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.forget_before(Instant::now().checked_sub(KEPT));
        match remembered.asked.get(&token) {
            Some(known) if *known == asked => return Ok(repeated(body)),
            Some(_) => {
                let text = "Another request was made under this ClientRequestToken".to_owned();
                return Err(Refused::Clearly(DynoxideError::IdempotentParameterMismatchException(text)));
            }
            None => {}
        }
        let answer = write()?;
        remembered.asked.insert(token, asked);
        remembered.tokens.push_back((Instant::now(), token));
        Ok(answer)
    }
}

impl Remembered {
    fn forget_before(&mut self, horizon: Option<Instant>) {
        while let Some((_, token)) = self.tokens.pop_front_if(|(at, _)| Some(*at) < horizon) {
            self.asked.remove(&token);
        }
    }
}

fn items(body: &Value) -> Option<&Value> {
    body.get("TransactItems")
}

fn digest(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// The answer to what was written before: AWS bills it as the reading of each row, here of up to 4 KB.
fn repeated(body: &Value) -> Value {
    let mut tables: BTreeMap<&str, f64> = BTreeMap::new();
    let acts = items(body).and_then(Value::as_array).into_iter().flatten();
    for act in acts.filter_map(Value::as_object).flat_map(|item| item.values()) {
        if let Some(table) = act.get("TableName").and_then(Value::as_str) {
            *tables.entry(table).or_default() += 2.0;
        }
    }
    let read = |(table, units): (&str, f64)| json!({ "TableName": table, "CapacityUnits": units, "ReadCapacityUnits": units });
    json!({ "ConsumedCapacity": tables.into_iter().map(read).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(repeats: &Repeats, token: &str, row: u32) -> Result<Value, u16> {
        let item = json!({ "Put": { "TableName": "Orders", "Item": { "pk": { "N": row.to_string() } } } });
        let body = json!({ "TransactItems": [item] });
        let written = repeats.once(Some(token), &body, || Ok(json!("written")));
        written.map_err(|refused| match refused {
            Refused::Clearly(error) => error.status_code(),
            Refused::InOtherWords => 0,
        })
    }

    #[test]
    fn the_same_under_the_same_token_is_written_once_and_other_things_are_refused() {
        let repeats = Repeats::default();
        assert_eq!(write(&repeats, "one", 1), Ok(json!("written")));
        let again = write(&repeats, "one", 1).unwrap();
        assert_eq!(again["ConsumedCapacity"][0]["ReadCapacityUnits"], json!(2.0));
        assert_eq!(write(&repeats, "one", 2), Err(400));
        assert_eq!(write(&repeats, "two", 1), Ok(json!("written")));
    }

    #[test]
    fn what_failed_may_be_tried_again_and_what_is_old_is_forgotten() {
        let repeats = Repeats::default();
        let body = json!({ "TransactItems": [] });
        assert!(repeats.once(Some("one"), &body, || Err(Refused::InOtherWords)).is_err());
        assert_eq!(write(&repeats, "one", 1), Ok(json!("written")));
        let mut remembered = repeats.0.lock().unwrap();
        remembered.forget_before(Some(Instant::now()));
        assert!(remembered.asked.is_empty() && remembered.tokens.is_empty());
    }

    #[test]
    fn a_token_is_taken_out_and_what_is_none_is_left_to_the_engine() {
        let mut body = json!({ TOKEN: "one", "TransactItems": [] });
        assert_eq!(token(&mut body).as_deref(), Some("one"));
        assert_eq!(body, json!({ "TransactItems": [] }));
        for wrong in [json!(""), json!("x".repeat(37)), json!(1)] {
            let mut body = json!({ TOKEN: wrong });
            assert_eq!(token(&mut body), None);
            assert!(body.get(TOKEN).is_some());
        }
    }
}
