//! The functions that are compared, as processes over the Lambda Runtime API.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Room;
use crate::{
    bench::{
        BenchError,
        machine::{cpu_time, resident_kib},
        peers::Peers,
        shop::Shop,
        start::build,
    },
    gateway::{self, Caller},
    runtime_api::{Bootstrap, MissingBootstrap, Sandbox},
    websocket_api::event::{About, Occasion},
};

/// The folder and the package of our function.
const OURS: &str = "ws-message";

/// What both say.
const TEXT: &str = "Is the lamp bright enough to read by?";

/// As whom the tables are made.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=outside/20260105/eu-west-1/dynamodb/aws4_request, \
                         SignedHeaders=host, Signature=0";

/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A function in a process of its own, to which frames are handed as API Gateway does it.
pub struct Speaker {
    pub name: &'static str,
    /// By what its requests are counted.
    pub function: String,
    sandbox: Sandbox,
}

/// The binary of our function: one that is built already, or one that is built now as it is for Lambda.
pub async fn our_binary(template: &Path, built: Option<&Path>) -> Result<PathBuf, BenchError> {
    let Some(folder) = built else {
        let built = build::release(template.parent().unwrap_or(template), &[OURS]).await?;
        let binary = built.get(OURS).cloned();
        return binary.ok_or_else(|| BenchError::Build(format!("there is no binary {OURS}")));
    };
    let binary = folder.join(OURS).join("bootstrap");
    // A relative path would be looked for below the process's own directory.
    Ok(binary.canonicalize().map_err(|_| MissingBootstrap(binary))?)
}

impl Speaker {
    pub async fn ours(shop: &Shop, binary: PathBuf) -> Result<Self, BenchError> {
        let deployed = shop.cloud.function(OURS);
        let deployed =
            deployed.ok_or_else(|| BenchError::Unexpected(format!("the template has no {OURS}")))?;
        let (function, environment) = (deployed.name.clone(), deployed.environment.clone());
        let sandbox = started(&Bootstrap { function: function.clone(), binary, environment }).await?;
        Ok(Self { name: "shopwire ws-message", function, sandbox })
    }

    /// Has its own tables made, and everybody who is in a room stored there by its own `connect`.
    pub async fn naive(shop: &Shop, peers: &Peers, rooms: &[Room]) -> Result<Self, BenchError> {
        let (connections, messages) = ("NaiveConnections", "NaiveMessages");
        make_table(shop, connections, ["room", "connectionId"]).await?;
        make_table(shop, messages, ["room", "at"]).await?;
        let environment = BTreeMap::from(
            [
                ("NODE_NO_WARNINGS", "1".to_owned()),
                ("PATH", Peers::folder_of_node().await? + ":/usr/bin:/bin"),
                ("AWS_ENDPOINT_URL", shop.cloud.aws_url().to_owned()),
                ("WS_ENDPOINT", shop.cloud.aws_url().to_owned()),
                ("CONNECTIONS_TABLE", connections.to_owned()),
                ("MESSAGES_TABLE", messages.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let bootstrap = |function: &str, handler: &str| {
            let mut environment = environment.clone();
            environment.insert("_HANDLER".to_owned(), handler.to_owned());
            Bootstrap { function: function.to_owned(), binary: peers.script("bootstrap.mjs"), environment }
        };
        let mut admitting = started(&bootstrap("NaiveConnect", "connect")).await?;
        for room in rooms {
            for connection in &room.connections {
                let mut event = json!({ "requestContext": about(connection, Occasion::Connect).context() });
                if let Some(event) = event.as_object_mut() {
                    event.insert("queryStringParameters".into(), json!({ "room": room.conversation }));
                }
                invoked(&mut admitting, &event).await?;
            }
        }
        let function = "NaiveSendMessage".to_owned();
        let sandbox = started(&bootstrap(&function, "sendMessage")).await?;
        Ok(Self { name: "naive, Node.js", function, sandbox })
    }

    /// Says something on the first connection of a room.
    pub async fn say(&mut self, room: &Room, number: u32) -> Result<(), BenchError> {
        let Some(connection) = room.connections.first() else {
            return Ok(());
        };
        let frame = json!({
            "id": "c1",
            "type": "chat.message.send",
            "data": {
                "conversation_id": room.conversation,
                "content": { "text": TEXT },
                "client_message_id": format!("m{number}"),
            },
        });
        let occasion = Occasion::Message { route: "$default".to_owned(), message_id: gateway::new_id() };
        let answer =
            invoked(&mut self.sandbox, &about(connection, occasion).message(&frame.to_string())).await?;
        let reply = answer.get("body").and_then(Value::as_str).unwrap_or_default();
        match serde_json::from_str::<Value>(reply) {
            Ok(reply) if reply.get("type").is_some_and(|kind| kind == "ack") => Ok(()),
            _ => Err(BenchError::Unexpected(format!("{} answered {answer}", self.name))),
        }
    }

    /// Processor time that it has taken.
    pub fn cpu(&self) -> Duration {
        self.sandbox.process_id().and_then(cpu_time).unwrap_or_default()
    }

    /// Memory that it holds.
    pub fn memory_kib(&self) -> u64 {
        self.sandbox.process_id().and_then(resident_kib).unwrap_or_default()
    }
}

async fn started(bootstrap: &Bootstrap) -> Result<Sandbox, BenchError> {
    let failed = |answer| BenchError::NotStarted { function: bootstrap.function.clone(), answer };
    Sandbox::start(bootstrap).await.map_err(failed)
}

async fn invoked(sandbox: &mut Sandbox, event: &Value) -> Result<Value, BenchError> {
    let answer = sandbox.invoke(event, TIMEOUT).await;
    answer.map_err(|error| BenchError::Unexpected(format!("an invocation failed: {error}")))
}

/// What an event tells of a connection.
fn about(connection: &str, occasion: Occasion) -> About {
    let now = Timestamp::now();
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    About {
        connection_id: connection.to_owned(),
        connected_at: now,
        caller: Caller {
            source_ip: local,
            forwarded_for: local.to_string(),
            user_agent: String::new(),
            domain: "127.0.0.1".to_owned(),
        },
        now,
        request_id: gateway::new_id(),
        occasion,
    }
}

/// Makes a table with these keys, both text, as `aws dynamodb create-table` does.
async fn make_table(shop: &Shop, name: &str, [hash, range]: [&str; 2]) -> Result<(), BenchError> {
    let table = json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": hash, "AttributeType": "S" },
            { "AttributeName": range, "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": hash, "KeyType": "HASH" },
            { "AttributeName": range, "KeyType": "RANGE" },
        ],
    });
    let mut request = shop.http.post(shop.cloud.aws_url()).body(table.to_string());
    for (name, value) in [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "DynamoDB_20120810.CreateTable"),
        ("x-amz-date", "20260105T090000Z"),
        // Whoever makes a table must be somebody; the signature is not looked at.
        ("authorization", SIGNATURE),
    ] {
        request = request.header(name, value);
    }
    let answer = request.send().await?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = Value::String(answer.text().await?);
    Err(BenchError::Answer { what: format!("making the table {name}"), status: status.as_u16(), body })
}
