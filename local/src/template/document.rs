//! The template as a document: its parameters, conditions and resources, as far as they exist.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::{
    Surroundings, TemplateError,
    expression::{Expression, Scope},
};

mod names;
mod parameters;

use parameters::Parameter;

/// Types that matter in AWS only; any other type that no reader asks for is reported by [`Document::skipped`].
const OF_AWS_ONLY: &[&str] = &[
    "AWS::ApiGateway::Account",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudFormation::Stack",
    "AWS::CloudWatch::Alarm",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];

/// Types that the readers beside this file ask for.
const SERVED: &[&str] = &[
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::IntegrationResponse",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::Serverless::Function",
];

/// A template that has been parsed, but not yet understood.
pub(super) struct Document<'a> {
    file: &'a Path,
    surroundings: &'a Surroundings,
    parameters: BTreeMap<String, Value>,
    sections: Sections,
    /// Resources whose conditions do not hold.
    absent: BTreeSet<String>,
    /// Names of the conditions that are being decided, so that one that leads back to itself is noticed.
    deciding: RefCell<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sections {
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    conditions: BTreeMap<String, Value>,
    #[serde(default)]
    globals: Value,
    resources: BTreeMap<String, Declaration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Declaration {
    r#type: String,
    condition: Option<String>,
    #[serde(default)]
    properties: Value,
}

/// One resource that exists under the conditions of the document.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    /// Its logical id.
    pub(super) id: &'a str,
    properties: &'a Value,
    document: &'a Document<'a>,
}

impl Resource<'_> {
    /// Its properties, as far as `T` asks for them.
    pub(super) fn properties<T: DeserializeOwned>(&self) -> Result<T, TemplateError> {
        self.document.evaluate(self.properties, &format!("Resources.{}.Properties", self.id))
    }

    /// The error that says that this resource is wrong at `place`, a path below its properties.
    pub(super) fn unservable(&self, place: &str, problem: impl Into<String>) -> TemplateError {
        let dot = if place.is_empty() { "" } else { "." };
        self.document.unservable(format!("Resources.{}.Properties{dot}{place}", self.id), problem)
    }
}

impl<'a> Document<'a> {
    pub(super) fn read(file: &'a Path, surroundings: &'a Surroundings) -> Result<Self, TemplateError> {
        let unservable = |place: &str, problem: String| TemplateError::Unservable {
            file: file.into(),
            place: place.into(),
            problem,
        };
        let text = fs::read_to_string(file)
            .map_err(|cause| TemplateError::Unreadable { file: file.into(), cause })?;
        let yaml: Yaml = serde_yaml_ng::from_str(&text)
            .map_err(|cause| TemplateError::Syntax { file: file.into(), cause })?;
        let json = plain(yaml).map_err(|key| {
            unservable("the template", format!("the key {key} is not a text; write it in quotes"))
        })?;
        let sections: Sections = serde_path_to_error::deserialize(json).map_err(|error| {
            let place = error.path().to_string();
            unservable(if place == "." { "the template" } else { &place }, error.inner().to_string())
        })?;
        let parameters = parameters::values(&sections.parameters, surroundings)
            .map_err(|(place, problem)| unservable(&place, problem))?;
        let mut document = Self {
            file,
            surroundings,
            parameters,
            sections,
            absent: BTreeSet::new(),
            deciding: RefCell::default(),
        };
        document.absent = document.absent()?;
        Ok(document)
    }

    /// The resources of one type whose conditions hold.
    pub(super) fn of_type<'b>(&'b self, wanted: &'b str) -> impl Iterator<Item = Resource<'b>> {
        self.resources()
            .filter(move |(_, resource)| resource.r#type == wanted)
            .map(|(id, resource)| Resource { id, properties: &resource.properties, document: self })
    }

    /// Resources that nothing serves and that are not known to matter in AWS only.
    pub(super) fn skipped(&self) -> Vec<String> {
        let known = |name: &str| OF_AWS_ONLY.contains(&name) || SERVED.contains(&name);
        let resources = self.resources().filter(|(_, resource)| !known(&resource.r#type));
        resources.map(|(id, resource)| format!("{id} ({})", resource.r#type)).collect()
    }

    /// What the parameters come to.
    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| match value {
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            one => one.as_str().unwrap_or_default().to_owned(),
        };
        self.parameters.iter().map(|(id, value)| (id.clone(), text(value))).collect()
    }

    /// `Globals`, as far as `T` asks for them.
    pub(super) fn globals<T: DeserializeOwned>(&self) -> Result<T, TemplateError> {
        self.evaluate(&self.sections.globals, "Globals")
    }

    /// The error that says that something is wrong at `place`.
    pub(super) fn unservable(&self, place: impl Into<String>, problem: impl Into<String>) -> TemplateError {
        TemplateError::Unservable { file: self.file.into(), place: place.into(), problem: problem.into() }
    }

    fn evaluate<T: DeserializeOwned>(&self, value: &Value, place: &str) -> Result<T, TemplateError> {
        let value = if value.is_null() { Value::Object(Map::new()) } else { value.clone() };
        serde_path_to_error::deserialize(Expression::new(value, self)).map_err(|error| {
            let below = error.path().to_string();
            let place = if below == "." { place.to_owned() } else { format!("{place}.{below}") };
            self.unservable(place, error.into_inner().to_string())
        })
    }

    fn absent(&self) -> Result<BTreeSet<String>, TemplateError> {
        let mut absent = BTreeSet::new();
        for (id, resource) in &self.sections.resources {
            let Some(name) = &resource.condition else { continue };
            let holds = self.condition(name);
            let holds = holds
                .map_err(|error| self.unservable(format!("Resources.{id}.Condition"), error.to_string()))?;
            if !holds {
                absent.insert(id.clone());
            }
        }
        Ok(absent)
    }

    /// The resources that exist under the template's conditions.
    fn resources(&self) -> impl Iterator<Item = (&String, &Declaration)> {
        self.sections.resources.iter().filter(|(id, _)| !self.absent.contains(*id))
    }
}

/// YAML as JSON, with `!Ref x` written out as `{Ref: x}`. The error is a key that is no text.
fn plain(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => truth.into(),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::String(text) => text.into(),
        Yaml::Sequence(elements) => elements.into_iter().map(plain).collect::<Result<_, _>>()?,
        Yaml::Mapping(entries) => entries
            .into_iter()
            .map(|(key, value)| match key {
                Yaml::String(key) => Ok((key, plain(value)?)),
                other => Err(format!("{other:?}")),
            })
            .collect::<Result<Map<_, _>, _>>()?
            .into(),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            Value::Object(Map::from_iter([(name, plain(tagged.value)?)]))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{
        Template,
        fixture::{read, read_with, surroundings, value},
    };

    #[test]
    fn resources_have_local_names() {
        assert_eq!(value("!Ref Orders").unwrap(), "Orders");
        assert_eq!(value("!Ref Work").unwrap(), "http://127.0.0.1:4566/000000000000/Work");
        assert_eq!(value("!Ref Alerts").unwrap(), "arn:aws:sns:eu-west-1:000000000000:Alerts");
        assert_eq!(value("!GetAtt Http.ApiEndpoint").unwrap(), "http://127.0.0.1:3001");
        assert!(value("!GetAtt Live.ApiEndpoint").unwrap_err().ends_with("make it a parameter"));
        assert_eq!(value("!Sub '${AWS::Region}/${AWS::AccountId}'").unwrap(), "eu-west-1/000000000000");
    }

    #[test]
    fn a_resource_whose_condition_fails_does_not_exist() {
        let yaml = "
Parameters: { Wanted: { Type: String, Default: 'no' } }
Conditions: { IsWanted: !Equals [!Ref Wanted, 'yes'] }
Resources:
  Alerts: { Type: 'AWS::SNS::Topic', Condition: IsWanted }
  Lost: { Type: 'AWS::SNS::Topic', Condition: IsWanted }
";
        assert_eq!(read(yaml).unwrap().topics, [""; 0]);
        assert_eq!(read_with(yaml, &[("Wanted", "yes")]).unwrap().topics, ["Alerts", "Lost"]);
        assert!(value("!Ref Extra").unwrap_err().ends_with("there is no parameter or resource `Extra`"));
        let unknown = "{ Resources: { Alerts: { Type: 'AWS::SNS::Topic', Condition: Never } } }";
        let error = "template.yaml: Resources.Alerts.Condition: there is no condition `Never`";
        assert_eq!(read(unknown).unwrap_err(), error);
    }

    #[test]
    fn only_types_that_nobody_knows_are_reported_as_skipped() {
        let yaml = "
Resources:
  Role: { Type: 'AWS::IAM::Role' }
  Alerts: { Type: 'AWS::SNS::Topic' }
  Search: { Type: 'AWS::OpenSearchService::Domain' }
";
        assert_eq!(read(yaml).unwrap().skipped, ["Search (AWS::OpenSearchService::Domain)"]);
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let error = read("Resources:\n  A: [").unwrap_err();
        assert!(error.starts_with("template.yaml: ") && error.contains("line 3"), "{error}");
        let twice = "Resources:\n  A: { Type: 'AWS::SNS::Topic' }\n  A: { Type: 'AWS::SNS::Topic' }\n";
        assert!(read(twice).unwrap_err().contains("duplicate entry"), "{}", read(twice).unwrap_err());
        assert_eq!(
            read("Outputs: {}").unwrap_err(),
            "template.yaml: the template: missing field `Resources`"
        );
        assert_eq!(
            read("{ Resources: { A: { Typ: x } } }").unwrap_err(),
            "template.yaml: Resources.A: missing field `Type`"
        );
        let missing = Template::read(Path::new("nowhere.yaml"), &surroundings(&[])).unwrap_err().to_string();
        assert!(missing.starts_with("nowhere.yaml: No such file"), "{missing}");
    }
}
