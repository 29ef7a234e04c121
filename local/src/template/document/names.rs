//! What the names in a template come to locally.

use serde::de::{Error as _, value::Error};
use serde_json::Value;

use super::{
    super::{
        Surroundings,
        expression::{Expression, Scope},
    },
    Document,
};

impl Scope for Document<'_> {
    fn reference(&self, name: &str) -> Result<Option<Value>, Error> {
        let surroundings = self.surroundings;
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => surroundings.region.clone(),
            "AWS::AccountId" => surroundings.account.clone(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::StackName" => "shopwire".to_owned(),
            _ => match self.type_of(name) {
                Some("AWS::SQS::Queue") => {
                    format!("{}/{}/{name}", surroundings.aws_endpoint, surroundings.account)
                }
                Some("AWS::SNS::Topic") => self.arn("sns", name),
                Some(_) => name.to_owned(),
                None => {
                    return Err(Error::custom(format!("there is no parameter or resource `{name}`")));
                }
            },
        };
        Ok(Some(text.into()))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, Error> {
        let kind = self
            .type_of(resource)
            .ok_or_else(|| Error::custom(format!("there is no resource `{resource}`")))?;
        let text = match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => self.arn("dynamodb", &format!("table/{resource}")),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                self.arn("dynamodb", &format!("table/{resource}/stream/local"))
            }
            ("AWS::SQS::Queue", "Arn") => self.arn("sqs", resource),
            ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => resource.to_owned(),
            ("AWS::SNS::Topic", "TopicArn") => self.arn("sns", resource),
            ("AWS::Serverless::Function", "Arn") => self.arn("lambda", &format!("function:{resource}")),
            ("AWS::S3::Bucket", "RegionalDomainName") => {
                format!("{resource}.s3.{}.amazonaws.com", self.surroundings.region)
            }
            // A socket's address has a path; what names it takes a parameter, as a custom domain does.
            ("AWS::ApiGatewayV2::Api", "ApiEndpoint") if self.is_http(resource) => {
                self.surroundings.http_url.clone()
            }
            _ => {
                return Err(Error::custom(format!(
                    "`{resource}.{attribute}` has no counterpart in the local cloud; make it a parameter"
                )));
            }
        };
        Ok(text.into())
    }

    fn condition(&self, name: &str) -> Result<bool, Error> {
        let condition = self
            .sections
            .conditions
            .get(name)
            .ok_or_else(|| Error::custom(format!("there is no condition `{name}`")))?;
        if self.deciding.borrow().iter().any(|deciding| deciding == name) {
            return Err(Error::custom(format!("the condition `{name}` depends on itself")));
        }
        self.deciding.borrow_mut().push(name.to_owned());
        let holds = Expression::new(condition.clone(), self).holds();
        self.deciding.borrow_mut().pop();
        holds
    }
}

impl Document<'_> {
    fn type_of(&self, id: &str) -> Option<&str> {
        let resource = self.sections.resources.get(id).filter(|_| !self.absent.contains(id))?;
        Some(&resource.r#type)
    }

    fn is_http(&self, api: &str) -> bool {
        let resource = self.sections.resources.get(api);
        resource
            .is_some_and(|api| api.properties.get("ProtocolType").is_some_and(|protocol| protocol == "HTTP"))
    }

    fn arn(&self, service: &str, name: &str) -> String {
        let Surroundings { region, account, .. } = self.surroundings;
        format!("arn:aws:{service}:{region}:{account}:{name}")
    }
}
