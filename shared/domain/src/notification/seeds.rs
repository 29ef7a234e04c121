//! What is said where a shop wrote nothing itself. The texts leave out what is not known, so a notification with little
//! data still reads well.

mod english;
mod persian;
mod thai;

use super::{
    Kind, Medium,
    template::{Template, language},
};

/// What a kind says in a language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wording {
    title: &'static str,
    body: &'static str,
    /// A mail's subject and text, where it says more.
    mail: Option<(&'static str, &'static str)>,
}

impl Wording {
    const fn new(title: &'static str, body: &'static str) -> Self {
        Self { title, body, mail: None }
    }

    const fn mail(mut self, subject: &'static str, body: &'static str) -> Self {
        self.mail = Some((subject, body));
        self
    }

    /// Title and text on `medium`.
    pub(super) fn on(self, medium: Medium) -> (&'static str, &'static str) {
        let mail = self.mail.filter(|_| medium == Medium::Email);
        mail.unwrap_or((self.title, self.body))
    }
}

/// What stands around every mail in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// On the button.
    pub open: &'static str,
    /// Why this comes.
    pub because: &'static str,
    /// On the link that ends it.
    pub unsubscribe: &'static str,
}

type Table = &'static [(Kind, Wording)];

/// What `kind` says in `locale`; in English where nobody wrote it otherwise.
pub(super) fn wording(kind: Kind, locale: &str) -> Wording {
    let find = |table: Table| table.iter().find(|(of, _)| *of == kind).map(|(_, wording)| *wording);
    let own = match language(locale) {
        "th" => find(thai::WORDINGS),
        "fa" => find(persian::WORDINGS),
        _ => None,
    };
    // A test reads every kind in every language; the last words are never said.
    own.or_else(|| find(english::WORDINGS)).unwrap_or(Wording::new("{{ shop_name }}", "{{ shop_name }}"))
}

/// What stands around mail in `locale`.
pub fn words(locale: &str) -> Words {
    match language(locale) {
        "th" => thai::WORDS,
        "fa" => persian::WORDS,
        _ => english::WORDS,
    }
}

/// A mail of many notifications in `locale`. Its variables are those of all and [`super::template::Variable`]s of digests.
pub fn digest(locale: &str) -> Template {
    let Wording { title, body, .. } = match language(locale) {
        "th" => thai::DIGEST,
        "fa" => persian::DIGEST,
        _ => english::DIGEST,
    };
    Template {
        title: title.into(),
        body: body.into(),
        action_url: Some("/notifications".into()),
        icon_url: None,
        image_url: None,
        badge_count: None,
        sound: None,
        priority: super::template::Priority::Low,
        ttl_seconds: None,
    }
}

/// Where `kind` leads: a page of the shop, or of its staff.
pub(super) const fn action(kind: Kind) -> &'static str {
    match kind {
        Kind::OrderConfirmation
        | Kind::OrderShipped
        | Kind::OrderDelivered
        | Kind::OrderStatusUpdate
        | Kind::PaymentConfirmation
        | Kind::PaymentFailed
        | Kind::RefundProcessed => "/orders/{{ order_id }}",
        Kind::PriceDrop | Kind::BackInStock => "/products/{{ product_id }}",
        Kind::ChatMessage | Kind::SupportTicketResponse => "/chat/{{ conversation_id }}",
        Kind::SubscriptionPaymentFailed => "/account/subscriptions/{{ subscription_id }}",
        Kind::LoyaltyReward => "/account/loyalty",
        Kind::SecurityAlert => "/account/security",
        Kind::MerchantApplicationApproved => "/account",
        Kind::PromotionAlert | Kind::PersonalizedOffer => {
            "{% if action_url %}{{ action_url }}{% else %}/{% endif %}"
        }
        Kind::DisputeOpened => "/admin/orders/{{ order_id }}",
        Kind::InventoryAlert => "/admin/products/{{ product_id }}",
        Kind::CampaignStatusChange => "/admin/campaigns/{{ campaign_id }}",
        Kind::FeatureFlagEnabled => "/admin/flags/{{ flag }}",
        Kind::SystemAlert => "/admin/health",
    }
}
