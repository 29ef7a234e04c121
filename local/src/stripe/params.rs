//! Stripe's form encoding: `metadata[order_id]=…`, `expand[]=…`, `created[gte]=…`.
//!
//! Values stay text until an operation asks for a type, so that every complaint can name its parameter.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::failure::Failure;

/// How deep brackets may nest. Stripe's own parameters stay under this.
const MAX_DEPTH: usize = 6;
/// Stripe's limits on metadata.
const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY: usize = 40;
const MAX_METADATA_VALUE: usize = 500;

/// The parameters of a request, or the fields of one of them, in the order in which they were sent.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Params(Vec<(String, Param)>);

#[derive(Debug, Clone, PartialEq)]
enum Param {
    Text(String),
    Fields(Params),
}

/// What an update does with a field.
#[derive(Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The parameter was not sent.
    Keep,
    /// It was sent empty, which is how Stripe's forms say null.
    Clear,
    /// It was sent.
    Set(&'a str),
}

impl Params {
    /// Reads a query string and a form body together.
    pub fn parse(query: Option<&str>, body: &[u8]) -> Result<Self, Failure> {
        let body = str::from_utf8(body).map_err(|_| Failure::invalid("The request body is not UTF-8."))?;
        let mut params = Self::default();
        for pair in query.unwrap_or_default().split('&').chain(body.split('&')) {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            params.insert(&path_of(&name)?, value, &name)?;
        }
        Ok(params)
    }

    fn insert(&mut self, path: &[&str], value: String, name: &str) -> Result<(), Failure> {
        let Some((first, rest)) = path.split_first() else {
            return Err(Failure::invalid_param(name, format!("Invalid parameter name: {name}")));
        };
        let key = if first.is_empty() { self.0.len().to_string() } else { (*first).to_owned() };
        let at = self.0.iter().position(|(known, _)| *known == key);
        if rest.is_empty() {
            match at.and_then(|at| self.0.get_mut(at)) {
                Some((_, known @ Param::Text(_))) => *known = Param::Text(value),
                Some(_) => return Err(Failure::invalid_param(name, format!("Invalid object: {name}"))),
                None => self.0.push((key, Param::Text(value))),
            }
            return Ok(());
        }
        let at = at.unwrap_or_else(|| {
            self.0.push((key, Param::Fields(Self::default())));
            self.0.len() - 1
        });
        match self.0.get_mut(at) {
            Some((_, Param::Fields(fields))) => fields.insert(rest, value, name),
            _ => Err(Failure::invalid_param(name, format!("Invalid object: {name}"))),
        }
    }

    /// Refuses parameters that an operation does not know, as Stripe does.
    pub fn allow(&self, known: &[&str]) -> Result<(), Failure> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(Failure::invalid_param(name, format!("Received unknown parameter: {name}"))
                    .code("parameter_unknown"))
            }
            None => Ok(()),
        }
    }

    /// The names that were sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The text of a parameter; sent empty counts as not sent.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        Ok(match self.change(name)? {
            Change::Set(text) => Some(text),
            Change::Keep | Change::Clear => None,
        })
    }

    /// What an update does with the field `name`.
    pub fn change(&self, name: &str) -> Result<Change<'_>, Failure> {
        match self.find(name) {
            None => Ok(Change::Keep),
            Some(Param::Text(text)) if text.is_empty() => Ok(Change::Clear),
            Some(Param::Text(text)) => Ok(Change::Set(text)),
            Some(Param::Fields(_)) => Err(Failure::invalid_param(name, format!("Invalid string: {name}"))),
        }
    }

    /// Applies an update to an optional text field.
    pub fn update(&self, name: &str, field: &mut Option<String>) -> Result<(), Failure> {
        match self.change(name)? {
            Change::Keep => {}
            Change::Clear => *field = None,
            Change::Set(text) => *field = Some(text.to_owned()),
        }
        Ok(())
    }

    /// A parameter that must be sent.
    pub fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            Failure::invalid_param(name, format!("Invalid integer: {text}")).code("parameter_invalid_integer")
        })?;
        Ok(Some(number))
    }

    /// `true` or `false`; not sent is false.
    pub fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.text(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => Err(Failure::invalid_param(name, format!("Invalid boolean: {text}"))),
        }
    }

    /// One of `allowed`.
    pub fn choice<'a>(&'a self, name: &str, allowed: &[&str]) -> Result<Option<&'a str>, Failure> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if allowed.contains(&text) {
            return Ok(Some(text));
        }
        Err(Failure::invalid_param(name, format!("Invalid {name}: must be one of {}", allowed.join(", "))))
    }

    /// The fields of a parameter, if it was sent with fields.
    pub fn fields(&self, name: &str) -> Option<&Self> {
        match self.find(name) {
            Some(Param::Fields(fields)) => Some(fields),
            _ => None,
        }
    }

    /// The elements of `name[]=…`.
    pub fn list(&self, name: &str) -> Result<Vec<&str>, Failure> {
        match self.find(name) {
            None => Ok(Vec::new()),
            Some(Param::Text(text)) if text.is_empty() => Ok(Vec::new()),
            Some(Param::Text(_)) => Err(Failure::invalid_param(name, "Invalid array")),
            Some(Param::Fields(fields)) => {
                let texts = fields.0.iter().map(|(_, element)| match element {
                    Param::Text(text) => Ok(text.as_str()),
                    Param::Fields(_) => Err(Failure::invalid_param(name, "Invalid array")),
                });
                texts.collect()
            }
        }
    }

    /// Merges `metadata[…]` into what is there: an empty value removes its key, `metadata=` removes all.
    pub fn merge_metadata(&self, metadata: &mut BTreeMap<String, String>) -> Result<(), Failure> {
        if self.change("metadata").is_ok_and(|change| change == Change::Clear) {
            metadata.clear();
        }
        for (key, value) in self.fields("metadata").map(|fields| fields.0.as_slice()).unwrap_or_default() {
            let named = || format!("metadata[{key}]");
            let Param::Text(value) = value else {
                return Err(Failure::invalid_param(&named(), "Metadata values must be text."));
            };
            if key.chars().count() > MAX_METADATA_KEY || value.chars().count() > MAX_METADATA_VALUE {
                let limits = "Metadata keys may have 40 characters, their values 500.";
                return Err(Failure::invalid_param(&named(), limits));
            }
            if value.is_empty() {
                metadata.remove(key);
            } else {
                metadata.insert(key.clone(), value.clone());
            }
        }
        if metadata.len() > MAX_METADATA_KEYS {
            return Err(Failure::invalid_param("metadata", "Metadata can have up to 50 keys."));
        }
        Ok(())
    }

    /// A nested parameter as JSON, kept as sent: `shipping[address][city]=…`.
    pub fn json(&self, name: &str) -> Option<serde_json::Value> {
        self.fields(name).map(Self::to_json)
    }

    fn to_json(&self) -> serde_json::Value {
        let field = |(name, value): &(String, Param)| match value {
            Param::Text(text) => (name.clone(), text.as_str().into()),
            Param::Fields(fields) => (name.clone(), fields.to_json()),
        };
        serde_json::Value::Object(self.0.iter().map(field).collect())
    }

    fn find(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What an idempotency key stands for: method, path and parameters, whatever the order of the latter.
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> String {
    let mut pairs: Vec<&[u8]> = body.split(|byte| *byte == b'&').collect();
    pairs.sort_unstable();
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes()].into_iter().chain(pairs) {
        hash.update(part);
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

/// The complaint about a parameter that was not sent.
pub fn missing(name: &str) -> Failure {
    Failure::invalid_param(name, format!("Missing required param: {name}.")).code("parameter_missing")
}

/// `a[b][]` as `a`, `b` and an empty name, which stands for the next element of a list.
fn path_of(name: &str) -> Result<Vec<&str>, Failure> {
    let invalid = || Failure::invalid_param(name, format!("Invalid parameter name: {name}"));
    let (first, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    let mut path = vec![first];
    while !rest.is_empty() {
        let (inner, after) =
            rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(invalid)?;
        path.push(inner);
        rest = after;
    }
    if first.is_empty() || path.len() > MAX_DEPTH { Err(invalid()) } else { Ok(path) }
}

/// Undoes percent-encoding and `+`.
fn decode(text: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = rest.next().zip(rest.next()).and_then(|(high, low)| {
                    let digit =
                        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                    Some(digit(high)? * 16 + digit(low)?)
                });
                digits.ok_or_else(|| Failure::invalid("The request is not form-encoded."))?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Failure::invalid("The request is not UTF-8."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(body: &str) -> Params {
        Params::parse(None, body.as_bytes()).unwrap()
    }

    #[test]
    fn brackets_nest_and_percent_signs_decode() {
        let params =
            params("metadata%5Border%5D=o%201&shipping[address][city]=S%C3%A3o+Paulo&expand[]=a&expand[]=b");
        assert_eq!(params.fields("metadata").unwrap().text("order").unwrap(), Some("o 1"));
        assert_eq!(params.json("shipping").unwrap()["address"]["city"], "São Paulo");
        assert_eq!(params.list("expand").unwrap(), ["a", "b"]);
    }

    #[test]
    fn lists_keep_their_order_beyond_ten_elements() {
        let body: Vec<String> = (0..12).map(|at| format!("types[{at}]=t{at}")).collect();
        assert_eq!(params(&body.join("&")).list("types").unwrap().last(), Some(&"t11"));
    }

    #[test]
    fn an_empty_value_clears_and_a_missing_one_keeps() {
        let mut metadata =
            BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        params("metadata[a]=&metadata[c]=3").merge_metadata(&mut metadata).unwrap();
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["b", "c"]);
        params("metadata=").merge_metadata(&mut metadata).unwrap();
        assert!(metadata.is_empty());
    }

    #[test]
    fn broken_forms_are_refused() {
        for body in ["a[=1", "[a]=1", "a=%zz", "a=%ff", "a=1&a[b]=2", "a[b]=1&a=2", "a[b][c][d][e][f][g]=1"] {
            assert!(Params::parse(None, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_order_of_parameters_does_not_change_the_fingerprint() {
        assert_eq!(fingerprint("POST", "/v1/a", b"x=1&y=2"), fingerprint("POST", "/v1/a", b"y=2&x=1"));
        assert_ne!(fingerprint("POST", "/v1/a", b"x=1"), fingerprint("POST", "/v1/a", b"x=2"));
        assert_ne!(fingerprint("POST", "/v1/a", b"x=1"), fingerprint("POST", "/v1/b", b"x=1"));
    }
}
