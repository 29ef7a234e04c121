//! What is put into a push, a text message, a mail.

use domain::notification::{
    Kind, Medium,
    template::{self, Priority, Template},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Sender, Turn, mail_address};
use crate::{
    Error, Result,
    media::{DeviceMessage, Letter as Post, MAX_PLAINTEXT, PushPayload, Urgency},
    notifications::{
        links::{Link, address_digest},
        triggers::cut,
        wording::Spoken,
    },
    store::notifications::{Letter, Notification},
};

/// The most characters of a push's text where the whole is too long.
const SHORT: usize = 160;
/// The most bytes of a push; a telephone has less room than a browser.
const ROOM: usize = MAX_PLAINTEXT;

/// How much is put into a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// All.
    Whole,
    /// What can be shown.
    Short,
}

impl Sender {
    async fn spoken(&self, turn: &Turn<'_>, medium: Medium) -> Result<Spoken> {
        let Notification { shop_id, kind, data, .. } = turn.notification;
        let locale = turn.recipient.person.locale.as_deref();
        self.notifications.words.speak(shop_id, *kind, medium, locale, data).await
    }

    /// How long it may wait for a device that is off.
    fn ttl(turn: &Turn<'_>, spoken: &Spoken) -> SignedDuration {
        let worth = spoken.ttl.min(turn.notification.kind.ttl());
        let ends = turn.notification.created_at.checked_add(worth).unwrap_or(Timestamp::MAX);
        ends.duration_since(turn.now).max(SignedDuration::ZERO)
    }

    pub(super) async fn compose_push(&self, turn: &Turn<'_>, size: Size) -> Result<PushPayload> {
        let Notification { kind, subject, .. } = turn.notification;
        let spoken = self.spoken(turn, Medium::Push).await?;
        let mut fields = self.push_fields(turn, &spoken).await?;
        fit(&mut fields, &spoken, size);
        Ok(PushPayload {
            json: serde_json::to_vec(&fields).map_err(|error| Error::internal(error.to_string()))?,
            ttl: Self::ttl(turn, &spoken),
            urgency: match (kind.is_critical(), spoken.priority) {
                (true, _) | (_, Priority::High) => Urgency::High,
                (_, Priority::Normal) => Urgency::Normal,
                (_, Priority::Low) => Urgency::Low,
            },
            topic: Some(topic(subject)),
        })
    }

    /// What a browser's service worker reads.
    async fn push_fields(&self, turn: &Turn<'_>, spoken: &Spoken) -> Result<Map<String, Value>> {
        let Notification { id, kind, shop_id, user_id, subject, .. } = turn.notification;
        let report = Link::Report {
            shop: shop_id.clone(),
            user: user_id.clone(),
            notification: id.clone(),
            place: turn.place.to_owned(),
        };
        let token = match self.notifications.settings.notifications.follows_pushes {
            true => Some(self.links.sign(report).await?),
            false => None,
        };
        let all = json!({
            "notification_id": id,
            "type": kind,
            "title": spoken.title,
            "body": spoken.body,
            "action_url": spoken.action_url,
            "icon_url": spoken.icon_url,
            "image_url": spoken.image_url,
            "badge": spoken.badge,
            "silent": turn.notification.is_silent.then_some(true),
            "sound": spoken.sound,
            "tag": subject,
            "unread_count": turn.recipient.unread,
            "data": turn.notification.data,
            "report_url": token.as_ref().map(|_| format!("{}/api/v1/notifications/{id}/events", self.api_url)),
            "token": token,
        });
        let fields = all.as_object().cloned().unwrap_or_default();
        Ok(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
    }

    pub(super) async fn compose_device(&self, turn: &Turn<'_>) -> Result<DeviceMessage> {
        let Notification { id, kind, subject, .. } = turn.notification;
        let spoken = self.spoken(turn, Medium::Push).await?;
        let data = [
            ("notification_id", id.to_string()),
            ("type", kind.name().to_owned()),
            ("unread_count", turn.recipient.unread.to_string()),
        ];
        let ttl = Self::ttl(turn, &spoken);
        let unread = u32::try_from(turn.recipient.unread).ok();
        Ok(DeviceMessage {
            title: cut(&spoken.title, SHORT),
            body: spoken.body.chars().take(1_000).collect(),
            data: data.map(|(name, value)| (name.to_owned(), value)).into(),
            action_url: spoken.action_url,
            badge: spoken.badge.or(unread),
            sound: spoken.sound,
            ttl,
            is_silent: turn.notification.is_silent,
            is_urgent: kind.is_critical() || spoken.priority == Priority::High,
            collapse: Some(topic(subject)),
            image: spoken.image_url,
        })
    }

    /// A number, and what is sent there.
    pub(super) async fn compose_sms(&self, turn: &Turn<'_>) -> Result<(String, String)> {
        let spoken = self.spoken(turn, Medium::Sms).await?;
        let number = turn.recipient.person.phone.clone();
        let number = number.ok_or_else(|| Error::internal("a text message without a number"))?;
        Ok((number, spoken.body))
    }

    /// A mail; nothing, if there is nothing left to say.
    pub(super) async fn compose_mail(&self, turn: &Turn<'_>) -> Result<Option<Post>> {
        let notification = turn.notification;
        let to = mail_address(notification, turn.recipient);
        let to = to.ok_or_else(|| Error::internal("a mail without an address"))?;
        let tags = [
            ("shop", notification.shop_id.to_string()),
            ("user", notification.user_id.to_string()),
            ("notification", notification.id.to_string()),
        ];
        let tags = tags.map(|(name, value)| (name.to_owned(), value)).into();
        let unsubscribe_url = self.way_out(notification).await?;
        let spoken = match &notification.letter {
            None => Some(self.mail_of(turn, unsubscribe_url.as_deref()).await?),
            Some(Letter::Digest(items)) => {
                let told = {
                    let preferences = &turn.recipient.person.preferences;
                    self.notifications.told_by(notification, items, preferences).await?
                };
                let locale = turn.recipient.person.locale.as_deref();
                let titles: Vec<String> = told.into_iter().map(|one| one.title).collect();
                let data = json!({ "unsubscribe_url": unsubscribe_url });
                let words = self.notifications.words.renderer();
                match titles.is_empty() {
                    true => None,
                    false => Some(words.digest(locale.unwrap_or("en"), &titles, &data)?),
                }
            }
            Some(letter) => Some(self.question(turn, letter, &to).await?),
        };
        Ok(spoken.map(|spoken| Post {
            to,
            subject: spoken.title,
            text: spoken.body,
            html: spoken.html.unwrap_or_default(),
            unsubscribe_url,
            tags,
            reply_to: None,
        }))
    }

    async fn mail_of(&self, turn: &Turn<'_>, unsubscribe_url: Option<&str>) -> Result<Spoken> {
        let Notification { shop_id, user_id, kind, data, .. } = turn.notification;
        let mut data = data.clone();
        if let Some(url) = unsubscribe_url {
            data.insert("unsubscribe_url".into(), json!(url));
        }
        let conversation = data.get("conversation_id").and_then(|id| id.as_str()).map(str::to_owned);
        if *kind == Kind::ChatMessage
            && let Some(id) = conversation.and_then(|id| domain::ConversationId::new(id).ok())
            && let Some((count, text)) = self.notifications.unread_of(shop_id, &id, user_id).await?
        {
            data.insert("count".into(), json!(count));
            data.insert("message".into(), json!(text));
        }
        let locale = turn.recipient.person.locale.as_deref();
        self.notifications.words.speak(shop_id, *kind, Medium::Email, locale, &data).await
    }

    /// The link that ends mail of this kind; what nobody can turn off has none.
    async fn way_out(&self, notification: &Notification) -> Result<Option<String>> {
        let is_question =
            matches!(notification.letter, Some(Letter::ConfirmAddress | Letter::ConfirmAlert(_)));
        if notification.kind.is_critical() || is_question {
            return Ok(None);
        }
        let link = Link::Unsubscribe {
            shop: notification.shop_id.clone(),
            user: notification.user_id.clone(),
            category: notification.kind.category(),
        };
        let token = self.links.sign(link).await?;
        Ok(Some(format!("{}/api/v1/notifications/unsubscribe?token={token}", self.api_url)))
    }

    /// A mail that asks whether an address is theirs.
    async fn question(&self, turn: &Turn<'_>, letter: &Letter, to: &str) -> Result<Spoken> {
        let Notification { shop_id, user_id, .. } = turn.notification;
        let (link, product) = match letter {
            Letter::ConfirmAlert(watcher) => {
                let about = self.notifications.about_product(
                    shop_id,
                    &watcher.product_id,
                    watcher.variant_id.as_ref(),
                );
                let name = about.await?.remove("product_name");
                let link = Link::ConfirmAlert {
                    shop: shop_id.clone(),
                    user: user_id.clone(),
                    product: watcher.product_id.clone(),
                    variant: watcher.variant_id.clone(),
                    kind: watcher.kind,
                    address: address_digest(to),
                };
                (link, name.and_then(|name| name.as_str().map(str::to_owned)))
            }
            Letter::ConfirmAddress | Letter::Digest(_) => {
                let address = address_digest(to);
                (Link::ConfirmAddress { shop: shop_id.clone(), user: user_id.clone(), address }, None)
            }
        };
        let token = self.links.sign(link).await?;
        let url = format!("{}/api/v1/notifications/confirm?token={token}", self.api_url);
        let locale = turn.recipient.person.locale.as_deref().unwrap_or("en");
        let template = question(locale, product.is_some());
        let data = json!({ "product_name": product, "action_url": url });
        self.notifications.words.renderer().question(locale, &template, &data)
    }
}

/// What a mail asks whose address has to be confirmed.
fn question(locale: &str, is_about_product: bool) -> Template {
    let (title, body) = match (template::language(locale), is_about_product) {
        ("th", true) => (
            "ยืนยันการแจ้งเตือนของ {{ product_name }}",
            "มีคนขอให้แจ้งเตือนเกี่ยวกับ {{ product_name }} มาที่อีเมลนี้ หากเป็นคุณ กรุณายืนยัน หากไม่ใช่ ไม่ต้องทำอะไร แล้วเราจะไม่ส่งอีเมลถึงคุณอีก",
        ),
        ("th", false) => (
            "ยืนยันอีเมลของคุณที่ {{ shop_name }}",
            "มีคนให้อีเมลนี้ไว้กับ {{ shop_name }} หากเป็นคุณ กรุณายืนยัน หากไม่ใช่ ไม่ต้องทำอะไร",
        ),
        ("fa", true) => (
            "تأیید اعلان برای {{ product_name }}",
            "کسی خواسته است خبرهای {{ product_name }} به این نشانی فرستاده شود. اگر شما بودید، لطفاً تأیید کنید؛ وگرنه لازم نیست کاری بکنید و ایمیل دیگری دریافت نخواهید کرد.",
        ),
        ("fa", false) => (
            "تأیید نشانی ایمیل شما در {{ shop_name }}",
            "کسی این نشانی را به {{ shop_name }} داده است. اگر شما بودید، لطفاً تأیید کنید؛ وگرنه لازم نیست کاری بکنید.",
        ),
        (_, true) => (
            "Shall we tell you about {{ product_name }}?",
            "Somebody asked us to write to this address about {{ product_name }}. If it was you, please confirm. If not, you need do nothing, and will hear no more from us.",
        ),
        (_, false) => (
            "Is this your address?",
            "Somebody gave this address to {{ shop_name }}. If it was you, please confirm. If not, you need do nothing.",
        ),
    };
    Template {
        title: title.into(),
        body: body.into(),
        action_url: Some("{{ action_url }}".into()),
        icon_url: None,
        image_url: None,
        badge_count: None,
        sound: None,
        priority: Priority::Normal,
        ttl_seconds: None,
    }
}

/// Leaves out what can be spared, until it fits: first what a page can ask for and the end of a long text, then pictures.
fn fit(fields: &mut Map<String, Value>, spoken: &Spoken, size: Size) {
    let fits = |fields: &Map<String, Value>| {
        size == Size::Whole && serde_json::to_vec(fields).is_ok_and(|json| json.len() <= ROOM)
    };
    if fits(fields) {
        return;
    }
    fields.remove("data");
    fields.insert("title".into(), cut(&spoken.title, SHORT).into());
    fields.insert("body".into(), cut(&spoken.body, SHORT).into());
    if !fits(fields) {
        fields.remove("icon_url");
        fields.remove("image_url");
    }
}

/// A name under which what is newer takes the place of what waits: at most 32 letters, digits, `-` and `_`.
fn topic(subject: &str) -> String {
    crate::clock::derived(&[subject]).simple().to_string()
}
