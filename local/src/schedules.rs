//! EventBridge schedules on the turnable clock.

use std::{
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    aws::{ACCOUNT, REGION},
    clock::TurnableClock,
    part::{Boxed, Invoke, Part},
    template::Schedule,
};

/// The template's schedules.
pub struct Schedules {
    invoke: Arc<dyn Invoke>,
    timers: Mutex<Vec<Timer>>,
}

struct Timer {
    schedule: Schedule,
    expression: Expression,
    next: Option<Timestamp>,
}

/// When a schedule fires.
#[derive(Debug, Clone)]
pub enum Expression {
    /// Every so often.
    Rate(SignedDuration),
    /// At the instants of a calendar, in UTC.
    Cron(Box<Cron>),
}

/// An expression that EventBridge would not take.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is not a schedule expression: {1}")]
pub struct BadExpression(String, String);

impl Schedules {
    /// Schedules that count from now.
    pub fn new(
        clock: &TurnableClock,
        invoke: Arc<dyn Invoke>,
        schedules: &[Schedule],
    ) -> Result<Self, BadExpression> {
        let now = clock.now();
        let timers = schedules
            .iter()
            .map(|schedule| {
                let expression: Expression = schedule.expression.parse()?;
                Ok(Timer { schedule: schedule.clone(), next: expression.after(now), expression })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { invoke, timers: Mutex::new(timers) })
    }

    /// What is due at `now`, once each: a schedule that was missed several times fires for its latest instant only.
    fn take_due(&self, now: Timestamp) -> Vec<(Schedule, Timestamp)> {
        let mut timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for timer in timers.iter_mut() {
            let mut at = None;
            while let Some(next) = timer.next.filter(|next| *next <= now) {
                at = Some(next);
                timer.next = timer.expression.after(next);
            }
            due.extend(at.map(|at| (timer.schedule.clone(), at)));
        }
        due
    }
}

impl Part for Schedules {
    fn next_due(&self) -> Option<Timestamp> {
        let timers = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        timers.iter().filter_map(|timer| timer.next).min()
    }

    fn run_due(&self, now: Timestamp) -> Boxed<'_, ()> {
        let due = self.take_due(now);
        Box::pin(async move {
            for (schedule, at) in due {
                if let Err(error) = self.invoke.invoke(&schedule.function, event(&schedule, at)).await {
                    tracing::warn!(schedule = schedule.name, %error, "a scheduled function failed");
                }
            }
        })
    }

    fn is_busy(&self) -> bool {
        false
    }
}

impl Expression {
    /// The first instant after `instant`.
    pub fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Rate(every) => instant.checked_add(*every).ok(),
            Self::Cron(cron) => {
                let start = instant.to_zoned(TimeZone::UTC);
                Some(cron.find_next_occurrence(&start, false).ok()?.timestamp())
            }
        }
    }
}

impl FromStr for Expression {
    type Err = BadExpression;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |reason: &str| BadExpression(text.to_owned(), reason.to_owned());
        let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inner("rate") {
            let (count, unit) = rate.split_once(' ').ok_or_else(|| bad("a rate is a number and a unit"))?;
            let count: i64 =
                count.parse().ok().filter(|count| *count > 0).ok_or_else(|| bad("a rate is positive"))?;
            let seconds = match (unit, count) {
                ("minute", 1) | ("minutes", 2..) => 60,
                ("hour", 1) | ("hours", 2..) => 60 * 60,
                ("day", 1) | ("days", 2..) => 24 * 60 * 60,
                _ => {
                    return Err(bad("the unit is minute, hour or day, with an s after numbers over 1"));
                }
            };
            let seconds = count.checked_mul(seconds).ok_or_else(|| bad("the rate is too large"))?;
            return Ok(Self::Rate(SignedDuration::from_secs(seconds)));
        }
        let fields = inner("cron").ok_or_else(|| bad("it begins with rate( or cron("))?;
        let [minute, hour, day, month, weekday, year] = fields.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return Err(bad("cron has six fields: minutes hours day-of-month month day-of-week year"));
        };
        // EventBridge takes a condition on one of the two days only; the other is a question mark.
        if (day == "?") == (weekday == "?") {
            return Err(bad("one of day-of-month and day-of-week must be ?"));
        }
        CronParser::builder()
            .seconds(Seconds::Required) // only with seconds does the parser take a year
            .year(Year::Required)
            .alternative_weekdays(true) // 1 is Sunday
            .sloppy_ranges(true) // `0/10`
            .build()
            .parse(&format!("0 {minute} {hour} {day} {month} {weekday} {year}"))
            .map(|cron| Self::Cron(Box::new(cron)))
            .map_err(|error| bad(&error.to_string()))
    }
}

/// What the function gets: the schedule's own input, or what EventBridge says of a scheduled event.
fn event(schedule: &Schedule, at: Timestamp) -> Value {
    if let Some(input) = &schedule.input {
        return serde_json::from_str(input).unwrap_or_else(|_| Value::String(input.clone()));
    }
    json!({
        "version": "0",
        "id": uuid::Uuid::now_v7(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{}", schedule.name)],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::Answer;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<Value>>);

    impl Invoke for Recorder {
        fn invoke(&self, _function: &str, event: Value) -> Boxed<'_, Answer> {
            self.0.lock().unwrap().push(event);
            Box::pin(async { Ok(Value::Null) })
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(expression: &str, input: Option<&str>) -> Schedule {
        Schedule {
            name: "Sweep".to_owned(),
            expression: expression.to_owned(),
            function: "Sweeper".to_owned(),
            input: input.map(str::to_owned),
        }
    }

    fn after(expression: &str, instant: &str) -> String {
        expression
            .parse::<Expression>()
            .unwrap()
            .after(at(instant))
            .map_or_else(String::new, |at| at.to_string())
    }

    #[test]
    fn cron_has_the_fields_and_the_weekdays_of_eventbridge() {
        let thursday = "2026-01-01T00:00:00Z";
        assert_eq!(after("cron(15 10 * * ? *)", thursday), "2026-01-01T10:15:00Z");
        assert_eq!(after("cron(0/10 * * * ? *)", thursday), "2026-01-01T00:10:00Z");
        assert_eq!(after("cron(0 8 1 * ? *)", thursday), "2026-01-01T08:00:00Z");
        // 1 is Sunday, so 2 is Monday the 5th; on an ordinary crontab it would be Tuesday.
        assert_eq!(after("cron(0 3 ? * 2 *)", thursday), "2026-01-05T03:00:00Z");
        assert_eq!(after("cron(0 3 ? * MON-FRI 2027)", thursday), "2027-01-01T03:00:00Z");
        assert_eq!(after("cron(0 0 L * ? *)", thursday), "2026-01-31T00:00:00Z");
        assert_eq!(after("cron(0 0 1 1 ? 2025)", thursday), "", "never again");
    }

    #[test]
    fn an_expression_that_eventbridge_would_refuse_is_refused() {
        for text in [
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "cron(0 3 * * *)",
            "cron(0 3 * * * *)",
            "x",
        ] {
            assert!(text.parse::<Expression>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_rate_fires_once_at_each_instant_with_the_event_of_eventbridge() {
        let clock = TurnableClock::standing_at(at("2026-01-01T00:00:00Z"));
        let recorder = Arc::new(Recorder::default());
        let invoke: Arc<dyn Invoke> = recorder.clone();
        let schedules = Schedules::new(&clock, invoke, &[schedule("rate(1 minute)", None)]).unwrap();
        for _ in 0..2 {
            let due = schedules.next_due().unwrap();
            clock.turn_to(due);
            schedules.run_due(due).await;
            schedules.run_due(due).await;
        }
        let events = recorder.0.lock().unwrap();
        let times: Vec<_> = events.iter().map(|event| event["time"].as_str().unwrap()).collect();
        assert_eq!(times, ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]);
        assert_eq!(events[0]["detail-type"], "Scheduled Event");
    }

    #[tokio::test]
    async fn a_schedule_with_an_input_sends_that() {
        let clock = TurnableClock::standing_at(at("2026-01-01T00:00:00Z"));
        let recorder = Arc::new(Recorder::default());
        let invoke: Arc<dyn Invoke> = recorder.clone();
        let input = schedule("rate(1 hour)", Some(r#"{"kind":"digest"}"#));
        let schedules = Schedules::new(&clock, invoke, &[input]).unwrap();
        schedules.run_due(at("2026-01-01T01:00:00Z")).await;
        assert_eq!(*recorder.0.lock().unwrap(), [json!({ "kind": "digest" })]);
    }
}
