//! `FilterCriteria`: the event patterns that decide which records reach a function.
//!
//! Exact values, `prefix`, `suffix`, `equals-ignore-case`, `anything-but`, `exists`, `numeric` and `$or`, as EventBridge
//! defines them. `numeric` sees JSON numbers only; DynamoDB's own numbers are texts in a stream record, there as here.

use serde_json::{Map, Value};

/// A pattern.
#[derive(Debug, Clone)]
pub struct Pattern(Map<String, Value>);

/// A pattern that Lambda would not take.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a filter pattern: {1}")]
pub struct BadPattern(String, String);

impl Pattern {
    /// Reads a pattern; one that could never be understood is refused here and not when a record comes.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let bad = |reason: String| BadPattern(text.to_owned(), reason);
        let pattern: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        check(&pattern).map_err(bad)?;
        Ok(Self(pattern))
    }

    /// Whether the record matches.
    pub fn matches(&self, record: &Value) -> bool {
        all(&self.0, Some(record))
    }
}

fn check(pattern: &Map<String, Value>) -> Result<(), String> {
    pattern.iter().try_for_each(|(name, rule)| match rule {
        Value::Array(choices) if name == "$or" => choices.iter().try_for_each(|choice| {
            choice.as_object().ok_or_else(|| "$or holds objects".to_owned()).and_then(check)
        }),
        Value::Array(choices) if choices.is_empty() => Err(format!("{name} has an empty list")),
        Value::Array(choices) => choices.iter().try_for_each(check_choice),
        Value::Object(inner) => check(inner),
        _ => Err(format!("{name} is neither a list nor an object")),
    })
}

fn check_choice(choice: &Value) -> Result<(), String> {
    let Value::Object(rule) = choice else {
        return Ok(());
    };
    let known = ["prefix", "suffix", "equals-ignore-case", "anything-but", "exists", "numeric"];
    let mut names = rule.keys();
    match (names.next(), names.next()) {
        (Some(name), None) if known.contains(&name.as_str()) => Ok(()),
        _ => Err(format!("{choice} is not a comparison")),
    }
}

fn all(pattern: &Map<String, Value>, record: Option<&Value>) -> bool {
    pattern.iter().all(|(name, rule)| {
        if name == "$or"
            && let Value::Array(choices) = rule
        {
            return choices.iter().filter_map(Value::as_object).any(|choice| all(choice, record));
        }
        let member = record.and_then(|record| record.get(name));
        match rule {
            Value::Object(inner) => all(inner, member),
            Value::Array(choices) => choices.iter().any(|choice| fits(choice, member)),
            _ => false,
        }
    })
}

/// Whether a value, or one element of a list of values, fits one choice.
fn fits(choice: &Value, value: Option<&Value>) -> bool {
    if let Some(exists) = choice.get("exists").and_then(Value::as_bool) {
        // Only leaves exist: `exists` does not see objects.
        return value.is_some_and(|value| !value.is_object()) == exists;
    }
    match value {
        None => false,
        Some(Value::Array(values)) => values.iter().any(|value| fits_one(choice, value)),
        Some(value) => fits_one(choice, value),
    }
}

fn fits_one(choice: &Value, value: &Value) -> bool {
    let Value::Object(rule) = choice else {
        return equal(choice, value);
    };
    let text = value.as_str();
    let compared = |name: &str, compare: fn(&str, &str) -> bool| {
        let wanted = rule.get(name)?.as_str()?;
        Some(text.is_some_and(|text| compare(text, wanted)))
    };
    if let Some(refused) = rule.get("anything-but") {
        return match refused {
            Value::Array(refused) => !refused.iter().any(|refused| equal(refused, value)),
            Value::Object(_) => text.is_some() && !fits_one(refused, value),
            refused => !equal(refused, value),
        };
    }
    if let Some(Value::Array(bounds)) = rule.get("numeric") {
        return value.as_f64().is_some_and(|value| within(bounds, value));
    }
    compared("prefix", |text, wanted| text.starts_with(wanted))
        .or_else(|| compared("suffix", |text, wanted| text.ends_with(wanted)))
        .or_else(|| {
            compared("equals-ignore-case", |text, wanted| text.to_lowercase() == wanted.to_lowercase())
        })
        .unwrap_or(false)
}

fn equal(wanted: &Value, value: &Value) -> bool {
    match (wanted.as_f64(), value.as_f64()) {
        (Some(wanted), Some(value)) => wanted.total_cmp(&value).is_eq(),
        _ => wanted == value,
    }
}

/// `[">", 0, "<=", 5]`
fn within(bounds: &[Value], value: f64) -> bool {
    bounds.chunks(2).all(|bound| {
        let [operator, limit] = bound else { return false };
        let Some(limit) = limit.as_f64() else { return false };
        let order = value.total_cmp(&limit);
        match operator.as_str() {
            Some("=") => order.is_eq(),
            Some("<") => order.is_lt(),
            Some("<=") => order.is_le(),
            Some(">") => order.is_gt(),
            Some(">=") => order.is_ge(),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &Value, record: &Value) -> bool {
        Pattern::parse(&pattern.to_string()).unwrap().matches(record)
    }

    fn record(sk: &str) -> Value {
        json!({ "eventName": "INSERT", "dynamodb": { "Keys": { "sk": { "S": sk } }, "NewImage": { "n": { "N": "5" } } } })
    }

    #[test]
    fn a_journal_filter_lets_inserted_journal_rows_through_and_nothing_else() {
        let pattern = json!({
            "eventName": ["INSERT"],
            "dynamodb": { "Keys": { "sk": { "S": [{ "prefix": "j#" }, "level"] } } },
        });
        assert!(matches(&pattern, &record("j#0001")));
        assert!(matches(&pattern, &record("level")));
        assert!(!matches(&pattern, &record("meta")));
        let mut removed = record("j#0001");
        removed["eventName"] = json!("REMOVE");
        assert!(!matches(&pattern, &removed));
    }

    #[test]
    fn each_comparison_says_what_it_means() {
        let on = |choice: Value, value: Value| matches(&json!({ "a": [choice] }), &json!({ "a": value }));
        assert!(
            on(json!({ "suffix": ".png" }), json!("x.png"))
                && !on(json!({ "suffix": ".png" }), json!("x.gif"))
        );
        assert!(
            on(json!({ "anything-but": ["a", "b"] }), json!("c"))
                && !on(json!({ "anything-but": ["a"] }), json!("a"))
        );
        assert!(!on(json!({ "anything-but": { "prefix": "j#" } }), json!("j#1")));
        assert!(
            on(json!({ "numeric": [">", 0, "<=", 5] }), json!(5))
                && !on(json!({ "numeric": [">", 5] }), json!(5))
        );
        assert!(on(json!({ "equals-ignore-case": "YES" }), json!("yes")));
        assert!(on(json!(1), json!(1.0)) && on(json!("x"), json!(["w", "x"])));
    }

    #[test]
    fn exists_sees_what_is_there_and_what_is_not() {
        let pattern =
            |exists: bool| json!({ "dynamodb": { "OldImage": { "n": { "N": [{ "exists": exists }] } } } });
        assert!(matches(&pattern(false), &record("level")));
        assert!(!matches(&pattern(true), &record("level")));
    }

    #[test]
    fn or_needs_one_of_its_branches_beside_the_rest() {
        let pattern = json!({ "eventName": ["INSERT"], "$or": [{ "x": [1] }, { "y": [1] }] });
        assert!(matches(&pattern, &json!({ "eventName": "INSERT", "y": 1 })));
        assert!(!matches(&pattern, &json!({ "eventName": "INSERT", "z": 1 })));
    }

    #[test]
    fn a_pattern_that_lambda_would_refuse_is_refused() {
        for text in ["[]", r#"{"a": "b"}"#, r#"{"a": []}"#, r#"{"a": [{"prefx": "j"}]}"#] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
