//! What functions reach at their one endpoint: AWS and, beside it, Stripe.
//!
//! Stripe signs nobody's name into a request, so each function is given an address of its own: `/stripe/{function}`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request},
    http::Uri,
    response::Response,
    routing::any,
};
use tower::ServiceExt;

use crate::{
    aws::{
        Aws, Severed,
        request::{Call, Service},
        sever, under_faults,
    },
    stripe::{self, FakeStripe},
    template::Function,
};

/// The variable by which functions find Stripe.
const STRIPE_API_BASE: &str = "STRIPE_API_BASE";

/// Gives each function that calls the fake Stripe at `base` its own address of it.
pub(super) fn name_callers(functions: &mut BTreeMap<String, Function>, base: &str, aws_endpoint: &str) {
    for function in functions.values_mut() {
        if let Some(address) = function.environment.get_mut(STRIPE_API_BASE)
            && address == base
        {
            *address = format!("{aws_endpoint}/stripe/{}", function.name);
        }
    }
}

/// The endpoint. Both kinds of requests are counted and can be failed.
pub(super) fn router(aws: &Arc<Aws>, stripe: FakeStripe, connections: Router) -> Router {
    let called = Arc::clone(aws);
    let stripe = stripe::router(stripe);
    let answer = async move |Path((function, path)): Path<(String, String)>, request: Request| {
        call_stripe(&called, stripe.clone(), function, &format!("/{path}"), request).await
    };
    Router::new()
        .route("/stripe/{function}/{*path}", any(answer))
        .fallback_service(Arc::clone(aws).router(connections))
}

async fn call_stripe(
    aws: &Aws,
    stripe: Router,
    function: String,
    path: &str,
    mut request: Request,
) -> Response {
    let call = Call {
        service: Service::Stripe,
        operation: stripe::operation_name(request.method(), path).to_owned(),
        tables: Vec::new(),
        function,
        acts: 0,
    };
    // The router remembers this path's parameters there, and would hand them to Stripe's.
    request.extensions_mut().clear();
    let query = request.uri().query();
    let below = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    if let Ok(uri) = below.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    let act = async {
        let Ok(response) = stripe.oneshot(request).await;
        response
    };
    let answer = under_faults(&aws.faults, &call, act).await;
    aws.meter.record(&call, &BTreeMap::new());
    answer.unwrap_or_else(|Severed| sever())
}
