//! People who add files: what stories about files share.

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    chat::path,
    world::{Person, Reply},
};

/// A picture of one pixel, as a painting program writes it.
pub fn png() -> Vec<u8> {
    let digits = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4\
         890000000d49444154789c63f87fc1e13f0007f0030f5b144497000000004945\
         4e44ae426082";
    hex::decode(digits).unwrap()
}

/// A document of a few words.
pub fn pdf() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n".to_vec()
}

/// The beginning of a program for Windows.
pub fn exe() -> Vec<u8> {
    [b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff", &[0; 112][..]].concat()
}

/// A file that is to come.
pub fn announced(name: &str, mime_type: &str, size: usize) -> Value {
    json!({ "file_name": name, "mime_type": mime_type, "size": size })
}

/// Asks to add a file.
pub async fn asks_to_add(person: &Person<'_>, conversation: &str, file: Value) -> Reply {
    person.post(&path(conversation, "attachments"), file).await
}

/// What came back of something that is not JSON.
#[derive(Debug)]
pub struct Raw {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Raw {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Self { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap())
    }

    /// `204`, or `403 AccessDenied: Request has expired`.
    pub fn outcome(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let tag = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(value, _)| value.to_owned())
        };
        match (tag("Code"), tag("Message")) {
            (Some(code), Some(message)) => format!("{} {code}: {message}", self.status.as_u16()),
            _ => self.status.as_u16().to_string(),
        }
    }
}

/// Sends a form with a file as a browser does.
pub async fn sends_form(url: &str, fields: &[(String, String)], file: &[u8]) -> Raw {
    let boundary = "----WebKitFormBoundaryqLuWyTPwWlDX4X2a";
    let mut body = vec![];
    for (name, value) in fields {
        let part =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    let request = reqwest::Client::new().post(url).header("origin", "http://localhost:3000");
    Raw::of(request.header("content-type", kind).body(body)).await
}

/// The fields of a form, in their order.
pub fn fields(asked: &Value) -> Vec<(String, String)> {
    let fields = asked["upload"]["fields"].as_object().unwrap().iter();
    fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// Uploads a file with the form that one was given.
pub async fn uploads(asked: &Value, file: &[u8]) -> Raw {
    sends_form(asked["upload"]["url"].as_str().unwrap(), &fields(asked), file).await
}

/// The address of a file.
pub fn of(conversation: &str, asked: &Value) -> String {
    path(conversation, &format!("attachments/{}", asked["attachment_id"].as_str().unwrap()))
}

/// Has a file looked at.
pub async fn inspects(person: &Person<'_>, conversation: &str, asked: &Value) -> Reply {
    person.post(&of(conversation, asked), json!({})).await
}

/// Asks, uploads, and has it looked at.
pub async fn adds(
    person: &Person<'_>,
    conversation: &str,
    name: &str,
    mime_type: &str,
    file: &[u8],
) -> Value {
    let asked = asks_to_add(person, conversation, announced(name, mime_type, file.len())).await.ok();
    assert_eq!(uploads(&asked, file).await.outcome(), "204");
    inspects(person, conversation, &asked).await.ok()
}

/// Gets what is behind a link.
pub async fn downloads(url: &str) -> Raw {
    Raw::of(reqwest::Client::new().get(url)).await
}

/// Asks what a page of another origin may do there.
pub async fn preflights(url: &str, origin: &str) -> Raw {
    let request = reqwest::Client::new().request(reqwest::Method::OPTIONS, url).header("origin", origin);
    Raw::of(request.header("access-control-request-method", "POST")).await
}
