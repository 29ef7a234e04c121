//! Small templates for the tests of the readers.

use std::{collections::BTreeMap, fs};

use super::{Surroundings, Template};

pub(super) fn surroundings(parameters: &[(&str, &str)]) -> Surroundings {
    let parameters = parameters.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned()));
    Surroundings {
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        aws_endpoint: "http://127.0.0.1:4566".to_owned(),
        http_url: "http://127.0.0.1:3001".to_owned(),
        ws_url: "ws://127.0.0.1:3002/ws".to_owned(),
        parameters: parameters.collect(),
        suggestions: BTreeMap::new(),
    }
}

/// The template of `yaml`, or its error without the folder of its file.
pub(super) fn read_with(yaml: &str, parameters: &[(&str, &str)]) -> Result<Template, String> {
    read_in(yaml, &surroundings(parameters))
}

pub(super) fn read_in(yaml: &str, surroundings: &Surroundings) -> Result<Template, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.yaml");
    fs::write(&file, yaml).unwrap();
    Template::read(&file, surroundings).map_err(|error| {
        let text = error.to_string();
        assert!(!text.contains('\n'), "an error is one line: {text}");
        text.replace(&format!("{}/", folder.path().display()), "")
    })
}

pub(super) fn read(yaml: &str) -> Result<Template, String> {
    read_with(yaml, &[])
}

/// What the variable `X` of a function comes to when `yaml` is its value in a template with a bit of everything.
pub(super) fn value_with(yaml: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
    let template = format!(
        "
Parameters:
  Name: {{ Type: String, Default: shop }}
  Empty: {{ Type: String, Default: '' }}
  Origins: {{ Type: CommaDelimitedList, Default: 'https://a.example, https://b.example' }}
  Size: {{ Type: String, Default: small, AllowedValues: [small, large] }}
  WebSocketUrl: {{ Type: String, Default: '' }}
Conditions:
  IsLarge: !Equals [!Ref Size, large]
  IsSmall: !Not [!Condition IsLarge]
  IsNamed: !And [!Not [!Equals [!Ref Name, '']], !Or [!Condition IsLarge, !Condition IsSmall]]
  Turns: !Not [!Condition Turns]
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: pk, AttributeType: S }}]
      KeySchema: [{{ AttributeName: pk, KeyType: HASH }}]
  Work: {{ Type: 'AWS::SQS::Queue' }}
  Alerts: {{ Type: 'AWS::SNS::Topic' }}
  Extra: {{ Type: 'AWS::SNS::Topic', Condition: IsLarge }}
  Role: {{ Type: 'AWS::IAM::Role' }}
  Http: {{ Type: 'AWS::ApiGatewayV2::Api', Properties: {{ ProtocolType: HTTP }} }}
  Live: {{ Type: 'AWS::ApiGatewayV2::Api', Properties: {{ ProtocolType: WEBSOCKET }} }}
  Run:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/run
      Role: !GetAtt Role.Arn
      Environment:
        Variables:
          X: {yaml}
"
    );
    let mut template = read_with(&template, parameters)?;
    template.functions.remove("Run").unwrap().environment.remove("X").ok_or_else(|| "not set".to_owned())
}

pub(super) fn value(yaml: &str) -> Result<String, String> {
    value_with(yaml, &[])
}
