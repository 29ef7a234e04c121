//! SES of the local cloud, through the unchanged SDK, and what it tells of mail.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod support;

use aws_sdk_sesv2::{
    Client,
    error::ProvideErrorMetadata,
    operation::send_email::builders::SendEmailFluentBuilder,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag},
};
use serde_json::{Value, json};
use support::World;

fn client(world: &World) -> Client {
    Client::from_conf(world.config("Notifier").ses)
}

/// A mail to someone, its headers added.
fn mail(client: &Client, to: &str, headers: &[(&str, &str)]) -> SendEmailFluentBuilder {
    let content = |text: &str| Content::builder().data(text).build().unwrap();
    let body = Body::builder().text(content("hello")).html(content("<p>hello</p>")).build();
    let mut simple = Message::builder().subject(content("hi")).body(body);
    for (name, value) in headers {
        simple = simple.headers(MessageHeader::builder().name(*name).value(*value).build().unwrap());
    }
    client
        .send_email()
        .from_email_address("Shop <shop@shop.example>")
        .destination(Destination::builder().to_addresses(to).build())
        .content(EmailContent::builder().simple(simple.build()).build())
}

/// What the queue was told, in order.
fn told(world: &World) -> Vec<Value> {
    let messages = world.aws.sqs.receive("Plain", 10, None).unwrap();
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

#[tokio::test]
async fn a_mail_is_in_the_outbox_with_all_that_it_was_sent_with() {
    let world = World::new().await;
    let headers = [
        ("List-Unsubscribe", "<https://shop.example/u?t=1>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ];
    let request = mail(&client(&world), "ana@example.com", &headers);
    let request = request.reply_to_addresses("help@shop.example").configuration_set_name("Mail");
    let tag = MessageTag::builder().name("notification").value("ntf_1").build().unwrap();
    let answer = request.email_tags(tag).send().await.unwrap();
    let sent = serde_json::to_value(world.outbox.list(None, 10).unwrap()).unwrap();
    assert_eq!(sent[0]["id"], answer.message_id.unwrap());
    assert_eq!((&sent[0]["channel"], &sent[0]["to"]), (&json!("mail"), &json!(["ana@example.com"])));
    assert_eq!((&sent[0]["subject"], &sent[0]["text"]), (&json!("hi"), &json!("hello")));
    assert_eq!(sent[0]["html"], "<p>hello</p>");
    assert_eq!(sent[0]["headers"][1], json!(["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"]));
    assert_eq!(sent[0]["reply_to"], json!(["help@shop.example"]));
    assert_eq!(
        (&sent[0]["configuration_set"], &sent[0]["tags"]["notification"]),
        (&json!("Mail"), &json!("ntf_1"))
    );
}

#[tokio::test]
async fn mail_that_ses_would_refuse_is_refused_and_not_sent() {
    let world = World::new().await;
    let client = client(&world);
    for (header, value) in [
        ("Subject", "other"),
        ("From", "else@shop.example"),
        ("List-Unsubscribe", "<x>\r\nBcc: all@example.com"),
        ("Two words", "x"),
        ("Empty", ""),
    ] {
        let refused = mail(&client, "ana@example.com", &[(header, value)]).send().await.unwrap_err();
        let error = refused.into_service_error();
        assert!(error.is_bad_request_exception(), "{header}: {error:?}");
    }
    let error = mail(&client, "ana", &[]).send().await.unwrap_err().into_service_error();
    assert_eq!(error.message(), Some("Missing final '@domain'"));
    let unknown = mail(&client, "ana@example.com", &[]).configuration_set_name("Nobody's").send().await;
    assert!(unknown.unwrap_err().into_service_error().is_not_found_exception());
    assert!(world.outbox.list(None, 10).unwrap().is_empty());
}

#[tokio::test]
async fn the_mailbox_simulator_says_what_became_of_mail_to_it() {
    let world = World::new().await;
    let client = client(&world);
    for word in ["success", "bounce", "ooto", "suppressionlist", "complaint"] {
        let to = format!("{word}+ana@simulator.amazonses.com");
        mail(&client, &to, &[]).configuration_set_name("Mail").send().await.unwrap();
    }
    let events = told(&world);
    let shown = events.iter().map(|event| {
        let bounce = &event["bounce"];
        [&event["eventType"], &bounce["bounceType"], &bounce["bounceSubType"]]
            .map(|word| word.as_str().unwrap_or("-"))
            .join(" ")
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "Delivery - -",
            "Bounce Permanent General",
            "Delivery - -",
            "Bounce Transient General",
            "Bounce Permanent OnAccountSuppressionList",
            "Delivery - -",
            "Complaint - -",
        ]
    );
    let sent = world.outbox.list(None, 10).unwrap();
    assert_eq!(events[1]["mail"]["messageId"], sent[1].id);
    assert_eq!(events[1]["mail"]["timestamp"], "2026-01-01T00:00:00.000Z");
    assert_eq!(events[1]["mail"]["tags"]["ses:configuration-set"], json!(["Mail"]));
    assert_eq!(
        events[1]["bounce"]["bouncedRecipients"][0]["emailAddress"],
        "bounce+ana@simulator.amazonses.com"
    );
    assert_eq!(
        events[6]["complaint"]["complainedRecipients"][0]["emailAddress"],
        "complaint+ana@simulator.amazonses.com"
    );
}

#[tokio::test]
async fn nothing_is_told_of_mail_without_a_configuration_set() {
    let world = World::new().await;
    mail(&client(&world), "bounce@simulator.amazonses.com", &[]).send().await.unwrap();
    assert!(told(&world).is_empty());
}
