//! SQS of the local cloud: through the unchanged SDK, and as a source of functions.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod support;

use aws_sdk_sqs::{
    Client,
    primitives::Blob,
    types::{MessageAttributeValue, MessageSystemAttributeName, SendMessageBatchRequestEntry},
};
use support::World;

async fn queue(world: &World, name: &str) -> (Client, String) {
    let client = Client::from_conf(world.config("Relay").sqs);
    let url = client.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
    (client, url)
}

#[tokio::test]
async fn a_message_comes_back_as_it_was_sent_and_hides_until_its_timeout_has_passed() {
    let world = World::new().await;
    let (client, url) = queue(&world, "Plain").await;
    let text = MessageAttributeValue::builder().data_type("String").string_value("é").build().unwrap();
    let binary =
        MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 255])).build();
    let send =
        client.send_message().queue_url(&url).message_body("hello").message_attributes("b", binary.unwrap());
    send.message_attributes("a", text).send().await.unwrap(); // the SDK compares the digests
    let receive = async || {
        let receive = client.receive_message().queue_url(&url).message_attribute_names("All");
        let answer =
            receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await.unwrap();
        answer.messages.unwrap_or_default()
    };
    let messages = receive().await;
    assert_eq!(messages[0].body(), Some("hello"));
    assert_eq!(messages[0].message_attributes().unwrap()["a"].string_value(), Some("é"));
    assert!(receive().await.is_empty(), "hidden");
    world.advance(30).await;
    let again = receive().await;
    assert_eq!(again[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "2");
    let delete = client.delete_message().queue_url(&url).receipt_handle(again[0].receipt_handle().unwrap());
    delete.send().await.unwrap();
    world.advance(30).await;
    assert!(receive().await.is_empty(), "deleted");
}

#[tokio::test]
async fn a_delay_and_a_changed_visibility_are_kept_to_the_second() {
    let world = World::new().await;
    let (client, url) = queue(&world, "Plain").await;
    client.send_message().queue_url(&url).message_body("later").delay_seconds(5).send().await.unwrap();
    let receive =
        async || client.receive_message().queue_url(&url).send().await.unwrap().messages.unwrap_or_default();
    world.advance(4).await;
    assert!(receive().await.is_empty());
    world.advance(1).await;
    let messages = receive().await;
    let change = client.change_message_visibility().queue_url(&url).visibility_timeout(0);
    change.receipt_handle(messages[0].receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(receive().await.len(), 1);
}

#[tokio::test]
async fn one_bad_entry_of_a_batch_does_not_stop_the_others() {
    let world = World::new().await;
    let (client, url) = queue(&world, "Plain").await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let batch =
        client.send_message_batch().queue_url(&url).entries(entry("a", "x")).entries(entry("b", "\u{1}"));
    let answer = batch.send().await.unwrap();
    assert_eq!((answer.successful()[0].id(), answer.failed()[0].id()), ("a", "b"));
    let twice = client.send_message_batch().queue_url(&url).entries(entry("a", "x")).entries(entry("a", "x"));
    assert!(twice.send().await.unwrap_err().into_service_error().is_batch_entry_ids_not_distinct());
    let nowhere = client.send_message().queue_url(format!("{url}x")).message_body("x").send().await;
    assert!(nowhere.unwrap_err().into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn a_failing_message_is_tried_twice_and_then_is_a_dead_letter_while_the_others_are_done_once() {
    let world = World::new().await;
    world.functions.fail_records_of("Notifier", "bad");
    let (client, url) = queue(&world, "Notify").await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let batch =
        client.send_message_batch().queue_url(&url).entries(entry("a", "good")).entries(entry("b", "bad"));
    batch.send().await.unwrap();
    world.advance(600).await;
    assert_eq!(world.functions.handled("Notifier"), ["good"]);
    let tries = world.records("Notifier").iter().filter(|record| record["body"] == "bad").count();
    assert_eq!(tries, 2);
    assert_eq!(world.aws.sqs.depth("Letters").unwrap().visible, 1);
    assert_eq!(world.aws.sqs.depth("Notify").unwrap().in_flight, 0);
    let record = &world.records("Notifier")[0];
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
}

#[tokio::test]
async fn a_message_older_than_the_queue_keeps_it_is_gone() {
    let world = World::new().await;
    world.aws.sqs.send_text("Plain", "old".to_owned(), "Relay").unwrap();
    world.advance(4 * 24 * 3600 - 1).await;
    assert_eq!(world.aws.sqs.depth("Plain").unwrap().visible, 1);
    world.advance(1).await;
    assert_eq!(world.aws.sqs.depth("Plain").unwrap().visible, 0);
}
