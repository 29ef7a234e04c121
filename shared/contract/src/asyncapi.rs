//! The AsyncAPI document of the WebSocket API, made from the same schemas as the OpenAPI document.
//!
//! OpenAPI 3.1 schemas are JSON Schema, so utoipa's serve AsyncAPI 3 as they stand, references included: one derive
//! is enough for both documents.

use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use crate::frames::{AnyEvent, ClientFrame, Command, EventFrame, EventHead, LiveEvent, Reply};

/// The document, as JSON.
pub fn document() -> Value {
    let mut schemas = vec![];
    collect::<ClientFrame>(&mut schemas);
    collect::<Command>(&mut schemas);
    collect::<Reply>(&mut schemas);
    collect::<EventHead>(&mut schemas);
    collect::<EventFrame>(&mut schemas);
    collect::<LiveEvent>(&mut schemas);
    collect::<AnyEvent>(&mut schemas);
    let schemas: Map<String, Value> = schemas
        .into_iter()
        .filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?)))
        .collect();
    let client = messages::<Command>(&frame_of_client);
    let server: Map<String, Value> = messages::<Reply>(&as_it_is)
        .into_iter()
        .chain(messages::<LiveEvent>(&event))
        .chain([custom()])
        .collect();
    let named = |messages: &Map<String, Value>| -> Vec<Value> {
        messages
            .keys()
            .map(|name| json!({ "$ref": format!("#/channels/socket/messages/{}", escaped(name)) }))
            .collect()
    };
    let all: Map<String, Value> = client
        .keys()
        .chain(server.keys())
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{}", escaped(name)) })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "shopwire live events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Frames of the WebSocket API. Open the socket with a ticket from \
                `POST /api/v1/realtime/tickets`, send `hello`, subscribe to channels.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": { "local": { "host": "127.0.0.1:3002", "pathname": "/ws", "protocol": "ws" } },
        "channels": { "socket": { "address": "/", "messages": all } },
        "operations": {
            "send": { "action": "receive", "channel": { "$ref": "#/channels/socket" }, "messages": named(&client),
                "summary": "What a client may send." },
            "receive": { "action": "send", "channel": { "$ref": "#/channels/socket" }, "messages": named(&server),
                "summary": "What a client is sent." },
        },
        "components": { "messages": client.into_iter().chain(server).collect::<Map<_, _>>(), "schemas": schemas },
    })
}

fn collect<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// A `/` in a name means something in a reference.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// One message for each variant of a tagged enum, named by its tag.
fn messages<T: ToSchema>(payload: &dyn Fn(&Value) -> Value) -> Map<String, Value> {
    let schema = serde_json::to_value(T::schema()).unwrap_or_default();
    let variants = match schema.get("oneOf").and_then(Value::as_array) {
        Some(variants) => variants.clone(),
        None => vec![schema],
    };
    let message = |variant: &Value| {
        let name = tag(variant)?;
        let summary = variant.get("description").cloned().unwrap_or_else(|| name.clone().into());
        Some((name.clone(), json!({ "name": name, "summary": summary, "payload": payload(variant) })))
    };
    variants.iter().filter_map(message).collect()
}

/// The value of `type` in a variant's schema, wherever utoipa put it.
fn tag(variant: &Value) -> Option<String> {
    let own = variant.pointer("/properties/type/enum/0");
    let inner =
        || variant.get("allOf")?.as_array()?.iter().find_map(|part| part.pointer("/properties/type/enum/0"));
    Some(own.or_else(inner)?.as_str()?.to_owned())
}

/// What a shop sends itself has a type of its own, and whatever data it likes.
fn custom() -> (String, Value) {
    let payload = json!({ "$ref": "#/components/schemas/AnyEvent" });
    let message = json!({ "name": "custom.*", "summary": "An event of a shop's own: a broadcast.", "payload": payload });
    ("custom.*".into(), message)
}

fn as_it_is(variant: &Value) -> Value {
    variant.clone()
}

fn frame_of_client(variant: &Value) -> Value {
    let id = json!({ "type": "object", "properties": { "id": {
        "type": "string", "maxLength": 64, "description": "Echoed in the answer; without it there is none." } } });
    json!({ "allOf": [id, variant] })
}

fn event(variant: &Value) -> Value {
    let head = json!({ "$ref": "#/components/schemas/EventHead" });
    json!({ "allOf": [head, variant] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_a_message_of_its_own() {
        let document = document();
        let messages: Vec<&String> = document["components"]["messages"].as_object().unwrap().keys().collect();
        for name in [
            "hello",
            "subscribe",
            "ack",
            "error",
            "connection.ready",
            "inventory.updated",
            "order.status_updated",
            "batch",
            "custom.*",
        ] {
            assert!(messages.iter().any(|message| *message == name), "{name} of {messages:?}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(value: &Value, document: &Value) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        let found = document.pointer(reference.trim_start_matches('#'));
                        assert!(found.is_some(), "{reference} leads nowhere");
                    }
                    fields.values().for_each(|field| check(field, document));
                }
                Value::Array(entries) => entries.iter().for_each(|entry| check(entry, document)),
                _ => {}
            }
        }
        let document = document();
        check(&document, &document);
    }
}
