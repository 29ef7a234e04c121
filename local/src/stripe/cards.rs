//! Stripe's test payment methods, and what becomes of a payment with each.

use jiff::{Timestamp, fmt::serde::timestamp::second};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    disputes::Complaint,
    failure::Failure,
    objects::{Metadata, Object},
};

/// One of Stripe's test payment methods.
#[derive(Debug)]
pub struct TestMethod {
    /// `pm_card_visa`.
    pub name: &'static str,
    brand: &'static str,
    last4: &'static str,
    /// What the bank says.
    pub outcome: Outcome,
    /// What becomes of refunds.
    pub refunds: RefundOutcome,
    /// Whether the bank asks for the money back some time later.
    pub complaint: Option<Complaint>,
}

/// What the bank says to a payment.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    Approved,
    /// Approved, some time later.
    ApprovedLater,
    Declined {
        code: &'static str,
        decline_code: Option<&'static str>,
        message: &'static str,
    },
    /// The shopper must authenticate first.
    ChallengesShopper,
}

/// What the bank says to a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOutcome {
    Succeeds,
    /// Pending, and some time later succeeded.
    SucceedsLater,
    /// Succeeded, and some time later failed.
    FailsLater,
}

/// The decline of an off-session payment whose card wants its owner.
pub const AUTHENTICATION_REQUIRED: Outcome = Outcome::Declined {
    code: "authentication_required",
    decline_code: Some("authentication_required"),
    message: "Your card was declined. This transaction requires authentication.",
};

const fn declined(code: &'static str, decline_code: Option<&'static str>, message: &'static str) -> Outcome {
    Outcome::Declined { code, decline_code, message }
}

const fn method(
    name: &'static str,
    brand: &'static str,
    last4: &'static str,
    outcome: Outcome,
) -> TestMethod {
    TestMethod { name, brand, last4, outcome, refunds: RefundOutcome::Succeeds, complaint: None }
}

const fn disputed(
    name: &'static str,
    last4: &'static str,
    reason: &'static str,
    is_inquiry: bool,
) -> TestMethod {
    let complaint = Some(Complaint { reason, is_inquiry });
    TestMethod { complaint, ..method(name, "visa", last4, Outcome::Approved) }
}

/// <https://docs.stripe.com/testing>
const METHODS: &[TestMethod] = &[
    method("pm_card_visa", "visa", "4242", Outcome::Approved),
    method("pm_card_visa_debit", "visa", "5556", Outcome::Approved),
    method("pm_card_mastercard", "mastercard", "4444", Outcome::Approved),
    method("pm_card_amex", "amex", "8431", Outcome::Approved),
    method("pm_card_authenticationRequired", "visa", "3184", Outcome::ChallengesShopper),
    method("pm_card_threeDSecure2Required", "visa", "3220", Outcome::ChallengesShopper),
    method("pm_card_threeDSecureRequired", "visa", "3063", Outcome::ChallengesShopper),
    method(
        "pm_card_chargeDeclined",
        "visa",
        "0002",
        declined("card_declined", Some("generic_decline"), "Your card was declined."),
    ),
    method(
        "pm_card_visa_chargeDeclined",
        "visa",
        "0002",
        declined("card_declined", Some("generic_decline"), "Your card was declined."),
    ),
    method(
        "pm_card_chargeDeclinedInsufficientFunds",
        "visa",
        "9995",
        declined("card_declined", Some("insufficient_funds"), "Your card has insufficient funds."),
    ),
    method(
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "visa",
        "9995",
        declined("card_declined", Some("insufficient_funds"), "Your card has insufficient funds."),
    ),
    method(
        "pm_card_visa_chargeDeclinedLostCard",
        "visa",
        "9987",
        declined("card_declined", Some("lost_card"), "Your card was declined."),
    ),
    method(
        "pm_card_chargeDeclinedFraudulent",
        "visa",
        "0019",
        declined("card_declined", Some("fraudulent"), "Your card was declined."),
    ),
    method(
        "pm_card_chargeDeclinedExpiredCard",
        "visa",
        "0069",
        declined("expired_card", None, "Your card has expired."),
    ),
    method(
        "pm_card_chargeDeclinedIncorrectCvc",
        "visa",
        "0127",
        declined("incorrect_cvc", None, "Your card's security code is incorrect."),
    ),
    method(
        "pm_card_chargeDeclinedProcessingError",
        "visa",
        "0119",
        declined(
            "processing_error",
            None,
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    TestMethod {
        refunds: RefundOutcome::SucceedsLater,
        ..method("pm_card_pendingRefund", "visa", "7726", Outcome::Approved)
    },
    TestMethod {
        refunds: RefundOutcome::FailsLater,
        ..method("pm_card_refundFail", "visa", "5126", Outcome::Approved)
    },
    disputed("pm_card_createDispute", "0259", "fraudulent", false),
    disputed("pm_card_createDisputeProductNotReceived", "2685", "product_not_received", false),
    disputed("pm_card_createDisputeInquiry", "1976", "fraudulent", true),
    // A bank debit in Stripe, in US dollars only; here it pays in any currency and looks like a card.
    method("pm_usBankAccount_success", "visa", "6789", Outcome::ApprovedLater),
];

impl TestMethod {
    /// The method of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }

    fn card(&self) -> Value {
        json!({
            "brand": self.brand, "checks": {
                "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass",
            },
            "country": "US", "exp_month": 12, "exp_year": 2034, "fingerprint": format!("fp{}{}", self.brand, self.last4),
            "funding": "credit", "last4": self.last4,
            "networks": { "available": [self.brand], "preferred": null },
            "three_d_secure_usage": { "supported": true }, "wallet": null,
        })
    }

    /// `payment_method_details` of a charge.
    pub fn details(&self, amount: i64, is_authenticated: bool) -> Value {
        json!({
            "type": "card",
            "card": {
                "amount_authorized": amount, "authorization_code": "123456", "brand": self.brand,
                "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
                "country": "US", "exp_month": 12, "exp_year": 2034,
                "fingerprint": format!("fp{}{}", self.brand, self.last4), "funding": "credit", "installments": null,
                "last4": self.last4, "mandate": null, "network": self.brand, "network_token": { "used": false },
                "three_d_secure": is_authenticated.then(|| json!({
                    "authentication_flow": "challenge", "result": "authenticated", "version": "2.2.0",
                })),
                "wallet": null,
            },
        })
    }
}

/// A payment method as the API made it from a test name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentMethod {
    pub id: String,
    #[serde(with = "second::required")]
    pub created: Timestamp,
    pub customer: Option<String>,
    pub metadata: Metadata,
    /// The test method that it stands for.
    pub test_name: String,
}

impl PaymentMethod {
    /// The test method that it stands for.
    pub fn test_method(&self) -> Result<&'static TestMethod, Failure> {
        TestMethod::find(&self.test_name).ok_or_else(|| Failure::not_found(Self::KIND, &self.id))
    }
}

impl Object for PaymentMethod {
    const KIND: &'static str = "payment_method";
    const PREFIX: &'static str = "pm";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created
    }

    fn constants(&self) -> Value {
        json!({
            "allow_redisplay": "unspecified", "billing_details": { "address": null, "email": null, "name": null, "phone": null },
            "card": TestMethod::find(&self.test_name).map(TestMethod::card), "type": "card",
        })
    }
}
