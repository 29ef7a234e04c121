//! Refunds: money on its way back, and what can become of it.

use jiff::SignedDuration;

use super::{
    books::{Books, Order, Source, Task},
    cards::{PaymentMethod, RefundOutcome},
    currency,
    disputes::{Dispute, DisputeStatus},
    failure::Failure,
    lists::{self, list_params},
    objects::{Charge, Metadata, Object, PaymentIntent, Refund, RefundStatus},
    params::Params,
    wire::Answer,
};

pub const CREATED: &[&str] = &["amount", "charge", "expand", "metadata", "payment_intent", "reason"];
pub const UPDATED: &[&str] = &["expand", "metadata"];
pub const LISTED: &[&str] = list_params!("charge", "payment_intent");

/// How long a bank takes to settle or return a refund.
const BANK_TAKES: SignedDuration = SignedDuration::from_mins(1);

pub fn create(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let before = charge_to_refund(books, params)?;
    if is_charged_back(books, &before)? {
        let message = format!("Charge {} has been charged back; cannot issue a refund.", before.id);
        return Err(Failure::unexpected_state("charge_disputed", &message));
    }
    let refundable = before.refundable();
    if refundable == 0 {
        let message = format!("Charge {} has already been refunded.", before.id);
        return Err(Failure::unexpected_state("charge_already_refunded", &message));
    }
    let amount = params.integer("amount")?.unwrap_or(refundable);
    currency::check(amount, &before.currency, "amount")?;
    if amount > refundable {
        let message = format!(
            "Refund amount ({amount} {currency}) is greater than unrefunded amount on charge ({refundable} {currency})",
            currency = before.currency
        );
        return Err(Failure::invalid_param("amount", message));
    }
    let outcome = books.get::<PaymentMethod>(&before.payment_method)?.test_method()?.refunds;
    let reason = params.choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let mut refund = Refund {
        id: books.new_id::<Refund>(),
        created: books.now(),
        amount,
        currency: before.currency.clone(),
        charge: before.id.clone(),
        payment_intent: before.payment_intent.clone(),
        reason: reason.map(str::to_owned),
        status: RefundStatus::Succeeded,
        metadata: Metadata::new(),
        failure_reason: None,
    };
    params.merge_metadata(&mut refund.metadata)?;
    match outcome {
        RefundOutcome::Succeeds => {}
        RefundOutcome::SucceedsLater => {
            refund.status = RefundStatus::Pending;
            books.schedule(BANK_TAKES, Task::SettleRefund(refund.id.clone()));
        }
        RefundOutcome::FailsLater => books.schedule(BANK_TAKES, Task::FailRefund(refund.id.clone())),
    }
    books.insert(&refund)?;
    books.emit("refund.created", &refund);
    let charge = with_refunded(&before, amount);
    books.update(&before, &charge)?;
    books.emit_change("charge.refunded", &before, &charge);
    Ok(Answer::ok(refund.render()))
}

pub fn retrieve(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    Ok(Answer::ok(books.get::<Refund>(id)?.render()))
}

pub fn update(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before: Refund = books.get(id)?;
    let mut refund = before.clone();
    params.merge_metadata(&mut refund.metadata)?;
    save_change(books, &before, &refund)?;
    Ok(Answer::ok(refund.render()))
}

/// Stripe cancels only refunds that wait for the shopper; here, where none do, those that are still pending.
pub fn cancel(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    let before: Refund = books.get(id)?;
    if before.status != RefundStatus::Pending {
        let message = "You cannot cancel this refund because it is no longer pending.";
        return Err(Failure::unexpected_state("resource_already_exists", message));
    }
    let refund = Refund { status: RefundStatus::Canceled, ..before.clone() };
    take_back(books, &refund)?;
    save_change(books, &before, &refund)?;
    Ok(Answer::ok(refund.render()))
}

pub fn list(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let source = lists::indexed(params, "charge")?
        .or(lists::indexed(params, "payment_intent")?)
        .unwrap_or(Source::All);
    let intent = params.text("payment_intent")?;
    let keep = |refund: &Refund| Ok(intent.is_none_or(|id| refund.payment_intent == id));
    Ok(Answer::ok(lists::list(books, params, "/v1/refunds", &source, keep)?))
}

/// The bank has taken a pending refund.
pub fn settle(books: &mut Books<'_>, id: &str) -> Result<(), Failure> {
    let before: Refund = books.get(id)?;
    if before.status == RefundStatus::Pending {
        let refund = Refund { status: RefundStatus::Succeeded, ..before.clone() };
        save_change(books, &before, &refund)?;
    }
    Ok(())
}

/// The bank has sent a refund back: its amount can be refunded again.
pub fn fail(books: &mut Books<'_>, id: &str) -> Result<(), Failure> {
    let before: Refund = books.get(id)?;
    if matches!(before.status, RefundStatus::Failed | RefundStatus::Canceled) {
        return Ok(());
    }
    let reason = Some("expired_or_canceled_card".to_owned());
    let refund = Refund { status: RefundStatus::Failed, failure_reason: reason, ..before.clone() };
    take_back(books, &refund)?;
    save_change(books, &before, &refund)?;
    books.emit_change("refund.failed", &before, &refund);
    Ok(())
}

fn save_change(books: &mut Books<'_>, before: &Refund, after: &Refund) -> Result<(), Failure> {
    books.update(before, after)?;
    books.emit_change("refund.updated", before, after);
    books.emit_change("charge.refund.updated", before, after);
    Ok(())
}

fn take_back(books: &Books<'_>, refund: &Refund) -> Result<(), Failure> {
    let before: Charge = books.get(&refund.charge)?;
    books.update(&before, &with_refunded(&before, -refund.amount))
}

/// Whether a bank has taken the money of a charge and has not given it back.
fn is_charged_back(books: &Books<'_>, charge: &Charge) -> Result<bool, Failure> {
    let source = Source::Index("charge", charge.id.clone());
    let disputes: Vec<Dispute> = books.scan(&source, Order::NewestFirst, None, 10)?;
    let holds_it = |dispute: &Dispute| !dispute.status.is_inquiry() && dispute.status != DisputeStatus::Won;
    Ok(disputes.iter().any(holds_it))
}

fn with_refunded(charge: &Charge, amount: i64) -> Charge {
    let amount_refunded = charge.amount_refunded + amount;
    Charge { amount_refunded, refunded: amount_refunded == charge.amount_captured, ..charge.clone() }
}

fn charge_to_refund(books: &Books<'_>, params: &Params) -> Result<Charge, Failure> {
    let charge: Charge = match (params.text("charge")?, params.text("payment_intent")?) {
        (Some(charge), _) => books.named(charge, "charge")?,
        (None, Some(intent)) => {
            let intent: PaymentIntent = books.named(intent, "payment_intent")?;
            let charge =
                intent.latest_charge.as_deref().map(|charge| books.find::<Charge>(charge)).transpose()?;
            charge.flatten().filter(|charge| charge.captured).ok_or_else(|| {
                let message = format!(
                    "This PaymentIntent ({}) does not have a successful charge to refund.",
                    intent.id
                );
                Failure::invalid_param("payment_intent", message)
            })?
        }
        (None, None) => {
            let message =
                "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Failure::invalid(message));
        }
    };
    if charge.captured {
        return Ok(charge);
    }
    // Stripe would refund the authorization; its documents send callers to cancel the PaymentIntent instead.
    let message = format!("Charge {} has not been captured: cancel its PaymentIntent instead.", charge.id);
    Err(Failure::invalid_param("charge", message))
}
