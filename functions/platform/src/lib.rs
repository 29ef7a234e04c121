//! What every shop needs besides selling: identity, tickets, configuration, health, audit, flags.

mod auth;
mod operations;
mod realtime;

use std::{collections::BTreeMap, sync::Arc};

use app::{Settings, broadcast::Broadcasts, identity::Identity, operations::Operations, realtime::Realtime};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    frames::MAX_FRAME_BYTES,
    http::platform::{ConfigView, HealthView, Limits},
};
use domain::{Currency, reservation::MAX_LINES};
use edge::{Answer, Environment, Misconfigured, Ok200, Params, Visitor, http::serve};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Platform {
    identity: Identity,
    realtime: Realtime,
    broadcasts: Broadcasts,
    operations: Operations,
    settings: Arc<Settings>,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let platform = Platform {
        identity: environment.identity(),
        realtime: environment.realtime(),
        broadcasts: environment.broadcasts(),
        operations: Operations::new(environment.store(), environment.clock()),
        settings: environment.settings(),
    };
    let routes = routes().with_state(platform).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(read_config))
        .routes(routes!(read_health))
        .routes(routes!(read_health_alias))
        .merge(auth::routes())
        .merge(operations::routes())
        .merge(realtime::routes())
}

/// Says what a client should know about the shop.
#[utoipa::path(get, path = "/api/v1/config", tag = "platform",
    responses((status = 200, body = ConfigView), (status = "default", body = Problem)))]
async fn read_config(
    State(settings): State<Arc<Settings>>,
    State(operations): State<Operations>,
    visitor: Visitor,
) -> Answer<Ok200<ConfigView>> {
    let feature_flags = operations.flags_for_clients(&visitor.shop).await?;
    Ok(Ok200(ConfigView {
        shop_id: visitor.shop,
        shop_name: settings.shop_name.clone(),
        timezone: settings.timezone.clone(),
        currency: settings.currency.code().into(),
        currencies: Currency::all()
            .map(|currency| (currency.code().to_owned(), currency.exponent()))
            .collect(),
        stripe_public_key: settings.stripe_public_key.clone(),
        vapid_public_key: settings.vapid_public_key.clone(),
        websocket_url: settings.websocket_url.clone(),
        limits: Limits {
            max_lines: MAX_LINES,
            reservation_ttl_seconds: u32::try_from(settings.reservation_ttl.as_secs()).unwrap_or(u32::MAX),
            max_frame_bytes: MAX_FRAME_BYTES,
            heartbeat_interval_ms: u64::try_from(settings.heartbeat.as_millis()).unwrap_or(u64::MAX),
        },
        feature_flags,
    }))
}

/// How deep to look.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HealthQuery {
    /// `1` asks every part (admins).
    deep: Option<u8>,
}

/// Says whether the service is well.
#[utoipa::path(get, path = "/api/v1/health", tag = "platform", params(HealthQuery),
    responses((status = 200, body = HealthView), (status = "default", body = Problem)))]
async fn read_health(
    State(operations): State<Operations>,
    visitor: Visitor,
    Params(query): Params<HealthQuery>,
) -> Answer<Ok200<HealthView>> {
    health(&operations, &visitor, query.deep == Some(1)).await
}

/// The same under its older name.
#[utoipa::path(get, path = "/api/health", tag = "platform", params(HealthQuery),
    responses((status = 200, body = HealthView), (status = "default", body = Problem)))]
async fn read_health_alias(
    State(operations): State<Operations>,
    visitor: Visitor,
    Params(query): Params<HealthQuery>,
) -> Answer<Ok200<HealthView>> {
    health(&operations, &visitor, query.deep == Some(1)).await
}

async fn health(operations: &Operations, visitor: &Visitor, is_deep: bool) -> Answer<Ok200<HealthView>> {
    let mut checks = BTreeMap::new();
    if is_deep {
        let database = operations.check(&visitor.shop, visitor.principal.as_ref()).await?;
        checks.insert("database".to_owned(), database);
    }
    let status = if checks.values().all(|check| check == "ok") { "ok" } else { "degraded" };
    Ok(Ok200(HealthView { status: status.into(), version: env!("CARGO_PKG_VERSION").into(), checks }))
}
