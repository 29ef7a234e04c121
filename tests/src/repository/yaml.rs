//! `template.yaml` as it is written, references unresolved, for checks of what the local cloud does not read.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// The template: `!Ref X` is `{"Ref": "X"}`, `!GetAtt X.Y` is `{"Fn::GetAtt": "X.Y"}`.
pub fn template() -> &'static Value {
    static TEMPLATE: LazyLock<Value> =
        LazyLock::new(|| plain(serde_yaml_ng::from_str(&super::read("template.yaml")).unwrap()));
    &TEMPLATE
}

/// The resources of one type, by logical id.
pub fn resources(kind: &str) -> Vec<(&'static str, &'static Value)> {
    let resources = template()["Resources"].as_object().unwrap().iter();
    resources
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
        .collect()
}

/// The functions, by logical id.
pub fn functions() -> Vec<(&'static str, &'static Value)> {
    resources("AWS::Serverless::Function")
}

/// A resource's properties.
pub fn properties(id: &str) -> &'static Value {
    &template()["Resources"][id]["Properties"]
}

/// A value in one word: `OrdersTable.Arn` for `!GetAtt OrdersTable.Arn`, and the text of a `!Sub` as it is written.
pub fn word(value: &Value) -> String {
    let Some(object) = value.as_object() else {
        return value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    };
    ["Ref", "Fn::GetAtt", "Fn::Sub"]
        .iter()
        .find_map(|name| object.get(*name)?.as_str())
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The elements of a list, or the one value that stands for a list of one.
pub fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

/// Every function of CloudFormation's short form in its long one.
fn plain(value: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                "Ref" => "Ref".to_owned(),
                other => format!("Fn::{other}"),
            };
            json!({ name: plain(tagged.value) })
        }
        Yaml::Sequence(values) => values.into_iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            let entry = |(name, value): (Yaml, Yaml)| (word(&plain(name)), plain(value));
            Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
        }
        scalar => serde_json::to_value(scalar).unwrap(),
    }
}
