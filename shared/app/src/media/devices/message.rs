//! What a phone is told, in the words of Firebase and of Apple.

use std::{collections::BTreeMap, fmt};

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

/// The longest that Firebase keeps a message: four weeks.
const LONGEST: i64 = 28 * 24 * 60 * 60;

/// What a phone is to be told.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceMessage {
    /// Shown first.
    pub title: String,
    /// Shown below.
    pub body: String,
    /// For the app.
    pub data: BTreeMap<String, String>,
    /// Where a tap leads.
    pub action_url: Option<String>,
    /// The number on the app's icon.
    pub badge: Option<u32>,
    /// A sound by its name; `default` is the phone's own.
    pub sound: Option<String>,
    /// How long it is kept for a phone that is off.
    pub ttl: SignedDuration,
    /// Wakes the app and shows nothing.
    pub is_silent: bool,
    /// At once, whatever it costs the battery.
    pub is_urgent: bool,
    /// Takes the place of what waits under the same name.
    pub collapse: Option<String>,
    /// A picture.
    pub image: Option<String>,
}

impl fmt::Debug for DeviceMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceMessage")
    }
}

impl DeviceMessage {
    /// What each platform is given.
    pub(super) fn payloads(&self) -> [(&'static str, String); 3] {
        let apple = self.for_apple().to_string();
        [("GCM", self.for_firebase().to_string()), ("APNS", apple.clone()), ("APNS_SANDBOX", apple)]
    }

    /// What is said of it outside of the payloads.
    pub(super) fn attributes(&self) -> Vec<(&'static str, String)> {
        let ttl = self.seconds().to_string();
        // Apple refuses background messages that are urgent.
        let (kind, priority) = match (self.is_silent, self.is_urgent) {
            (true, _) => ("background", "5"),
            (false, true) => ("alert", "10"),
            (false, false) => ("alert", "5"),
        };
        let mut all = vec![
            ("AWS.SNS.MOBILE.FCM.TTL", ttl.clone()),
            ("AWS.SNS.MOBILE.APNS.TTL", ttl.clone()),
            ("AWS.SNS.MOBILE.APNS_SANDBOX.TTL", ttl),
            ("AWS.SNS.MOBILE.APNS.PUSH_TYPE", kind.into()),
            ("AWS.SNS.MOBILE.APNS.PRIORITY", priority.into()),
        ];
        // Apple takes at most 64 bytes, and a message that replaces nothing is better than none.
        let collapse = self.collapse.iter().filter(|name| (1..=64).contains(&name.len()));
        all.extend(collapse.map(|name| ("AWS.SNS.MOBILE.APNS.COLLAPSE_ID", name.clone())));
        all
    }

    fn seconds(&self) -> i64 {
        self.ttl.as_secs().clamp(0, LONGEST)
    }

    /// Version 1 of Firebase's API, the only one that it still has. Android and the web have a part each.
    fn for_firebase(&self) -> Value {
        let urgency = if self.is_urgent { "high" } else { "normal" };
        let (shown, shown_by_android) = match self.is_silent {
            true => (Value::Null, Value::Null),
            false => (
                without_nothing(json!({ "title": self.title, "body": self.body, "image": self.image })),
                without_nothing(json!({
                    "sound": self.sound, "notification_count": self.badge, "tag": self.collapse,
                })),
            ),
        };
        let android = without_nothing(json!({
            "priority": urgency,
            "ttl": format!("{}s", self.seconds()),
            "collapse_key": self.collapse,
            "notification": shown_by_android,
        }));
        // Firebase refuses a link that is not https.
        let link = self.action_url.as_ref().filter(|url| url.starts_with("https://"));
        let web = without_nothing(json!({
            "headers": { "TTL": self.seconds().to_string(), "Urgency": urgency },
            "fcm_options": link.map(|link| json!({ "link": link })),
        }));
        let message = without_nothing(json!({
            "notification": shown, "data": self.data_for_firebase(), "android": android, "webpush": web,
        }));
        json!({ "fcmV1Message": { "message": message } })
    }

    fn data_for_firebase(&self) -> Value {
        // These names are Firebase's own, and it refuses a message that uses one.
        let is_taken = |name: &str| {
            ["from", "notification", "message_type"].contains(&name)
                || ["google", "gcm"].iter().any(|word| name.starts_with(word))
        };
        let named = self.data.iter().map(|(name, value)| {
            let name = if is_taken(name) { format!("_{name}") } else { name.clone() };
            (name, value.clone().into())
        });
        let mut data: Map<String, Value> = named.collect();
        data.extend(self.action_url.iter().map(|url| ("action_url".into(), url.clone().into())));
        Value::Object(data)
    }

    fn for_apple(&self) -> Value {
        let aps = match self.is_silent {
            true => json!({ "content-available": 1, "badge": self.badge }),
            false => json!({
                "alert": { "title": self.title, "body": self.body },
                "badge": self.badge,
                "sound": self.sound,
                "thread-id": self.collapse,
                // So that the app may fetch the picture before anything is shown.
                "mutable-content": self.image.as_ref().map(|_| 1),
            }),
        };
        without_nothing(json!({
            "aps": without_nothing(aps),
            "data": self.data,
            "action_url": self.action_url,
            "image": self.image,
        }))
    }
}

/// All payloads as SNS takes them: texts within an object, and one for what is on no platform.
pub(super) fn structure(payloads: [(&'static str, String); 3]) -> String {
    let texts = payloads.into_iter().map(|(name, payload)| (name.to_owned(), payload.into()));
    // SNS refuses an empty one, and nobody is ever shown it.
    let mut all: Map<String, Value> = texts.collect();
    all.insert("default".into(), "-".into());
    Value::Object(all).to_string()
}

fn without_nothing(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> DeviceMessage {
        let data = [("order_id", "ord_1"), ("from", "shop"), ("google.x", "y")];
        DeviceMessage {
            title: "On its way".into(),
            body: "Your lamp".into(),
            data: data.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            action_url: Some("https://shop.example/o/1".into()),
            badge: Some(3),
            sound: Some("default".into()),
            ttl: SignedDuration::from_hours(1),
            is_silent: false,
            is_urgent: true,
            collapse: Some("order-1".into()),
            image: Some("https://shop.example/lamp.png".into()),
        }
    }

    fn attribute(message: &DeviceMessage, wanted: &str) -> Option<String> {
        message.attributes().into_iter().find(|(name, _)| name.ends_with(wanted)).map(|(_, value)| value)
    }

    #[test]
    fn firebase_reads_version_one_of_its_api() {
        let expected = json!({"fcmV1Message": {"message": {
            "notification": {
                "title": "On its way", "body": "Your lamp", "image": "https://shop.example/lamp.png",
            },
            "data": {
                "order_id": "ord_1", "_from": "shop", "_google.x": "y", "action_url": "https://shop.example/o/1",
            },
            "android": {
                "priority": "high", "ttl": "3600s", "collapse_key": "order-1",
                "notification": {"sound": "default", "notification_count": 3, "tag": "order-1"},
            },
            "webpush": {
                "headers": {"TTL": "3600", "Urgency": "high"},
                "fcm_options": {"link": "https://shop.example/o/1"},
            },
        }}});
        assert_eq!(message().for_firebase(), expected);
    }

    #[test]
    fn apple_reads_its_own_fields_apart_from_the_shops() {
        let expected = json!({
            "aps": {
                "alert": {"title": "On its way", "body": "Your lamp"},
                "badge": 3, "sound": "default", "thread-id": "order-1", "mutable-content": 1,
            },
            "data": {"order_id": "ord_1", "from": "shop", "google.x": "y"},
            "action_url": "https://shop.example/o/1",
            "image": "https://shop.example/lamp.png",
        });
        assert_eq!(message().for_apple(), expected);
    }

    #[test]
    fn a_silent_message_wakes_the_app_and_shows_nothing() {
        let silent = DeviceMessage { is_silent: true, ..message() };
        assert_eq!(silent.for_apple()["aps"], json!({"content-available": 1, "badge": 3}));
        let firebase = silent.for_firebase();
        assert_eq!(firebase.pointer("/fcmV1Message/message/notification"), None);
        assert_eq!(firebase.pointer("/fcmV1Message/message/android/notification"), None);
        assert_eq!(attribute(&silent, "PUSH_TYPE").as_deref(), Some("background"));
        assert_eq!(attribute(&silent, "PRIORITY").as_deref(), Some("5"), "Apple refuses it otherwise");
        assert_eq!(attribute(&message(), "PRIORITY").as_deref(), Some("10"));
    }

    #[test]
    fn each_platform_has_a_text_within_one_object() {
        let all: Value = serde_json::from_str(&structure(message().payloads())).unwrap();
        assert_eq!(all["default"], "-");
        for name in ["GCM", "APNS", "APNS_SANDBOX"] {
            let inner: Value = serde_json::from_str(all[name].as_str().unwrap()).unwrap();
            assert!(inner.is_object(), "{name}");
        }
    }

    #[test]
    fn nothing_is_kept_longer_than_firebase_keeps_it() {
        let kept = |hours: i64| {
            let message = DeviceMessage { ttl: SignedDuration::from_hours(hours), ..message() };
            attribute(&message, "FCM.TTL").unwrap()
        };
        assert_eq!([kept(-1), kept(0), kept(1), kept(24 * 365)], ["0", "0", "3600", "2419200"]);
    }
}
