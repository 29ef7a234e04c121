//! What an answer of SNS or SES means for a message.

use std::time::Duration;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, timeout::TimeoutConfig};

use super::Sent;
use crate::{Error, Result};

/// The longest wait for an answer: shorter than any function's timeout, longer than SNS and SES take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long sending may take.
pub(super) fn patience() -> TimeoutConfig {
    TimeoutConfig::builder().operation_timeout(PATIENCE).build()
}

/// What became of a message that `who` did not take.
///
/// # Errors
/// If it is not the message that is wrong but something of ours: permissions, an identity, an application that was
/// switched off. The texts of AWS stay out of it, since they name receivers.
pub(super) fn refusal<E>(who: &'static str, error: &SdkError<E, HttpResponse>) -> Result<Sent>
where
    E: ProvideErrorMetadata,
{
    let SdkError::ServiceError(refused) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => Err(Error::internal(format!("no request for {who}"))),
            _ => Ok(Sent::later(format!("{who} did not answer"))),
        };
    };
    let code = refused.err().code().unwrap_or("unknown").trim_end_matches("Exception");
    let text = refused.err().message().unwrap_or_default().to_ascii_lowercase();
    let why = format!("{who} said {code}");
    if refused.raw().status().is_server_error() || is_about_haste(code) {
        return Ok(Sent::Later { after: None, why });
    }
    match code {
        "EndpointDisabled" | "OptedOut" => Ok(Sent::Gone),
        "NotFound" if who == "SNS" => Ok(Sent::Gone),
        "InvalidParameter" | "InvalidParameterValue" | "Validation" | "ValidationError" => {
            Ok(of_parameters(&text, why))
        }
        "MessageRejected" | "BadRequest" => Ok(Sent::Refused { why }),
        _ => Err(Error::Unavailable { what: who, source: why.into() }),
    }
}

fn is_about_haste(code: &str) -> bool {
    ["Throttl", "TooManyRequests", "LimitExceeded", "RequestLimit", "SlowDown"]
        .iter()
        .any(|word| code.contains(word))
}

/// SNS has one code for a message that is too long, a receiver who is gone, and all that is simply wrong.
fn of_parameters(text: &str, why: String) -> Sent {
    match text {
        _ if text.contains("too long") => Sent::TooLarge,
        _ if text.contains("no endpoint found") || text.contains("opted out") => Sent::Gone,
        _ => Sent::Refused { why },
    }
}
