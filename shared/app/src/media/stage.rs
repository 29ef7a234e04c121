//! A service for tests on this machine: it keeps what it is asked, and answers as it is told.

use std::{
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
};

use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::aws::{Aws, AwsAccess};

/// The keys of the example in RFC 8291: a sender's private one, and its public one.
pub const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
pub const PUBLIC_KEY: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

/// What a request is answered with.
pub enum Answer {
    /// Status, header lines that each end in a line break, body.
    Short(u16, String, String),
    /// A good status, and a body that does not end.
    Endless,
    /// Nothing at all.
    Never,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::Short(status, String::new(), String::new())
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its first line and its headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The service.
pub struct Stage {
    listener: TcpListener,
    asked: Mutex<Vec<Asked>>,
    written: Mutex<usize>,
}

impl Stage {
    pub async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self { listener, asked: Mutex::default(), written: Mutex::default() }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Clients of AWS whose endpoint this is.
    pub fn aws(&self) -> Aws {
        Aws::new(AwsAccess {
            region: "eu-west-1".into(),
            endpoint: Some(self.origin()),
            access_key_id: "key".into(),
            secret_access_key: SecretString::from("secret"),
            session_token: None,
        })
        .unwrap()
    }

    /// What was asked so far, without what SSM was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much of endless answers went out.
    pub fn written(&self) -> usize {
        *self.written.lock().unwrap()
    }

    /// Does `act` while every request is answered by `answer`; as SSM it knows one secret, [`PRIVATE_KEY`].
    pub async fn during<T>(&self, answer: impl Fn(&Asked) -> Answer, act: impl Future<Output = T>) -> T {
        tokio::select! {
            done = act => done,
            () = self.serve(answer) => unreachable!("it serves for ever"),
        }
    }

    async fn serve(&self, answer: impl Fn(&Asked) -> Answer) {
        loop {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            // A client that changed its mind has asked nothing.
            let Some(asked) = read(&mut stream).await else { continue };
            let is_secret = asked.head.to_ascii_lowercase().contains("x-amz-target: amazonssm.getparameter");
            let answer = if is_secret {
                let parameter = format!(r#"{{"Parameter":{{"Value":"{PRIVATE_KEY}"}}}}"#);
                Answer::Short(200, String::new(), parameter)
            } else {
                let answer = answer(&asked);
                self.asked.lock().unwrap().push(asked);
                answer
            };
            self.write(stream, answer).await;
        }
    }

    async fn write(&self, mut stream: TcpStream, answer: Answer) {
        match answer {
            Answer::Short(status, headers, body) => {
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
                );
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Answer::Endless => {
                let head = "HTTP/1.1 201 Said\r\nContent-Length: 1000000000\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                while stream.write_all(&[b'x'; 16_384]).await.is_ok() {
                    *self.written.lock().unwrap() += 16_384;
                }
            }
            Answer::Never => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = vec![];
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let mut asked = Asked { head: String::from_utf8(bytes[..end].to_vec()).unwrap(), body: vec![] };
        let length = asked.header("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = bytes.split_off(end + 4);
        while body.len() < length {
            stream.read_buf(&mut body).await.ok()?;
        }
        asked.body = body;
        return Some(asked);
    }
}
