//! What a client asks on its socket about conversations.

use contract::frames::{
    Command, Reply, Subscribe,
    chat::{JoinConversation, SendMessage, TransferConversation},
};
use domain::{ConversationId, Principal, chat::Message};
use serde_json::{Value, json};

use super::{Chat, Voice};
use crate::{
    Error, Result,
    orders::OrderGrant,
    realtime::Realtime,
    store::{chat::Marked, realtime::Connection},
};

impl Chat {
    /// Does what a client asks, and says what came of it: about conversations here, all else by `realtime`.
    pub async fn obey(
        &self,
        realtime: &Realtime,
        connection: &Connection,
        reply_to: Option<String>,
        command: Command,
        grants: &[OrderGrant],
    ) -> Result<Option<Reply>> {
        if let Command::SendMessage(send) = command {
            let said = json!(Box::pin(self.send(realtime, connection, send)).await?);
            return Ok(reply_to.map(|reply_to| Reply::Ack { reply_to, data: said }));
        }
        let connection = &realtime.admitted_now(connection).await?;
        let who = &connection.principal;
        let done = match command {
            Command::JoinConversation(join) => self.join_by_socket(realtime, connection, &join).await?,
            Command::LeaveConversation(leave) => {
                realtime.unsubscribe(connection, &channel(leave.id())).await?;
                json!({ "conversation_id": leave.id() })
            }
            Command::MessagesDelivered(up_to) => {
                json!(self.mark_up_to(who, &up_to, Marked::Delivered).await?)
            }
            Command::MessagesRead(up_to) => json!(self.mark_up_to(who, &up_to, Marked::Read).await?),
            Command::Typing(typing) => {
                self.typing(who, &typing).await?;
                json!({})
            }
            Command::SetAgentStatus(set) => json!(self.set_status(who, set.status).await?),
            Command::TransferConversation(TransferConversation { conversation_id, transfer }) => {
                json!(self.transfer(who, &conversation_id, transfer).await?)
            }
            Command::AcceptConversation(accept) => json!(self.accept(who, accept.id()).await?),
            other => return Box::pin(realtime.obey(connection, reply_to, other, grants)).await,
        };
        Ok(reply_to.map(|reply_to| Reply::Ack { reply_to, data: done }))
    }

    /// Listens to a conversation, and says how it stands.
    async fn join_by_socket(
        &self,
        realtime: &Realtime,
        connection: &Connection,
        join: &JoinConversation,
    ) -> Result<Value> {
        let wanted = Subscribe {
            channel: Some(channel(join.id())),
            channels: vec![],
            last_seq: join.last_seq(),
            order_token: None,
        };
        let listened = realtime.subscribe(connection, wanted, &[]).await.map_err(|error| match error {
            // Somebody else's conversation and one that does not exist look the same, here as over HTTP.
            Error::Forbidden => Error::NotFound,
            error => error,
        })?;
        let view = self.read(&connection.principal, join.id()).await?;
        Ok(json!({
            "channel": channel(join.id()),
            "seq": listened.get("seq"),
            "last_seq": view.last_seq,
            "unread_count": view.unread_count,
            "conversation": view,
        }))
    }

    /// Says something. Who takes part is asked by the write itself; only of somebody who does not, or sends files along, is
    /// it looked up which guests they were, and whether their session is still good.
    async fn send(&self, realtime: &Realtime, connection: &Connection, send: SendMessage) -> Result<Value> {
        let who = &connection.principal;
        let said = if send.message.content.has_files() {
            self.send_as(&realtime.admitted_now(connection).await?.principal, send).await?
        } else {
            match self.send_as(who, send.clone()).await {
                Err(Error::NotFound) => {
                    let who = realtime.admitted_now(connection).await?.principal;
                    let who = Some(who).filter(|who| !who.linked_guests.is_empty()).ok_or(Error::NotFound)?;
                    self.send_as(&who, send).await?
                }
                said => said?,
            }
        };
        Ok(json!({ "message_id": said.message_id, "seq": said.seq, "created_at": said.created_at }))
    }

    async fn send_as(&self, who: &Principal, send: SendMessage) -> Result<Message> {
        let voice = Voice { device: who.session.as_str(), attempt: send.attempt };
        Box::pin(self.say(who, voice, &send.conversation_id, send.message)).await
    }
}

fn channel(id: &ConversationId) -> String {
    format!("conversation:{id}")
}
