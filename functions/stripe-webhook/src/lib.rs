//! Stripe's webhooks: verified over the raw bytes, stored, settled.

use std::sync::Arc;

use app::{
    Error,
    payments::{Payments, StripeAccount, WebhookIntake},
    secrets::Secret,
};
use axum::{Router, extract::State};
use contract::{ErrorCode, Problem, http::payments::WebhookReceipt};
use edge::{Answer, Environment, Misconfigured, Ok200, Raw, http::serve};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone)]
pub struct Receiving(Arc<Inner>);

struct Inner {
    payments: Payments,
    secret: Secret,
    tolerance: jiff::SignedDuration,
    account: StripeAccount,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let (secret, tolerance) = environment.webhook_secret();
    let inner =
        Inner { payments: environment.payments(), secret, tolerance, account: environment.stripe_account() };
    let routes = routes().with_state(Receiving(Arc::new(inner))).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Receiving> {
    OpenApiRouter::new().routes(routes!(stripe_webhook)).routes(routes!(payment_webhook))
}

/// Takes an event from Stripe.
#[utoipa::path(post, path = "/api/v1/webhooks/stripe", tag = "webhooks",
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200, body = WebhookReceipt), (status = "default", body = Problem)))]
async fn stripe_webhook(State(receiving): State<Receiving>, raw: Raw) -> Answer<Ok200<WebhookReceipt>> {
    receive(&receiving, raw).await
}

/// The same under its older name.
#[utoipa::path(post, path = "/api/v1/payments/webhook", tag = "webhooks",
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200, body = WebhookReceipt), (status = "default", body = Problem)))]
async fn payment_webhook(State(receiving): State<Receiving>, raw: Raw) -> Answer<Ok200<WebhookReceipt>> {
    receive(&receiving, raw).await
}

async fn receive(receiving: &Receiving, Raw(headers, body): Raw) -> Answer<Ok200<WebhookReceipt>> {
    let Receiving(inner) = receiving;
    let unsigned = || Error::invalid(ErrorCode::SignatureInvalid, "there is no Stripe-Signature header");
    let signature =
        headers.get("stripe-signature").and_then(|value| value.to_str().ok()).ok_or_else(unsigned)?;
    let secrets = inner.secret.read_all().await?;
    let intake = WebhookIntake { secrets, tolerance: inner.tolerance, from: inner.account.clone() };
    inner.payments.receive_webhook(&intake, signature, &body).await?;
    Ok(Ok200(WebhookReceipt { received: true }))
}
