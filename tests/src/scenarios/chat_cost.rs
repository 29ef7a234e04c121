//! What saying something costs: the same, however much was said before and however many are connected.

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    chat::{opens, says_on},
    world::{Socket, World},
};

/// Messages of one conversation.
const MANY_MESSAGES: u64 = 10_000;

/// Connections of the shop, each of which listens to a conversation of its own.
const MANY_CONNECTIONS: u64 = 1_000;

/// How many rows one request writes at most.
const BATCH: usize = 25;

/// What one message asks of DynamoDB and of sockets, and what that is billed as.
async fn cost_of_saying(world: &World, speaker: &mut Socket, id: &str, name: &str) -> Vec<String> {
    // At rest, and long enough after the last word.
    world.advance(SignedDuration::from_secs(30)).await;
    world.cloud().meter().reset();
    let said = says_on(speaker, id, name, "Is the lamp bright enough to read by?").await;
    assert_eq!(said["type"], "ack", "{said}");
    let rows = world.cloud().meter().snapshot().rows.into_iter().filter(|row| row.function == "WsMessage");
    let line = |row: local::meter::RequestsRow| {
        let (table, units) = (row.table.unwrap_or_default(), (row.read_units, row.write_units));
        format!("{} {} {table}: {} read, {} written", row.requests, row.operation, units.0, units.1)
    };
    rows.map(line).collect()
}

/// The rows of a partition whose sort keys begin so.
async fn rows(world: &World, table: &str, pk: &str, begins: &str) -> Vec<Value> {
    let query = json!({
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :begins)",
        "ExpressionAttributeValues": { ":pk": { "S": pk }, ":begins": { "S": begins } },
        "ConsistentRead": true,
    });
    world.dynamo("Query", query).await["Items"].as_array().unwrap().clone()
}

async fn put(world: &World, table: &str, rows: impl Iterator<Item = Value>) {
    let puts: Vec<Value> = rows.map(|row| json!({ "PutRequest": { "Item": row } })).collect();
    let write = |batch: &[Value]| {
        let batch = json!({ "RequestItems": { table: batch } });
        async { world.dynamo("BatchWriteItem", batch).await }
    };
    let answers: Vec<Value> = stream::iter(puts.chunks(BATCH).map(write)).buffer_unordered(8).collect().await;
    assert!(answers.iter().all(|answer| answer["UnprocessedItems"] == json!({})));
}

/// As if so much had been said in the conversation by the shop itself.
async fn much_was_said(world: &World, id: &str) {
    let pk = format!("default#conversation#{id}");
    let message = rows(world, "ChatTable", &pk, "m#").await.pop().unwrap();
    let last: u64 = message["seq"]["N"].as_str().unwrap().parse().unwrap();
    let copy = |seq: u64| {
        let mut row = message.clone();
        row["sk"] = json!({ "S": format!("m#{seq:010}") });
        row["seq"] = json!({ "N": seq.to_string() });
        row["as"] = json!({ "S": "bot" });
        row
    };
    put(world, "ChatTable", (last + 1..=last + MANY_MESSAGES).map(copy)).await;
    let head = json!({
        "TableName": "ChatTable",
        "Key": { "pk": { "S": pk }, "sk": { "S": "head" } },
        "UpdateExpression": "SET last_seq = last_seq + :many",
        "ExpressionAttributeValues": { ":many": { "N": MANY_MESSAGES.to_string() } },
    });
    world.dynamo("UpdateItem", head).await;
}

/// As if as many others were connected, and listened to a conversation of theirs.
async fn many_are_connected(world: &World, connection: &str) {
    let held = rows(world, "RealtimeTable", &format!("connection#{connection}"), "").await;
    assert!(held.iter().any(|row| row["sk"]["S"].as_str().unwrap().starts_with("sub#")), "{held:?}");
    let copies = (0..MANY_CONNECTIONS).flat_map(|number| {
        held.iter().map(move |row| {
            let other = format!("other-{number}");
            let text = row.to_string().replace(connection, &other).replace("cnv_", &format!("cnv_{number}"));
            serde_json::from_str(&text).unwrap()
        })
    });
    put(world, "RealtimeTable", copies).await;
    let listens = (0..MANY_CONNECTIONS).map(|number| {
        let channel = format!("default#on#conversation:cnv_{number}");
        json!({ "pk": { "S": channel }, "sk": { "S": format!("other-{number}") } })
    });
    put(world, "RealtimeTable", listens).await;
}

#[tokio::test]
async fn a_message_costs_the_same_however_much_was_said_and_however_many_are_connected() {
    let world = World::new().await;
    let ana = world.customer("ana").await;
    let id = opens(&ana).await;
    let mut sockets = vec![];
    for _ in 0..3 {
        let mut socket = ana.socket().await;
        let ready = socket.asks("hello", json!({})).await;
        socket.asks("chat.conversation.join", json!({ "conversation_id": id })).await;
        sockets.push((socket, ready["data"]["connection_id"].as_str().unwrap().to_owned()));
    }
    let (speaker, connection) = &mut sockets[0];
    for number in 1..=10 {
        says_on(speaker, &id, &format!("m{number}"), "Hello?").await;
    }
    let of_few = cost_of_saying(&world, speaker, &id, "few").await;
    insta::assert_debug_snapshot!(of_few, @r#"
    [
        "1 GetItem RealtimeTable: 0.5 read, 0 written",
        "1 PutItem ChatTable: 0 read, 1 written",
        "1 Query RealtimeTable: 1 read, 0 written",
        "1 UpdateItem ChatTable: 0 read, 1 written",
        "3 PostToConnection : 0 read, 0 written",
    ]
    "#);

    much_was_said(&world, &id).await;
    many_are_connected(&world, connection).await;
    assert_eq!(cost_of_saying(&world, speaker, &id, "many").await, of_few);
    world.end().await;
}
