//! What people are told because of what happened: one place that says which event is which notification, for whom, and
//! what it is made of.

mod money;

use contract::{
    Fact, JournalEvent,
    http::notifications::NotificationData,
    journal::{STAFF, StockAlert},
};
use domain::{
    ConversationId, Line, Money, NotificationJobId, OrderId, ProductId, ShopId, UserId, VariantId,
    chat::{Conversation, Message, SenderType, conversation::Part},
    notification::{Kind, address::is_mail_address},
    order::{self, OrderLine, OrderStatus, Tracking},
};
use jiff::SignedDuration;
use serde_json::json;

use super::{Notifications, Wanted};
use crate::{
    Result,
    clock::derived,
    store::{
        chat::MessageRow,
        notifications::{Audience, Job},
        orders::StoredOrder,
    },
};

/// What is older is not told any more: whoever publishes old events again does not wake people.
const NEWS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The most characters of what somebody said.
const QUOTED: usize = 280;
/// The most lines of an order that are named.
const NAMED_LINES: usize = 10;

impl Notifications {
    /// Tells whoever should know what happened.
    pub async fn follow(&self, event: &JournalEvent) -> Result<()> {
        if self.clock.now().duration_since(event.occurred_at) > NEWS {
            return Ok(());
        }
        if let Fact::UserLinked { user_id, guest_id } = &event.fact {
            self.move_in(&event.shop_id, guest_id, user_id).await?;
        }
        for wanted in self.wanted_by(event).await? {
            Box::pin(self.tell(&event.shop_id, &wanted)).await?;
        }
        match job_of(event) {
            Some(job) => self.begin_job(&job, &[]).await,
            None => Ok(()),
        }
    }

    async fn wanted_by(&self, event: &JournalEvent) -> Result<Vec<Wanted>> {
        let to = |user: &UserId, kind, data| vec![wanted(event, user, kind, data)];
        Ok(match &event.fact {
            Fact::OrderStatusUpdated { order_id, customer_id, current_status, tracking, .. } => {
                match kind_of_step(*current_status) {
                    Some(kind) => {
                        let of = (order_id, customer_id, *current_status);
                        self.of_order(event, kind, of, tracking).await?
                    }
                    None => vec![],
                }
            }
            Fact::PaymentUpdated { .. } | Fact::RefundUpdated { .. } => self.about_money(event).await?,
            Fact::DisputeUpdated { .. } => match money::disputed(event) {
                Some(data) => self.of_staff(event, Kind::DisputeOpened, data).await?,
                None => vec![],
            },
            Fact::StockAlert(alert) => {
                self.of_staff(event, Kind::InventoryAlert, self.about_stock(event, alert).await?).await?
            }
            Fact::FeatureFlagChanged { key, is_enabled: true } => {
                let data = made_of([("flag", json!(key)), ("changed_by", json!(event.actor))]);
                self.of_staff(event, Kind::FeatureFlagEnabled, data).await?
            }
            Fact::SystemAlert { severity, alert, message, .. } => {
                let data = made_of([
                    ("alert", json!(alert)),
                    ("severity", json!(severity)),
                    ("message", json!(message)),
                    ("since", json!(event.occurred_at)),
                ]);
                self.of_staff(event, Kind::SystemAlert, data).await?
            }
            Fact::UserRevoked { user_id, session_id: None } => {
                let data =
                    made_of([("event", json!("sessions_ended")), ("happened_at", json!(event.occurred_at))]);
                to(user_id, Kind::SecurityAlert, data)
            }
            Fact::DeviceAdded { user_id, is_another: true, .. } => {
                let data =
                    made_of([("event", json!("new_device")), ("happened_at", json!(event.occurred_at))]);
                to(user_id, Kind::SecurityAlert, data)
            }
            _ => vec![],
        })
    }

    async fn of_order(
        &self,
        event: &JournalEvent,
        kind: Kind,
        (order_id, customer, status): (&OrderId, &UserId, OrderStatus),
        tracking: &Tracking,
    ) -> Result<Vec<Wanted>> {
        let Some(stored) = self.store.order(&event.shop_id, order_id).await? else { return Ok(vec![]) };
        let mut data =
            made_of([("order_id", json!(order_id)), ("order_number", json!(order::number(order_id)))]);
        data.extend(match kind {
            Kind::OrderConfirmation => {
                let lines = self.store.order_lines(&event.shop_id, &stored).await?;
                let named = lines.iter().take(NAMED_LINES).map(|line| in_words(line, stored.order.total));
                made_of([
                    ("total", json!(stored.order.total)),
                    ("item_count", json!(lines.iter().map(|line| line.quantity.get()).sum::<u32>())),
                    ("lines", json!(named.collect::<Vec<_>>())),
                ])
            }
            Kind::OrderShipped => made_of([
                ("tracking_number", json!(tracking.tracking_number)),
                ("expected_on", json!(tracking.estimated_delivery)),
            ]),
            Kind::OrderDelivered => made_of([("delivered_on", json!(event.occurred_at))]),
            _ => made_of([("status", json!(status))]),
        });
        let mut wanted = wanted(event, customer, kind, data);
        wanted.mail_to = address(&stored);
        Ok(vec![wanted])
    }

    /// Everybody who works for the shop, and the inbox that is all of theirs.
    async fn of_staff(
        &self,
        event: &JournalEvent,
        kind: Kind,
        data: NotificationData,
    ) -> Result<Vec<Wanted>> {
        let staff = self.store.staff(&event.shop_id).await?;
        let all = [UserId::from_name(STAFF)].into_iter().chain(staff);
        Ok(all.map(|user| wanted(event, &user, kind, data.clone())).collect())
    }

    async fn about_stock(&self, event: &JournalEvent, alert: &StockAlert) -> Result<NotificationData> {
        let mut data =
            self.about_product(&event.shop_id, &alert.product_id, alert.variant_id.as_ref()).await?;
        data.extend(made_of([
            ("alert", json!(alert.kind)),
            ("location", json!(alert.location)),
            ("available", json!(alert.quantity)),
            ("threshold", json!(alert.threshold)),
            ("expires_on", json!(alert.expires_on)),
        ]));
        Ok(data)
    }

    /// What a product is called, and which one it is.
    pub(super) async fn about_product(
        &self,
        shop: &ShopId,
        product: &ProductId,
        variant: Option<&VariantId>,
    ) -> Result<NotificationData> {
        let found = self.store.product(shop, product).await?.map(|found| found.product.details);
        let name = found.as_ref().map_or(product.as_str(), |details| details.name.as_str());
        let mut data = made_of([("product_id", json!(product)), ("product_name", json!(name))]);
        if let Some(variant) = variant {
            let mut known = found.iter().flat_map(|details| &details.variants);
            let known =
                known.find(|known| known.variant_id == *variant).and_then(|known| known.name.as_ref());
            let name = known.map_or(variant.as_str(), |name| name.as_str());
            data.insert("variant_name".into(), json!(name));
        }
        Ok(data)
    }

    /// Tells whoever takes part in a conversation and is not there what was said.
    pub async fn hear(&self, row: &MessageRow) -> Result<()> {
        let (shop, message) = (&row.shop, row.clone().message());
        let is_spoken = matches!(message.sender_type, SenderType::Customer | SenderType::Agent);
        let now = self.clock.now();
        if !is_spoken || now.duration_since(message.created_at) > NEWS {
            return Ok(());
        }
        let Some(conversation) = self.store.conversation(shop, &message.conversation_id).await? else {
            return Ok(());
        };
        for user in conversation.participants.keys().filter(|user| **user != message.sender_id) {
            let read = self.store.marks(shop, &conversation.id, user).await?.read;
            let is_away = self.store.devices(shop, user, now).await?.is_empty();
            if is_away && read < message.seq {
                let wanted = said(&conversation, &message, user, read);
                Box::pin(self.tell(shop, &wanted)).await?;
            }
        }
        Ok(())
    }

    /// What somebody has not read of a conversation, for a mail: how many messages, and what the last ones say.
    pub(super) async fn unread_of(
        &self,
        shop: &ShopId,
        conversation: &ConversationId,
        user: &UserId,
    ) -> Result<Option<(u64, String)>> {
        // What they read and said as guests was read and said by them.
        let mut own = self.store.access(shop, user).await?.guests;
        own.insert(user.clone());
        let mut read = 0;
        for one in &own {
            read = read.max(self.store.marks(shop, conversation, one).await?.read);
        }
        let now = self.clock.now();
        let unread = self.store.messages_after(shop, conversation, (read, u64::MAX), 100, now).await?;
        let theirs: Vec<&Message> =
            unread.iter().filter(|message| !own.contains(&message.sender_id)).collect();
        if theirs.is_empty() {
            return Ok(None);
        }
        let last = theirs.iter().rev().take(5).rev().filter_map(|message| message.content.text.as_deref());
        let quoted: Vec<String> = last.map(|text| cut(text, QUOTED)).collect();
        Ok(Some((u64::try_from(theirs.len()).unwrap_or(u64::MAX), quoted.join("\n"))))
    }
}

/// The telling of all who waited for it, if somebody may have waited for what happened.
fn job_of(event: &JournalEvent) -> Option<Job> {
    let (kind, audience, product) = match &event.fact {
        Fact::BackInStock { product_id, variant_id, crossing, .. } => {
            let (product_id, variant_id) = (product_id.clone(), variant_id.clone());
            let product = product_id.clone();
            let audience = Audience::WaitingForStock { product_id, variant_id, crossing: *crossing };
            (Kind::BackInStock, audience, product)
        }
        Fact::ProductSaved { product_id, price, previous_price: Some(previous), .. }
            if price.currency == previous.currency && price.amount < previous.amount =>
        {
            let audience = Audience::WaitingForPrice {
                product_id: product_id.clone(),
                before: *previous,
                now: *price,
                event: event.id.to_string(),
            };
            (Kind::PriceDrop, audience, product_id.clone())
        }
        _ => return None,
    };
    let name = derived(&[event.shop_id.as_str(), event.id.as_str(), kind.name()]);
    Some(Job {
        job_id: NotificationJobId::from_uuid(name),
        shop_id: event.shop_id.clone(),
        audience,
        kind,
        subject: format!("product:{product}"),
        data: NotificationData::new(),
        asked: None,
        actor: event.actor.clone(),
        cause: Some(event.id.to_string()),
        created_at: event.occurred_at,
        total: None,
        told: 0,
        duplicates: 0,
        pages_done: 0,
        next_place: None,
        done_at: None,
    })
}

/// A message to somebody who was not there. All that they have not read yet is one notification: its version is up to
/// where they have read.
fn said(conversation: &Conversation, message: &Message, user: &UserId, read: u64) -> Wanted {
    let is_first = message.sender_type == SenderType::Agent
        && conversation.participants.get(user) == Some(&Part::Customer)
        && conversation.answered_at.is_none_or(|at| at >= message.created_at);
    let kind = if is_first { Kind::SupportTicketResponse } else { Kind::ChatMessage };
    let id = &conversation.id;
    let text = cut(message.content.text.as_deref().unwrap_or_default(), QUOTED);
    let name = if is_first { "agent_name" } else { "sender_name" };
    Wanted {
        user: user.clone(),
        kind,
        subject: format!("conversation:{id}"),
        version: format!("after-{read}"),
        at: message.created_at,
        data: made_of([
            ("conversation_id", json!(id)),
            (name, json!(message.sender_name)),
            ("message", json!(text)),
        ]),
        cause: Some(message.message_id.to_string()),
        actor: message.sender_id.clone(),
        asked: None,
        key: Some(format!("{kind}#{id}#{read}")),
        mail_to: None,
        is_silent: false,
    }
}

fn kind_of_step(status: OrderStatus) -> Option<Kind> {
    match status {
        OrderStatus::PendingPayment => None,
        OrderStatus::Paid => Some(Kind::OrderConfirmation),
        OrderStatus::Shipped => Some(Kind::OrderShipped),
        OrderStatus::Delivered => Some(Kind::OrderDelivered),
        _ => Some(Kind::OrderStatusUpdate),
    }
}

fn wanted(event: &JournalEvent, user: &UserId, kind: Kind, data: NotificationData) -> Wanted {
    Wanted {
        user: user.clone(),
        kind,
        subject: event.subject.clone(),
        version: event.id.to_string(),
        at: event.occurred_at,
        data,
        cause: Some(event.id.to_string()),
        actor: event.actor.clone(),
        asked: None,
        key: None,
        mail_to: None,
        is_silent: false,
    }
}

fn in_words(line: &OrderLine, total: Money) -> serde_json::Value {
    let cost = Money::new(line.unit_amount, total.currency).times(line.quantity.get()).ok();
    json!({ "name": line.name, "quantity": line.quantity.get(), "total": cost })
}

fn address(stored: &StoredOrder) -> Option<String> {
    let email = stored.order.email.as_ref().map(Line::as_str);
    email.filter(|email| is_mail_address(email)).map(str::to_owned)
}

/// The first `most` characters of a text, and a mark if there are more.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// Data of these.
pub(super) fn made_of<const N: usize>(values: [(&str, serde_json::Value); N]) -> NotificationData {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
