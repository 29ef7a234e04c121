//! The one error of all use cases: eight kinds, each of which the edge answers in its own way.

use contract::{ErrorCode, FieldError, errors::Shortage};
use domain::{InvalidTransition, principal::Forbidden};
use jiff::SignedDuration;

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be carried out by anybody, now or later.
    #[error("{detail}")]
    Invalid {
        /// For a program.
        code: ErrorCode,
        /// For a person.
        detail: String,
        /// The fields that are wrong.
        errors: Vec<FieldError>,
    },
    /// Nobody knows who is asking.
    #[error("not signed in")]
    Unauthenticated,
    /// Whoever is asking may not do this.
    #[error("not allowed")]
    Forbidden,
    /// There is no such thing, or it is somebody else's: both look the same.
    #[error("not found")]
    NotFound,
    /// The thing is not in a state that allows this.
    #[error("{detail}")]
    Conflict {
        /// For a program.
        code: ErrorCode,
        /// For a person.
        detail: String,
        /// What there is not enough of.
        shortage: Vec<Shortage>,
    },
    /// Too often, or too many at once.
    #[error("too many requests")]
    Limited {
        /// When to come again.
        retry_after: SignedDuration,
    },
    /// Something this depends on did not answer. Trying again may help.
    #[error("{what} did not answer")]
    Unavailable {
        /// What did not answer.
        what: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Our fault: a corrupt row, a broken rule.
    #[error("{what}")]
    Internal {
        /// What was found.
        what: String,
        /// What it came from.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// What a use case returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One field is wrong.
    pub fn field(field: &str, code: &str, message: impl Into<String>) -> Self {
        let error = FieldError::new(field, code, message);
        let detail =
            if field.is_empty() { error.message.clone() } else { format!("{field}: {}", error.message) };
        Self::Invalid { code: ErrorCode::ValidationFailed, detail, errors: vec![error] }
    }

    /// The request is wrong as a whole, in a way that has a code of its own.
    pub fn invalid(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::Invalid { code, detail: detail.into(), errors: vec![] }
    }

    /// The thing is not in a state that allows this.
    pub fn conflict(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into(), shortage: vec![] }
    }

    /// There is not enough of something.
    pub fn short_of(shortage: Vec<Shortage>) -> Self {
        Self::Conflict { code: ErrorCode::InsufficientStock, detail: "not enough in stock".into(), shortage }
    }

    /// Somebody was faster every time, or the database has too much to do: the same may succeed in a second.
    pub const fn busy() -> Self {
        Self::Limited { retry_after: SignedDuration::from_secs(1) }
    }

    /// Something of ours is broken.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal { what: what.into(), source: None }
    }

    /// Whether trying the same again may succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Limited { .. } | Self::Unavailable { .. } | Self::Internal { .. })
    }
}

impl From<Forbidden> for Error {
    fn from(Forbidden: Forbidden) -> Self {
        Self::Forbidden
    }
}

impl From<InvalidTransition> for Error {
    fn from(error: InvalidTransition) -> Self {
        Self::conflict(ErrorCode::InvalidTransition, error.to_string())
    }
}
