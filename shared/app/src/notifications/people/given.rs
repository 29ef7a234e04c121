//! What people give: whether it can be kept, and what is said where it cannot.

use contract::http::notifications::{DevicePlatform, NewContact, NewDevice};
use domain::notification::address::{is_mail_address, is_phone_number};
use jiff::tz::TimeZone;

use crate::{Error, Result, media::Platform};
/// What is wrong with a subscription, named as it is in the body.
pub(super) fn within_subscription(error: Error) -> Error {
    match error {
        Error::Invalid { code, detail, mut errors } => {
            for error in &mut errors {
                error.field = format!("subscription.{}", error.field);
            }
            Error::Invalid { code, detail: format!("subscription.{detail}"), errors }
        }
        other => other,
    }
}

pub(super) fn refused(problems: Vec<(String, &'static str)>) -> Error {
    let text = |code: &str| match code {
        "critical" => "this cannot be turned off",
        _ => "this cannot be",
    };
    let errors =
        problems.into_iter().map(|(field, code)| contract::FieldError::new(&field, code, text(code)));
    Error::Invalid {
        code: contract::ErrorCode::ValidationFailed,
        detail: "the preferences cannot be kept".into(),
        errors: errors.collect(),
    }
}

pub(super) fn check_contact(new: &NewContact) -> Result<()> {
    let is_zone = |zone: &str| TimeZone::get(zone).is_ok();
    check("email", new.email.as_deref(), is_mail_address, "expected one address, such as ana@shop.example")?;
    check("phone", new.phone.as_deref(), is_phone_number, "expected a number such as +66812345678")?;
    check("locale", new.locale.as_deref(), is_language_tag, "expected a language such as th or fa-IR")?;
    check("timezone", new.timezone.as_deref(), is_zone, "expected a zone such as Asia/Bangkok")
}

pub(in crate::notifications) fn check_device(new: &NewDevice) -> Result<()> {
    let is_token =
        |token: &str| (8..=4096).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    let is_zone = |zone: &str| TimeZone::get(zone).is_ok();
    let is_edition = |edition: &str| edition.len() <= 64;
    check("token", Some(&new.token), is_token, "expected 8 to 4,096 printable characters")?;
    check("app_version", new.app_version.as_deref(), is_edition, "expected at most 64 characters")?;
    check("locale", new.locale.as_deref(), is_language_tag, "expected a language such as th or fa-IR")?;
    check("timezone", new.timezone.as_deref(), is_zone, "expected a zone such as Asia/Bangkok")
}

fn check(field: &str, value: Option<&str>, is_good: impl Fn(&str) -> bool, expected: &str) -> Result<()> {
    match value {
        Some(value) if !is_good(value) => Err(Error::field(field, "invalid", expected)),
        _ => Ok(()),
    }
}

/// Whether it can be a language tag: `th`, `fa-IR`.
pub(in crate::notifications) fn is_language_tag(text: &str) -> bool {
    (2..=35).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

pub(super) const fn platform(platform: DevicePlatform) -> Platform {
    match platform {
        DevicePlatform::Android => Platform::Android,
        DevicePlatform::Ios => Platform::Ios,
        DevicePlatform::Web => Platform::Web,
    }
}
