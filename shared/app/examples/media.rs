//! Sends what standard input says, one act a line, on the ways that a notification has, and says what became of each.
//!
//! Usage: media AWS_ENDPOINT PUSH_ORIGIN VAPID_PUBLIC_KEY VAPID_PARAMETER FCM_APPLICATION APNS_APPLICATION

use std::{collections::BTreeMap, io::Write};

use app::{
    Clock, Error,
    aws::{Aws, AwsAccess},
    media::{
        DeviceMessage, Devices, Letter, Mail, Platform, PushPayload, PushTarget, Sms, Urgency, Vapid, WebPush,
    },
    secrets::Secret,
};
use domain::notification::endpoint::EndpointOrigins;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
enum Act {
    Push { endpoint: String, p256dh: String, auth: String, text: String },
    Register { token: String, platform: String, known: Option<String> },
    Device { arn: String, title: String, body: String, is_silent: bool },
    Forget { arn: String },
    Sms { number: String, text: String, is_marketing: bool },
    Mail { to: String, subject: String, text: String, html: String, unsubscribe_url: Option<String> },
}

struct Ways {
    web_push: WebPush,
    devices: Devices,
    sms: Sms,
    mail: Mail,
}

impl Ways {
    fn open(arguments: &[String]) -> Result<Self, Failure> {
        let [aws, push, public_key, parameter, fcm, apns] = arguments else {
            return Err("see the usage at the top of this file".into());
        };
        let aws = Aws::new(AwsAccess {
            region: "eu-west-1".into(),
            endpoint: Some(aws.clone()),
            access_key_id: "peer".into(),
            secret_access_key: SecretString::from("peer"),
            session_token: None,
        })?;
        let clock = Clock::system();
        let vapid = Vapid {
            public_key: public_key.clone(),
            private_key: Secret::new(aws.ssm(), parameter.clone(), clock.clone()),
            subject: "mailto:ops@shop.example".into(),
        };
        Ok(Self {
            web_push: WebPush::new(vapid, EndpointOrigins::parse(push)?, clock)?,
            devices: Devices::new(aws.sns(), Some(fcm.clone()), Some(apns.clone())),
            sms: Sms::new(aws.sns(), Some("Shop".into())),
            mail: Mail::new(aws.sesv2(), "shop@shop.example".into(), None),
        })
    }

    async fn take(&self, act: Act) -> Result<String, Error> {
        let sent = match act {
            Act::Push { endpoint, p256dh, auth, text } => self.push(&endpoint, &p256dh, &auth, text).await?,
            Act::Register { token, platform, known } => {
                let platform = if platform == "ios" { Platform::Ios } else { Platform::Android };
                return self.devices.register(&token, platform, known.as_deref()).await;
            }
            Act::Device { arn, title, body, is_silent } => {
                self.devices.send(&arn, &message(title, body, is_silent)).await?
            }
            Act::Forget { arn } => {
                self.devices.forget(&arn).await?;
                return Ok("forgotten".into());
            }
            Act::Sms { number, text, is_marketing } => self.sms.send(&number, &text, is_marketing).await?,
            Act::Mail { to, subject, text, html, unsubscribe_url } => {
                let tags = vec![("type".into(), "order.shipped".into())];
                let reply_to = Some("people@shop.example".into());
                self.mail.send(&Letter { to, subject, text, html, unsubscribe_url, tags, reply_to }).await?
            }
        };
        Ok(format!("{sent:?}"))
    }

    async fn push(
        &self,
        endpoint: &str,
        p256dh: &str,
        auth: &str,
        text: String,
    ) -> Result<app::media::Sent, Error> {
        let to: PushTarget = self.web_push.check(endpoint, p256dh, auth)?;
        let (ttl, urgency) = (SignedDuration::from_hours(1), Urgency::Normal);
        let topic = Some("order:ord_1".into());
        self.web_push.send(&to, &PushPayload { json: text.into(), ttl, urgency, topic }).await
    }
}

fn message(title: String, body: String, is_silent: bool) -> DeviceMessage {
    DeviceMessage {
        title,
        body,
        data: BTreeMap::from([("order_id".to_owned(), "ord_1".to_owned())]),
        action_url: Some("https://shop.example/orders/1".into()),
        badge: Some(2),
        sound: Some("default".into()),
        ttl: SignedDuration::from_hours(1),
        is_silent,
        is_urgent: true,
        collapse: Some("ord_1".into()),
        image: None,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let ways = Ways::open(&arguments)?;
    for line in std::io::stdin().lines() {
        let answer = match ways.take(serde_json::from_str(&line?)?).await {
            Ok(done) => json!({ "done": done }),
            Err(error) => json!({ "error": format!("{error:?}") }),
        };
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}
