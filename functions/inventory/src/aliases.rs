//! `/api/realtime/inventory`: the same acts under the paths and with the bodies that older clients send.
//!
//! They know no `Idempotency-Key`; where one comes, it is heeded.

use app::{
    idempotency::Idempotency,
    inventory::{Inventory, Wanted},
    limits::Limit,
};
use axum::extract::State;
use contract::{
    Problem,
    http::{
        inventory::{AdjustmentView, NewAdjustment, NewLine, NewReservation, ReservationView, StockView},
        sales::{CommitmentView, NewCommitment},
    },
};
use domain::{LocationId, OrderReference, ProductId, VariantId};
use edge::{Answer, Caller, Created, Ok200, Params, PerhapsKeyed, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Stock;

pub(crate) fn routes() -> OpenApiRouter<Stock> {
    OpenApiRouter::new().routes(routes!(read_stock, adjust_stock, process_order, reserve_stock))
}

/// Which levels are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OldStockQuery {
    /// The product.
    #[serde(alias = "productId")]
    #[param(rename = "productId")]
    product_id: ProductId,
    /// Only of this variant.
    #[serde(alias = "variantId")]
    #[param(rename = "variantId")]
    variant_id: Option<VariantId>,
    /// Only there.
    location: Option<LocationId>,
}

/// Stock to be set aside: one line in the body itself, or several in `items`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
enum OldReservation {
    /// Several lines.
    Lines(NewReservation),
    /// One line.
    Line {
        /// What.
        #[serde(flatten)]
        line: NewLine,
        /// The order that it is for.
        #[serde(default, alias = "orderId")]
        order_id: Option<OrderReference>,
        /// For how long.
        #[serde(default, alias = "ttlSeconds")]
        ttl_seconds: Option<u32>,
    },
}

impl From<OldReservation> for NewReservation {
    fn from(old: OldReservation) -> Self {
        match old {
            OldReservation::Lines(new) => new,
            OldReservation::Line { line, order_id, ttl_seconds } => {
                Self { items: vec![line], ttl_seconds, order_id }
            }
        }
    }
}

/// Says how many of a product there are: see `GET /api/v1/inventory/{product_id}`.
#[utoipa::path(get, path = "/api/realtime/inventory", tag = "inventory", params(OldStockQuery),
    operation_id = "read_stock_alias",
    responses((status = 200, body = StockView), (status = "default", body = Problem)))]
async fn read_stock(
    State(inventory): State<Inventory>,
    visitor: Visitor,
    Params(query): Params<OldStockQuery>,
) -> Answer<Ok200<StockView>> {
    let wanted = Wanted { variant: query.variant_id, location: query.location };
    let viewer = visitor.principal.as_ref();
    Ok(Ok200(inventory.stock(&visitor.shop, viewer, &query.product_id, wanted).await?))
}

/// Changes a level by hand: see `POST /api/v1/inventory/adjustments`.
#[utoipa::path(post, path = "/api/realtime/inventory", tag = "inventory", request_body = NewAdjustment,
    operation_id = "adjust_stock_alias", security(("bearer" = [])),
    responses((status = 201, body = AdjustmentView), (status = "default", body = Problem)))]
async fn adjust_stock(
    State(inventory): State<Inventory>,
    State(idempotency): State<Idempotency>,
    caller: Caller,
    PerhapsKeyed(key, new): PerhapsKeyed<NewAdjustment>,
) -> Answer<Created<AdjustmentView>> {
    let adjust = |run| inventory.adjust(&caller, run, new);
    Ok(Created(idempotency.once(&caller, &key, "adjust", adjust).await?))
}

/// Sells the stock of an order, once for each order: see `POST /api/v1/inventory/commitments`.
#[utoipa::path(put, path = "/api/realtime/inventory", tag = "inventory", request_body = NewCommitment,
    operation_id = "process_order_alias", security(("bearer" = [])),
    responses((status = 201, body = CommitmentView), (status = "default", body = Problem)))]
async fn process_order(
    State(inventory): State<Inventory>,
    caller: Caller,
    PerhapsKeyed(_key, new): PerhapsKeyed<NewCommitment>,
) -> Answer<Created<CommitmentView>> {
    Ok(Created(inventory.process(&caller, new).await?))
}

/// Sets stock aside: see `POST /api/v1/inventory/reservations`.
#[utoipa::path(patch, path = "/api/realtime/inventory", tag = "inventory", request_body = OldReservation,
    operation_id = "reserve_stock_alias", security(("bearer" = [])),
    responses((status = 201, body = ReservationView), (status = "default", body = Problem)))]
async fn reserve_stock(
    State(inventory): State<Inventory>,
    caller: Caller,
    PerhapsKeyed(key, old): PerhapsKeyed<OldReservation>,
) -> Answer<Created<ReservationView>> {
    caller.spend(Limit::Reserve).await?;
    let new = NewReservation::from(old);
    caller.spend_holds(&new.items).await?;
    Ok(Created(inventory.reserve(&caller, &key, new).await?))
}
