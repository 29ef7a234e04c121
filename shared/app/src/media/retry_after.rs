//! `Retry-After`: seconds, or an instant in one of the three forms that HTTP has had (RFC 9110, 5.6.7 and 10.2.3).

use jiff::{SignedDuration, Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};

/// How long to wait from `now`, nothing if the instant is over. `None` if it says neither seconds nor an instant.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What is too large to be read is longer than anything is kept.
        return Some(SignedDuration::from_secs(text.parse::<u32>().unwrap_or(u32::MAX).into()));
    }
    let wait = instant(text)?.duration_since(now);
    Some(wait.max(SignedDuration::ZERO))
}

fn instant(text: &str) -> Option<Timestamp> {
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let read = |form: &str| -> Option<DateTime> { strtime::parse(form, text).ok()?.to_datetime().ok() };
    let time = forms.into_iter().find_map(read)?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_an_instant_in_any_form_that_http_has_had() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let wait = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("99999999999999999999"), Some(u32::MAX.into()));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(wait("Sunday, 06-Nov-94 08:49:37 GMT"), Some(37));
        assert_eq!(wait("Sun Nov  6 08:49:37 1994"), Some(37));
        assert_eq!(wait("Sat, 05 Nov 1994 08:49:37 GMT"), Some(0));
        for nonsense in ["", "soon", "-5", "1.5", "12s", "Sun, 06 Nov 1994", "Mon, 31 Feb 1994 00:00:00 GMT"]
        {
            assert_eq!(wait(nonsense), None, "{nonsense:?}");
        }
    }
}
