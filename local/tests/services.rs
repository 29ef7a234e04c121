//! The AWS services of the local cloud, through the unchanged SDK.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy takes helpers of tests for ordinary code"
)]

mod support;

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, ReturnConsumedCapacity, TransactWriteItem},
};
use local::faults::{Fault, FaultKind};
use serde_json::{Value, json};
use support::{World, text};

fn put(table: &str, pk: &str, sk: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(table).item("pk", text(pk)).item("sk", text(sk)).build().unwrap();
    TransactWriteItem::builder().put(put).build()
}

#[tokio::test]
async fn units_follow_the_rules_of_aws() {
    let world = World::new().await;
    let dynamo = world.dynamo("Orders");
    let plain = dynamo.put_item().table_name("Orders").item("pk", text("1")).item("sk", text("a"));
    plain.send().await.unwrap();
    let write_units = || format!("{}", world.aws.meter.snapshot().write_units);
    assert_eq!(write_units(), "1", "a put of up to 1 KB");

    world.aws.meter.reset();
    let acts = vec![put("Orders", "2", "a"), put("Orders", "3", "a"), put("Chat", "4", "a")];
    dynamo.transact_write_items().set_transact_items(Some(acts)).send().await.unwrap();
    let counted = world.aws.meter.snapshot();
    let rows =
        counted.rows.iter().map(|row| format!("{} {}", row.table.as_deref().unwrap(), row.write_units));
    assert_eq!(rows.collect::<Vec<_>>(), ["Chat 2", "Orders 4"], "a transaction costs double");
    assert_eq!(counted.requests, 1, "and is one request");

    world.aws.meter.reset();
    let indexed = dynamo.put_item().table_name("Orders").item("pk", text("5")).item("sk", text("a"));
    let indexed = indexed.item("due", text("due#0")).return_consumed_capacity(ReturnConsumedCapacity::Total);
    let answer = indexed.send().await.unwrap();
    assert_eq!(write_units(), "2", "a put and its KEYS_ONLY index");
    assert_eq!(answer.consumed_capacity.unwrap().capacity_units, Some(2.0), "who asks is told");

    world.aws.meter.reset();
    let get = dynamo.get_item().table_name("Orders").key("pk", text("5")).key("sk", text("a"));
    let answer = get.send().await.unwrap();
    assert!(answer.consumed_capacity.is_none(), "who does not ask is not");
    let counted = world.aws.meter.snapshot();
    assert_eq!(format!("{} {}", counted.rows[0].function, counted.read_units), "Orders 0.5");
}

#[tokio::test]
async fn a_dropped_answer_loses_the_answer_and_keeps_the_write() {
    let world = World::new().await;
    world.aws.faults.add(Fault::new(FaultKind::Drop));
    let once = world.dynamo_without_retries("Orders");
    let put = once.put_item().table_name("Orders").item("pk", text("1")).item("sk", text("a"));
    put.send().await.unwrap_err();
    let get = once.get_item().table_name("Orders").key("pk", text("1")).key("sk", text("a"));
    assert!(get.send().await.unwrap().item.is_some());
}

#[tokio::test]
async fn each_fault_reaches_the_function_as_the_error_that_aws_would_send() {
    let world = World::new().await;
    let dynamo = world.dynamo_without_retries("Orders");
    let failure = async |kind| {
        world.aws.faults.add(Fault::new(kind));
        let item = dynamo.put_item().table_name("Orders").item("pk", text("1")).item("sk", text("a"));
        item.send().await.unwrap_err().into_service_error().code().unwrap_or_default().to_owned()
    };
    assert_eq!(failure(FaultKind::Refuse).await, "InternalServerError");
    assert_eq!(failure(FaultKind::Throttle).await, "ProvisionedThroughputExceededException");
    assert_eq!(failure(FaultKind::Conflict).await, "TransactionConflictException");

    world.aws.faults.add(Fault::new(FaultKind::Conflict));
    let acts = vec![put("Orders", "2", "a"), put("Orders", "3", "a")];
    let error = dynamo.transact_write_items().set_transact_items(Some(acts)).send().await.unwrap_err();
    let error = error.into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = &error else {
        panic!("{error:?}")
    };
    let reasons = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or_default());
    assert_eq!(reasons.collect::<Vec<_>>(), ["TransactionConflict", "None"]);
}

#[tokio::test]
async fn a_request_that_the_engine_finds_invalid_is_refused_in_the_words_of_aws() {
    let world = World::new().await;
    let dynamo = world.dynamo_without_retries("Orders");
    let error = dynamo.put_item().table_name("Orders").item("pk", text("1")).send().await.unwrap_err();
    let error = error.into_service_error();
    assert_eq!(error.code(), Some("ValidationException"));
    assert!(error.message().unwrap().contains("Missing the key sk"), "{error:?}");
}

#[tokio::test]
async fn a_stream_hands_over_in_order_what_its_filter_lets_through() {
    let world = World::new().await;
    let dynamo = world.dynamo("Orders");
    for sk in ["meta", "j#1", "j#2", "j#3"] {
        let put = dynamo.put_item().table_name("Orders").item("pk", text("1")).item("sk", text(sk));
        put.send().await.unwrap();
    }
    world.idle().await;
    assert_eq!(world.functions.handled("Relay"), ["j#1", "j#2", "j#3"]);
    let record = &world.records("Relay")[0];
    assert_eq!(record["eventName"], "INSERT");
    assert_eq!(record["eventSource"], "aws:dynamodb");
    assert_eq!(record["dynamodb"]["NewImage"]["pk"]["S"], "1");
    assert_eq!(record["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
}

#[tokio::test]
async fn a_poisoned_record_is_isolated_retried_and_reported_to_the_destination() {
    let world = World::new().await;
    world.functions.fail_records_of("Relay", "j#bad");
    let acts = ["j#1", "j#bad", "j#2"].map(|sk| put("Orders", "1", sk));
    world.dynamo("Orders").transact_write_items().set_transact_items(Some(acts.into())).send().await.unwrap();
    world.advance(60).await;
    assert_eq!(world.functions.handled("Relay"), ["j#1", "j#2"]);
    let messages = world.aws.sqs.receive("Letters", 10, None).unwrap();
    let told: Value = serde_json::from_str(&messages[0].body).unwrap();
    assert_eq!(told["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted");
}

#[tokio::test]
async fn an_expired_item_goes_by_itself_and_its_record_says_who_removed_it() {
    let world = World::new().await;
    let soon = world.clock.now().as_second() + 60;
    let put = world.dynamo("Orders").put_item().table_name("Orders").item("pk", text("1"));
    let put = put.item("sk", text("j#1")).item("expires_at", AttributeValue::N(soon.to_string()));
    put.send().await.unwrap();
    world.advance(600).await;
    assert_eq!(world.records("Relay").len(), 1, "not yet");
    world.advance(120).await;
    let records = world.records("Relay");
    assert_eq!(records[1]["eventName"], "REMOVE");
    assert_eq!(
        records[1]["userIdentity"],
        json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" })
    );
    assert_eq!(records[1]["dynamodb"]["OldImage"]["pk"]["S"], "1");
}

#[tokio::test]
async fn a_parameter_is_found_in_clear_only_when_asked_for_in_clear() {
    let world = World::new().await;
    let ssm = aws_sdk_ssm::Client::from_conf(world.config("Platform").ssm);
    let value = async |decrypts| {
        let answer = ssm.get_parameter().name("/shop/secret").with_decryption(decrypts).send().await.unwrap();
        answer.parameter.unwrap().value.unwrap()
    };
    assert_eq!(value(true).await, "hush");
    assert_ne!(value(false).await, "hush");
    let error = ssm.get_parameter().name("/no").send().await.unwrap_err().into_service_error();
    assert!(error.is_parameter_not_found());
    ssm.put_parameter().name("/shop/secret").value("new").overwrite(true).send().await.unwrap();
    assert_eq!(value(true).await, "new");
}

#[tokio::test]
async fn a_restart_keeps_items_messages_mail_and_the_place_in_a_stream() {
    let world = World::new().await;
    let dynamo = world.dynamo("Orders");
    let write = async |dynamo: &aws_sdk_dynamodb::Client, sk: &str| {
        let put = dynamo.put_item().table_name("Orders").item("pk", text("1")).item("sk", text(sk));
        put.send().await.unwrap();
    };
    write(&dynamo, "j#1").await;
    world.idle().await;
    world.functions.fail_records_of("Relay", "j#2");
    write(&dynamo, "j#2").await;
    world.idle().await;
    world.aws.sqs.send_text("Plain", "kept".to_owned(), "Relay").unwrap();

    let world = world.restarted().await;
    world.functions.heal();
    world.idle().await;
    assert_eq!(world.functions.handled("Relay"), ["j#1", "j#2"], "each was done once");
    assert_eq!(world.aws.sqs.receive("Plain", 1, None).unwrap()[0].body, "kept");
    let get =
        world.dynamo("Orders").get_item().table_name("Orders").key("pk", text("1")).key("sk", text("j#2"));
    assert!(get.send().await.unwrap().item.is_some());
}

#[tokio::test]
async fn trimmed_stream_records_are_gone_but_for_the_newest() {
    let world = World::new().await;
    for sk in ["j#1", "j#2", "other"] {
        let put =
            world.dynamo("Orders").put_item().table_name("Orders").item("pk", text("1")).item("sk", text(sk));
        put.send().await.unwrap();
    }
    let all = world.aws.dynamo.records("Orders", 0, 10).unwrap();
    world.aws.dynamo.trim("Orders", all.last().unwrap().0).unwrap();
    let kept = world.aws.dynamo.records("Orders", 0, 10).unwrap();
    let kept: Vec<_> = kept.iter().map(|(_, record)| record["dynamodb"]["Keys"]["sk"]["S"].clone()).collect();
    assert_eq!(kept, ["other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_at_once_each_reach_the_function_once() {
    let world = World::new().await;
    let dynamo = world.dynamo("Orders");
    let writes = (0..800).map(|number| {
        let put = dynamo.put_item().table_name("Orders").item("pk", text("1"));
        put.item("sk", text(&format!("j#{number:04}"))).send()
    });
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    world.idle().await;
    let mut handled = world.functions.handled("Relay");
    handled.sort();
    assert_eq!(handled, (0..800).map(|number| format!("j#{number:04}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_post_to_a_connection_is_passed_on_counted_and_can_be_gone() {
    let world = World::new().await;
    let client = aws_sdk_apigatewaymanagement::Client::from_conf(world.config("WsMessage").connections);
    let post =
        async || client.post_to_connection().connection_id("c=").data(b"{}".to_vec().into()).send().await;
    post().await.unwrap();
    world.aws.faults.add(Fault::new(FaultKind::Gone));
    assert!(post().await.unwrap_err().into_service_error().is_gone_exception());
    let counted = world.aws.meter.snapshot();
    assert_eq!((counted.rows[0].operation.as_str(), counted.rows[0].requests), ("PostToConnection", 2));
}
