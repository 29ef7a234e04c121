//! The template's parameters, and what they are set to when it is served locally.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::Surroundings;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameter {
    r#type: String,
    default: Option<Value>,
    #[serde(default)]
    allowed_values: Vec<Value>,
}

/// The value of each parameter. The error is a place and a problem.
pub(super) fn values(
    declared: &BTreeMap<String, Parameter>,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, Value>, (String, String)> {
    if let Some(id) = surroundings.parameters.keys().find(|id| !declared.contains_key(*id)) {
        let problem = format!("there is no parameter `{id}`; set one that is declared");
        return Err(("Parameters".to_owned(), problem));
    }
    let mut values = BTreeMap::new();
    for (id, parameter) in declared {
        let value = parameter.value(given(id, surroundings));
        values.insert(id.clone(), value.map_err(|problem| (format!("Parameters.{id}"), problem))?);
    }
    Ok(values)
}

/// What a parameter is set to from outside: by name, or because it names an address that is a local one here.
fn given<'a>(id: &str, surroundings: &'a Surroundings) -> Option<&'a String> {
    surroundings.parameters.get(id).or_else(|| surroundings.suggestions.get(id)).or(match id {
        "WebSocketUrl" => Some(&surroundings.ws_url),
        "WebSocketEndpoint" => Some(&surroundings.aws_endpoint),
        _ => None,
    })
}

impl Parameter {
    fn value(&self, given: Option<&String>) -> Result<Value, String> {
        let value = given.map(|given| Value::from(given.as_str())).or_else(|| self.default.clone());
        let value = value.ok_or("has no default; set it")?;
        let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !self.allowed_values.is_empty()
            && !self.allowed_values.iter().any(|one| written(one) == written(&value))
        {
            let allowed = self.allowed_values.iter().map(written).collect::<Vec<_>>().join(", ");
            return Err(format!("`{}` is not one of {allowed}", written(&value)));
        }
        Ok(match self.r#type.as_str() {
            "CommaDelimitedList" => written(&value).split(',').map(str::trim).collect(),
            _ => written(&value).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{read, read_in, surroundings, value, value_with};

    #[test]
    fn the_local_socket_stands_in_for_a_custom_domain() {
        assert_eq!(value("!Ref WebSocketUrl").unwrap(), "ws://127.0.0.1:3002/ws");
        assert_eq!(value_with("!Ref WebSocketUrl", &[("WebSocketUrl", "wss://x")]).unwrap(), "wss://x");
    }

    #[test]
    fn a_suggestion_is_taken_where_the_template_asks_and_nothing_else_was_set() {
        let suggested = |yaml: &str, parameters: &[(&str, &str)]| {
            let mut surroundings = surroundings(parameters);
            let suggestions = [("Name", "lamp"), ("Colour", "red")];
            surroundings.suggestions =
                suggestions.map(|(id, value)| (id.to_owned(), value.to_owned())).into();
            let template = read_in(yaml, &surroundings).unwrap();
            template.parameters.get("Name").cloned()
        };
        let yaml = "{ Parameters: { Name: { Type: String, Default: shop } }, Resources: {} }";
        assert_eq!(suggested(yaml, &[]).as_deref(), Some("lamp"));
        assert_eq!(suggested(yaml, &[("Name", "chair")]).as_deref(), Some("chair"));
        assert_eq!(suggested("Resources: {}", &[]), None);
    }

    #[test]
    fn parameters_are_checked_as_they_would_be_in_aws() {
        assert_eq!(
            value_with("x", &[("Colour", "red")]),
            Err("template.yaml: Parameters: there is no parameter `Colour`; set one that is declared"
                .to_owned())
        );
        assert_eq!(
            value_with("x", &[("Size", "huge")]),
            Err("template.yaml: Parameters.Size: `huge` is not one of small, large".to_owned())
        );
        let unset = "{ Parameters: { Name: { Type: String } }, Resources: {} }";
        assert_eq!(read(unset).unwrap_err(), "template.yaml: Parameters.Name: has no default; set it");
    }
}
