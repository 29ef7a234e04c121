//! Where people can be reached, and what they want to be told.

use std::collections::BTreeMap;

use domain::{
    DeviceId, PushSubscriptionId, UserId,
    notification::{Category, Choice, Digest, Kind, Medium, QuietHours, Switch},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
