//! What people are told: their inbox, where they can be reached, what they want, and how the shop words it.

use std::collections::BTreeMap;

use domain::{
    DeviceId, Money, NotificationId, NotificationJobId, ProductId, PushSubscriptionId, UserId, VariantId,
    notification::{
        Category, Choice, DeliveryState, Digest, Kind, Medium, QuietHours, Suppression, Switch, Template,
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a notification is about, by name.
pub type NotificationData = BTreeMap<String, serde_json::Value>;

/// A browser that takes pushes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewPushSubscription {
    /// As `PushManager.subscribe()` gives it.
    #[serde(deserialize_with = "domain::maps::one")]
    pub subscription: BrowserSubscription,
    /// What it should be told of; nothing for everything.
    #[serde(default)]
    #[schema(max_items = 9)]
    pub categories: Vec<Category>,
    /// Whose it is, as older clients say; only oneself.
    #[serde(default, alias = "userId", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// What a browser says of its subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrowserSubscription {
    /// Where its push service takes messages for it.
    #[schema(max_length = 2048)]
    pub endpoint: String,
    /// How they are encrypted.
    #[serde(deserialize_with = "domain::maps::one")]
    pub keys: BrowserKeys,
    /// When it ends, in milliseconds since 1970.
    #[serde(default, alias = "expirationTime", skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
}

/// A browser's keys, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrowserKeys {
    /// Its public key: 65 bytes of P-256.
    #[schema(max_length = 256)]
    pub p256dh: String,
    /// A secret of 16 bytes.
    #[schema(max_length = 256)]
    pub auth: String,
}

/// A browser that takes pushes, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushSubscriptionView {
    /// Its name.
    pub subscription_id: PushSubscriptionId,
    /// What it is told of; nothing for everything.
    pub categories: Vec<Category>,
    /// When it is forgotten unless it comes again.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What a telephone runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DevicePlatform {
    /// Firebase.
    Android,
    /// Apple.
    Ios,
    /// Firebase in a browser.
    Web,
}

/// A telephone that takes pushes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewDevice {
    /// As Firebase or Apple gave it.
    #[serde(alias = "device_token", alias = "deviceToken")]
    #[schema(min_length = 8, max_length = 4096)]
    pub token: String,
    /// What it runs.
    pub platform: DevicePlatform,
    /// Which edition of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub app_version: Option<String>,
    /// The person's language: `th-TH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub locale: Option<String>,
    /// Where the person is: `Asia/Bangkok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub timezone: Option<String>,
}

/// A telephone as older clients register it: perhaps with a list of tokens, and without what it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OlderDevice {
    /// As Firebase or Apple gave it.
    #[serde(default, alias = "device_token", alias = "deviceToken", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 8, max_length = 4096)]
    pub token: Option<String>,
    /// The same for several.
    #[serde(default, alias = "deviceTokens", skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub device_tokens: Vec<String>,
    /// What it runs; something of Firebase's, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<DevicePlatform>,
    /// Which edition of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub app_version: Option<String>,
    /// The person's language: `th-TH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub locale: Option<String>,
    /// Where the person is: `Asia/Bangkok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub timezone: Option<String>,
}

impl OlderDevice {
    /// The telephones that are meant.
    pub fn devices(self) -> Vec<NewDevice> {
        let Self { token, device_tokens, platform, app_version, locale, timezone } = self;
        let device = |token| NewDevice {
            token,
            platform: platform.unwrap_or(DevicePlatform::Android),
            app_version: app_version.clone(),
            locale: locale.clone(),
            timezone: timezone.clone(),
        };
        token.into_iter().chain(device_tokens).map(device).collect()
    }
}

/// A telephone that takes pushes, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Its name.
    pub device_id: DeviceId,
    /// What it runs.
    pub platform: DevicePlatform,
    /// When it was last registered.
    #[schema(value_type = String, format = DateTime)]
    pub registered_at: Timestamp,
}

/// Where a person can be reached besides their devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewContact {
    /// Mail goes there. One that a person gives of themselves is used when they have confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Text messages go there: `+66812345678`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 16)]
    pub phone: Option<String>,
    /// Their language: `fa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub locale: Option<String>,
    /// Where they are: `Asia/Tehran`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub timezone: Option<String>,
}

/// Where a person can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactView {
    /// What is known.
    #[serde(flatten)]
    pub contact: NewContact,
    /// Whether mail goes to the address.
    pub email_confirmed: bool,
}

/// What a person wants, and where they can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreferencesView {
    /// Whole media.
    pub channels: BTreeMap<Medium, Switch>,
    /// Categories; they come before media.
    pub categories: BTreeMap<Category, Choice>,
    /// Kinds; they come before categories.
    pub types: BTreeMap<Kind, Choice>,
    /// When only the critical is told.
    pub quiet_hours: Option<QuietHours>,
    /// Whether mail is gathered.
    pub digest: Digest,
    /// Whether they agreed to advertising.
    pub marketing: bool,
    /// Where they can be reached.
    pub contact: ContactView,
}

/// Which notifications are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NotificationsRequest {
    /// Only those that were read, or were not.
    #[serde(default)]
    pub read: Option<bool>,
    /// Only of this category.
    #[serde(default)]
    #[param(inline)]
    pub category: Option<Category>,
    /// The shop's own inbox instead of one's own; for people of the shop.
    #[serde(default)]
    pub staff: Option<bool>,
}

/// Something that somebody was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationView {
    /// Its name.
    pub notification_id: NotificationId,
    /// Who was told.
    pub user_id: UserId,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is about.
    pub category: Category,
    /// Its heading.
    pub title: String,
    /// What it says.
    pub body: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
    /// What it was made of.
    #[schema(value_type = Object)]
    pub data: NotificationData,
    /// Whether it was read.
    pub is_read: bool,
    /// When it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A page of somebody's inbox, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationsView {
    /// What they were told.
    pub data: Vec<NotificationView>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
    /// How many they have not read.
    pub unread_count: u64,
}

/// What was read, and how many are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationsRead {
    /// Which; all, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_id: Option<NotificationId>,
    /// How many are not read.
    pub unread_count: u64,
}

/// Something that somebody is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewNotification {
    /// Who.
    #[serde(alias = "userId")]
    pub user_id: UserId,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is made of: the variables of its template.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: NotificationData,
    /// The ways on which it goes out, instead of the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 4)]
    pub channels: Option<Vec<Medium>>,
    /// When; at once, if nothing is said. At most a year ahead.
    #[serde(default, alias = "sendAt", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub send_at: Option<Timestamp>,
    /// Whether telephones only wake their app and show nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Within a day, one person is told only once under the same key.
    #[serde(default, alias = "dedupeKey", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub dedupe_key: Option<String>,
}

/// What became of a request to tell somebody something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationTold {
    /// Its name.
    pub notification_id: NotificationId,
    /// Who is told.
    pub user_id: UserId,
    /// Where it is: `sent` to the ways out, `scheduled`, or `duplicate`.
    pub status: ToldStatus,
}

/// Where a request to tell somebody something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToldStatus {
    /// It is in the inbox and on its way.
    Sent,
    /// Its time will come.
    Scheduled,
    /// They were told already.
    Duplicate,
}

/// Something that many are to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewBulk {
    /// Who; or name a segment.
    #[serde(default, alias = "userIds", skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 1000)]
    pub user_ids: Option<Vec<UserId>>,
    /// `everyone`: all whom the shop can tell something.
    #[serde(default, alias = "segmentId", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub segment_id: Option<String>,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is made of.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: NotificationData,
    /// The ways on which it goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 4)]
    pub channels: Option<Vec<Medium>>,
}

/// How far the telling of many has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BulkView {
    /// Its name.
    pub job_id: NotificationJobId,
    /// Where it is.
    pub status: BulkStatus,
    /// How many have been told.
    pub told: u64,
    /// How many had been told before.
    pub duplicates: u64,
    /// How many there are; not known of a segment before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
}

/// Where the telling of many is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkStatus {
    /// It goes on.
    Running,
    /// All have been told.
    Done,
}

/// A notification to see whether they arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewTest {
    /// The ways that are tried; all, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 4)]
    pub channels: Option<Vec<Medium>>,
}

/// What became of a notification on one way to one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Where to: `email`, `inbox`, or the name of a subscription or device.
    pub endpoint: String,
    /// On which way.
    pub channel: Medium,
    /// Where it is.
    pub state: DeliveryState,
    /// Why it was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Suppression>,
    /// What went wrong, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When its turn comes, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it came to where it is.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveriesView {
    /// Which.
    pub notification_id: NotificationId,
    /// What caused it: an event, a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// On each way to each place.
    pub data: Vec<DeliveryView>,
}

/// Of which days notifications are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CountsRequest {
    /// The first day in UTC; a week before the last, if none is named.
    #[serde(default)]
    #[param(value_type = Option<String>, format = Date)]
    pub from: Option<jiff::civil::Date>,
    /// The last day in UTC; today, if none is named. At most 92 days after the first.
    #[serde(default)]
    #[param(value_type = Option<String>, format = Date)]
    pub to: Option<jiff::civil::Date>,
}

/// How many notifications came how far, of those that were made in some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountsView {
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub from: jiff::civil::Date,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub to: jiff::civil::Date,
    /// For each kind and way.
    pub data: Vec<KindCounts>,
}

/// How many of a kind came how far on one way. What was opened was sent, too: each counts in all states that it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "they are the states of a delivery")]
pub struct KindCounts {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The way.
    pub channel: Medium,
    pub sent: u64,
    pub delivered: u64,
    pub opened: u64,
    pub clicked: u64,
    pub failed: u64,
    pub expired: u64,
    pub suppressed: u64,
}

/// What a device tells of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewReceipt {
    /// What happened.
    pub event: ReceiptEvent,
    /// The token that came with the notification.
    #[schema(max_length = 1024)]
    pub token: String,
}

/// What can happen to a notification on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptEvent {
    /// It came.
    Delivered,
    /// It was looked at.
    Opened,
    /// It was followed.
    Clicked,
    /// It was put away.
    Dismissed,
}

/// Which wording of a kind is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TemplateRequest {
    /// The language; English, if none is named.
    #[serde(default)]
    #[param(max_length = 35)]
    pub locale: Option<String>,
    /// The way on which it goes out; all, if none is named.
    #[serde(default)]
    #[param(inline)]
    pub channel: Option<Medium>,
}

/// How something is worded, and what comes out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateView {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The language.
    pub locale: String,
    /// The way; all, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Medium>,
    /// Whether the shop has worded it itself.
    pub is_custom: bool,
    /// The wording.
    #[serde(flatten)]
    pub template: Template,
    /// The variables that it may have.
    pub variables: Vec<String>,
    /// What comes out of it with sample values.
    pub preview: TemplatePreview,
}

/// What comes out of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplatePreview {
    /// Heading, or the subject of a mail.
    pub title: String,
    /// Text.
    pub body: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// A mail's HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// What somebody wants to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductAlertKind {
    /// It can be bought again.
    BackInStock,
    /// It costs less.
    PriceDrop,
}

impl std::str::FromStr for ProductAlertKind {
    type Err = ();
    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "back_in_stock" => Ok(Self::BackInStock),
            "price_drop" => Ok(Self::PriceDrop),
            _ => Err(()),
        }
    }
}

/// A wish to be told of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewProductAlert {
    /// Of which variant; of the product, if none is named.
    #[serde(default, alias = "variantId", skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Where mail goes, of whoever has no account; it is used when it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Only when it costs this or less, in minor units of the shop's currency; any lower price, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub below: Option<i64>,
}

/// Of which variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichVariant {
    /// Of the product, if none is named.
    #[serde(default)]
    pub variant_id: Option<VariantId>,
}

/// A wish to be told of a product, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductAlertView {
    /// Of what.
    pub kind: ProductAlertKind,
    /// Of which product.
    pub product_id: ProductId,
    /// Of which variant of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Only when it costs this or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Money>,
    /// Whether mail was sent to confirm the address.
    pub awaits_confirmation: bool,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A signed wish: not to be told any more, or to be told at an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SignedWish {
    /// The token of the link.
    pub token: String,
}
