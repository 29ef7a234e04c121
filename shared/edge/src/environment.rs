//! Configuration: the one place that reads the environment.
//!
//! Every variable is read when a function starts. Whatever is missing, broken or unknown is collected and named all
//! at once, so that nobody has to deploy ten times to find ten mistakes.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock},
};

use app::{
    Clock, Settings,
    aws::{Aws, AwsAccess},
    broadcast::Broadcasts,
    catalog::Catalog,
    chat::{Chat, ChatFiles},
    delivery::Delivery,
    files::Files,
    idempotency::Idempotency,
    identity::Identity,
    inventory::Inventory,
    limits::Limits,
    media::{Devices, Mail, Sms, Vapid, WebPush},
    notifications::{Inbox, Links, Notifications, Reach, Sender, Tasks, Ways, Words, rendering::Renderer},
    orders::Orders,
    payments::{Payments, StripeAccount},
    presence::Presence,
    push::{Pace, Push},
    reactions::Reactions,
    realtime::Realtime,
    relay::Relay,
    reviews::Reviews,
    secrets::Secret,
    settings::{ChatSettings, FraudMode, NotificationSettings, StockSettings},
    settlement::Settlement,
    store::{Dynamo, Tables},
    stripe::Stripe,
    sweeper::Sweeper,
};
use domain::{
    Currency, ShopId,
    chat::{FileType, file::FileRules},
    notification::endpoint::EndpointOrigins,
    payment::CaptureMethod,
};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::{
    auth::{Authenticator, Jwks, KeySet, OrderTokens},
    http::Gate,
    telemetry::Emitter,
};

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

/// The most bytes that a file may have: it is looked at in memory.
const MAX_FILE_SIZE: u64 = 10 * 1024 * 1024;

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

    /// The tables, as far as this function has names for them.
    pub fn store(&self) -> Dynamo {
        let name = |name: &str| self.optional(name).unwrap_or_default();
        let tables = Tables {
            realtime: name("TABLE_REALTIME"),
            inventory: name("TABLE_INVENTORY"),
            orders: name("TABLE_ORDERS"),
            catalog: name("TABLE_CATALOG"),
            chat: name("TABLE_CHAT"),
            notifications: name("TABLE_NOTIFICATIONS"),
            customers: name("TABLE_CUSTOMERS"),
            platform: name("TABLE_PLATFORM"),
        };
        Dynamo::new(self.aws.dynamodb(), tables)
    }

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

    fn chat_settings(&self) -> ChatSettings {
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

    fn notification_settings(&self) -> NotificationSettings {
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
    fn push_origins(&self) -> EndpointOrigins {
        let named = self.optional("PUSH_ENDPOINT_ORIGINS").unwrap_or_default();
        EndpointOrigins::parse(&named).unwrap_or_else(|error| {
            self.complain(format!("PUSH_ENDPOINT_ORIGINS is wrong: {error}"));
            EndpointOrigins::default()
        })
    }

    /// What tells people things, one for all that asks: its words are remembered, and its templates are costly to make.
    pub fn notifications(&self) -> Notifications {
        self.notifications.get_or_init(|| self.new_notifications()).clone()
    }

    fn new_notifications(&self) -> Notifications {
        let settings = self.settings();
        let renderer = Renderer::new(settings.shop_name.as_str(), settings.shop_url.as_str());
        let renderer = renderer.in_zone(settings.zone());
        let words = Words::new(self.store(), self.clock(), renderer);
        let tasks = Tasks::new(self.aws.sqs(), self.required("NOTIFIER_QUEUE_URL"));
        Notifications::new(self.store(), self.clock(), settings, words, tasks)
    }

    /// What people do with their inbox.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.store(), self.clock())
    }

    /// The links in what people are told.
    pub fn links(&self) -> Links {
        Links::new(self.secret("JWT_SECRET"), self.clock())
    }

    /// The telephones.
    fn devices(&self) -> Devices {
        Devices::new(self.aws.sns(), self.optional("PUSH_SNS_FCM_ARN"), self.optional("PUSH_SNS_APNS_ARN"))
    }

    /// Where people can be reached.
    pub fn reach(&self) -> Reach {
        Reach::new(self.notifications(), self.inbox(), self.push_origins(), self.devices())
    }

    /// What sends what people are told.
    pub fn sender(&self) -> Sender {
        // A shop without a key sends no pushes to browsers.
        let vapid = self.optional("PUSH_VAPID_PUBLIC_KEY").map(|public_key| Vapid {
            public_key,
            private_key: self.secret("PUSH_VAPID_PRIVATE_KEY"),
            subject: self.required("PUSH_VAPID_SUBJECT"),
        });
        let web_push = vapid.map(|vapid| WebPush::new(vapid, self.push_origins(), self.clock())).transpose();
        let web_push = web_push.map_err(|error| self.complain(format!("PUSH_VAPID_PUBLIC_KEY: {error}")));
        let ways = Ways {
            web_push: web_push.ok().flatten(),
            devices: self.devices(),
            sms: Sms::new(self.aws.sns(), self.optional("SMS_SENDER_ID")),
            mail: Mail::new(
                self.aws.sesv2(),
                self.required("EMAIL_FROM"),
                self.optional("EMAIL_CONFIGURATION_SET"),
            ),
        };
        let dead_letters = Tasks::new(self.aws.sqs(), self.required("NOTIFIER_DEAD_LETTERS_URL"));
        Sender::new(self.notifications(), ways, self.links(), self.required("API_URL"), dead_letters)
    }

    fn shop_url(&self) -> String {
        let url = self.optional("SHOP_URL").unwrap_or_default();
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            self.complain(format!("SHOP_URL is {url:?}, expected an address such as https://shop.example"));
        }
        url.trim_end_matches('/').to_owned()
    }

    fn secret(&self, name: &str) -> Secret {
        Secret::new(self.aws.ssm(), self.required(name), self.clock())
    }

    /// Who has access.
    pub fn identity(&self) -> Identity {
        Identity::new(self.store(), self.clock())
    }

    /// What tells who is asking.
    pub fn authenticator(&self) -> Authenticator {
        let expiry = self.optional("TOKEN_EXPIRY").unwrap_or_else(|| "24h".into());
        let lifetime = expiry.parse::<SignedDuration>().unwrap_or_else(|_| {
            self.complain(format!("TOKEN_EXPIRY is {expiry:?}, expected a duration such as 24h"));
            SignedDuration::from_hours(24)
        });
        let shared = KeySet {
            issuer: self.optional("JWT_ISSUER"),
            audience: self.optional("JWT_AUDIENCE"),
            shops: self.believed("JWT_SHOPS"),
        };
        let jwks = self.optional("JWKS_URL").map(|url| {
            let issuer = self.required("JWKS_ISSUER");
            let keys = KeySet {
                issuer: Some(issuer),
                audience: self.optional("JWT_AUDIENCE"),
                shops: self.believed("JWKS_SHOPS"),
            };
            Jwks::new(url, keys, self.clock(), built(app::web::client()))
        });
        Authenticator::new(self.secret("JWT_SECRET"), shared, jwks, lifetime, self.identity(), self.clock())
    }

    /// What reads the tokens of orders.
    pub fn order_tokens(&self) -> OrderTokens {
        OrderTokens::new(self.secret("JWT_SECRET"), self.clock())
    }

    /// What stands before every HTTP route.
    pub fn gate(&self) -> Arc<Gate> {
        let slow = self.parsed("SLOW_REQUEST_SECONDS", 1.0, "seconds, such as 1.0");
        Arc::new(Gate {
            authenticator: self.authenticator(),
            limits: Limits::new(self.store(), self.clock()),
            settings: self.settings(),
            slow_after: std::time::Duration::from_secs_f64(f64::max(slow, 0.001)),
            clock: self.clock(),
            emitter: self.emitter.clone(),
        })
    }

    /// What runs a request once.
    pub fn idempotency(&self) -> Idempotency {
        Idempotency::new(self.store(), self.clock())
    }

    /// The way to the sockets.
    pub fn push(&self) -> Push {
        let per_second = self.parsed("FANOUT_POSTS_PER_SECOND", 0, "a number; 0 for as fast as it goes");
        let client = self.aws.connections(&self.required("WS_ENDPOINT"));
        Push::new(client, self.store(), self.clock(), Pace::new(per_second))
    }

    /// What delivers frames, also to very many.
    pub fn delivery(&self) -> Delivery {
        let push = self.push();
        let presence = Presence::new(self.store(), self.clock(), push.clone());
        Delivery::new(push, presence, (self.aws.sqs(), self.required("FANOUT_QUEUE_URL")))
    }

    /// What sends events of a shop's own.
    pub fn broadcasts(&self) -> Broadcasts {
        Broadcasts::new(self.store(), self.clock(), self.delivery(), self.idempotency())
    }

    /// What settles payments.
    pub fn settlement(&self) -> Settlement {
        Settlement::new(self.store(), self.clock(), self.stripe())
    }

    /// The way to Stripe, one for all that asks: a client of the web is costly to make.
    fn stripe(&self) -> Stripe {
        let make = || {
            let base = self.optional("STRIPE_API_BASE").unwrap_or_else(|| "https://api.stripe.com".into());
            built(Stripe::new(base, self.secret("STRIPE_SECRET_KEY")))
        };
        self.stripe.get_or_init(make).clone()
    }

    /// With what webhooks are signed, and how far their instant may be from ours.
    pub fn webhook_secret(&self) -> (Secret, SignedDuration) {
        let seconds = self.parsed("STRIPE_WEBHOOK_TOLERANCE_SECONDS", 300_u32, "seconds");
        (self.secret("STRIPE_WEBHOOK_SECRET"), SignedDuration::from_secs(seconds.into()))
    }

    /// The Stripe account of this deployment: its mode is that of the publishable key.
    pub fn stripe_account(&self) -> StripeAccount {
        StripeAccount {
            is_live: self.optional("STRIPE_PUBLIC_KEY").is_some_and(|key| key.starts_with("pk_live_")),
            id: self.optional("STRIPE_ACCOUNT_ID"),
        }
    }

    /// The sockets.
    pub fn realtime(&self) -> Realtime {
        Realtime::new(self.store(), self.clock(), self.settings(), self.push(), self.identity())
    }

    /// The conversations.
    pub fn chat(&self) -> Chat {
        Chat::new(self.store(), self.clock(), self.settings(), self.delivery())
    }

    /// The files of conversations.
    pub fn chat_files(&self) -> ChatFiles {
        let files = Files::new(&self.aws, self.required("CHAT_FILES_BUCKET"));
        let rules = self.file_rules();
        let is_on = self.parsed("CHAT_ENABLE_FILE_SHARING", true, "true or false");
        ChatFiles::new(self.chat(), files, is_on.then_some(rules))
    }

    fn file_rules(&self) -> FileRules {
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

    /// The products.
    pub fn catalog(&self) -> Catalog {
        Catalog::new(self.store(), self.clock(), self.settings(), self.inventory(), self.reviews())
    }

    /// What customers write of products.
    pub fn reviews(&self) -> Reviews {
        Reviews::new(self.store(), self.clock())
    }

    /// What customers think of products without words.
    pub fn reactions(&self) -> Reactions {
        Reactions::new(self.store(), self.clock(), self.settings())
    }

    /// The stock.
    pub fn inventory(&self) -> Inventory {
        Inventory::new(self.store(), self.clock(), self.settings())
    }

    /// The orders.
    pub fn orders(&self) -> Orders {
        Orders::new(self.store(), self.clock(), self.settings(), self.settlement())
    }

    /// The payments.
    pub fn payments(&self) -> Payments {
        Payments::new(self.store(), self.clock(), self.settings(), self.settlement(), self.idempotency())
    }

    /// What publishes the journal.
    pub fn relay(&self) -> Relay {
        Relay::new(self.store(), self.clock(), self.settings(), self.delivery(), Some(self.notifications()))
    }

    /// What does errands for it.
    pub fn errands(&self) -> Relay {
        Relay::new(self.store(), self.clock(), self.settings(), self.delivery(), None)
    }

    /// What does what falls due.
    pub fn sweeper(&self) -> Sweeper {
        Sweeper {
            store: self.store(),
            clock: self.clock(),
            holds_every: SignedDuration::from_millis(self.parsed(
                "INVENTORY_CHECK_INTERVAL",
                60_000,
                "milliseconds",
            )),
            inventory: self.inventory(),
            orders: self.orders(),
            payments: self.payments(),
            relay: self.relay(),
            chat: self.chat(),
            notifications: self.notifications(),
            home: self.shops("SHOPS").into_iter().next(),
            stripe: self.stripe_account(),
        }
    }

    /// Where operators are told.
    pub fn alerts(&self) -> app::alerts::Alerts {
        app::alerts::Alerts::new(self.aws.sns(), self.required("ALERTS_TOPIC_ARN"))
    }

    /// Whether connecting and disconnecting is logged.
    pub fn logs_sockets(&self) -> bool {
        self.parsed("WEBSOCKET_ENABLE_LOGGING", true, "true or false")
    }
}

/// What can only fail if this build cannot do TLS.
fn built<T>(made: app::Result<T>) -> T {
    made.unwrap_or_else(|error| unreachable!("the TLS client of this build works: {error}"))
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
