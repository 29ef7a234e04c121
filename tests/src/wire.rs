//! A wire between clients and the WebSocket API on which things go wrong: it breaks after so many messages, or
//! brings each twice.
#![allow(clippy::disallowed_methods, reason = "a wire is a server of its own, and no function")]

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// What is wrong with one connection.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    None,
    /// It breaks without a goodbye once so many messages have come from the server.
    CutAfter(usize),
    /// Every message from the server comes twice.
    Twice,
}

/// A wire. Its connections last as long as the runtime of the test.
pub struct Wire(SocketAddr);

impl Wire {
    /// A wire to the server at `url`; `fault` says what is wrong with the first, second, … connection.
    pub async fn to(url: &str, fault: impl Fn(usize) -> Fault + Send + 'static) -> Self {
        let server = host(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for number in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                let fault = fault(number);
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, fault));
            }
        });
        Self(address)
    }

    /// The same address by way of this wire.
    pub fn through(&self, url: &str) -> String {
        url.replacen(host(url), &self.0.to_string(), 1)
    }
}

fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

/// Until one side ends or the wire breaks; then both sides are gone.
async fn carry(client: TcpStream, server: TcpStream, fault: Fault) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = messages(from_server, to_client, fault) => {}
    }
}

async fn messages(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault) -> std::io::Result<()> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await?);
    }
    to.write_all(&head).await?;
    for count in 0.. {
        if matches!(fault, Fault::CutAfter(most) if count == most) {
            return Ok(());
        }
        let frame = frame(&mut from).await?;
        to.write_all(&frame).await?;
        let is_text = frame[0] & 0xf == 1;
        if is_text && matches!(fault, Fault::Twice) {
            to.write_all(&frame).await?;
        }
    }
    Ok(())
}

/// One frame of a server, which masks none (RFC 6455, 5.2).
async fn frame(from: &mut OwnedReadHalf) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![from.read_u8().await?, from.read_u8().await?];
    let more = match frame[1] {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut length = usize::from(frame[1]);
    if more > 0 {
        length = 0;
        for _ in 0..more {
            frame.push(from.read_u8().await?);
            length = length << 8 | usize::from(*frame.last().unwrap());
        }
    }
    let begin = frame.len();
    frame.resize(begin + length, 0);
    from.read_exact(&mut frame[begin..]).await?;
    Ok(frame)
}
