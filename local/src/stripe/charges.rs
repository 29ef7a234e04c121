//! Charges: attempts to take a payment's money, and what comes of them.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    books::{Books, Source, Task},
    cards::{Outcome, PaymentMethod, TestMethod},
    disputes,
    failure::Failure,
    lists::{self, list_params},
    objects::{CaptureMethod, Charge, ChargeStatus, Object, PaymentIntent, Refund, Status},
    params::Params,
    wire::Answer,
};

pub const LISTED: &[&str] = list_params!("customer", "payment_intent", "transfer_group");
pub const REFUNDS_LISTED: &[&str] = list_params!();

/// How long a card's authorization lasts.
const AUTHORIZATION_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a bank takes that takes its time.
const BANK_TAKES: SignedDuration = SignedDuration::from_mins(1);

pub fn retrieve(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    Ok(Answer::ok(books.get::<Charge>(id)?.render()))
}

pub fn list(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let source = lists::indexed(params, "payment_intent")?
        .or(lists::indexed(params, "customer")?)
        .unwrap_or(Source::All);
    let customer = params.text("customer")?;
    let keep = |charge: &Charge| Ok(customer.is_none_or(|id| charge.customer.as_deref() == Some(id)));
    Ok(Answer::ok(lists::list(books, params, "/v1/charges", &source, keep)?))
}

pub fn list_refunds(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    books.get::<Charge>(id)?;
    let url = format!("/v1/charges/{id}/refunds");
    let source = Source::Index("charge", id.to_owned());
    Ok(Answer::ok(lists::list::<Refund>(books, params, &url, &source, |_| Ok(true))?))
}

/// Whether the shopper has shown that the card is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shopper {
    Unchecked,
    Authenticated,
}

/// Asks the bank for the money of `intent` and writes down what it says; the intent itself is the caller's to save.
///
/// A refusal is an answer, not an error: it changes the payment and must be kept.
pub fn attempt(
    books: &mut Books<'_>,
    intent: &mut PaymentIntent,
    method: &PaymentMethod,
    outcome: Outcome,
    shopper: Shopper,
) -> Result<Option<Failure>, Failure> {
    let test_method = method.test_method()?;
    let mut charge = new_charge(books, intent, method, test_method, shopper);
    intent.latest_charge = Some(charge.id.clone());
    intent.next_action = None;
    let refusal = match outcome {
        Outcome::Declined { code, message, decline_code } => {
            let refusal = Failure::card(code, decline_code, message).with("charge", charge.id.as_str());
            decline(&mut charge, decline_code.unwrap_or(code), code, message);
            fail(intent, &refusal.clone().with("payment_method", method.render()));
            Some(refusal)
        }
        Outcome::ApprovedLater => {
            charge.status = ChargeStatus::Pending;
            intent.status = Status::Processing;
            books.schedule(BANK_TAKES, Task::SettlePayment(intent.id.clone()));
            None
        }
        Outcome::Approved | Outcome::ChallengesShopper => {
            approve(books, intent, &mut charge);
            None
        }
    };
    books.insert(&charge)?;
    if charge.captured {
        disputes::expect(books, &charge, test_method.complaint);
    }
    let (charge_event, intent_event) = match intent.status {
        Status::Processing => ("charge.pending", "payment_intent.processing"),
        Status::Succeeded => ("charge.succeeded", "payment_intent.succeeded"),
        Status::RequiresCapture => ("charge.succeeded", "payment_intent.amount_capturable_updated"),
        _ => ("charge.failed", "payment_intent.payment_failed"),
    };
    books.emit(charge_event, &charge);
    books.emit(intent_event, intent);
    Ok(refusal)
}

/// Puts a payment back to where it needs another method, and says why.
pub fn fail(intent: &mut PaymentIntent, why: &Failure) {
    intent.status = Status::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.next_action = None;
    intent.last_payment_error = Some(why.object());
}

/// A slow bank has approved.
pub fn settle(books: &mut Books<'_>, intent: &mut PaymentIntent) -> Result<(), Failure> {
    let before = latest(books, intent)?;
    let mut charge = Charge { status: ChargeStatus::Succeeded, ..before.clone() };
    approve(books, intent, &mut charge);
    books.update(&before, &charge)?;
    books.emit("charge.succeeded", &charge);
    books.emit("payment_intent.succeeded", intent);
    Ok(())
}

/// Takes `amount` of what was authorized; the rest goes back to the shopper's card.
pub fn capture(books: &mut Books<'_>, intent: &mut PaymentIntent, amount: i64) -> Result<(), Failure> {
    let before = latest(books, intent)?;
    let charge = Charge { captured: true, amount_captured: amount, ..before.clone() };
    intent.status = Status::Succeeded;
    intent.amount_received = amount;
    intent.amount_capturable = 0;
    books.update(&before, &charge)?;
    let complaint = books.get::<PaymentMethod>(&charge.payment_method)?.test_method()?.complaint;
    disputes::expect(books, &charge, complaint);
    books.emit_change("charge.captured", &before, &charge);
    books.emit("payment_intent.succeeded", intent);
    Ok(())
}

/// Gives an authorization back.
pub fn release(books: &mut Books<'_>, intent: &mut PaymentIntent, event: &str) -> Result<(), Failure> {
    let before = latest(books, intent)?;
    let charge = Charge { refunded: true, amount_refunded: before.amount, ..before.clone() };
    intent.amount_capturable = 0;
    books.update(&before, &charge)?;
    books.emit_change(event, &before, &charge);
    Ok(())
}

fn latest(books: &Books<'_>, intent: &PaymentIntent) -> Result<Charge, Failure> {
    books.get(intent.latest_charge.as_deref().unwrap_or_default())
}

fn approve(books: &mut Books<'_>, intent: &mut PaymentIntent, charge: &mut Charge) {
    charge.receipt_url = Some(format!("https://pay.stripe.com/receipts/payment/{}", charge.id));
    intent.last_payment_error = None;
    if intent.capture_method == CaptureMethod::Manual {
        intent.status = Status::RequiresCapture;
        intent.amount_capturable = intent.amount;
        books.schedule(AUTHORIZATION_LASTS, Task::ReleaseAuthorization(intent.id.clone()));
        return;
    }
    charge.captured = true;
    charge.amount_captured = charge.amount;
    intent.status = Status::Succeeded;
    intent.amount_received = intent.amount;
}

fn decline(charge: &mut Charge, reason: &str, code: &str, message: &str) {
    charge.status = ChargeStatus::Failed;
    charge.failure_code = Some(code.to_owned());
    charge.failure_message = Some(message.to_owned());
    charge.outcome = json!({
        "advice_code": "try_again_later", "network_advice_code": null, "network_decline_code": null,
        "network_status": "declined_by_network", "reason": reason, "risk_level": "normal", "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
    });
}

fn new_charge(
    books: &Books<'_>,
    intent: &PaymentIntent,
    method: &PaymentMethod,
    test_method: &TestMethod,
    shopper: Shopper,
) -> Charge {
    Charge {
        id: books.new_id::<Charge>(),
        created: books.now(),
        amount: intent.amount,
        amount_captured: 0,
        amount_refunded: 0,
        currency: intent.currency.clone(),
        captured: false,
        refunded: false,
        disputed: false,
        status: ChargeStatus::Succeeded,
        payment_intent: intent.id.clone(),
        payment_method: method.id.clone(),
        payment_method_details: test_method.details(intent.amount, shopper == Shopper::Authenticated),
        customer: intent.customer.clone(),
        description: intent.description.clone(),
        receipt_email: intent.receipt_email.clone(),
        receipt_url: None,
        failure_code: None,
        failure_message: None,
        outcome: approved_outcome(),
        shipping: intent.shipping.clone(),
        metadata: intent.metadata.clone(),
    }
}

fn approved_outcome() -> Value {
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 20,
        "seller_message": "Payment complete.", "type": "authorized",
    })
}
