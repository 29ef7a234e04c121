//! Conversations in our shop: each is a customer's, on two of their sockets.

use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde_json::{Value, json};

use super::{Chat, OPENED_AT_ONCE, Pair, Server, TEXT, Talk, send};
use crate::bench::{
    BenchError,
    shop::{Shop, Shopper, Socket, text},
};

pub async fn measure(template: &Path, asked: &Chat) -> Result<Server, BenchError> {
    let shop = Shop::open(template, |options| options).await?;
    let opened = (0..asked.conversations).map(|number| OurPair::open(&shop, number));
    let mut talks: Vec<Talk<OurPair>> =
        stream::iter(opened).buffer_unordered(OPENED_AT_ONCE).map_ok(Talk::new).try_collect().await?;
    shop.cloud.idle().await?;
    let mut rates = vec![];
    for per_second in &asked.rates {
        rates.push(send(&mut talks, *per_second, asked.seconds).await?);
        shop.cloud.idle().await?;
    }
    try_join_all(talks.into_iter().map(|talk| talk.pair.close())).await?;
    shop.cloud.stop().await;
    Ok(Server::new("shopwire", rates))
}

struct OurPair {
    id: String,
    says: Socket,
    hears: Socket,
}

impl OurPair {
    async fn open(shop: &Shop, number: u32) -> Result<Self, BenchError> {
        let who = shop.customer(&format!("customer-{number}"))?;
        // Between two people: nobody else has anything to say.
        let opened = who.post("/api/v1/chat/conversations", json!({ "type": "general" })).await?;
        let id = text(&opened, "conversation_id")?.to_owned();
        let says = listening(&who, &id).await?;
        let hears = listening(&who, &id).await?;
        Ok(Self { id, says, hears })
    }

    async fn close(self) -> Result<(), BenchError> {
        self.says.close().await?;
        self.hears.close().await
    }
}

impl Pair for OurPair {
    async fn say(&mut self, name: &str) -> Result<(), BenchError> {
        let said = json!({
            "conversation_id": self.id,
            "content": { "text": TEXT },
            "client_message_id": name,
        });
        self.says.ask("chat.message.send", said).await.map(drop)
    }

    async fn hear(&mut self) -> Result<u64, BenchError> {
        let event = self.hears.hears("chat.message.created").await?;
        Ok(event.get("seq").and_then(Value::as_u64).unwrap_or_default())
    }
}

async fn listening(who: &Shopper<'_>, id: &str) -> Result<Socket, BenchError> {
    let mut socket = Socket::open(&who.ticket().await?).await?;
    socket.ask("chat.conversation.join", json!({ "conversation_id": id })).await?;
    Ok(socket)
}
