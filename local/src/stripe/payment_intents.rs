//! PaymentIntents: every transition that the API offers.

use super::{
    books::{Books, Source},
    cards::{AUTHENTICATION_REQUIRED, Outcome, PaymentMethod, TestMethod},
    charges::{self, Shopper},
    currency,
    customers::update_json,
    failure::Failure,
    ids,
    lists::{self, list_params},
    objects::{CaptureMethod, Customer, Metadata, Object, PaymentIntent, Status},
    params::Params,
    search::{self, Fields},
    wire::Answer,
};
use serde_json::json;

pub const CREATED: &[&str] = &[
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "expand",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "use_stripe_sdk",
];
pub const UPDATED: &[&str] = &[
    "amount",
    "currency",
    "customer",
    "description",
    "expand",
    "metadata",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
/// What a shopper's page may send besides what a server may.
pub const CONFIRMED: &[&str] = &[
    "client_secret",
    "error_on_requires_action",
    "expand",
    "key",
    "off_session",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "use_stripe_sdk",
];
pub const RETRIEVED: &[&str] = &["client_secret", "expand", "key"];
pub const CAPTURED: &[&str] = &[
    "amount_to_capture",
    "expand",
    "final_capture",
    "metadata",
    "statement_descriptor",
    "statement_descriptor_suffix",
];
pub const CANCELED: &[&str] = &["cancellation_reason", "expand"];
pub const LISTED: &[&str] = list_params!("customer");

pub fn create(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let intent = new_intent(books, params)?;
    books.insert(&intent)?;
    books.emit("payment_intent.created", &intent);
    if params.flag("confirm")? {
        return pay(books, &intent, intent.clone(), params);
    }
    Ok(Answer::ok(intent.render()))
}

fn new_intent(books: &mut Books<'_>, params: &Params) -> Result<PaymentIntent, Failure> {
    params.required("amount")?;
    let currency = currency::known(params.required("currency")?)?;
    let capture_method = match params.choice("capture_method", &["automatic", "automatic_async", "manual"])? {
        Some("manual") => CaptureMethod::Manual,
        Some("automatic") => CaptureMethod::Automatic,
        _ => CaptureMethod::AutomaticAsync,
    };
    let id = books.new_id::<PaymentIntent>();
    let types = params.list("payment_method_types")?;
    let automatic = types.is_empty().then(|| {
        let redirects = params.fields("automatic_payment_methods");
        let redirects =
            redirects.and_then(|fields| fields.text("allow_redirects").ok().flatten()).unwrap_or("always");
        json!({ "allow_redirects": redirects, "enabled": true })
    });
    let types = if types.is_empty() { vec!["card"] } else { types };
    let mut intent = PaymentIntent {
        created: books.now(),
        amount: 0,
        amount_capturable: 0,
        amount_received: 0,
        currency,
        status: Status::RequiresPaymentMethod,
        capture_method,
        confirmation_method: params
            .choice("confirmation_method", &["automatic", "manual"])?
            .unwrap_or("automatic")
            .to_owned(),
        client_secret: format!("{id}_secret_{}", ids::random(25)),
        customer: None,
        payment_method: None,
        payment_method_types: types.into_iter().map(str::to_owned).collect(),
        automatic_payment_methods: automatic,
        latest_charge: None,
        last_payment_error: None,
        next_action: None,
        canceled_at: None,
        cancellation_reason: None,
        description: None,
        receipt_email: None,
        setup_future_usage: None,
        shipping: None,
        statement_descriptor: None,
        statement_descriptor_suffix: None,
        transfer_group: None,
        metadata: Metadata::new(),
        id,
    };
    write_money(&mut intent, params)?;
    write_details(books, &mut intent, params)?;
    Ok(intent)
}

pub fn retrieve(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    Ok(Answer::ok(books.get::<PaymentIntent>(id)?.render()))
}

pub fn update(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before: PaymentIntent = books.get(id)?;
    let mut intent = before.clone();
    let is_open = matches!(
        before.status,
        Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction
    );
    let fixed =
        ["amount", "currency", "customer", "payment_method", "payment_method_types", "setup_future_usage"];
    if let Some(name) = params.names().find(|name| fixed.contains(name)).filter(|_| !is_open) {
        let message = format!(
            "This PaymentIntent's {name} could not be updated because it has a status of {}.",
            wire_name(before.status)
        );
        return Err(unexpected(&before, &message));
    }
    if let Some(currency) = params.text("currency")? {
        intent.currency = currency::known(currency)?;
    }
    write_money(&mut intent, params)?;
    write_details(books, &mut intent, params)?;
    books.update(&before, &intent)?;
    Ok(Answer::ok(intent.render()))
}

pub fn confirm(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before: PaymentIntent = books.get(id)?;
    let open = [Status::RequiresPaymentMethod, Status::RequiresConfirmation, Status::RequiresAction];
    if before.status == Status::Succeeded {
        let message = "You cannot confirm this PaymentIntent because it has already succeeded after being previously \
                       confirmed.";
        return Err(unexpected(&before, message));
    }
    must_be(&before, ["confirm", "confirmed"], &open)?;
    let mut intent = before.clone();
    write_details(books, &mut intent, params)?;
    pay(books, &before, intent, params)
}

/// Takes the step from a chosen method to what the bank says. `before` is what the books hold.
fn pay(
    books: &mut Books<'_>,
    before: &PaymentIntent,
    mut intent: PaymentIntent,
    params: &Params,
) -> Result<Answer, Failure> {
    let Some(method) = intent.payment_method.as_deref() else {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update \
                       the PaymentIntent with a payment method and then confirm it again, or confirm it again directly \
                       with a payment method or ConfirmationToken.";
        return Err(unexpected(&intent, message));
    };
    let method: PaymentMethod = books.named(method, "payment_method")?;
    let mut outcome = method.test_method()?.outcome;
    let is_shopper_away = params.flag("error_on_requires_action")?
        || params.text("off_session")?.is_some_and(|it| it != "false");
    if matches!(outcome, Outcome::ChallengesShopper) && is_shopper_away {
        outcome = AUTHENTICATION_REQUIRED;
    }
    if matches!(outcome, Outcome::ChallengesShopper) {
        intent.status = Status::RequiresAction;
        intent.next_action = Some(challenge(&intent, params.text("return_url")?));
        books.update(before, &intent)?;
        books.emit("payment_intent.requires_action", &intent);
        return Ok(Answer::ok(intent.render()));
    }
    let refusal = charges::attempt(books, &mut intent, &method, outcome, Shopper::Unchecked)?;
    books.update(before, &intent)?;
    Ok(answer(&intent, &method, refusal))
}

/// The shopper answers the bank's challenge. Not part of Stripe's API: there, the shopper meets the bank's page.
pub fn authenticate(books: &mut Books<'_>, id: &str, is_authentic: bool) -> Result<Answer, Failure> {
    let before: PaymentIntent = books.get(id)?;
    must_be(&before, ["authenticate", "authenticated"], &[Status::RequiresAction])?;
    let mut intent = before.clone();
    let method: PaymentMethod = books.get(intent.payment_method.as_deref().unwrap_or_default())?;
    if is_authentic {
        charges::attempt(books, &mut intent, &method, Outcome::Approved, Shopper::Authenticated)?;
    } else {
        let message = "We are unable to authenticate your payment method. Please choose a different payment method and try \
                       again.";
        let why = Failure::invalid(message).code("payment_intent_authentication_failure");
        charges::fail(&mut intent, &why.with("payment_method", method.render()));
        books.emit("payment_intent.payment_failed", &intent);
    }
    books.update(&before, &intent)?;
    Ok(Answer::ok(intent.render()))
}

pub fn capture(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before: PaymentIntent = books.get(id)?;
    must_be(&before, ["capture", "captured"], &[Status::RequiresCapture])?;
    let mut intent = before.clone();
    let amount = params.integer("amount_to_capture")?.unwrap_or(intent.amount_capturable);
    currency::check(amount, &intent.currency, "amount_to_capture")?;
    if amount > intent.amount_capturable {
        let message = "The amount you are capturing is greater than the amount that can be captured.";
        return Err(Failure::invalid_param("amount_to_capture", message).code("amount_too_large"));
    }
    params.merge_metadata(&mut intent.metadata)?;
    charges::capture(books, &mut intent, amount)?;
    books.update(&before, &intent)?;
    Ok(Answer::ok(intent.render()))
}

pub fn cancel(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before: PaymentIntent = books.get(id)?;
    let open = [
        Status::RequiresPaymentMethod,
        Status::RequiresCapture,
        Status::RequiresConfirmation,
        Status::RequiresAction,
        Status::Processing,
    ];
    must_be(&before, ["cancel", "canceled"], &open)?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
    let reason = params.choice("cancellation_reason", &reasons)?;
    let intent = end(books, &before, reason, "charge.refunded")?;
    Ok(Answer::ok(intent.render()))
}

/// Cancels a payment; money that was only authorized goes back with the event `release`.
pub fn end(
    books: &mut Books<'_>,
    before: &PaymentIntent,
    reason: Option<&str>,
    release: &str,
) -> Result<PaymentIntent, Failure> {
    let mut intent = before.clone();
    if before.status == Status::RequiresCapture {
        charges::release(books, &mut intent, release)?;
    }
    intent.status = Status::Canceled;
    intent.canceled_at = Some(books.now());
    intent.cancellation_reason = reason.map(str::to_owned);
    intent.next_action = None;
    books.update(before, &intent)?;
    books.emit("payment_intent.canceled", &intent);
    Ok(intent)
}

pub fn list(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let source = lists::indexed(params, "customer")?.unwrap_or(Source::All);
    Ok(Answer::ok(lists::list::<PaymentIntent>(books, params, "/v1/payment_intents", &source, |_| Ok(true))?))
}

pub fn find(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    const FIELDS: Fields = Fields(&["amount", "created", "currency", "customer", "status"]);
    let url = "/v1/payment_intents/search";
    Ok(Answer::ok(search::search::<PaymentIntent>(books, params, url, FIELDS, |_| true)?))
}

fn answer(intent: &PaymentIntent, method: &PaymentMethod, refusal: Option<Failure>) -> Answer {
    match refusal {
        None => Answer::ok(intent.render()),
        Some(refusal) => Answer::refused(
            &refusal.with("payment_method", method.render()).with("payment_intent", intent.render()),
        ),
    }
}

fn write_money(intent: &mut PaymentIntent, params: &Params) -> Result<(), Failure> {
    if let Some(amount) = params.integer("amount")? {
        intent.amount = amount;
    }
    currency::check(intent.amount, &intent.currency, "amount")
}

fn write_details(books: &mut Books<'_>, intent: &mut PaymentIntent, params: &Params) -> Result<(), Failure> {
    params.update("description", &mut intent.description)?;
    params.update("receipt_email", &mut intent.receipt_email)?;
    params.update("statement_descriptor", &mut intent.statement_descriptor)?;
    params.update("statement_descriptor_suffix", &mut intent.statement_descriptor_suffix)?;
    params.update("transfer_group", &mut intent.transfer_group)?;
    params.choice("setup_future_usage", &["on_session", "off_session"])?;
    params.update("setup_future_usage", &mut intent.setup_future_usage)?;
    update_json(params, "shipping", &mut intent.shipping);
    params.merge_metadata(&mut intent.metadata)?;
    if let Some(id) = params.text("customer")? {
        let customer: Customer = books.named(id, "customer")?;
        if customer.deleted {
            return Err(Failure::unknown(Customer::KIND, id, "customer"));
        }
        intent.customer = Some(customer.id);
    }
    if let Some(name) = params.text("payment_method")? {
        intent.payment_method = Some(method_named(books, name, intent.customer.as_deref())?);
        intent.status = Status::RequiresConfirmation;
        intent.next_action = None;
    }
    Ok(())
}

/// The payment method of this id, or a new one if it is the name of a test method.
fn method_named(books: &mut Books<'_>, name: &str, customer: Option<&str>) -> Result<String, Failure> {
    if TestMethod::find(name).is_none() {
        return Ok(books.named::<PaymentMethod>(name, "payment_method")?.id);
    }
    let method = PaymentMethod {
        id: books.new_id::<PaymentMethod>(),
        created: books.now(),
        customer: customer.map(str::to_owned),
        metadata: Metadata::new(),
        test_name: name.to_owned(),
    };
    books.insert(&method)?;
    Ok(method.id)
}

fn challenge(intent: &PaymentIntent, return_url: Option<&str>) -> serde_json::Value {
    let page = format!("https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={}", intent.id);
    match return_url {
        Some(return_url) => {
            json!({ "type": "redirect_to_url", "redirect_to_url": { "url": page, "return_url": return_url } })
        }
        None => json!({
            "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": page },
        }),
    }
}

fn must_be(intent: &PaymentIntent, [act, done]: [&str; 2], allowed: &[Status]) -> Result<(), Failure> {
    if allowed.contains(&intent.status) {
        return Ok(());
    }
    let names: Vec<String> = allowed.iter().map(|status| wire_name(*status)).collect();
    let message = format!(
        "You cannot {act} this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the following \
         statuses may be {done}: {}.",
        wire_name(intent.status),
        names.join(", ")
    );
    Err(unexpected(intent, &message))
}

fn unexpected(intent: &PaymentIntent, message: &str) -> Failure {
    Failure::unexpected_state("payment_intent_unexpected_state", message)
        .with("payment_intent", intent.render())
}

fn wire_name(status: Status) -> String {
    serde_json::to_value(status).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
