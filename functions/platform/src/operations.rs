//! Audit log, counters, feature flags.

use app::{Error, operations::Operations};
use axum::extract::State;
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        platform::{AuditEntry, FlagView, MetricsView, SetFlag},
    },
};
use edge::{Answer, Body, Caller, Id, IfMatch, Ok200, Params, body::page};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Platform;

pub fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .routes(routes!(read_metrics))
        .routes(routes!(read_metrics_alias))
        .routes(routes!(list_audit_log))
        .routes(routes!(list_flags))
        .routes(routes!(read_flag, set_flag))
}

/// Which day is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DayQuery {
    /// `2026-01-31`; today if absent.
    #[param(value_type = Option<String>, format = Date)]
    date: Option<Date>,
}

/// Says how often what happened on a day.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "platform", params(DayQuery), security(("bearer" = [])),
    responses((status = 200, body = MetricsView), (status = "default", body = Problem)))]
async fn read_metrics(
    State(operations): State<Operations>,
    caller: Caller,
    Params(query): Params<DayQuery>,
) -> Answer<Ok200<MetricsView>> {
    Ok(Ok200(operations.metrics(&caller, query.date).await?))
}

/// The same under its older name.
#[utoipa::path(get, path = "/api/monitoring/metrics", tag = "platform", params(DayQuery), security(("bearer" = [])),
    responses((status = 200, body = MetricsView), (status = "default", body = Problem)))]
async fn read_metrics_alias(
    State(operations): State<Operations>,
    caller: Caller,
    Params(query): Params<DayQuery>,
) -> Answer<Ok200<MetricsView>> {
    Ok(Ok200(operations.metrics(&caller, query.date).await?))
}

/// Lists the audit log of the month of a day, newest first.
#[utoipa::path(get, path = "/api/v1/audit-logs", tag = "platform", params(DayQuery, PageRequest),
    security(("bearer" = [])),
    responses((status = 200, body = Page<AuditEntry>), (status = "default", body = Problem)))]
async fn list_audit_log(
    State(operations): State<Operations>,
    caller: Caller,
    Params(query): Params<DayQuery>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<AuditEntry>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(operations.audit_log(&caller, query.date, limit, cursor).await?))
}

/// Lists feature flags.
#[utoipa::path(get, path = "/api/v1/feature-flags", tag = "platform", security(("bearer" = [])),
    responses((status = 200, body = Vec<FlagView>), (status = "default", body = Problem)))]
async fn list_flags(State(operations): State<Operations>, caller: Caller) -> Answer<Ok200<Vec<FlagView>>> {
    Ok(Ok200(operations.flags(&caller).await?))
}

/// Reads a feature flag.
#[utoipa::path(get, path = "/api/v1/feature-flags/{key}", tag = "platform", params(("key" = String, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = FlagView), (status = "default", body = Problem)))]
async fn read_flag(
    State(operations): State<Operations>,
    caller: Caller,
    Id(key): Id<String>,
) -> Answer<Ok200<FlagView>> {
    Ok(Ok200(operations.flag(&caller, &key).await?))
}

/// Sets a feature flag.
#[utoipa::path(put, path = "/api/v1/feature-flags/{key}", tag = "platform", request_body = SetFlag,
    params(("key" = String, Path), ("If-Match" = Option<u64>, Header)), security(("bearer" = [])),
    responses((status = 200, body = FlagView), (status = "default", body = Problem)))]
async fn set_flag(
    State(operations): State<Operations>,
    caller: Caller,
    Id(key): Id<String>,
    IfMatch(version): IfMatch,
    Body(set): Body<SetFlag>,
) -> Answer<Ok200<FlagView>> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if key.len() > 64 || !key.bytes().all(is_name) {
        return Err(Error::field("key", "invalid", "expected letters, digits, `_` or `-`, at most 64").into());
    }
    Ok(Ok200(operations.set_flag(&caller, &key, version, set).await?))
}
