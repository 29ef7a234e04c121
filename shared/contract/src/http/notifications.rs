//! What people are told: their inbox, where they can be reached, what they want, and how the shop words it.

mod reach;
mod wishes;

use std::collections::BTreeMap;

use domain::{
    NotificationId, NotificationJobId, UserId,
    notification::{Category, DeliveryState, Kind, Medium, Suppression, Template},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use self::{
    reach::{
        BrowserKeys, BrowserSubscription, ContactView, DevicePlatform, DeviceView, NewContact, NewDevice,
        NewPushSubscription, OlderDevice, PreferencesView, PushSubscriptionView,
    },
    wishes::{NewProductAlert, ProductAlertKind, ProductAlertView, WhichVariant},
};

/// What a notification is about, by name.
pub type NotificationData = BTreeMap<String, serde_json::Value>;

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

/// A signed wish: not to be told any more, or to be told at an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SignedWish {
    /// The token of the link.
    pub token: String,
}
