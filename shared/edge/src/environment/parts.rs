//! What functions are made of, as the variables say.

use std::sync::Arc;

use app::{
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
    settlement::Settlement,
    store::{Dynamo, Tables},
    stripe::Stripe,
    sweeper::Sweeper,
};
use jiff::SignedDuration;

use super::Environment;
use crate::{
    auth::{Authenticator, Jwks, KeySet, OrderTokens},
    http::Gate,
};

impl Environment {
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
