//! `/api/v1/orders`: placing, reading, cancelling.

use app::{
    idempotency::Idempotency,
    limits::Limit,
    orders::{OrderFilter, Orders},
};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        orders::{NewCancellation, NewOrder, OrderView},
    },
};
use domain::{OrderId, UserId, order::OrderStatus};
use edge::{
    Answer, Caller, Created, Environment, Id, Keyed, Misconfigured, Ok200, Params, body::page, http::serve,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Ordering {
    orders: Orders,
    idempotency: Idempotency,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let ordering = Ordering { orders: environment.orders(), idempotency: environment.idempotency() };
    let routes = routes().with_state(ordering).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Ordering> {
    OpenApiRouter::new()
        .routes(routes!(list_orders, place_order))
        .routes(routes!(read_order))
        .routes(routes!(cancel_order))
}

/// Which orders are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrdersQuery {
    /// Only with this status.
    status: Option<OrderStatus>,
    /// Only of this person (staff).
    #[serde(alias = "customerId")]
    customer_id: Option<UserId>,
}

/// Places an order: priced by the server, its stock held until it is paid or its time runs out.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = NewOrder,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = OrderView), (status = "default", body = Problem)))]
async fn place_order(
    State(orders): State<Orders>,
    caller: Caller,
    Keyed(key, new): Keyed<NewOrder>,
) -> Answer<Created<OrderView>> {
    caller.spend(Limit::Order).await?;
    caller.spend_holds(&new.items).await?;
    Ok(Created(orders.place(&caller, &key, new).await?))
}

/// Lists one's own orders, newest first; staff sees everybody's.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrdersQuery, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<OrderView>), (status = "default", body = Problem)))]
async fn list_orders(
    State(orders): State<Orders>,
    caller: Caller,
    Params(query): Params<OrdersQuery>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<OrderView>>> {
    let (limit, cursor) = page(&request)?;
    let filter = OrderFilter { status: query.status, customer: query.customer_id };
    Ok(Ok200(orders.list(&caller, filter, limit, cursor).await?))
}

/// Reads an order.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = OrderId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = OrderView), (status = "default", body = Problem)))]
async fn read_order(
    State(orders): State<Orders>,
    caller: Caller,
    Id(id): Id<OrderId>,
) -> Answer<Ok200<OrderView>> {
    Ok(Ok200(orders.read(&caller, &id).await?))
}

/// Calls an order off: its stock goes back, and its money if it was paid.
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel", tag = "orders", request_body = NewCancellation,
    params(("id" = OrderId, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, body = OrderView), (status = "default", body = Problem)))]
async fn cancel_order(
    State(ordering): State<Ordering>,
    caller: Caller,
    Id(id): Id<OrderId>,
    Keyed(key, new): Keyed<NewCancellation>,
) -> Answer<Ok200<OrderView>> {
    let cancel = |_| ordering.orders.cancel(&caller, &id, new.reason);
    Ok(Ok200(ordering.idempotency.once(&caller, &key, "cancel", cancel).await?))
}
