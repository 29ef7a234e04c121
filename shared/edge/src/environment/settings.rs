//! What the variables say about the deployment.

use std::sync::Arc;

use app::{
    Settings,
    settings::{ChatSettings, FraudMode, NotificationSettings, StockSettings},
};
use domain::{
    Currency,
    chat::{FileType, file::FileRules},
    notification::endpoint::EndpointOrigins,
    payment::CaptureMethod,
};
use jiff::SignedDuration;

use super::Environment;

/// The most bytes that a file may have: it is looked at in memory.
const MAX_FILE_SIZE: u64 = 10 * 1024 * 1024;

impl Environment {
    /// What the deployment says about itself.
    pub fn settings(&self) -> Arc<Settings> {
        let currency = self.optional("SHOP_CURRENCY").unwrap_or_else(|| "USD".into());
        let timezone = self.optional("SHOP_TIMEZONE").unwrap_or_else(|| "UTC".into());
        if jiff::tz::TimeZone::get(&timezone).is_err() {
            self.complain(format!(
                "SHOP_TIMEZONE is {timezone:?}, expected an IANA zone such as Europe/London"
            ));
        }
        let dollars = Currency::new("USD");
        let currency = Currency::new(&currency).or_else(|error| {
            self.complain(format!("SHOP_CURRENCY is {currency:?}: {error}"));
            dollars
        });
        let Ok(currency) = currency else { unreachable!("USD is a currency") };
        let positive = |name: &str, default: i64| {
            let value = self.parsed(name, default, "a number greater than 0");
            if value <= 0 {
                self.complain(format!("{name} is {value}, expected a number greater than 0"));
            }
            value
        };
        Arc::new(Settings {
            shops: self.shops("SHOPS"),
            shop_keys: self.shop_map("SHOP_KEYS"),
            shop_hosts: self.shop_map("SHOP_HOSTS"),
            shop_name: self.optional("SHOP_NAME").unwrap_or_else(|| "Shop".into()),
            shop_url: self.shop_url(),
            currency,
            timezone,
            stripe_public_key: self.optional("STRIPE_PUBLIC_KEY"),
            websocket_url: self.optional("WS_URL").unwrap_or_default(),
            heartbeat: SignedDuration::from_millis(positive("WEBSOCKET_HEARTBEAT_INTERVAL", 540_000)),
            max_clients: self.parsed("WEBSOCKET_MAX_CLIENTS", 10_000, "a number; 0 for no limit"),
            allows_compression: self.parsed("WEBSOCKET_ENABLE_COMPRESSION", true, "true or false"),
            reservation_ttl: SignedDuration::from_secs(positive("INVENTORY_RESERVATION_TTL_SECONDS", 900)),
            low_stock_threshold: self.parsed("INVENTORY_LOW_STOCK_THRESHOLD", 10, "a whole number"),
            stock: StockSettings {
                raises_alerts: self.parsed("INVENTORY_ENABLE_ALERTS", true, "true or false"),
                sends_events: self.parsed("INVENTORY_ENABLE_REALTIME", true, "true or false"),
                forecasts: self.parsed("INVENTORY_ENABLE_ANALYTICS", true, "true or false"),
                history: SignedDuration::from_hours(24 * positive("INVENTORY_MAX_HISTORY_DAYS", 30)),
            },
            chat: self.chat_settings(),
            notifications: self.notification_settings(),
            vapid_public_key: self.optional("PUSH_VAPID_PUBLIC_KEY"),
            allowed_origins: self.list("ALLOWED_ORIGINS"),
            capture_method: self.parsed(
                "PAYMENT_CAPTURE_METHOD",
                CaptureMethod::default(),
                "automatic or manual",
            ),
            fraud_mode: self.parsed("FRAUD_MODE", FraudMode::default(), "enforce or shadow"),
        })
    }

    pub(super) fn chat_settings(&self) -> ChatSettings {
        let yes = |name: &str| self.parsed(name, true, "true or false");
        let size = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        ChatSettings {
            max_message_length: size(self.between("CHAT_MAX_MESSAGE_LENGTH", 1_000, (1, 7_000))),
            max_participants: size(self.between("CHAT_MAX_PARTICIPANTS", 10, (2, 50))),
            retention: SignedDuration::from_hours(
                24 * i64::from(self.between("CHAT_MESSAGE_RETENTION_DAYS", 30, (1, 3_650))),
            ),
            shows_typing: yes("CHAT_ENABLE_TYPING_INDICATORS"),
            assigns_agents: yes("CHAT_AUTO_ASSIGN_AGENTS"),
            shows_history: yes("CHAT_ENABLE_HISTORY"),
            faq_threshold: u8::try_from(self.between("CHAT_FAQ_CONFIDENCE_THRESHOLD", 70, (1, 100)))
                .unwrap_or(70),
        }
    }

    pub(super) fn notification_settings(&self) -> NotificationSettings {
        let yes = |name: &str| self.parsed(name, true, "true or false");
        let size = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
        let days = self.between("PUSH_SUBSCRIPTION_EXPIRY_DAYS", 365, (1, 3_650));
        NotificationSettings {
            pushes_to_browsers: yes("PUSH_ENABLE_WEB_PUSH")
                && self.optional("PUSH_VAPID_PUBLIC_KEY").is_some(),
            falls_back_to_mail: yes("PUSH_ENABLE_EMAIL_FALLBACK"),
            follows_pushes: yes("PUSH_ENABLE_ANALYTICS"),
            max_retries: self.between("PUSH_MAX_RETRIES", 3, (0, 10)),
            retry_delay: SignedDuration::from_millis(
                self.between("PUSH_RETRY_DELAY", 1_000, (1, 900_000)).into(),
            ),
            max_subscriptions: size(self.between("PUSH_MAX_SUBSCRIPTIONS_PER_USER", 5, (1, 20))),
            subscription_lifetime: SignedDuration::from_hours(24 * i64::from(days)),
            bulk_batch: size(self.between("NOTIFICATION_BULK_BATCH", 100, (1, 1_000))),
        }
    }

    /// Where pushes to browsers may go.
    pub(super) fn push_origins(&self) -> EndpointOrigins {
        let named = self.optional("PUSH_ENDPOINT_ORIGINS").unwrap_or_default();
        EndpointOrigins::parse(&named).unwrap_or_else(|error| {
            self.complain(format!("PUSH_ENDPOINT_ORIGINS is wrong: {error}"));
            EndpointOrigins::default()
        })
    }

    pub(super) fn shop_url(&self) -> String {
        let url = self.optional("SHOP_URL").unwrap_or_default();
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            self.complain(format!("SHOP_URL is {url:?}, expected an address such as https://shop.example"));
        }
        url.trim_end_matches('/').to_owned()
    }

    pub(super) fn file_rules(&self) -> FileRules {
        let max_size = self.parsed("CHAT_MAX_FILE_SIZE", 5_242_880, "bytes");
        if !(1..=MAX_FILE_SIZE).contains(&max_size) {
            self.complain(format!("CHAT_MAX_FILE_SIZE is {max_size}, expected 1 to {MAX_FILE_SIZE}"));
        }
        let read = |name: &String| {
            let kind = name.parse::<FileType>();
            if kind.is_err() {
                let known = FileType::ALL.map(FileType::mime_type).join(", ");
                self.complain(format!("CHAT_ALLOWED_FILE_TYPES has {name:?}, expected some of {known}"));
            }
            kind.ok()
        };
        let named = self.list("CHAT_ALLOWED_FILE_TYPES");
        let types = match named.is_empty() {
            true => FileType::ALL.into(),
            false => named.iter().filter_map(read).collect(),
        };
        FileRules { max_size, types }
    }
}
