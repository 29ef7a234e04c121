//! Systems Manager parameters: where functions find their secrets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{ACCOUNT, REGION, wire::Refusal},
    clock::TurnableClock,
    state::{StateError, Store},
};

const NAMESPACE: &str = "ssm";

/// The most names of one `GetParameters`.
const NAMES: usize = 10;

/// The parameters.
pub struct Ssm {
    store: Store,
    clock: TurnableClock,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Parameter {
    value: String,
    kind: String,
    version: u64,
    changed_at: Timestamp,
}

impl Ssm {
    /// Parameters kept in `store`. Those of `values` that it does not have yet are put into it, as secrets.
    pub fn open(
        store: Store,
        clock: TurnableClock,
        values: &BTreeMap<String, String>,
    ) -> Result<Self, StateError> {
        let ssm = Self { store, clock };
        for (name, value) in values {
            if ssm.store.get::<Parameter>(NAMESPACE, name)?.is_none() {
                ssm.put(name, value, "SecureString", 1)?;
            }
        }
        Ok(ssm)
    }

    /// The value of a parameter, if it is there.
    pub fn value(&self, name: &str) -> Result<Option<String>, StateError> {
        let found: Option<Parameter> = self.store.get(NAMESPACE, name)?;
        Ok(found.map(|parameter| parameter.value))
    }

    /// Answers one operation.
    pub fn answer(&self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        let decrypts = body.get("WithDecryption").and_then(Value::as_bool).unwrap_or(false);
        match operation {
            "GetParameter" => {
                let name = name(body)?;
                let found =
                    self.view(name, decrypts)?.ok_or_else(|| Refusal::new("ParameterNotFound", ""))?;
                Ok(json!({ "Parameter": found }))
            }
            "GetParameters" => self.get_many(body, decrypts),
            "PutParameter" => self.put_one(body),
            _ => Err(Refusal::new("InvalidAction", format!("{operation} is not known here"))),
        }
    }

    fn get_many(&self, body: &Value, decrypts: bool) -> Result<Value, Refusal> {
        let names: Vec<_> = body
            .get("Names")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if names.is_empty() || names.len() > NAMES {
            return Err(Refusal::new("ValidationException", format!("1 to {NAMES} names can be asked for")));
        }
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        for name in names {
            match self.view(name, decrypts)? {
                Some(parameter) => found.push(parameter),
                None => invalid.push(name),
            }
        }
        Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
    }

    fn put_one(&self, body: &Value) -> Result<Value, Refusal> {
        let name = name(body)?;
        let value = body.get("Value").and_then(Value::as_str);
        let value = value.ok_or_else(|| Refusal::new("ValidationException", "Value is missing"))?;
        let overwrites = body.get("Overwrite").and_then(Value::as_bool).unwrap_or(false);
        let old: Option<Parameter> = self.store.get(NAMESPACE, name)?;
        if old.is_some() && !overwrites {
            return Err(Refusal::new("ParameterAlreadyExists", "The parameter already exists."));
        }
        let kind = body.get("Type").and_then(Value::as_str).map(str::to_owned);
        let kind =
            kind.or_else(|| old.as_ref().map(|old| old.kind.clone())).unwrap_or_else(|| "String".to_owned());
        let version = old.map_or(1, |old| old.version + 1);
        self.put(name, value, &kind, version)?;
        Ok(json!({ "Version": version, "Tier": "Standard" }))
    }

    fn put(&self, name: &str, value: &str, kind: &str, version: u64) -> Result<(), StateError> {
        let parameter = Parameter {
            value: value.to_owned(),
            kind: kind.to_owned(),
            version,
            changed_at: self.clock.now(),
        };
        self.store.put(NAMESPACE, name, &parameter)
    }

    /// A secret that is not asked for in clear is shown as something that cannot be taken for its value.
    fn view(&self, name: &str, decrypts: bool) -> Result<Option<Value>, StateError> {
        let found: Option<Parameter> = self.store.get(NAMESPACE, name)?;
        Ok(found.map(|parameter| {
            let is_hidden = parameter.kind == "SecureString" && !decrypts;
            json!({
                "Name": name,
                "Type": parameter.kind,
                "Value": if is_hidden { "(encrypted)".to_owned() } else { parameter.value },
                "Version": parameter.version,
                "LastModifiedDate": parameter.changed_at.as_second(),
                "ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/')),
                "DataType": "text",
            })
        }))
    }
}

fn name(body: &Value) -> Result<&str, Refusal> {
    let name = body.get("Name").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.ok_or_else(|| Refusal::new("ValidationException", "Name is missing"))
}
