//! The kinds of notifications: one table says of each in what category it is, how it goes out if nobody says otherwise,
//! whether it can be turned off, and how long it is worth reading.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way on which a notification goes out. Clients know it as a notification's channel; in here a channel is what a
/// socket listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// Web push to browsers and push to telephones.
    Push,
    /// Mail.
    Email,
    /// Text messages; only to whoever asked for them.
    Sms,
    /// The inbox in the shop's pages, shown live.
    Websocket,
}

/// What a notification is about; people turn off whole categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Orders on their way.
    Orders,
    /// Money that came or went.
    Payments,
    /// What the shop's own people should know.
    Staff,
    /// What the shop would like to sell.
    Marketing,
    /// What somebody asked to be told of.
    Alerts,
    /// What people say to each other.
    Chat,
    /// Points and tiers.
    Loyalty,
    /// Who gets into an account.
    Security,
    /// What becomes of an account.
    Account,
}

/// Everything that is true of one kind.
struct Traits {
    name: &'static str,
    category: Category,
    media: &'static [Medium],
    is_critical: bool,
    /// Hours after which it is not worth sending any more.
    hours: i64,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $category:ident [$($medium:ident)*] $critical:literal $hours:literal;)*) => {
        /// What happened, as people are told of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            const fn traits(self) -> Traits {
                match self {
                    $(Self::$kind => Traits {
                        name: $name,
                        category: Category::$category,
                        media: &[$(Medium::$medium),*],
                        is_critical: $critical,
                        hours: $hours,
                    },)*
                }
            }
        }
    };
}

kinds! {
    /// An order was paid.
    OrderConfirmation "order_confirmation" Orders [Push Websocket Email] false 72;
    /// A parcel left.
    OrderShipped "order_shipped" Orders [Push Websocket] false 72;
    /// A parcel arrived.
    OrderDelivered "order_delivered" Orders [Push Websocket] false 72;
    /// An order went another step.
    OrderStatusUpdate "order_status_update" Orders [Push Websocket] false 24;
    /// A payment went through.
    PaymentConfirmation "payment_confirmation" Payments [Email Websocket] true 168;
    /// A payment did not go through.
    PaymentFailed "payment_failed" Payments [Email Push] true 168;
    /// Money went back.
    RefundProcessed "refund_processed" Payments [Email Push] true 168;
    /// A subscription could not be charged.
    SubscriptionPaymentFailed "subscription_payment_failed" Payments [Email Push] true 168;
    /// A bank asks for a payment back.
    DisputeOpened "dispute_opened" Staff [Websocket Email] true 168;
    /// Something costs what somebody waited for.
    PriceDrop "price_drop" Marketing [Push Email] false 24;
    /// Something that was sold out can be bought.
    BackInStock "back_in_stock" Alerts [Push Email] false 24;
    /// Stock crossed a line.
    InventoryAlert "inventory_alert" Staff [Websocket Email] false 24;
    /// Somebody said something to one who was not there.
    ChatMessage "chat_message" Chat [Push] false 24;
    /// An agent answered for the first time.
    SupportTicketResponse "support_ticket_response" Chat [Push Email] false 72;
    /// A campaign for many.
    PromotionAlert "promotion_alert" Marketing [Push Email] false 48;
    /// A campaign for one.
    PersonalizedOffer "personalized_offer" Marketing [Push Email] false 48;
    /// Points or a tier were earned.
    LoyaltyReward "loyalty_reward" Loyalty [Push Websocket] false 72;
    /// Somebody got into an account, or may have.
    SecurityAlert "security_alert" Security [Push Email Sms Websocket] true 72;
    /// A campaign began, paused or ended.
    CampaignStatusChange "campaign_status_change" Staff [Websocket] false 24;
    /// Something new was turned on.
    FeatureFlagEnabled "feature_flag_enabled" Staff [Websocket] false 24;
    /// A merchant may sell.
    MerchantApplicationApproved "merchant_application_approved" Account [Email Push] true 168;
    /// Operators should look.
    SystemAlert "system_alert" Staff [Websocket Email] true 24;
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Orders,
        Self::Payments,
        Self::Staff,
        Self::Marketing,
        Self::Alerts,
        Self::Chat,
        Self::Loyalty,
        Self::Security,
        Self::Account,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Staff => "staff",
            Self::Marketing => "marketing",
            Self::Alerts => "alerts",
            Self::Chat => "chat",
            Self::Loyalty => "loyalty",
            Self::Security => "security",
            Self::Account => "account",
        }
    }

    /// Whether nobody can turn off anything in it.
    pub fn is_critical(self) -> bool {
        Kind::ALL.iter().filter(|kind| kind.category() == self).all(|kind| kind.is_critical())
    }
}

impl Medium {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Push, Self::Email, Self::Sms, Self::Websocket];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Websocket => "websocket",
        }
    }
}

impl Kind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        self.traits().name
    }

    /// What it is about.
    pub const fn category(self) -> Category {
        self.traits().category
    }

    /// How it goes out if nobody says otherwise. It is in the inbox always.
    pub const fn media(self) -> &'static [Medium] {
        self.traits().media
    }

    /// Whether it goes out on `medium` if nobody says otherwise. What is in the inbox is also shown live.
    pub fn usually_goes_by(self, medium: Medium) -> bool {
        medium == Medium::Websocket || self.media().contains(&medium)
    }

    /// Whether its mail can wait for others. What answers somebody does not wait.
    pub const fn may_be_gathered(self) -> bool {
        !self.is_critical() && !matches!(self, Self::OrderConfirmation | Self::SupportTicketResponse)
    }

    /// Whether nobody can turn it off.
    pub const fn is_critical(self) -> bool {
        self.traits().is_critical
    }

    /// How long it is worth sending.
    pub const fn ttl(self) -> SignedDuration {
        SignedDuration::from_hours(self.traits().hours)
    }

    /// Whether it is for people of the shop.
    pub const fn is_for_staff(self) -> bool {
        matches!(self.category(), Category::Staff)
    }

    /// Whether it needs consent, and a way to take that back in every mail.
    pub const fn is_marketing(self) -> bool {
        matches!(self.category(), Category::Marketing)
    }

    /// How long mail waits for a push to be accepted or for somebody to read it elsewhere; nothing, if mail is no
    /// fallback of this kind: it is sent at once, or never. What people say waits shorter than what a parcel does.
    pub fn mails_after(self) -> Option<SignedDuration> {
        match self {
            Self::ChatMessage => Some(SignedDuration::from_mins(2)),
            kind if kind.media().contains(&Medium::Push) && !kind.media().contains(&Medium::Email) => {
                Some(SignedDuration::from_mins(10))
            }
            _ => None,
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::named(name).ok_or(UnknownKind)
    }
}

/// There is no kind with this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no kind of notification has this name")]
pub struct UnknownKind;

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_goes_out_somehow_and_has_one_name() {
        let mut names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(!kind.media().is_empty(), "{kind}");
            assert_eq!(Kind::named(kind.name()), Some(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn mail_is_a_fallback_only_where_it_is_no_way_of_its_own() {
        let fallbacks: Vec<&str> =
            Kind::ALL.iter().filter(|kind| kind.mails_after().is_some()).map(|kind| kind.name()).collect();
        let expected =
            ["order_shipped", "order_delivered", "order_status_update", "chat_message", "loyalty_reward"];
        assert_eq!(fallbacks, expected);
    }
}
