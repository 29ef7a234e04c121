//! `/api/v1/products/{id}/alerts`: who wants to be told when a product is there again, or costs less.

use app::{limits::Limit, notifications::Notifications};
use axum::extract::State;
use contract::{
    Problem,
    http::notifications::{NewProductAlert, ProductAlertKind, ProductAlertView, WhichVariant},
};
use domain::ProductId;
use edge::{Answer, Body, Caller, Ids, NoContent, Ok200, Params};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Telling;

pub(crate) fn routes() -> OpenApiRouter<Telling> {
    OpenApiRouter::new().routes(routes!(wish, unwish))
}

/// Asks to be told of a product. An address is used when whoever has it has said so.
#[utoipa::path(put, path = "/api/v1/products/{id}/alerts/{kind}", tag = "catalog",
    request_body = Option<NewProductAlert>, params(("id" = ProductId, Path), ("kind" = ProductAlertKind, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = ProductAlertView), (status = "default", body = Problem)))]
async fn wish(
    State(notifications): State<Notifications>,
    caller: Caller,
    Ids(product, kind): Ids<ProductId, ProductAlertKind>,
    Body(new): Body<NewProductAlert>,
) -> Answer<Ok200<ProductAlertView>> {
    caller.spend(Limit::Reach).await?;
    Ok(Ok200(Box::pin(notifications.wish(&caller, (&product, kind), new)).await?))
}

/// Asks not to be told of a product any more.
#[utoipa::path(delete, path = "/api/v1/products/{id}/alerts/{kind}", tag = "catalog",
    params(("id" = ProductId, Path), ("kind" = ProductAlertKind, Path), WhichVariant), security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn unwish(
    State(notifications): State<Notifications>,
    caller: Caller,
    Ids(product, kind): Ids<ProductId, ProductAlertKind>,
    Params(which): Params<WhichVariant>,
) -> Answer<NoContent> {
    notifications.unwish(&caller, (&product, kind), which.variant_id).await?;
    Ok(NoContent)
}
