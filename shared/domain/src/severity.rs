//! How bad something is that the shop's people should look at.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something behind the scenes waits for somebody; customers do not notice yet.
    Warning,
    /// Customers notice.
    Critical,
}

impl Severity {
    /// Alarms of the template that mean that customers notice, by what their names end with: they begin with the stack's.
    pub const CRITICAL_ALARMS: [&str; 5] =
        ["answering-fails", "http-server-errors", "relay-is-late", "sweeper-is-silent", "throttled"];

    /// How bad it is that the alarm of this name rings.
    pub fn of_alarm(name: &str) -> Self {
        match Self::CRITICAL_ALARMS.iter().any(|known| name.ends_with(known)) {
            true => Self::Critical,
            false => Self::Warning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_customers_notice_is_critical_and_what_waits_behind_the_scenes_is_not() {
        assert_eq!(Severity::of_alarm("lumen-http-server-errors"), Severity::Critical);
        assert_eq!(Severity::of_alarm("lumen-relay-left-letters"), Severity::Warning);
        assert!(Severity::Warning < Severity::Critical);
    }
}
