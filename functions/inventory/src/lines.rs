//! Lines that levels should not cross, alerts, places, and buckets.

use app::inventory::Inventory;
use axum::extract::State;
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        alerts::{
            AlertView, AlertsRequest, DivisionView, LocationView, NewDivision, NewLocation, NewThresholds,
            ThresholdsView,
        },
        sales::ForecastView,
    },
};
use domain::{AlertId, ProductId};
use edge::{Answer, Body, Caller, Created, Id, Ok200, Params, body::page};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Stock;

pub(crate) fn routes() -> OpenApiRouter<Stock> {
    OpenApiRouter::new()
        .routes(routes!(set_thresholds))
        .routes(routes!(divide_stock))
        .routes(routes!(list_alerts))
        .routes(routes!(acknowledge_alert))
        .routes(routes!(list_locations, add_location))
        .routes(routes!(forecast_stock))
}

/// Sets the lines of a product's levels.
#[utoipa::path(put, path = "/api/v1/inventory/{product_id}/thresholds", tag = "inventory",
    request_body = NewThresholds, params(("product_id" = ProductId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ThresholdsView), (status = "default", body = Problem)))]
async fn set_thresholds(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(product): Id<ProductId>,
    Body(new): Body<NewThresholds>,
) -> Answer<Ok200<ThresholdsView>> {
    Ok(Ok200(inventory.set_thresholds(&caller, &product, new).await?))
}

/// Divides the levels of a product into buckets, so that thousands can buy it at once, or joins them again.
#[utoipa::path(put, path = "/api/v1/inventory/{product_id}/buckets", tag = "inventory",
    request_body = NewDivision, params(("product_id" = ProductId, Path)), security(("bearer" = [])),
    responses((status = 200, body = DivisionView), (status = "default", body = Problem)))]
async fn divide_stock(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(product): Id<ProductId>,
    Body(new): Body<NewDivision>,
) -> Answer<Ok200<DivisionView>> {
    Ok(Ok200(inventory.divide(&caller, &product, new).await?))
}

/// Lists alerts about stock, newest first.
#[utoipa::path(get, path = "/api/v1/inventory/alerts", tag = "inventory", params(AlertsRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<AlertView>), (status = "default", body = Problem)))]
async fn list_alerts(
    State(inventory): State<Inventory>,
    caller: Caller,
    Params(request): Params<AlertsRequest>,
) -> Answer<Ok200<Page<AlertView>>> {
    let (limit, cursor) = page(&PageRequest { limit: request.limit, cursor: request.cursor.clone() })?;
    Ok(Ok200(inventory.alerts(&caller, &request, limit, cursor).await?))
}

/// Notes that somebody has seen to an alert.
#[utoipa::path(post, path = "/api/v1/inventory/alerts/{id}/ack", tag = "inventory",
    params(("id" = AlertId, Path)), security(("bearer" = [])),
    responses((status = 200, body = AlertView), (status = "default", body = Problem)))]
async fn acknowledge_alert(
    State(inventory): State<Inventory>,
    caller: Caller,
    Id(id): Id<AlertId>,
) -> Answer<Ok200<AlertView>> {
    Ok(Ok200(inventory.acknowledge(&caller, &id).await?))
}

/// Lists the places where stock may lie.
#[utoipa::path(get, path = "/api/v1/inventory/locations", tag = "inventory", security(("bearer" = [])),
    responses((status = 200, body = Vec<LocationView>), (status = "default", body = Problem)))]
async fn list_locations(
    State(inventory): State<Inventory>,
    caller: Caller,
) -> Answer<Ok200<Vec<LocationView>>> {
    Ok(Ok200(inventory.locations(&caller).await?))
}

/// Makes a place known where stock may lie.
#[utoipa::path(post, path = "/api/v1/inventory/locations", tag = "inventory", request_body = NewLocation,
    security(("bearer" = [])),
    responses((status = 201, body = LocationView), (status = "default", body = Problem)))]
async fn add_location(
    State(inventory): State<Inventory>,
    caller: Caller,
    Body(new): Body<NewLocation>,
) -> Answer<Created<LocationView>> {
    Ok(Created(inventory.add_location(&caller, new).await?))
}

/// Says how long each level of a page of products will last.
#[utoipa::path(get, path = "/api/v1/inventory/forecast", tag = "inventory", params(PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<ForecastView>), (status = "default", body = Problem)))]
async fn forecast_stock(
    State(inventory): State<Inventory>,
    caller: Caller,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<ForecastView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(inventory.forecast(&caller, limit, cursor).await?))
}
