//! The MD5 digests of a message, which SQS clients compare with their own.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

/// Digest of a body.
pub fn of_body(body: &str) -> String {
    hex::encode(md5::compute(body).0)
}

/// Digest of message attributes; none if there are none. By name: length and text of the name and of the data type, one
/// byte for the kind of value, length and bytes of the value.
pub fn of_attributes(attributes: &Map<String, Value>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let mut context = md5::Context::new();
    for (name, attribute) in sorted {
        consume(&mut context, name.as_bytes());
        consume(&mut context, data_type(attribute).as_bytes());
        context.consume([if is_binary(attribute) { 2 } else { 1 }]);
        consume(&mut context, &value(attribute));
    }
    Some(hex::encode(context.compute().0))
}

/// How much of the size limit attributes take.
pub fn size_of_attributes(attributes: &Map<String, Value>) -> usize {
    attributes
        .iter()
        .map(|(name, attribute)| name.len() + data_type(attribute).len() + value(attribute).len())
        .sum()
}

/// `String`, `Number`, `Binary` or one of them with a label.
pub fn data_type(attribute: &Value) -> &str {
    attribute.get("DataType").and_then(Value::as_str).unwrap_or_default()
}

fn is_binary(attribute: &Value) -> bool {
    data_type(attribute).starts_with("Binary")
}

fn value(attribute: &Value) -> Vec<u8> {
    let text = |name: &str| attribute.get(name).and_then(Value::as_str).unwrap_or_default();
    if is_binary(attribute) {
        STANDARD.decode(text("BinaryValue")).unwrap_or_default()
    } else {
        text("StringValue").as_bytes().to_vec()
    }
}

fn consume(context: &mut md5::Context, bytes: &[u8]) {
    context.consume(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    context.consume(bytes);
}
