//! Errors as clients see them: RFC 9457 problem documents and error codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, for a program to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A field has a value that cannot be; `errors` names it.
    ValidationFailed,
    /// No token, or one that is not valid.
    Unauthenticated,
    /// A valid token that may not do this.
    Forbidden,
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// Not that many pieces are available; `items` says how many are.
    InsufficientStock,
    /// The hold ended before this was asked.
    ReservationExpired,
    /// The hold has been sold or given back already.
    ReservationNotActive,
    /// The thing is in a state that does not allow this.
    InvalidTransition,
    /// The payment looks too risky to begin.
    PaymentDeclined,
    /// More than can still be given back.
    RefundExceedsCaptured,
    /// The amounts are in different currencies.
    CurrencyMismatch,
    /// Not a currency in which this shop charges.
    UnsupportedCurrency,
    /// The agent has as many conversations as they can have.
    CapacityFull,
    /// The conversation is over.
    ConversationClosed,
    /// The file is not what it says, too large, or of a type that is not allowed.
    FileRejected,
    /// The message has more characters than allowed.
    MessageTooLong,
    /// The conversation has as many participants as it can have.
    TooManyParticipants,
    /// Too often; `Retry-After` says when to come again.
    RateLimited,
    /// This act needs an `Idempotency-Key` header.
    IdempotencyKeyMissing,
    /// The same `Idempotency-Key` came with another body before.
    IdempotencyMismatch,
    /// The same request is still being worked on.
    IdempotencyInProgress,
    /// The thing has changed since the version named.
    VersionConflict,
    /// The signature does not match the body.
    SignatureInvalid,
    /// The signature is too old, or from the future.
    WebhookStale,
    /// The body is too large.
    PayloadTooLarge,
    /// Something this depends on did not answer; try again.
    UpstreamUnavailable,
    /// Our fault.
    InternalError,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Path of the field: `items[0].quantity`; empty for the body as a whole.
    pub field: String,
    /// What is wrong with it: `required`, `invalid`, `too_many`, `malformed_json`, …
    pub code: String,
    /// The same for a person to read.
    pub message: String,
}

impl FieldError {
    /// `field` is wrong in the way that `code` names.
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// Something that is not there in the wanted number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shortage {
    /// What.
    #[serde(flatten)]
    pub sku: domain::stock::Sku,
    /// How many were wanted.
    pub quantity: u32,
    /// How many there are.
    pub available_quantity: i64,
}

/// An error document, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the meaning is in `code`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong.
    pub code: ErrorCode,
    /// What went wrong, for a person to read.
    pub detail: String,
    /// The name under which the logs know this request.
    pub request_id: String,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// `false` on a shortage, for older clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// What there is not enough of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Shortage>,
}
