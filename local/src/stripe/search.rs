//! Stripe's search language: `status:'succeeded' AND metadata['order_id']:'ord_1'`.

use serde_json::{Value, json};

use super::{
    books::{Books, Order, Source},
    failure::Failure,
    lists,
    objects::{Object, metadata_term},
    params::Params,
};

pub const SEARCHED: &[&str] = &["query", "limit", "page", "expand"];

/// The fields, besides metadata, that a kind of object can be searched by.
#[derive(Debug, Clone, Copy)]
pub struct Fields(pub &'static [&'static str]);

/// Answers a search. The next page's token is the id of the last object of this one.
pub fn search<T: Object>(
    books: &Books<'_>,
    params: &Params,
    url: &str,
    fields: Fields,
    keep: impl Fn(&T) -> bool,
) -> Result<Value, Failure> {
    let query = Query::parse(params.required("query")?, fields)?;
    let limit = lists::limit(params)?;
    let cursor = params.text("page")?.map(str::to_owned);
    let keep = |object: &T| Ok(keep(object) && query.matches(&object.render()));
    let mut found: Vec<T> =
        lists::collect(books, &query.source(), Order::NewestFirst, cursor, limit + 1, keep, |_| false)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_page = found.last().filter(|_| has_more).map(Object::id);
    let data: Vec<Value> = found.iter().map(T::render).collect();
    Ok(
        json!({ "object": "search_result", "url": url, "has_more": has_more, "next_page": next_page, "data": data }),
    )
}

/// Clauses that must all match, or any of them.
#[derive(Debug)]
struct Query {
    clauses: Vec<Clause>,
    is_any: bool,
}

#[derive(Debug, PartialEq)]
struct Clause {
    is_negated: bool,
    field: Field,
    operator: Operator,
    value: Wanted,
}

#[derive(Debug, PartialEq)]
enum Field {
    Plain(String),
    Metadata(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Is,
    Contains,
    Over,
    Under,
    AtLeast,
    AtMost,
}

#[derive(Debug, PartialEq)]
enum Wanted {
    Text(String),
    Number(i64),
    Null,
}

impl Query {
    fn parse(text: &str, fields: Fields) -> Result<Self, Failure> {
        let mut rest = text.trim();
        let (mut clauses, mut joints) = (Vec::new(), Vec::new());
        loop {
            let (clause, after) = Clause::parse(rest, fields)?;
            clauses.push(clause);
            let after = after.trim_start();
            if after.is_empty() {
                break;
            }
            let (joint, next) = after.split_once(char::is_whitespace).ok_or_else(|| unreadable(after))?;
            match joint {
                "AND" | "OR" => joints.push(joint == "OR"),
                _ => return Err(unreadable(after)),
            }
            rest = next.trim_start();
        }
        let is_any = joints.first().copied().unwrap_or(false);
        if joints.iter().any(|joint| *joint != is_any) {
            let message = "You can't combine AND and OR in the same query.";
            return Err(Failure::invalid_param("query", message));
        }
        Ok(Self { clauses, is_any })
    }

    fn matches(&self, object: &Value) -> bool {
        if self.is_any {
            self.clauses.iter().any(|clause| clause.matches(object))
        } else {
            self.clauses.iter().all(|clause| clause.matches(object))
        }
    }

    /// An index that holds all that can match, if a clause names one.
    fn source(&self) -> Source {
        let indexed = self.clauses.iter().find_map(|clause| match clause {
            Clause {
                is_negated: false,
                field: Field::Metadata(key),
                operator: Operator::Is,
                value: Wanted::Text(value),
            } => Some(Source::Index("metadata", metadata_term(key, value))),
            _ => None,
        });
        if self.is_any { Source::All } else { indexed.unwrap_or(Source::All) }
    }
}

impl Clause {
    /// Reads one clause and returns what follows it.
    fn parse(text: &str, fields: Fields) -> Result<(Self, &str), Failure> {
        let (is_negated, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let end =
            rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let (field, rest) = if let Some(inner) = rest.strip_prefix('[').filter(|_| name == "metadata") {
            let (key, rest) = quoted(inner)?;
            (Field::Metadata(key), rest.strip_prefix(']').ok_or_else(|| unreadable(rest))?)
        } else if fields.0.contains(&name) {
            (Field::Plain(name.to_owned()), rest)
        } else {
            let message = format!("Field `{name}` is an unsupported search field.");
            return Err(Failure::invalid_param("query", message));
        };
        let operators = [
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            (">", Operator::Over),
            ("<", Operator::Under),
            (":", Operator::Is),
            ("~", Operator::Contains),
        ];
        let found = operators.iter().find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)));
        let (operator, rest) = found.ok_or_else(|| unreadable(rest))?;
        let (value, rest) = Wanted::parse(rest)?;
        Ok((Self { is_negated, field, operator, value }, rest))
    }

    fn matches(&self, object: &Value) -> bool {
        let value = match &self.field {
            Field::Plain(name) => object.get(name),
            Field::Metadata(key) => object.get("metadata").and_then(|metadata| metadata.get(key)),
        };
        let value = value.unwrap_or(&Value::Null);
        let number = || value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let is_match = match (&self.value, self.operator) {
            (Wanted::Null, _) => value.is_null(),
            (Wanted::Text(wanted), Operator::Contains) => {
                value.as_str().is_some_and(|text| text.to_lowercase().contains(&wanted.to_lowercase()))
            }
            (Wanted::Text(wanted), Operator::Is) => match value {
                Value::String(text) => text == wanted,
                Value::Number(number) => number
                    .as_i64()
                    .zip(wanted.parse().ok())
                    .is_some_and(|(is, wanted): (i64, i64)| is == wanted),
                _ => false,
            },
            (Wanted::Text(_) | Wanted::Number(_), _) => {
                let wanted = match &self.value {
                    Wanted::Number(number) => Some(*number),
                    Wanted::Text(text) => text.parse().ok(),
                    Wanted::Null => None,
                };
                number().zip(wanted).is_some_and(|(is, wanted)| match self.operator {
                    Operator::Is => is == wanted,
                    Operator::Over => is > wanted,
                    Operator::Under => is < wanted,
                    Operator::AtLeast => is >= wanted,
                    Operator::AtMost => is <= wanted,
                    Operator::Contains => false,
                })
            }
        };
        is_match != self.is_negated
    }
}

impl Wanted {
    fn parse(text: &str) -> Result<(Self, &str), Failure> {
        if text.starts_with(['\'', '"']) {
            let (text, rest) = quoted(text)?;
            return Ok((Self::Text(text), rest));
        }
        let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        if word.eq_ignore_ascii_case("null") {
            return Ok((Self::Null, rest));
        }
        word.parse().map(|number| (Self::Number(number), rest)).map_err(|_| unreadable(text))
    }
}

/// Text in single or double quotes, with backslashes before quotes, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), Failure> {
    let quote =
        text.chars().next().filter(|first| matches!(first, '\'' | '"')).ok_or_else(|| unreadable(text))?;
    let mut content = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            content.extend(letters.next().map(|(_, escaped)| escaped));
        } else if letter == quote {
            return Ok((content, text.get(at + 1..).unwrap_or_default()));
        } else {
            content.push(letter);
        }
    }
    Err(unreadable(text))
}

fn unreadable(rest: &str) -> Failure {
    Failure::invalid_param("query", format!("We were unable to parse your search query at: {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Fields = Fields(&["status", "amount"]);

    fn matches(query: &str) -> bool {
        let object =
            json!({ "status": "succeeded", "amount": 500, "metadata": { "order": "o'1", "n": "7" } });
        Query::parse(query, FIELDS).unwrap().matches(&object)
    }

    #[test]
    fn clauses_match_as_stripe_documents_them() {
        for query in [
            "status:'succeeded'",
            "status:\"succeeded\" AND amount>499",
            "amount>=500 AND amount<=500",
            "status:'canceled' OR amount:500",
            "metadata['order']:'o\\'1'",
            "-metadata['none']:'x'",
            "-metadata['order']:null",
            "metadata['none']:null",
            "metadata[\"order\"]~\"O'\"",
        ] {
            assert!(matches(query), "{query}");
        }
        for query in ["status:'canceled'", "amount<500", "-status:'succeeded'", "metadata['n']:null"] {
            assert!(!matches(query), "{query}");
        }
    }

    #[test]
    fn broken_queries_are_refused() {
        for query in [
            "",
            "status",
            "status:",
            "colour:'red'",
            "status:'a' AND amount>1 OR amount<2",
            "status:'a' amount>1",
            "metadata['a:'b'",
            "status:'open",
        ] {
            assert!(Query::parse(query, FIELDS).is_err(), "{query}");
        }
    }

    #[test]
    fn a_search_by_metadata_reads_only_what_has_it() {
        let source = |query| Query::parse(query, FIELDS).unwrap().source();
        assert!(matches!(source("amount>1 AND metadata['a']:'b'"), Source::Index("metadata", _)));
        assert!(matches!(source("amount>1 OR metadata['a']:'b'"), Source::All));
        assert!(matches!(source("-metadata['a']:'b'"), Source::All));
    }
}
