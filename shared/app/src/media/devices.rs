//! Phones, by SNS: Android and the web through Firebase, iOS through Apple.

mod message;

use aws_sdk_sns::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

pub use self::message::DeviceMessage;
use super::{
    Sent,
    aws::refusal,
    sms::{asked_once, attribute},
};
use crate::{Error, Result};

/// Apple's and Firebase's own limit for what a phone is told, in bytes.
const MAX_PAYLOAD: usize = 4_096;

/// Who made what the app runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Firebase.
    Android,
    /// Apple.
    Ios,
    /// Firebase too.
    Web,
}

/// The way to phones.
#[derive(Debug, Clone)]
pub struct Devices {
    client: Client,
    fcm: Option<String>,
    apns: Option<String>,
}

/// What SNS says of an endpoint that was to have a token.
enum Renewed {
    /// It has it, and is enabled.
    Done,
    /// It was deleted.
    Gone,
    /// Another endpoint has the token.
    At(String),
}

impl Devices {
    /// A way to phones by the platform applications with these ARNs.
    pub const fn new(client: Client, fcm: Option<String>, apns: Option<String>) -> Self {
        Self { client, fcm, apns }
    }

    /// Makes sure that SNS has an enabled endpoint for a phone's `token`, and returns its ARN. `known` is the one that the
    /// phone had.
    ///
    /// SNS disables an endpoint when Apple or Google refuse its token, and keeps it disabled until somebody sets a new
    /// one: that is why an endpoint is looked at each time, and is not only made.
    pub async fn register(&self, token: &str, platform: Platform, known: Option<&str>) -> Result<String> {
        let application = self.application(platform)?;
        let of_it = format!("{}/", application.replacen(":app/", ":endpoint/", 1));
        let mut endpoint = match known.filter(|known| known.starts_with(&of_it)) {
            Some(known) => known.to_owned(),
            None => self.create(application, token).await?,
        };
        // A token that is registered elsewhere at the same time leads there; twice is already rare.
        for _ in 0..3 {
            endpoint = match self.renew(&endpoint, token).await? {
                Renewed::Done => return Ok(endpoint),
                Renewed::Gone => self.create(application, token).await?,
                Renewed::At(other) => other,
            };
        }
        Err(Error::busy())
    }

    /// Sends `message` to the phone with this endpoint.
    ///
    /// # Errors
    /// Only for faults of our own.
    pub async fn send(&self, endpoint: &str, message: &DeviceMessage) -> Result<Sent> {
        let payloads = message.payloads();
        if payloads.iter().any(|(_, payload)| payload.len() > MAX_PAYLOAD) {
            return Ok(Sent::TooLarge);
        }
        let mut call = self.client.publish().target_arn(endpoint).message_structure("json");
        call = call.message(message::structure(payloads));
        for (name, value) in message.attributes() {
            call = call.message_attributes(name, attribute(value)?);
        }
        match call.customize().config_override(asked_once()).send().await {
            Ok(taken) => Ok(Sent::accepted(taken.message_id)),
            Err(error) => refusal("SNS", &error),
        }
    }

    /// Deletes the endpoint; that there is none is as good.
    pub async fn forget(&self, endpoint: &str) -> Result<()> {
        let call = self.client.delete_endpoint().endpoint_arn(endpoint);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if says(&error, "NotFound") => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    fn application(&self, platform: Platform) -> Result<&str> {
        let application = match platform {
            Platform::Android | Platform::Web => &self.fcm,
            Platform::Ios => &self.apns,
        };
        let expected = "this shop sends nothing to such devices";
        application.as_deref().ok_or_else(|| Error::field("platform", "not_supported", expected))
    }

    async fn create(&self, application: &str, token: &str) -> Result<String> {
        let call = self.client.create_platform_endpoint().platform_application_arn(application).token(token);
        match call.send().await {
            Ok(made) => {
                made.endpoint_arn.ok_or_else(|| Error::internal("SNS made an endpoint without a name"))
            }
            Err(error) => existing(&error).ok_or_else(|| wrong_token(&error)),
        }
    }

    async fn renew(&self, endpoint: &str, token: &str) -> Result<Renewed> {
        let found = match self.client.get_endpoint_attributes().endpoint_arn(endpoint).send().await {
            Ok(found) => found.attributes.unwrap_or_default(),
            Err(error) if says(&error, "NotFound") => return Ok(Renewed::Gone),
            Err(error) => return Err(unavailable(&error)),
        };
        let has = |name: &str, value: &str| found.get(name).is_some_and(|found| found.as_str() == value);
        if has("Token", token) && has("Enabled", "true") {
            return Ok(Renewed::Done);
        }
        let call = self.client.set_endpoint_attributes().endpoint_arn(endpoint);
        match call.attributes("Token", token).attributes("Enabled", "true").send().await {
            Ok(_) => Ok(Renewed::Done),
            Err(error) if says(&error, "NotFound") => Ok(Renewed::Gone),
            Err(error) => existing(&error).map(Renewed::At).ok_or_else(|| wrong_token(&error)),
        }
    }
}

fn says<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, word: &str) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(|code| code.starts_with(word))
}

/// The endpoint that has a token already, out of the text of the refusal: SNS says it nowhere else.
fn existing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<String> {
    let text = error.as_service_error()?.message()?;
    let (before, _) = text.split_once(" already exists")?;
    let start = before.rfind("arn:")?;
    before.get(start..).filter(|arn| arn.contains(":endpoint/")).map(str::to_owned)
}

fn wrong_token<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Error {
    match says(error, "InvalidParameter") {
        true => Error::field("token", "invalid", "expected the token of such a device"),
        false => unavailable(error),
    }
}

/// Without the text of SNS, which repeats tokens.
fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Error {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no answer");
    Error::Unavailable { what: "SNS", source: code.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::stage::{Answer, Asked, Stage};

    const FCM: &str = "arn:aws:sns:eu-west-1:123456789012:app/GCM/shop";
    const KNOWN: &str = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/shop/1";
    const OTHER: &str = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/shop/2";

    fn devices(stage: &Stage) -> Devices {
        Devices::new(stage.aws().sns(), Some(FCM.into()), None)
    }

    fn refused(status: u16, code: &str, text: &str) -> Answer {
        let body = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
        );
        Answer::Short(status, String::new(), body)
    }

    fn attributes(token: &str) -> Answer {
        let entries = [("Token", token), ("Enabled", "true")]
            .map(|(name, value)| format!("<entry><key>{name}</key><value>{value}</value></entry>"))
            .concat();
        Answer::Short(
            200,
            String::new(),
            format!(
                "<GetEndpointAttributesResponse><GetEndpointAttributesResult><Attributes>{entries}</Attributes>\
                 </GetEndpointAttributesResult></GetEndpointAttributesResponse>"
            ),
        )
    }

    fn field(error: Error) -> String {
        match error {
            Error::Invalid { errors, .. } => errors[0].field.clone(),
            error => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn a_token_that_another_endpoint_got_leads_there() {
        let stage = Stage::open().await;
        let devices = devices(&stage);
        let answer = |asked: &Asked| {
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            match body.contains("Action=GetEndpointAttributes") {
                true if body.contains("shop%2F2") => attributes("token"),
                true => attributes("an-older-one"),
                false => {
                    let text = format!(
                        "Invalid parameter: Token Reason: Endpoint {OTHER} already exists with the same Token"
                    );
                    refused(400, "InvalidParameter", &text)
                }
            }
        };
        let found = stage.during(answer, devices.register("token", Platform::Android, Some(KNOWN))).await;
        assert_eq!(found.unwrap(), OTHER);
    }

    #[tokio::test]
    async fn what_is_no_token_and_what_is_not_served_is_refused_by_field() {
        let stage = Stage::open().await;
        let devices = devices(&stage);
        let answer = |_: &Asked| refused(400, "InvalidParameter", "Invalid parameter: Token no-token");
        let error =
            stage.during(answer, devices.register("no-token", Platform::Web, None)).await.unwrap_err();
        assert_eq!(field(error), "token");
        assert_eq!(field(devices.register("token", Platform::Ios, None).await.unwrap_err()), "platform");
    }

    #[tokio::test]
    async fn a_refusal_that_is_ours_names_no_token() {
        let stage = Stage::open().await;
        let devices = devices(&stage);
        let answer = |_: &Asked| refused(403, "AuthorizationError", "no-token");
        let error =
            stage.during(answer, devices.register("no-token", Platform::Web, None)).await.unwrap_err();
        assert!(error.is_transient());
        assert!(!format!("{error:?}").contains("no-token"), "{error:?}");
    }
}
