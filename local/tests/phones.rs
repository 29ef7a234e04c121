//! SNS of the local cloud, through the unchanged SDK: text messages, telephones and topics.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod support;

use aws_sdk_sns::{
    Client, error::ProvideErrorMetadata,
    operation::create_platform_endpoint::builders::CreatePlatformEndpointFluentBuilder,
    types::MessageAttributeValue,
};
use local::sns::Reply;
use serde_json::{Value, json};
use support::World;

const ANA: &str = "+4915112345678";

fn client(world: &World) -> Client {
    Client::from_conf(world.config("Notifier").sns)
}

fn outbox(world: &World) -> Value {
    serde_json::to_value(world.outbox.list(None, 10).unwrap()).unwrap()
}

/// What the queue of the feedback topic was told.
fn told(world: &World) -> Vec<Value> {
    let messages = world.aws.sqs.receive("Plain", 10, None).unwrap();
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

/// Registers a token with Google's application.
fn register(sns: &Client, token: &str) -> CreatePlatformEndpointFluentBuilder {
    let application = "arn:aws:sns:eu-west-1:000000000000:app/GCM/shop";
    sns.create_platform_endpoint().token(token).platform_application_arn(application)
}

async fn registered(sns: &Client, token: &str) -> String {
    register(sns, token).send().await.unwrap().endpoint_arn.unwrap()
}

#[tokio::test]
async fn a_text_a_push_and_a_topic_message_are_in_the_outbox() {
    let world = World::new().await;
    let sns = client(&world);
    let attribute = |value: &str| {
        MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
    };
    let text = sns.publish().phone_number(ANA).message("code <1> & 2");
    let text = text.message_attributes("AWS.SNS.SMS.SMSType", attribute("Transactional"));
    text.message_attributes("AWS.SNS.SMS.SenderID", attribute("SHOP")).send().await.unwrap();
    let endpoint = registered(&sns, "device").await;
    sns.publish().target_arn(&endpoint).message(r#"{"title":"x"}"#).send().await.unwrap();
    sns.publish().topic_arn("arn:aws:sns:eu-west-1:000000000000:Alarms").message("m").send().await.unwrap();
    let sent = outbox(&world);
    let channels = sent.as_array().unwrap().iter().map(|sent| sent["channel"].as_str().unwrap());
    assert_eq!(channels.collect::<Vec<_>>(), ["sms", "push", "topic"]);
    assert_eq!(sent[0]["text"], "code <1> & 2");
    assert_eq!(
        sent[0]["attributes"],
        json!({ "AWS.SNS.SMS.SMSType": "Transactional", "AWS.SNS.SMS.SenderID": "SHOP" })
    );
    assert_eq!((&sent[1]["token"], &sent[1]["payload"]["title"]), (&json!("device"), &json!("x")));

    let wrong = sns.publish().phone_number(ANA).message("x");
    let wrong = wrong.message_attributes("AWS.SNS.SMS.SMSType", attribute("Urgent")).send().await;
    assert!(wrong.unwrap_err().into_service_error().is_invalid_parameter_exception());
}

#[tokio::test]
async fn a_queue_that_listens_to_a_topic_gets_its_messages_in_an_envelope() {
    let world = World::new().await;
    let topic = "arn:aws:sns:eu-west-1:000000000000:Alarms";
    client(&world).publish().topic_arn(topic).subject("s").message("m").send().await.unwrap();
    let message = world.aws.sqs.receive("Letters", 1, None).unwrap().remove(0);
    let envelope: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(
        ["Type", "TopicArn", "Subject", "Message"].map(|name| envelope[name].as_str().unwrap()),
        ["Notification", topic, "s", "m"]
    );
    assert_eq!(envelope["MessageId"], outbox(&world)[0]["id"]);
}

#[tokio::test]
async fn a_token_has_one_endpoint_and_asking_for_it_otherwise_names_the_one_that_is_there() {
    let world = World::new().await;
    let sns = client(&world);
    let first = register(&sns, "t").custom_user_data("ana").send().await.unwrap().endpoint_arn.unwrap();
    let again = register(&sns, "t").custom_user_data("ana").send().await.unwrap().endpoint_arn.unwrap();
    assert_eq!(first, again);
    let other = register(&sns, "t").custom_user_data("ben").send().await.unwrap_err().into_service_error();
    assert!(other.is_invalid_parameter_exception());
    let words = format!("Endpoint {first} already exists with the same Token, but different attributes.");
    assert!(other.message().unwrap().contains(&words), "{other:?}");

    world.aws.sns.enable_device("t", false).unwrap();
    assert!(register(&sns, "t").custom_user_data("ana").send().await.is_err(), "it is disabled");
    let set = sns.set_endpoint_attributes().endpoint_arn(&first);
    set.attributes("Enabled", "true").attributes("Token", "new").send().await.unwrap();
    let moved = register(&sns, "new").custom_user_data("ana").send().await.unwrap().endpoint_arn.unwrap();
    assert_eq!(moved, first, "the endpoint has a new token");
    let free = registered(&sns, "t").await;
    assert_ne!(free, first, "and the old one is free");
    let taken = sns.set_endpoint_attributes().endpoint_arn(&free).attributes("Token", "new").send().await;
    assert!(taken.unwrap_err().into_service_error().is_invalid_parameter_exception());
}

#[tokio::test]
async fn an_application_an_endpoint_and_a_topic_that_are_not_there_are_not_found() {
    let world = World::new().await;
    let sns = client(&world);
    let application = "arn:aws:sns:eu-west-1:000000000000:app/GCM/other";
    let create = register(&sns, "t").platform_application_arn(application).send().await;
    assert!(create.unwrap_err().into_service_error().is_not_found_exception());
    let create = register(&sns, "t").platform_application_arn("other").send().await;
    assert!(create.unwrap_err().into_service_error().is_invalid_parameter_exception());
    let endpoint = registered(&sns, "t").await;
    for _ in 0..2 {
        sns.delete_endpoint().endpoint_arn(&endpoint).send().await.unwrap();
    }
    let push = sns.publish().target_arn(&endpoint).message("x").send().await;
    assert!(push.unwrap_err().into_service_error().is_not_found_exception());
    assert_ne!(registered(&sns, "t").await, endpoint, "who registers again has a new endpoint");
}

#[tokio::test]
async fn a_push_to_a_device_that_is_gone_is_refused_and_the_shop_is_told() {
    let world = World::new().await;
    let sns = client(&world);
    let endpoint = registered(&sns, "t").await;
    assert_eq!(world.aws.sns.enable_device("t", false).unwrap(), 1);
    let attributes = sns.get_endpoint_attributes().endpoint_arn(&endpoint).send().await.unwrap();
    assert_eq!(attributes.attributes.unwrap()["Enabled"], "false");
    let push = async || sns.publish().target_arn(&endpoint).message("m").send().await;
    assert!(push().await.unwrap_err().into_service_error().is_endpoint_disabled_exception());
    let event = told(&world).remove(0);
    assert_eq!(
        ["EndpointArn", "EventType", "FailureType", "Token"].map(|name| event[name].as_str().unwrap()),
        [&endpoint, "DeliveryFailure", "EndpointDisabled", "t"]
    );
    let enable = sns.set_endpoint_attributes().endpoint_arn(&endpoint).attributes("Enabled", "true");
    enable.send().await.unwrap();
    push().await.unwrap();
    assert_eq!(world.aws.sns.enable_device("unknown", true).unwrap(), 0);
}

#[tokio::test]
async fn a_device_that_nobody_reaches_any_more_is_disabled_after_the_push_was_accepted() {
    let world = World::new().await;
    let sns = client(&world);
    let endpoint = registered(&sns, "t").await;
    world.aws.sns.know_device("t", false).unwrap();
    let push = async || sns.publish().target_arn(&endpoint).message("m").send().await;
    let id = push().await.unwrap().message_id.unwrap();
    assert!(outbox(&world).as_array().unwrap().is_empty());
    let event = told(&world).remove(0);
    assert_eq!((&event["FailureType"], &event["MessageId"]), (&json!("InvalidPlatformToken"), &json!(id)));
    assert!(push().await.unwrap_err().into_service_error().is_endpoint_disabled_exception());
    let renew = sns.set_endpoint_attributes().endpoint_arn(&endpoint);
    renew.attributes("Token", "new").attributes("Enabled", "true").send().await.unwrap();
    push().await.unwrap();
    assert_eq!(outbox(&world)[0]["token"], "new");
}

#[tokio::test]
async fn a_structured_push_says_what_its_platform_needs() {
    let world = World::new().await;
    let sns = client(&world);
    let endpoint = registered(&sns, "t").await;
    let push = async |message: Value| {
        let request = sns.publish().target_arn(&endpoint).message_structure("json");
        request.message(message.to_string()).send().await.map_err(|error| {
            let error = error.into_service_error();
            assert!(error.is_invalid_parameter_exception(), "{error:?}");
            error.message().unwrap().to_owned()
        })
    };
    let long = json!({ "fcmV1Message": "x".repeat(4096) }).to_string();
    for (message, words) in [
        (json!({ "GCM": "{}" }), "No default entry"),
        (json!({ "default": "x", "GCM": {} }), "failed to parse"),
        (json!(["default"]), "failed to parse"),
        (json!({ "default": "x", "GCM": "no json" }), "malformed"),
        (json!({ "default": "x", "GCM": long }), "too long"),
    ] {
        let refused = push(message.clone()).await.unwrap_err();
        assert!(refused.contains(words), "{message}: {refused}");
    }
    let good = json!({ "default": "x", "GCM": r#"{"fcmV1Message":{}}"#, "APNS": "not for this device" });
    push(good.clone()).await.unwrap();
    assert_eq!(outbox(&world)[0]["payload"], good);
}

#[tokio::test]
async fn who_answers_stop_gets_no_more_text_messages_until_they_are_opted_in() {
    let world = World::new().await;
    let sns = client(&world);
    let text = async || sns.publish().phone_number(ANA).message("sale!").send().await.unwrap();
    let first = text().await.message_id.unwrap();
    let answer = |text: &str| Reply { from: ANA.to_owned(), text: text.to_owned(), to: None };
    world.aws.sns.receive_reply(&answer("When?")).unwrap();
    world.aws.sns.receive_reply(&answer(" stop ")).unwrap();
    let notices = told(&world);
    assert_eq!(notices[0]["messageKeyword"], "KEYWORD_000000000000");
    assert_eq!(
        ["originationNumber", "messageKeyword", "messageBody", "previousPublishedMessageId"]
            .map(|name| notices[1][name].as_str().unwrap()),
        [ANA, "STOP", " stop ", &first]
    );

    text().await; // accepted, as in AWS
    assert_eq!(outbox(&world).as_array().unwrap().len(), 1, "but nobody gets it");
    let is_opted_out = async || {
        let check = sns.check_if_phone_number_is_opted_out().phone_number(ANA);
        check.send().await.unwrap().is_opted_out
    };
    assert!(is_opted_out().await);
    let listed = sns.list_phone_numbers_opted_out().send().await.unwrap();
    assert_eq!((listed.phone_numbers(), listed.next_token()), (&[ANA.to_owned()][..], None));
    sns.opt_in_phone_number().phone_number(ANA).send().await.unwrap();
    assert!(!is_opted_out().await);
    text().await;
    assert_eq!(outbox(&world).as_array().unwrap().len(), 2);
    assert!(world.aws.sns.receive_reply(&Reply { from: "ana".to_owned(), ..answer("hi") }).is_err());
}
