//! What a template of each kind may speak of.

use crate::notification::Kind;

/// What a variable is, which says how it is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableKind {
    /// Words in one line: a name, a reason.
    Text,
    /// Words in several lines, as somebody typed them.
    Prose,
    /// A whole number.
    Number,
    /// An amount with its currency.
    Money,
    /// A day: an RFC 3339 instant, or a date.
    Date,
    /// A day and a time of day: an RFC 3339 instant.
    Moment,
    /// An address: `https`, `http`, or a path of the shop.
    Url,
    /// Lines with a `name`, a `quantity` and a `total`.
    Lines,
}

/// What a preview shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// A text, an address or a time.
    Text(&'static str),
    /// A number, or an amount in minor units.
    Number(i64),
    /// Two lines.
    Lines,
}

/// Something that a template may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// As templates write it.
    pub name: &'static str,
    /// What it is.
    pub kind: VariableKind,
    /// What a preview shows.
    pub sample: Sample,
    /// Whether texts make no sense without it. Others are left out where they are not known.
    pub is_needed: bool,
}

impl Variable {
    const fn new(name: &'static str, kind: VariableKind, sample: Sample) -> Self {
        Self { name, kind, sample, is_needed: false }
    }

    const fn needed(mut self) -> Self {
        self.is_needed = true;
        self
    }
}

const fn text(name: &'static str, sample: &'static str) -> Variable {
    Variable::new(name, VariableKind::Text, Sample::Text(sample))
}
const fn prose(name: &'static str, sample: &'static str) -> Variable {
    Variable::new(name, VariableKind::Prose, Sample::Text(sample))
}
const fn number(name: &'static str, sample: i64) -> Variable {
    Variable::new(name, VariableKind::Number, Sample::Number(sample))
}
const fn money(name: &'static str, sample: i64) -> Variable {
    Variable::new(name, VariableKind::Money, Sample::Number(sample))
}
const fn date(name: &'static str) -> Variable {
    Variable::new(name, VariableKind::Date, Sample::Text("2026-03-21"))
}
const fn moment(name: &'static str) -> Variable {
    Variable::new(name, VariableKind::Moment, Sample::Text("2026-03-21T09:30:00Z"))
}
const fn url(name: &'static str, sample: &'static str) -> Variable {
    Variable::new(name, VariableKind::Url, Sample::Text(sample))
}

const ORDER_ID: Variable = text("order_id", "ord_0197f3a2b4c57d8e9fa0b1c2d3e4f506");
const ORDER_NUMBER: Variable = text("order_number", "1042").needed();
const PRODUCT_ID: Variable = text("product_id", "prd_0197f3a2b4c57d8e9fa0b1c2d3e4f506");
const PRODUCT_NAME: Variable = text("product_name", "Brass Lamp").needed();
const VARIANT_NAME: Variable = text("variant_name", "small");
const IMAGE_URL: Variable = url("image_url", "https://shop.example/lamp.jpg");
const CONVERSATION_ID: Variable = text("conversation_id", "cnv_0197f3a2b4c57d8e9fa0b1c2d3e4f506");
const CAMPAIGN_ID: Variable = text("campaign_id", "spring");

/// What templates of all kinds may speak of. Only mail has an `unsubscribe_url`.
pub const COMMON: &[Variable] = &[
    text("shop_name", "Lumen"),
    text("recipient_name", "Ana"),
    url("action_url", "https://shop.example/account"),
    url("unsubscribe_url", "https://shop.example/unsubscribe"),
];

/// What a mail of many notifications may speak of, besides what all may.
pub const DIGEST: &[Variable] =
    &[number("count", 2), Variable::new("items", VariableKind::Lines, Sample::Lines)];

/// What a campaign says, to many or to one.
const CAMPAIGN: &[Variable] = &[
    CAMPAIGN_ID,
    text("headline", "Spring sale"),
    prose("message", "20% off all lamps until Sunday.").needed(),
    text("code", "SPRING20"),
    date("ends_on"),
    text("product_name", "Brass Lamp"),
    IMAGE_URL,
];

const TABLE: &[(Kind, &[Variable])] = &[
    (
        Kind::OrderConfirmation,
        &[
            ORDER_ID,
            ORDER_NUMBER,
            money("total", 4_997),
            number("item_count", 3),
            Variable::new("lines", VariableKind::Lines, Sample::Lines),
        ],
    ),
    (
        Kind::OrderShipped,
        &[
            ORDER_ID,
            ORDER_NUMBER,
            text("carrier", "DHL"),
            text("tracking_number", "JD014600003"),
            url("tracking_url", "https://carrier.example/JD014600003"),
            date("expected_on"),
        ],
    ),
    (Kind::OrderDelivered, &[ORDER_ID, ORDER_NUMBER, date("delivered_on")]),
    (Kind::OrderStatusUpdate, &[ORDER_ID, ORDER_NUMBER, text("status", "processing")]),
    (
        Kind::PaymentConfirmation,
        &[
            ORDER_ID,
            ORDER_NUMBER,
            money("amount", 4_997),
            text("method", "Visa •••• 4242"),
            date("paid_on"),
            url("receipt_url", "https://pay.example/receipt"),
        ],
    ),
    (Kind::PaymentFailed, &[ORDER_ID, ORDER_NUMBER, money("amount", 4_997), text("reason", "card_declined")]),
    (
        Kind::RefundProcessed,
        &[ORDER_ID, ORDER_NUMBER, money("amount", 1_999), text("reason", "damaged"), date("refunded_on")],
    ),
    (
        Kind::PriceDrop,
        &[
            PRODUCT_ID,
            PRODUCT_NAME,
            VARIANT_NAME,
            money("old_price", 2_499),
            money("price", 1_999),
            IMAGE_URL,
        ],
    ),
    (
        Kind::BackInStock,
        &[PRODUCT_ID, PRODUCT_NAME, VARIANT_NAME, money("price", 1_999), number("available", 12), IMAGE_URL],
    ),
    (
        Kind::InventoryAlert,
        &[
            PRODUCT_ID,
            PRODUCT_NAME,
            VARIANT_NAME,
            text("alert", "low_stock"),
            number("available", 4).needed(),
            number("threshold", 5),
            text("location", "main"),
            date("expires_on"),
        ],
    ),
    (
        Kind::ChatMessage,
        &[
            CONVERSATION_ID,
            text("sender_name", "Mia"),
            prose("message", "Your lamp is ready to be picked up."),
            number("count", 2),
        ],
    ),
    (
        Kind::SupportTicketResponse,
        &[CONVERSATION_ID, text("agent_name", "Mia"), prose("message", "Hello, how can I help?")],
    ),
    (Kind::PromotionAlert, CAMPAIGN),
    (Kind::PersonalizedOffer, CAMPAIGN),
    (
        Kind::LoyaltyReward,
        &[
            number("points", 120),
            number("balance", 1_480),
            text("tier", "silver"),
            text("reason", "purchase"),
        ],
    ),
    (
        Kind::SubscriptionPaymentFailed,
        &[
            text("subscription_id", "sub_1042"),
            text("plan", "Coffee every month"),
            money("amount", 1_500),
            date("retry_on"),
        ],
    ),
    (
        Kind::SecurityAlert,
        &[
            text("event", "new_device"),
            text("device", "Firefox on Linux"),
            text("place", "Bangkok"),
            moment("happened_at"),
        ],
    ),
    (Kind::MerchantApplicationApproved, &[text("business_name", "Lumen Workshop")]),
    (
        Kind::DisputeOpened,
        &[
            ORDER_ID,
            ORDER_NUMBER,
            text("payment_id", "pay_0197f3a2b4c57d8e9fa0b1c2d3e4f506"),
            money("amount", 4_997),
            text("reason", "product_not_received"),
            moment("respond_by"),
        ],
    ),
    (
        Kind::CampaignStatusChange,
        &[CAMPAIGN_ID, text("campaign_name", "Spring sale"), text("status", "running").needed()],
    ),
    (Kind::FeatureFlagEnabled, &[text("flag", "new_checkout").needed(), text("changed_by", "Noor")]),
    (
        Kind::SystemAlert,
        &[
            text("alert", "Webhooks are late").needed(),
            text("severity", "warning"),
            prose("message", "The oldest has been waiting for ten minutes."),
            moment("since"),
        ],
    ),
];

impl Kind {
    /// What its templates may speak of, besides what all may. What is not known is left empty.
    pub fn variables(self) -> &'static [Variable] {
        let row = TABLE.iter().find(|(kind, _)| *kind == self);
        row.map_or(&[], |(_, variables)| variables)
    }
}
