//! Alarms: what watches the system says that somebody should look. It becomes an event in the journal of every shop that is
//! served, and what people are told and shown follows from that.

use contract::Fact;
use domain::{EventId, ShopId, severity::Severity};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Notifications, triggers::cut};
use crate::{Result, clock::derived_at, journal::Author};

/// The state in which an alarm rings.
const RINGING: &str = "ALARM";
/// What is published again within this many seconds is one notice: whatever stays broken says so every minute.
const REPEATED_WITHIN: i64 = 60 * 60;
/// The most characters of a message.
const MOST: usize = 1_000;

/// What a topic of SNS tells, as it comes to a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TopicNotice {
    /// Its name: the same in every delivery.
    pub message_id: String,
    /// What it is about.
    #[serde(default)]
    pub subject: Option<String>,
    /// What CloudWatch says of an alarm, as JSON; or a text.
    pub message: String,
    /// When it was published.
    pub timestamp: Timestamp,
}

/// What CloudWatch says of an alarm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AlarmNotice {
    alarm_name: String,
    #[serde(default)]
    alarm_description: Option<String>,
    new_state_value: String,
    #[serde(default)]
    new_state_reason: String,
    state_change_time: Timestamp,
}

/// Something that somebody should look at.
#[derive(Debug, PartialEq, Eq)]
struct Alarm {
    severity: Severity,
    code: String,
    alert: String,
    message: String,
    since: Timestamp,
    /// What is called the same and has the same instant here is the same.
    told_as: Timestamp,
}

impl Notifications {
    /// Takes in what operators were told.
    pub(super) async fn take_in_alarm(&self, notice: &TopicNotice) -> Result<()> {
        let Some(alarm) = alarm_of(notice) else { return Ok(()) };
        for shop in &self.settings.shops {
            self.ring(shop, notice, &alarm).await?;
        }
        Ok(())
    }

    async fn ring(&self, shop: &ShopId, notice: &TopicNotice, alarm: &Alarm) -> Result<()> {
        let Alarm { severity, code, alert, message, since, told_as } = alarm;
        let name = derived_at(*told_as, &[shop.as_str(), "alarm", code, alert]);
        let fact = Fact::SystemAlert {
            severity: *severity,
            code: code.clone(),
            alert: alert.clone(),
            message: message.clone(),
        };
        let author = Author::system(shop, notice.message_id.as_str());
        let event = author.event_named(EventId::from_uuid(name), *since, format!("alarm:{code}"), 0, fact);
        self.store.put_alarm(&event).await.map(drop)
    }
}

/// What there is to look at; nothing, if an alarm has stopped ringing, or does not know.
fn alarm_of(notice: &TopicNotice) -> Option<Alarm> {
    let Ok(alarm) = serde_json::from_str::<AlarmNotice>(&notice.message) else {
        return Some(in_words(notice));
    };
    let description = alarm.alarm_description.filter(|text| !text.trim().is_empty());
    (alarm.new_state_value == RINGING).then(|| Alarm {
        severity: Severity::of_alarm(&alarm.alarm_name),
        alert: alarm.alarm_name.clone(),
        code: alarm.alarm_name,
        message: cut(&description.unwrap_or(alarm.new_state_reason), MOST),
        since: alarm.state_change_time,
        told_as: alarm.state_change_time,
    })
}

/// What somebody, such as the sweeper, says in words.
fn in_words(notice: &TopicNotice) -> Alarm {
    let message = cut(&notice.message, MOST);
    let second = notice.timestamp.as_second();
    let told_as = Timestamp::from_second(second - second.rem_euclid(REPEATED_WITHIN));
    Alarm {
        severity: Severity::Warning,
        code: "notice".into(),
        alert: notice.subject.clone().unwrap_or_else(|| message.clone()),
        message,
        since: notice.timestamp,
        told_as: told_as.unwrap_or(notice.timestamp),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notice(subject: &str, message: &str) -> TopicNotice {
        TopicNotice {
            message_id: "m1".into(),
            subject: Some(subject.into()),
            message: message.into(),
            timestamp: "2026-01-05T09:59:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn an_alarm_tells_only_that_it_rings_and_by_its_description_before_its_reason() {
        let of = |state: &str, description: Option<&str>| {
            let message = json!({ "AlarmName": "lumen-throttled", "AlarmDescription": description, "NewStateValue": state,
                "NewStateReason": "Threshold Crossed", "StateChangeTime": "2026-01-05T09:58:30.123+0000" });
            alarm_of(&notice("ALARM", &message.to_string()))
        };
        let rings = of("ALARM", Some("Ask AWS for more.")).unwrap();
        assert_eq!((rings.message.as_str(), rings.severity), ("Ask AWS for more.", Severity::Critical));
        assert_eq!(rings.since.to_string(), "2026-01-05T09:58:30.123Z");
        assert_eq!(of("ALARM", None).unwrap().message, "Threshold Crossed");
        assert_eq!(of("OK", None), None);
        assert_eq!(of("INSUFFICIENT_DATA", None), None);
    }

    #[test]
    fn what_is_said_in_words_is_a_notice_by_the_hour() {
        let first = alarm_of(&notice("work keeps failing", "10 things")).unwrap();
        assert_eq!((first.code.as_str(), first.alert.as_str()), ("notice", "work keeps failing"));
        assert_eq!(first.told_as.to_string(), "2026-01-05T09:00:00Z");
        let json = alarm_of(&notice("budget", r#"{"budget": 7}"#)).unwrap();
        assert_eq!(json.message, r#"{"budget": 7}"#);
    }
}
