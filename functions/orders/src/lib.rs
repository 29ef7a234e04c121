//! `/api/v1/orders`: placing, reading, cancelling, saying where an order is and why.

use app::{idempotency::Idempotency, limits::Limit, orders::Orders};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        history::{Explained, NewStatus},
        orders::{NewCancellation, NewOrder, OrderRequest, OrderView, OrdersRequest},
    },
};
use domain::OrderId;
use edge::{
    Answer, Body, Caller, Created, Environment, Id, IfMatch, Keyed, Misconfigured, Ok200, OrderReader,
    Params, body::page, http::serve,
};
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
        .routes(routes!(set_status))
        .routes(routes!(explain_order))
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
    let placed = orders.place(&caller, &key, new).await?;
    Ok(Created(caller.with_order_token(placed).await?))
}

/// Lists one's own orders, newest first; staff sees everybody's.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrdersRequest, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<OrderView>), (status = "default", body = Problem)))]
async fn list_orders(
    State(orders): State<Orders>,
    caller: Caller,
    Params(wanted): Params<OrdersRequest>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<OrderView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(orders.list(&caller, &wanted, limit, cursor).await?))
}

/// Reads an order: one's own, or one that a token is for, which may also be the bearer token.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = OrderId, Path), OrderRequest),
    security(("bearer" = []), ()),
    responses((status = 200, body = OrderView), (status = "default", body = Problem)))]
async fn read_order(
    State(orders): State<Orders>,
    reader: OrderReader,
    Id(id): Id<OrderId>,
    Params(wanted): Params<OrderRequest>,
) -> Answer<Ok200<OrderView>> {
    let view = orders.read(&reader, &id, wanted.include).await?;
    Ok(Ok200(reader.with_order_token(view).await?))
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

/// Says where an order is. Only steps of the table are possible; being paid, cancelled or expired is none of them.
#[utoipa::path(patch, path = "/api/v1/orders/{id}/status", tag = "orders", request_body = NewStatus,
    params(("id" = OrderId, Path), ("If-Match" = Option<String>, Header, description = "The version that is to be changed")),
    security(("bearer" = [])),
    responses((status = 200, body = OrderView), (status = "default", body = Problem)))]
async fn set_status(
    State(orders): State<Orders>,
    caller: Caller,
    Id(id): Id<OrderId>,
    IfMatch(seen): IfMatch,
    Body(new): Body<NewStatus>,
) -> Answer<Ok200<OrderView>> {
    Ok(Ok200(orders.advance(&caller, &id, seen, new).await?))
}

/// Says why an order is where it is: all that happened to it and because of it, oldest first.
#[utoipa::path(get, path = "/api/v1/orders/{id}/explain", tag = "orders",
    params(("id" = OrderId, Path), PageRequest), security(("bearer" = [])),
    responses((status = 200, body = Page<Explained>), (status = "default", body = Problem)))]
async fn explain_order(
    State(orders): State<Orders>,
    caller: Caller,
    Id(id): Id<OrderId>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<Explained>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(orders.explain(&caller, &id, limit, cursor).await?))
}
