//! Topics: which queues listen to them, and what SES tells them of mail.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    MailEvents, Subscription, TemplateError,
    document::{Document, Resource},
    last_of,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SubscriptionProperties {
    topic_arn: String,
    protocol: String,
    endpoint: Option<String>,
    #[serde(default)]
    raw_message_delivery: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationProperties {
    configuration_set_name: String,
    event_destination: EventDestination,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventDestination {
    #[serde(default)]
    enabled: bool,
    matching_event_types: Vec<String>,
    sns_destination: Option<SnsDestination>,
}

#[derive(Deserialize)]
struct SnsDestination {
    #[serde(rename = "TopicARN")]
    topic_arn: String,
}

/// Subscriptions of queues. Those of people exist in AWS only.
pub(super) fn subscriptions(document: &Document<'_>) -> Result<Vec<Subscription>, TemplateError> {
    let read = document.of_type("AWS::SNS::Subscription").map(|resource| subscription(&resource));
    read.filter_map(Result::transpose).collect()
}

fn subscription(resource: &Resource<'_>) -> Result<Option<Subscription>, TemplateError> {
    let properties: SubscriptionProperties = resource.properties()?;
    if properties.protocol != "sqs" {
        return Ok(None);
    }
    let queue =
        properties.endpoint.ok_or_else(|| resource.unservable("Endpoint", "is missing; name a queue"))?;
    Ok(Some(Subscription {
        topic: last_of(&properties.topic_arn).to_owned(),
        queue: last_of(&queue).to_owned(),
        is_raw: properties.raw_message_delivery,
    }))
}

/// What each configuration set of SES tells to whom; one that tells nobody is there too.
pub(super) fn mail_events(document: &Document<'_>) -> Result<Vec<MailEvents>, TemplateError> {
    let sets = document
        .of_type("AWS::SES::ConfigurationSet")
        .map(|resource| MailEvents { configuration_set: resource.id.to_owned(), ..MailEvents::default() });
    let mut all: Vec<_> = sets.collect();
    for resource in document.of_type("AWS::SES::ConfigurationSetEventDestination") {
        let DestinationProperties { configuration_set_name, event_destination } = resource.properties()?;
        let Some(topic) = event_destination.sns_destination.filter(|_| event_destination.enabled) else {
            continue;
        };
        let kinds = event_destination.matching_event_types.iter().map(|kind| kind.to_lowercase());
        all.push(MailEvents {
            configuration_set: configuration_set_name,
            kinds: kinds.collect::<BTreeSet<_>>(),
            topic: Some(last_of(&topic.topic_arn).to_owned()),
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::read;

    #[test]
    fn a_queue_listens_to_a_topic_and_people_do_not() {
        let template = read(
            "
Resources:
  News: { Type: 'AWS::SNS::Topic' }
  Work: { Type: 'AWS::SQS::Queue' }
  Listens:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Work.Arn, RawMessageDelivery: true }
  Reads:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref News, Protocol: email, Endpoint: ana@shop.example }
",
        );
        let [one] = template.unwrap().subscriptions.try_into().unwrap();
        assert_eq!((one.topic.as_str(), one.queue.as_str(), one.is_raw), ("News", "Work", true));
    }

    #[test]
    fn a_configuration_set_tells_a_topic_the_kinds_that_it_names() {
        let template = read(
            "
Resources:
  News: { Type: 'AWS::SNS::Topic' }
  Mail: { Type: 'AWS::SES::ConfigurationSet' }
  MailToNews:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Mail
      EventDestination:
        Enabled: true
        MatchingEventTypes: [BOUNCE, complaint]
        SnsDestination: { TopicARN: !Ref News }
",
        );
        let told = template.unwrap().mail_events.pop().unwrap();
        assert_eq!((told.configuration_set.as_str(), told.topic.as_deref()), ("Mail", Some("News")));
        assert_eq!(told.kinds.into_iter().collect::<Vec<_>>(), ["bounce", "complaint"]);
    }
}
