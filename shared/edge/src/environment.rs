//! Configuration: the one place that reads the environment.
//!
//! Every variable is read when a function starts. Whatever is missing, broken or unknown is collected and named all
//! at once, so that nobody has to deploy ten times to find ten mistakes.

mod parts;
mod settings;

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock},
};

use app::{
    Clock,
    aws::{Aws, AwsAccess},
    notifications::Notifications,
    stripe::Stripe,
};
use domain::ShopId;
use secrecy::SecretString;

use crate::telemetry::Emitter;

/// Every variable that is read, for the check that the template and `docs/configuration.md` name them all.
pub const VARIABLES: &[&str] = &[
    "ALERTS_TOPIC_ARN",
    "ALLOWED_ORIGINS",
    "API_URL",
    "CHAT_ALLOWED_FILE_TYPES",
    "CHAT_AUTO_ASSIGN_AGENTS",
    "CHAT_ENABLE_FILE_SHARING",
    "CHAT_ENABLE_HISTORY",
    "CHAT_ENABLE_TYPING_INDICATORS",
    "CHAT_FAQ_CONFIDENCE_THRESHOLD",
    "CHAT_FILES_BUCKET",
    "CHAT_MAX_FILE_SIZE",
    "CHAT_MAX_MESSAGE_LENGTH",
    "CHAT_MAX_PARTICIPANTS",
    "CHAT_MESSAGE_RETENTION_DAYS",
    "EMAIL_CONFIGURATION_SET",
    "EMAIL_FROM",
    "FANOUT_POSTS_PER_SECOND",
    "FANOUT_QUEUE_URL",
    "FRAUD_MODE",
    "INVENTORY_CHECK_INTERVAL",
    "INVENTORY_ENABLE_ALERTS",
    "INVENTORY_ENABLE_ANALYTICS",
    "INVENTORY_ENABLE_REALTIME",
    "INVENTORY_LOW_STOCK_THRESHOLD",
    "INVENTORY_MAX_HISTORY_DAYS",
    "INVENTORY_RESERVATION_TTL_SECONDS",
    "JWKS_ISSUER",
    "JWKS_SHOPS",
    "JWKS_URL",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "JWT_SECRET",
    "JWT_SHOPS",
    "NOTIFICATION_BULK_BATCH",
    "NOTIFIER_DEAD_LETTERS_URL",
    "NOTIFIER_QUEUE_URL",
    "PAYMENT_CAPTURE_METHOD",
    "PUSH_ENABLE_ANALYTICS",
    "PUSH_ENABLE_EMAIL_FALLBACK",
    "PUSH_ENABLE_WEB_PUSH",
    "PUSH_ENDPOINT_ORIGINS",
    "PUSH_MAX_RETRIES",
    "PUSH_MAX_SUBSCRIPTIONS_PER_USER",
    "PUSH_RETRY_DELAY",
    "PUSH_SNS_APNS_ARN",
    "PUSH_SNS_FCM_ARN",
    "PUSH_SUBSCRIPTION_EXPIRY_DAYS",
    "PUSH_VAPID_PRIVATE_KEY",
    "PUSH_VAPID_PUBLIC_KEY",
    "PUSH_VAPID_SUBJECT",
    "RUST_LOG",
    "SHOPS",
    "SHOP_CURRENCY",
    "SHOP_HOSTS",
    "SHOP_KEYS",
    "SHOP_NAME",
    "SHOP_TIMEZONE",
    "SHOP_URL",
    "SLOW_REQUEST_SECONDS",
    "SMS_SENDER_ID",
    "STRIPE_ACCOUNT_ID",
    "STRIPE_API_BASE",
    "STRIPE_PUBLIC_KEY",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_WEBHOOK_TOLERANCE_SECONDS",
    "TABLE_CATALOG",
    "TABLE_CHAT",
    "TABLE_CUSTOMERS",
    "TABLE_INVENTORY",
    "TABLE_NOTIFICATIONS",
    "TABLE_ORDERS",
    "TABLE_PLATFORM",
    "TABLE_REALTIME",
    "TOKEN_EXPIRY",
    "WEBSOCKET_ENABLE_COMPRESSION",
    "WEBSOCKET_ENABLE_LOGGING",
    "WEBSOCKET_HEARTBEAT_INTERVAL",
    "WEBSOCKET_MAX_CLIENTS",
    "WS_ENDPOINT",
    "WS_URL",
];

/// Beginnings of names that are ours: one that is not in [`VARIABLES`] is a slip of the pen.
const OURS: [&str; 20] = [
    "ALERTS_",
    "API_",
    "CHAT_",
    "EMAIL_",
    "FANOUT_",
    "FRAUD_",
    "INVENTORY_",
    "JWKS_",
    "JWT_",
    "NOTIFICATION_",
    "NOTIFIER_",
    "PAYMENT_",
    "PUSH_",
    "SHOP_",
    "SLOW_",
    "SMS_",
    "STRIPE_",
    "TABLE_",
    "WEBSOCKET_",
    "WS_",
];

/// What is wrong with the configuration, all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misconfigured(pub Vec<String>);

impl std::fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the configuration is wrong: {}", self.0.join("; "))
    }
}

impl std::error::Error for Misconfigured {}

/// A function's surroundings: its variables, its clock, and the ways to everything outside.
#[derive(Clone)]
pub struct Environment {
    variables: Arc<BTreeMap<String, String>>,
    clock: Clock,
    emitter: Emitter,
    problems: Arc<Mutex<Vec<String>>>,
    aws: Aws,
    stripe: Arc<OnceLock<Stripe>>,
    notifications: Arc<OnceLock<Notifications>>,
}

/// The levels of the log, which starts before everything else so that it can tell what is wrong with the rest.
pub(crate) fn log_levels() -> Option<String> {
    std::env::vars().find_map(|(name, value)| (name == "RUST_LOG").then_some(value))
}

impl Environment {
    /// The surroundings that `variables` describe.
    ///
    /// # Errors
    /// If there is no access to AWS to be had from them.
    pub fn new(
        variables: BTreeMap<String, String>,
        clock: Clock,
        emitter: Emitter,
    ) -> Result<Self, Misconfigured> {
        let get = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let access = AwsAccess {
            region: get("AWS_REGION").unwrap_or_else(|| "us-east-1".into()),
            endpoint: get("AWS_ENDPOINT_URL"),
            access_key_id: get("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            secret_access_key: SecretString::from(get("AWS_SECRET_ACCESS_KEY").unwrap_or_default()),
            session_token: get("AWS_SESSION_TOKEN").map(SecretString::from),
        };
        let aws = Aws::new(access).map_err(|error| Misconfigured(vec![error.to_string()]))?;
        let unknown = variables.keys().filter(|name| {
            OURS.iter().any(|ours| name.starts_with(ours)) && !VARIABLES.contains(&name.as_str())
        });
        let problems: Vec<String> =
            unknown.map(|name| format!("{name} is no variable of shopwire")).collect();
        if variables.contains_key("REDIS_URL") {
            tracing::warn!("REDIS_URL is set and ignored: there is no Redis in shopwire");
        }
        Ok(Self {
            variables: Arc::new(variables),
            clock,
            emitter,
            problems: Arc::new(Mutex::new(problems)),
            aws,
            stripe: Arc::default(),
            notifications: Arc::default(),
        })
    }

    /// The surroundings of this process.
    ///
    /// # Errors
    /// As [`Environment::new`].
    pub fn of_process() -> Result<Self, Misconfigured> {
        Self::new(std::env::vars().collect(), Clock::system(), Emitter::stdout())
    }

    /// An error that names everything that was found wrong, or the value that was built meanwhile.
    ///
    /// # Errors
    /// If anything was missing, broken or unknown.
    pub fn finish<T>(&self, built: T) -> Result<T, Misconfigured> {
        let problems = self.problems.lock().map(|problems| problems.clone()).unwrap_or_default();
        if problems.is_empty() { Ok(built) } else { Err(Misconfigured(problems)) }
    }

    fn complain(&self, problem: String) {
        if let Ok(mut problems) = self.problems.lock()
            && !problems.contains(&problem)
        {
            problems.push(problem);
        }
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn required(&self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.complain(format!("{name} is missing"));
            String::new()
        })
    }

    fn parsed<T: FromStr>(&self, name: &str, default: T, expected: &str) -> T {
        let Some(value) = self.optional(name) else {
            return default;
        };
        value.parse().unwrap_or_else(|_| {
            self.complain(format!("{name} is {value:?}, expected {expected}"));
            default
        })
    }

    fn between(&self, name: &str, default: u32, (least, most): (u32, u32)) -> u32 {
        let value = self.parsed(name, default, "a whole number");
        if !(least..=most).contains(&value) {
            self.complain(format!("{name} is {value}, expected {least} to {most}"));
        }
        value
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.optional(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    fn shops(&self, name: &str) -> Vec<ShopId> {
        let names = self.list(name);
        let read = |shop: &String| match ShopId::new(shop.as_str()) {
            Ok(shop) => Some(shop),
            Err(error) => {
                self.complain(format!("{name} has {shop:?}: {error}"));
                None
            }
        };
        let shops: Vec<ShopId> = names.iter().filter_map(read).collect();
        if shops.is_empty() { ShopId::new("default").into_iter().collect() } else { shops }
    }

    /// The shops that an issuer may speak for; `*` for all that there are.
    fn believed(&self, name: &str) -> Vec<ShopId> {
        match self.optional(name).as_deref() {
            Some("*") => self.shops("SHOPS"),
            _ => self.shops(name),
        }
    }

    fn shop_map(&self, name: &str) -> BTreeMap<String, ShopId> {
        let read = |entry: &String| {
            let pair =
                entry.split_once('=').and_then(|(key, shop)| Some((key.to_owned(), ShopId::new(shop).ok()?)));
            if pair.is_none() {
                self.complain(format!("{name} has {entry:?}, expected name=shop"));
            }
            pair
        };
        self.list(name).iter().filter_map(read).collect()
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Environment::new(variables, Clock::system(), Emitter::silent()).unwrap()
    }

    #[test]
    fn an_issuer_of_all_shops_speaks_for_those_that_there_are() {
        let named = |shops: &str| {
            let environment = environment(&[("SHOPS", "north,south"), ("JWT_SHOPS", shops)]);
            let believed = environment.believed("JWT_SHOPS");
            environment.finish(believed).unwrap()
        };
        let shops = |names: &[&str]| names.iter().map(|name| ShopId::new(*name).unwrap()).collect::<Vec<_>>();
        assert_eq!(named("*"), shops(&["north", "south"]));
        assert_eq!(named("south"), shops(&["south"]));
        assert_eq!(named(""), shops(&["default"]));
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let environment = environment(&[
            ("SHOP_CURRENCY", "XYZ"),
            ("SHOP_TIMEZONE", "Mars/Base"),
            ("INVENTORY_RESERVATION_TTL_SECONDS", "soon"),
            ("INVENTORY_LOWSTOCK", "3"),
            ("PATH", "/bin"),
        ]);
        environment.settings();
        environment.gate();
        let Misconfigured(problems) = environment.finish(()).unwrap_err();
        insta::assert_debug_snapshot!(problems, @r#"
        [
            "INVENTORY_LOWSTOCK is no variable of shopwire",
            "SHOP_TIMEZONE is \"Mars/Base\", expected an IANA zone such as Europe/London",
            "SHOP_CURRENCY is \"XYZ\": not a currency that can be charged",
            "INVENTORY_RESERVATION_TTL_SECONDS is \"soon\", expected a number greater than 0",
            "JWT_SECRET is missing",
        ]
        "#);
    }
}
