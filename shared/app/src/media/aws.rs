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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;

    use super::*;
    use crate::media::{
        DeviceMessage, Devices, Letter, Mail, Sms,
        stage::{Answer, Stage},
    };

    const ENDPOINT: &str = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/shop/1";

    fn message() -> DeviceMessage {
        DeviceMessage {
            title: "Lamp".into(),
            body: "It is back".into(),
            data: BTreeMap::new(),
            action_url: None,
            badge: None,
            sound: None,
            ttl: SignedDuration::from_hours(1),
            is_silent: false,
            is_urgent: false,
            collapse: None,
            image: None,
        }
    }

    fn letter() -> Letter {
        Letter {
            to: "ana@example.com".into(),
            subject: "Lamp".into(),
            text: "It is back".into(),
            html: "<p>It is back</p>".into(),
            unsubscribe_url: None,
            tags: vec![],
            reply_to: None,
        }
    }

    fn by_sns(status: u16, code: &str, text: &str) -> Answer {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
        );
        Answer::Short(status, "Content-Type: text/xml\r\n".into(), body)
    }

    fn by_ses(status: u16, code: &str) -> Answer {
        let body = r#"{"message":"ana@example.com is wrong"}"#.to_owned();
        Answer::Short(status, format!("x-amzn-ErrorType: {code}\r\nContent-Type: application/json\r\n"), body)
    }

    #[tokio::test]
    async fn what_sns_refuses_has_one_meaning_and_is_asked_once() {
        let later = |code: &str| Sent::later(format!("SNS said {code}"));
        let cases = [
            (400, "EndpointDisabled", "Endpoint is disabled", Sent::Gone),
            (404, "NotFound", "Endpoint does not exist", Sent::Gone),
            (
                400,
                "InvalidParameter",
                "Invalid parameter: TargetArn Reason: No endpoint found for it",
                Sent::Gone,
            ),
            (400, "InvalidParameter", "Invalid parameter: Message too long", Sent::TooLarge),
            (
                400,
                "InvalidParameter",
                "Invalid parameter: +447700900123",
                Sent::refused("SNS said InvalidParameter"),
            ),
            (400, "OptedOut", "Phone number is opted out", Sent::Gone),
            (400, "Throttling", "Rate exceeded", later("Throttling")),
            (429, "Throttled", "Rate exceeded", later("Throttled")),
            (500, "InternalError", "Oh", later("InternalError")),
            (503, "ServiceUnavailable", "Oh", later("ServiceUnavailable")),
        ];
        for (status, code, text, expected) in cases {
            let stage = Stage::open().await;
            let (devices, sms) =
                (Devices::new(stage.aws().sns(), None, None), Sms::new(stage.aws().sns(), None));
            let answer = |_: &_| by_sns(status, code, text);
            let sent = stage.during(answer, devices.send(ENDPOINT, &message())).await.unwrap();
            assert_eq!(sent, expected, "{code} {text}");
            let sent = stage.during(answer, sms.send("+447700900123", "Lamp", false)).await.unwrap();
            assert_eq!(sent, expected, "{code} {text}");
            assert_eq!(stage.asked().len(), 2, "{code}");
        }
    }

    #[tokio::test]
    async fn what_ses_refuses_has_one_meaning_and_is_asked_once() {
        let cases = [
            (400, "MessageRejected", Sent::refused("SES said MessageRejected")),
            (400, "BadRequestException", Sent::refused("SES said BadRequest")),
            (429, "TooManyRequestsException", Sent::later("SES said TooManyRequests")),
            (400, "LimitExceededException", Sent::later("SES said LimitExceeded")),
            (500, "InternalFailure", Sent::later("SES said InternalFailure")),
        ];
        for (status, code, expected) in cases {
            let stage = Stage::open().await;
            let mail = Mail::new(stage.aws().sesv2(), "shop@example.com".into(), None);
            let sent = stage.during(|_| by_ses(status, code), mail.send(&letter())).await.unwrap();
            assert_eq!(sent, expected, "{code}");
            assert_eq!(stage.asked().len(), 1, "{code}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_us_is_no_answer_to_the_message() {
        let stage = Stage::open().await;
        let mail = Mail::new(stage.aws().sesv2(), "shop@example.com".into(), None);
        let devices = Devices::new(stage.aws().sns(), None, None);
        for code in [
            "AccountSuspendedException",
            "SendingPausedException",
            "AccessDeniedException",
            "NotFoundException",
        ] {
            let error = stage.during(|_| by_ses(400, code), mail.send(&letter())).await.unwrap_err();
            assert!(error.is_transient());
            assert!(!format!("{error:?}").contains("ana@example.com"), "{error:?}");
        }
        for code in
            ["AuthorizationError", "InvalidSecurity", "PlatformApplicationDisabled", "KMSAccessDenied"]
        {
            let answer = |_: &_| by_sns(403, code, ENDPOINT);
            let error = stage.during(answer, devices.send(ENDPOINT, &message())).await.unwrap_err();
            assert!(error.is_transient());
            assert!(!format!("{error:?}").contains(ENDPOINT), "{error:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_a_matter_of_time() {
        let stage = Stage::open().await;
        let (mail, sms) = {
            let aws = stage.aws();
            (Mail::new(aws.sesv2(), "shop@example.com".into(), None), Sms::new(aws.sns(), None))
        };
        drop(stage);
        assert_eq!(mail.send(&letter()).await.unwrap(), Sent::later("SES did not answer"));
        assert_eq!(sms.send("+447700900123", "Lamp", true).await.unwrap(), Sent::later("SNS did not answer"));
    }
}
