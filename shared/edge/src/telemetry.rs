//! What the operator sees: JSON logs, and metrics in CloudWatch's embedded format.

use std::{io::Write, sync::Arc};

use jiff::Timestamp;
use serde_json::json;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Writes lines that CloudWatch reads as metrics.
#[derive(Clone)]
pub struct Emitter(Arc<dyn Fn(&str) + Send + Sync>);

/// One request, measured.
#[derive(Debug, Clone)]
pub struct RequestMetric {
    /// Method and route.
    pub route: String,
    /// Status of the answer.
    pub status: u16,
    /// How long it took.
    pub duration_ms: f64,
}

impl Emitter {
    /// Writes to standard output, where Lambda looks for metrics.
    pub fn stdout() -> Self {
        Self::to(|line| {
            // A metric that cannot be written is not worth failing a request for.
            drop(writeln!(std::io::stdout().lock(), "{line}"));
        })
    }

    /// Writes nothing.
    pub fn silent() -> Self {
        Self::to(|_| {})
    }

    /// Hands every line to `write`.
    pub fn to(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes the metrics of one request: how many, how many of them failed, how long they took.
    /// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
    pub fn emit(&self, metric: &RequestMetric, now: Timestamp) {
        let line = json!({
            "_aws": {
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": "shopwire",
                    "Dimensions": [["route"]],
                    "Metrics": [
                        { "Name": "requests", "Unit": "Count" },
                        { "Name": "server_errors", "Unit": "Count" },
                        { "Name": "duration", "Unit": "Milliseconds" },
                    ],
                }],
            },
            "route": metric.route,
            "status": metric.status,
            "requests": 1,
            "server_errors": u8::from(metric.status >= 500),
            "duration": metric.duration_ms,
        });
        (self.0)(&line.to_string());
    }
}

/// Logs as JSON lines, at the levels of `RUST_LOG`, such as `info` or `warn,app=debug`. Called once, by a function's
/// `main`.
///
/// The filter knows levels and targets only: one that also knows fields and spans brings a regular expression engine,
/// half a megabyte of it, into every function.
pub fn start() {
    let asked = crate::environment::log_levels().and_then(|levels| levels.parse().ok());
    let levels: Targets = asked.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    tracing_subscriber::registry().with(lines).with(levels).init();
}
