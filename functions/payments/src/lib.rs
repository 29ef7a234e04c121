//! `/api/v1/payments`: beginning to pay, asking how it stands, giving money back. `/api/v1/disputes`: what banks ask back.

use app::{idempotency::Idempotency, limits::Limit, payments::Payments};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        payments::{
            ConfirmPayment, DisputeView, DisputesRequest, HistoryRequest, IntentView, NewCapture, NewIntent,
            NewRefund, NewVoid, PaymentReconciliation, PaymentView, RefundView,
        },
    },
};
use domain::{DisputeId, PaymentId};
use edge::{
    Answer, Caller, Created, Environment, Id, Keyed, Misconfigured, Ok200, Params, body::page, http::serve,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Paying {
    payments: Payments,
    idempotency: Idempotency,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let paying = Paying { payments: environment.payments(), idempotency: environment.idempotency() };
    let routes = routes().with_state(paying).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Paying> {
    OpenApiRouter::new()
        .routes(routes!(create_intent))
        .routes(routes!(confirm_payment))
        .routes(routes!(list_payments))
        .routes(routes!(read_payment))
        .routes(routes!(capture_payment))
        .routes(routes!(cancel_payment))
        .routes(routes!(refund_payment))
        .routes(routes!(reconcile_payments))
        .routes(routes!(list_disputes))
        .routes(routes!(read_dispute))
}

/// Begins to pay an order. What it costs is the order's to say.
#[utoipa::path(post, path = "/api/v1/payments/create-intent", tag = "payments", request_body = NewIntent,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = IntentView), (status = "default", body = Problem)))]
async fn create_intent(
    State(payments): State<Payments>,
    caller: Caller,
    Keyed(key, new): Keyed<NewIntent>,
) -> Answer<Created<IntentView>> {
    let seen = caller.spend_intent().await?;
    Ok(Created(Box::pin(payments.create_intent(&caller, &key, &new, &seen)).await?))
}

/// Asks Stripe how a payment stands, and settles it if the money is there.
#[utoipa::path(post, path = "/api/v1/payments/confirm", tag = "payments", request_body = ConfirmPayment,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, body = PaymentView), (status = "default", body = Problem)))]
async fn confirm_payment(
    State(payments): State<Payments>,
    caller: Caller,
    Keyed(_key, asked): Keyed<ConfirmPayment>,
) -> Answer<Ok200<PaymentView>> {
    caller.spend(Limit::Pay).await?;
    // The answer is how things stand now; asking twice does nothing twice, so there is no record to keep.
    Ok(Ok200(payments.confirm(&caller, &asked.payment_id).await?))
}

/// Lists one's own payments, newest first; staff sees everybody's.
#[utoipa::path(get, path = "/api/v1/payments/history", tag = "payments", params(HistoryRequest, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<PaymentView>), (status = "default", body = Problem)))]
async fn list_payments(
    State(payments): State<Payments>,
    caller: Caller,
    Params(wanted): Params<HistoryRequest>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<PaymentView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(payments.history(&caller, &wanted, limit, cursor).await?))
}

/// Reads a payment.
#[utoipa::path(get, path = "/api/v1/payments/{payment_id}", tag = "payments",
    params(("payment_id" = PaymentId, Path)), security(("bearer" = [])),
    responses((status = 200, body = PaymentView), (status = "default", body = Problem)))]
async fn read_payment(
    State(payments): State<Payments>,
    caller: Caller,
    Id(id): Id<PaymentId>,
) -> Answer<Ok200<PaymentView>> {
    Ok(Ok200(payments.read(&caller, &id).await?))
}

/// Takes reserved money, all of it or some; the rest is let go.
#[utoipa::path(post, path = "/api/v1/payments/{payment_id}/capture", tag = "payments", request_body = NewCapture,
    params(("payment_id" = PaymentId, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, body = PaymentView), (status = "default", body = Problem)))]
async fn capture_payment(
    State(payments): State<Payments>,
    caller: Caller,
    Id(id): Id<PaymentId>,
    Keyed(key, new): Keyed<NewCapture>,
) -> Answer<Ok200<PaymentView>> {
    Ok(Ok200(payments.capture(&caller, &id, &key, &new).await?))
}

/// Calls a payment off that has not taken money, and its order with it; what is reserved is let go.
#[utoipa::path(post, path = "/api/v1/payments/{payment_id}/cancel", tag = "payments", request_body = NewVoid,
    params(("payment_id" = PaymentId, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, body = PaymentView), (status = "default", body = Problem)))]
async fn cancel_payment(
    State(payments): State<Payments>,
    caller: Caller,
    Id(id): Id<PaymentId>,
    Keyed(key, NewVoid {}): Keyed<NewVoid>,
) -> Answer<Ok200<PaymentView>> {
    Ok(Ok200(payments.cancel(&caller, &id, &key).await?))
}

/// Gives money back, all that is left or some of it, and takes pieces back if asked.
#[utoipa::path(post, path = "/api/v1/payments/{payment_id}/refund", tag = "payments", request_body = NewRefund,
    params(("payment_id" = PaymentId, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = RefundView), (status = "default", body = Problem)))]
async fn refund_payment(
    State(payments): State<Payments>,
    caller: Caller,
    Id(id): Id<PaymentId>,
    Keyed(key, new): Keyed<NewRefund>,
) -> Answer<Created<RefundView>> {
    Ok(Created(payments.refund(&caller, &id, &key, new).await?))
}

/// Compares orders with their payments, a page of orders at a time.
#[utoipa::path(get, path = "/api/v1/payments/reconciliation", tag = "payments", params(PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = PaymentReconciliation), (status = "default", body = Problem)))]
async fn reconcile_payments(
    State(payments): State<Payments>,
    caller: Caller,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<PaymentReconciliation>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(payments.reconcile(&caller, limit, cursor).await?))
}

/// Lists what banks ask back, the last opened first.
#[utoipa::path(get, path = "/api/v1/disputes", tag = "payments", params(DisputesRequest, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<DisputeView>), (status = "default", body = Problem)))]
async fn list_disputes(
    State(payments): State<Payments>,
    caller: Caller,
    Params(wanted): Params<DisputesRequest>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<DisputeView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(payments.disputes(&caller, wanted.status, limit, cursor).await?))
}

/// Reads a dispute.
#[utoipa::path(get, path = "/api/v1/disputes/{dispute_id}", tag = "payments",
    params(("dispute_id" = DisputeId, Path)), security(("bearer" = [])),
    responses((status = 200, body = DisputeView), (status = "default", body = Problem)))]
async fn read_dispute(
    State(payments): State<Payments>,
    caller: Caller,
    Id(id): Id<DisputeId>,
) -> Answer<Ok200<DisputeView>> {
    Ok(Ok200(payments.dispute(&caller, &id).await?))
}
