//! The servers that are measured: each a process of its own on a core of its own.

use std::{
    path::Path,
    process::{self, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{Role, UserId};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::process::Command;

use super::crowd::Dialect;
use crate::{
    bench::{
        BenchError, machine,
        peers::{Peer, Peers},
    },
    cloud::{Token, TokenFor},
};

pub const SOCKETIO: (&str, &str, Dialect) = ("Socket.IO 4", "socketio", Dialect::SocketIo);
pub const WS: (&str, &str, Dialect) = ("ws", "ws", Dialect::Plain);

/// With what tokens for the peers are signed.
const SECRET: &str = "a secret of the benchmark";

/// How many events a burst has, and so how many variants the product.
const VARIANTS: u32 = 10;

/// Which processor is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cores {
    /// The server has the first, the client the second.
    Divided,
    /// All are everybody's: there is one only, or no `taskset` to divide them with.
    Shared,
}

/// A running server.
pub struct Server {
    pub name: &'static str,
    pub dialect: Dialect,
    /// Where sockets are opened.
    pub sockets: String,
    peer: Peer,
    http: reqwest::Client,
    control: Control,
}

enum Control {
    /// A local cloud at this URL, and who reserves what is told about.
    Ours { url: String, buyers: Vec<String>, turn: usize, admin: String },
    /// A script that is told at this URL, and what.
    Theirs { url: String, event: String },
}

impl Cores {
    /// Takes the second core for this process, if there is one.
    pub async fn divide() -> Self {
        if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
            return Self::Shared;
        }
        let id = process::id().to_string();
        let taken = Command::new("taskset").args(["-acp", "1", &id]).stdout(Stdio::null()).status().await;
        if taken.is_ok_and(|taken| taken.success()) { Self::Divided } else { Self::Shared }
    }

    /// The command by way of which a server gets the first.
    const fn command(self) -> &'static [&'static str] {
        match self {
            Self::Divided => &["taskset", "-c", "0"],
            Self::Shared => &[],
        }
    }
}

impl Server {
    /// This very program as a local cloud, with a product on sale that everybody will watch.
    pub async fn ours(template: &Path, cores: Cores) -> Result<Self, BenchError> {
        #[derive(Deserialize)]
        struct Ready {
            http: String,
            ws: String,
        }
        let program = std::env::current_exe()?;
        let mut words = cores.command().iter().map(AsRef::as_ref).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(["serve", "--ephemeral", "--json", "--http-port", "0", "--ws-port", "0"]);
        command.arg("--template").arg(template).env("RUST_LOG", "error");
        // What an account may do is not what is measured.
        let declared = std::fs::read_to_string(template)?;
        for name in ["MaxClients", "PostsPerSecond"] {
            if declared.contains(&format!("\n  {name}:")) {
                command.args(["--parameter", &format!("{name}=0")]);
            }
        }
        let (peer, Ready { http: url, ws }) = Peer::start::<Ready>(command).await?;
        let mut server = Self {
            name: "shopwire",
            dialect: Dialect::Plain,
            sockets: ws,
            peer,
            http: reqwest::Client::new(),
            control: Control::Ours { url, buyers: vec![], turn: 0, admin: String::new() },
        };
        server.stock_up().await?;
        Ok(server)
    }

    /// A server of other people, which sends `event`.
    pub async fn peer(
        peers: &Peers,
        cores: Cores,
        (name, kind, dialect): (&'static str, &str, Dialect),
        event: &str,
    ) -> Result<Self, BenchError> {
        #[derive(Deserialize)]
        struct Ready {
            sockets: String,
            control: String,
        }
        let (peer, Ready { sockets, control: url }) =
            peers.start(cores.command(), "fanout.mjs", &[kind, SECRET]).await?;
        let control = Control::Theirs { url, event: event.to_owned() };
        Ok(Self { name, dialect, sockets, peer, http: reqwest::Client::new(), control })
    }

    /// Processor time that it has taken, in user and system.
    pub fn cpu(&self) -> Duration {
        machine::cpu_time(self.peer.id()).unwrap_or_default()
    }

    /// Bytes that are its own, after it has let go of what it can.
    pub async fn memory(&mut self) -> Result<u64, BenchError> {
        if let Control::Theirs { url, .. } = &self.control {
            asked(self.http.post(format!("{url}gc"))).await?;
        }
        Ok(machine::private_kib(self.peer.id()).unwrap_or_default() * 1024)
    }

    /// So many tokens, each of somebody else.
    pub async fn tokens(&self, count: usize) -> Result<Vec<String>, BenchError> {
        let mut tokens = vec![];
        for number in 0..count {
            let name = format!("watcher-{number}");
            tokens.push(match &self.control {
                Control::Ours { url, .. } => token(&self.http, url, Role::Customer, &name).await?,
                Control::Theirs { .. } => signed(&name),
            });
        }
        Ok(tokens)
    }

    /// Has it tell everybody so many events: ours by reserving pieces of so many variants at once.
    pub async fn emit(&mut self, events: u32) -> Result<(), BenchError> {
        match &mut self.control {
            Control::Theirs { url, event } => {
                asked(self.http.post(format!("{url}?times={events}")).body(event.clone())).await.map(drop)
            }
            Control::Ours { url, buyers, turn, .. } => {
                *turn += 1;
                let buyer = buyers.get(*turn % buyers.len().max(1)).cloned().unwrap_or_default();
                let lines: Vec<_> = (0..events)
                    .map(|n| json!({"product_id": "lamp", "variant_id": variant(n), "quantity": 1}))
                    .collect();
                let request =
                    self.http.post(format!("{url}/api/v1/inventory/reservations")).bearer_auth(buyer);
                let request = request.header("idempotency-key", uuid::Uuid::now_v7().to_string());
                asked(request.json(&json!({"items": lines}))).await.map(drop)
            }
        }
    }

    /// Posts an event to every socket inside our gateway.
    pub async fn post_to_all(&self, event: &str) -> Result<(), BenchError> {
        if let Control::Ours { url, .. } = &self.control {
            let body = json!({"text": event});
            asked(self.http.post(format!("{url}/_local/sockets")).json(&body)).await?;
        }
        Ok(())
    }

    /// Whether it tells the same thing once a second at most.
    pub const fn is_paced(&self) -> bool {
        matches!(self.control, Control::Ours { .. })
    }

    /// Waits until it has nothing more to do.
    pub async fn settle(&self) -> Result<(), BenchError> {
        if let Control::Ours { url, .. } = &self.control {
            asked(self.http.get(format!("{url}/_local/idle"))).await?;
        }
        Ok(())
    }

    pub async fn stop(mut self) {
        if let Err(error) = self.peer.process.kill().await {
            tracing::debug!(%error, "a server had ended");
        }
    }

    /// A product whose variants are there in plenty, and buyers who take turns: what one may reserve in a while is limited.
    async fn stock_up(&mut self) -> Result<(), BenchError> {
        let Control::Ours { url, buyers, admin, .. } = &mut self.control else {
            return Ok(());
        };
        *admin = token(&self.http, url, Role::Admin, "olga").await?;
        let price = json!({"amount": 1999, "currency": "USD"});
        let variants: Vec<_> = (0..VARIANTS).map(|n| json!({"variant_id": variant(n)})).collect();
        let new = json!({"product_id": "lamp", "name": "A lamp", "price": price, "variants": variants});
        let post = |path: &str, body: &Value| {
            let request = self.http.post(format!("{url}{path}")).bearer_auth(&*admin).json(body);
            request.header("idempotency-key", uuid::Uuid::now_v7().to_string())
        };
        asked(post("/api/v1/products", &new)).await?;
        for n in 0..VARIANTS {
            let add = json!({"product_id": "lamp", "variant_id": variant(n), "quantity": 1_000_000, "operation": "add"});
            asked(post("/api/v1/inventory/adjustments", &add)).await?;
        }
        for n in 0..50 {
            buyers.push(token(&self.http, url, Role::Customer, &format!("buyer-{n}")).await?);
        }
        Ok(())
    }
}

fn variant(number: u32) -> String {
    format!("v{number}")
}

async fn token(http: &reqwest::Client, url: &str, role: Role, name: &str) -> Result<String, BenchError> {
    let user = UserId::new(name).map_err(|error| BenchError::Unexpected(error.to_string()))?;
    let request = http.post(format!("{url}/_local/token")).json(&TokenFor::new(role, user));
    let Token { token, .. } = serde_json::from_str(&asked(request).await?)
        .map_err(|error| BenchError::Unexpected(error.to_string()))?;
    Ok(token)
}

async fn asked(request: reqwest::RequestBuilder) -> Result<String, BenchError> {
    let answer = request.send().await?;
    let (status, what) = (answer.status(), answer.url().path().to_owned());
    let body = answer.text().await?;
    if status.is_success() {
        return Ok(body);
    }
    Err(BenchError::Answer { what, status: status.as_u16(), body: Value::String(body) })
}

/// A token such as ours are: HS256, good for an hour.
fn signed(name: &str) -> String {
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let until = jiff::Timestamp::now().as_second() + 3_600;
    let head = encode(json!({"alg": "HS256", "typ": "JWT"}));
    let body = encode(json!({"sub": name, "role": "customer", "shop": "default", "exp": until}));
    let text = format!("{head}.{body}");
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()) else {
        return text; // no key is too long for HMAC
    };
    mac.update(text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
