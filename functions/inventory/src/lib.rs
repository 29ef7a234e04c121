//! `/api/v1/inventory`: reading stock, changing it, setting it aside, comparing it with its ledger.

mod aliases;
mod lines;

use app::{
    Error,
    idempotency::Idempotency,
    inventory::{Inventory, Wanted},
    limits::Limit,
};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        inventory::{
            AdjustmentView, MovementView, NewAdjustment, NewExtension, NewReservation, ReservationView,
            StockReconciliation, StockRepair, StockView,
        },
        sales::{
            AdjustmentsView, CommitmentView, MovementsRequest, NewAdjustments, NewCommitment, NewReturn,
            ReturnView,
        },
    },
};
use domain::{LocationId, ProductId, ReservationId, VariantId};
use edge::{
    Answer, Caller, Created, Environment, Id, Keyed, Misconfigured, Ok200, Params, Visitor, body::page,
    http::serve,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Stock {
    inventory: Inventory,
    idempotency: Idempotency,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let stock = Stock { inventory: environment.inventory(), idempotency: environment.idempotency() };
    let routes = routes().with_state(stock).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Stock> {
    OpenApiRouter::new()
        .routes(routes!(list_stock))
        .routes(routes!(read_stock))
        .routes(routes!(list_movements))
        .routes(routes!(adjust_stock))
        .routes(routes!(adjust_all_stock))
        .routes(routes!(process_order))
        .routes(routes!(return_stock))
        .routes(routes!(reserve_stock))
        .routes(routes!(read_reservation, release_reservation))
        .routes(routes!(extend_reservation))
        .routes(routes!(reconcile_stock, repair_stock))
        .merge(lines::routes())
        .merge(aliases::routes())
}

/// Which levels of a product are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StockQuery {
    /// Only of this variant.
    variant_id: Option<VariantId>,
    /// Only there.
    location: Option<LocationId>,
}

/// Which products are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProductsQuery {
    /// Up to 100 products, separated by commas.
    #[param(pattern = "^[A-Za-z0-9_-]{1,64}(,[A-Za-z0-9_-]{1,64}){0,99}$")]
    product_ids: String,
}

/// Says how many of several products there are.
#[utoipa::path(get, path = "/api/v1/inventory", tag = "inventory", params(ProductsQuery),
    responses((status = 200, body = Vec<StockView>), (status = "default", body = Problem)))]
async fn list_stock(
    State(inventory): State<Inventory>,
    visitor: Visitor,
    Params(query): Params<ProductsQuery>,
) -> Answer<Ok200<Vec<StockView>>> {
    let products = product_ids(&query.product_ids)?;
    Ok(Ok200(inventory.stock_of(&visitor.shop, visitor.principal.as_ref(), &products).await?))
}

fn product_ids(text: &str) -> Result<Vec<ProductId>, Error> {
    let ids: Result<Vec<ProductId>, _> = text.split(',').map(ProductId::new).collect();
    let ids = ids.map_err(|error| Error::field("product_ids", "invalid", error.to_string()))?;
    if ids.len() > 100 {
        return Err(Error::field("product_ids", "too_many", "expected at most 100"));
    }
    Ok(ids)
}

/// Says how many of a product there are. Staff sees more.
#[utoipa::path(get, path = "/api/v1/inventory/{product_id}", tag = "inventory",
    params(("product_id" = ProductId, Path), StockQuery),
    responses((status = 200, body = StockView), (status = "default", body = Problem)))]
async fn read_stock(
    State(inventory): State<Inventory>,
    visitor: Visitor,
    Id(product): Id<ProductId>,
    Params(query): Params<StockQuery>,
) -> Answer<Ok200<StockView>> {
    let wanted = Wanted { variant: query.variant_id, location: query.location };
    Ok(Ok200(inventory.stock(&visitor.shop, visitor.principal.as_ref(), &product, wanted).await?))
}

/// Lists the ledger of a product, newest first.
#[utoipa::path(get, path = "/api/v1/inventory/{product_id}/movements", tag = "inventory",
    params(("product_id" = ProductId, Path), MovementsRequest), security(("bearer" = [])),
    responses((status = 200, body = Page<MovementView>), (status = "default", body = Problem)))]
async fn list_movements(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(product): Id<ProductId>,
    Params(request): Params<MovementsRequest>,
) -> Answer<Ok200<Page<MovementView>>> {
    let (limit, cursor) = page(&PageRequest { limit: request.limit, cursor: request.cursor.clone() })?;
    Ok(Ok200(inventory.movements(&caller, &product, &request, limit, cursor).await?))
}

/// Changes a level by hand.
#[utoipa::path(post, path = "/api/v1/inventory/adjustments", tag = "inventory", request_body = NewAdjustment,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = AdjustmentView), (status = "default", body = Problem)))]
async fn adjust_stock(
    State(stock): State<Stock>,
    caller: Caller,
    Keyed(key, new): Keyed<NewAdjustment>,
) -> Answer<Created<AdjustmentView>> {
    let adjust = |run| stock.inventory.adjust(&caller, run, new);
    Ok(Created(stock.idempotency.once(&caller, &key, "adjust", adjust).await?))
}

/// Changes up to 100 levels by hand, each by itself.
#[utoipa::path(post, path = "/api/v1/inventory/adjustments/batch", tag = "inventory",
    request_body = NewAdjustments, params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, body = AdjustmentsView), (status = "default", body = Problem)))]
async fn adjust_all_stock(
    State(stock): State<Stock>,
    caller: Caller,
    Keyed(key, new): Keyed<NewAdjustments>,
) -> Answer<Ok200<AdjustmentsView>> {
    let adjust = |run| stock.inventory.adjust_all(&caller, run, new);
    Ok(Ok200(stock.idempotency.once(&caller, &key, "adjust_all", adjust).await?))
}

/// Sells the stock of an order of another system, all of it or none, once for each order.
#[utoipa::path(post, path = "/api/v1/inventory/commitments", tag = "inventory", request_body = NewCommitment,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = CommitmentView), (status = "default", body = Problem)))]
async fn process_order(
    State(inventory): State<Inventory>,
    caller: Caller,
    Keyed(_key, new): Keyed<NewCommitment>,
) -> Answer<Created<CommitmentView>> {
    Ok(Created(inventory.process(&caller, new).await?))
}

/// Puts sold pieces of an order back on the shelf.
#[utoipa::path(post, path = "/api/v1/inventory/returns", tag = "inventory", request_body = NewReturn,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = ReturnView), (status = "default", body = Problem)))]
async fn return_stock(
    State(stock): State<Stock>,
    caller: Caller,
    Keyed(key, new): Keyed<NewReturn>,
) -> Answer<Created<ReturnView>> {
    let take_back = |run| stock.inventory.take_back(&caller, run, new);
    Ok(Created(stock.idempotency.once(&caller, &key, "return", take_back).await?))
}

/// Sets stock aside, all lines or none.
#[utoipa::path(post, path = "/api/v1/inventory/reservations", tag = "inventory", request_body = NewReservation,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = ReservationView), (status = "default", body = Problem)))]
async fn reserve_stock(
    State(inventory): State<Inventory>,
    caller: Caller,
    Keyed(key, new): Keyed<NewReservation>,
) -> Answer<Created<ReservationView>> {
    caller.spend(Limit::Reserve).await?;
    caller.spend_holds(&new.items).await?;
    Ok(Created(inventory.reserve(&caller, &key, new).await?))
}

/// Reads a hold.
#[utoipa::path(get, path = "/api/v1/inventory/reservations/{id}", tag = "inventory",
    params(("id" = ReservationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ReservationView), (status = "default", body = Problem)))]
async fn read_reservation(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(id): Id<ReservationId>,
) -> Answer<Ok200<ReservationView>> {
    Ok(Ok200(inventory.reservation(&caller, &id).await?))
}

/// Gives a hold back.
#[utoipa::path(delete, path = "/api/v1/inventory/reservations/{id}", tag = "inventory",
    params(("id" = ReservationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ReservationView), (status = "default", body = Problem)))]
async fn release_reservation(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(id): Id<ReservationId>,
) -> Answer<Ok200<ReservationView>> {
    Ok(Ok200(inventory.release(&caller, &id).await?))
}

/// Gives a hold more time, once.
#[utoipa::path(post, path = "/api/v1/inventory/reservations/{id}/extend", tag = "inventory",
    request_body = NewExtension, params(("id" = ReservationId, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])),
    responses((status = 200, body = ReservationView), (status = "default", body = Problem)))]
async fn extend_reservation(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(id): Id<ReservationId>,
    Keyed(key, new): Keyed<NewExtension>,
) -> Answer<Ok200<ReservationView>> {
    Ok(Ok200(inventory.extend(&caller, &key, &id, new).await?))
}

/// Compares levels with the sums of their ledgers, a page of products at a time.
#[utoipa::path(get, path = "/api/v1/inventory/reconciliation", tag = "inventory", params(PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = StockReconciliation), (status = "default", body = Problem)))]
async fn reconcile_stock(
    State(inventory): State<Inventory>,
    caller: Caller,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<StockReconciliation>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(inventory.reconcile(&caller, limit, cursor).await?))
}

/// Repairs what a page of products shows, by corrections in the ledger.
#[utoipa::path(post, path = "/api/v1/inventory/reconciliation", tag = "inventory", params(PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = StockRepair), (status = "default", body = Problem)))]
async fn repair_stock(
    State(inventory): State<Inventory>,
    caller: Caller,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<StockRepair>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(inventory.repair(&caller, limit, cursor).await?))
}
