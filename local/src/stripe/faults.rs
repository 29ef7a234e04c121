//! Faults on request: an operation that is refused, or that acts and does not get its answer through.

use std::collections::VecDeque;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// How requests are to go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The operation that it strikes (`payment_intents.create`), or `*` for any.
    pub operation: String,
    /// What happens.
    pub fault: FaultKind,
    /// Status of the answer, where there is one; 500 unless stated.
    #[serde(default = "server_error")]
    pub status: u16,
    /// How many requests pass unharmed first.
    #[serde(default)]
    pub skip: u64,
    /// How many requests it strikes.
    #[serde(default = "one")]
    pub count: u64,
}

/// See [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing is done; the answer is `status`.
    Refuse,
    /// Nothing is done; the connection ends without an answer.
    Drop,
    /// It is done; the connection ends without an answer.
    TimeoutAfterActing,
    /// It is done; the answer is `status`.
    FailAfterActing,
}

/// The fault that strikes one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub kind: FaultKind,
    pub status: StatusCode,
}

/// Faults that have not struck out yet, oldest first.
#[derive(Debug, Default)]
pub struct Faults(VecDeque<Fault>);

impl Faults {
    /// Adds a fault.
    pub fn inject(&mut self, fault: Fault) {
        self.0.push_back(fault);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Those that are left.
    pub fn list(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// The fault that strikes this request, if one does.
    pub fn strike(&mut self, operation: &str) -> Option<Strike> {
        let mut struck = None;
        for fault in self.0.iter_mut().filter(|fault| fault.operation == "*" || fault.operation == operation)
        {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if struck.is_none() && fault.count > 0 {
                fault.count -= 1;
                let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                struck = Some(Strike { kind: fault.fault, status });
            }
        }
        self.0.retain(|fault| fault.count > 0);
        struck
    }
}

fn one() -> u64 {
    1
}

fn server_error() -> u16 {
    StatusCode::INTERNAL_SERVER_ERROR.as_u16()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_skips_strikes_and_is_spent() {
        let mut faults = Faults::default();
        let text =
            r#"{"operation": "refunds.create", "fault": "refuse", "status": 429, "skip": 1, "count": 2}"#;
        faults.inject(serde_json::from_str(text).unwrap());
        let mut strikes = |operation| faults.strike(operation).map(|strike| strike.status.as_u16());
        assert_eq!(strikes("refunds.list"), None);
        assert_eq!(strikes("refunds.create"), None);
        assert_eq!(strikes("refunds.create"), Some(429));
        assert_eq!(strikes("refunds.create"), Some(429));
        assert_eq!(strikes("refunds.create"), None);
    }
}
