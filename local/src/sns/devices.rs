//! Telephones: endpoints of platform applications, and pushes to them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Digest;

use super::{
    Attributes, Message, Outbox, Refusal, Store, Topics,
    form::{Form, invalid, not_found, tag},
    payload,
};

const ENDPOINTS: &str = "sns/endpoints";

/// The endpoint of each application and token.
const TOKENS: &str = "sns/tokens";

/// Tokens that Google's and Apple's services no longer know.
const UNKNOWN: &str = "sns/unknown tokens";

/// The most bytes of what Google's and Apple's services take.
const PUSH_LIMIT: usize = 4096;

/// Endpoints of telephones.
pub(super) struct Devices {
    store: Store,
    outbox: Outbox,
    topics: Topics,
    /// ARNs.
    applications: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Endpoint {
    application: String,
    token: String,
    user_data: String,
    is_enabled: bool,
}

impl Devices {
    pub fn new(store: Store, outbox: Outbox, topics: Topics, applications: Vec<String>) -> Self {
        Self { store, outbox, topics, applications }
    }

    /// `CreatePlatformEndpoint`: the same token gives the same endpoint; with other attributes AWS refuses, and so does
    /// this.
    pub fn create(&self, form: Form<'_>) -> Result<String, Refusal> {
        let application = form.required("PlatformApplicationArn")?;
        let path = self.application(application)?;
        let mut wanted = Endpoint {
            application: application.to_owned(),
            token: form.required("Token")?.to_owned(),
            user_data: form.get("CustomUserData").unwrap_or_default().to_owned(),
            is_enabled: true,
        };
        wanted.change(form)?;
        if wanted.token.is_empty() {
            return Err(invalid("Invalid parameter: Token Reason: cannot be empty"));
        }
        let Some(arn) = self.holder(&wanted)? else {
            let arn = format!("{path}/{}", uuid::Uuid::now_v7());
            self.keep(&arn, &wanted)?;
            return Ok(tag("EndpointArn", &arn));
        };
        let old = self.endpoint(&arn)?;
        if old.user_data != wanted.user_data || old.is_enabled != wanted.is_enabled {
            return Err(taken(&arn));
        }
        Ok(tag("EndpointArn", &arn))
    }

    /// `GetEndpointAttributes`
    pub fn attributes(&self, arn: &str) -> Result<String, Refusal> {
        let endpoint = self.endpoint(arn)?;
        let entry =
            |key: &str, value: &str| format!("<entry>{}{}</entry>", tag("key", key), tag("value", value));
        let mut text = entry("Enabled", if endpoint.is_enabled { "true" } else { "false" });
        text.push_str(&entry("Token", &endpoint.token));
        if !endpoint.user_data.is_empty() {
            text.push_str(&entry("CustomUserData", &endpoint.user_data));
        }
        Ok(format!("<Attributes>{text}</Attributes>"))
    }

    /// `SetEndpointAttributes`: a token that another endpoint has is refused.
    pub fn set(&self, form: Form<'_>) -> Result<String, Refusal> {
        let arn = form.required("EndpointArn")?;
        let old = self.endpoint(arn)?;
        let mut endpoint = old.clone();
        endpoint.change(form)?;
        if let Some(holder) = self.holder(&endpoint)?
            && holder != arn
        {
            return Err(taken(&holder));
        }
        if endpoint.token != old.token {
            self.store.delete(TOKENS, &old.key())?;
        }
        self.keep(arn, &endpoint)?;
        Ok(String::new())
    }

    /// `DeleteEndpoint`; deleting twice is no error.
    pub fn delete(&self, arn: &str) -> Result<String, Refusal> {
        if let Some(endpoint) = self.store.get::<Endpoint>(ENDPOINTS, arn)? {
            self.store.delete(TOKENS, &endpoint.key())?;
            self.store.delete(ENDPOINTS, arn)?;
        }
        Ok(String::new())
    }

    /// `Publish` to an endpoint. If it is disabled the shop is told twice: by the refusal, and through its topic. If its
    /// token is no longer known, SNS finds out only after it has accepted the push: it disables the endpoint then.
    pub fn push(
        &self,
        arn: &str,
        text: &str,
        is_structured: bool,
        attributes: Attributes,
    ) -> Result<String, Refusal> {
        let endpoint = self.endpoint(arn)?;
        let payload = payload(text, is_structured)?;
        if is_structured {
            check_push(&payload, endpoint.platform())?;
        }
        if !endpoint.is_enabled {
            self.fails(arn, &endpoint, "EndpointDisabled", "Endpoint is disabled")?;
            return Err(Refusal::new("EndpointDisabled", "Endpoint is disabled"));
        }
        if self.store.get::<bool>(UNKNOWN, &endpoint.token)?.is_some() {
            let why = "Platform token associated with the endpoint is not valid";
            self.keep(arn, &Endpoint { is_enabled: false, ..endpoint.clone() })?;
            return self.fails(arn, &endpoint, "InvalidPlatformToken", why);
        }
        let Endpoint { token, .. } = endpoint;
        Ok(self.outbox.send(Message::Push { endpoint: arn.to_owned(), token, payload, attributes })?)
    }

    /// The device is known to Google's or Apple's service, or is no longer.
    pub fn know(&self, token: &str, is_known: bool) -> Result<(), Refusal> {
        match is_known {
            true => self.store.delete(UNKNOWN, token).map(drop)?,
            false => self.store.put(UNKNOWN, token, &true)?,
        }
        Ok(())
    }

    /// Enables or disables the endpoints of a device.
    pub fn enable(&self, token: &str, is_enabled: bool) -> Result<usize, Refusal> {
        let mut found = 0;
        for application in &self.applications {
            let arn: Option<String> = self.store.get(TOKENS, &key(application, token))?;
            let Some(arn) = arn else { continue };
            let endpoint = Endpoint { is_enabled, ..self.endpoint(&arn)? };
            self.keep(&arn, &endpoint)?;
            found += 1;
        }
        Ok(found)
    }

    /// Names of endpoints of the application begin with this.
    fn application(&self, arn: &str) -> Result<String, Refusal> {
        let (account, path) = arn.split_once(":app/").ok_or_else(|| {
            invalid("Invalid parameter: PlatformApplicationArn Reason: An ARN must have at least 6 elements")
        })?;
        if !self.applications.iter().any(|known| known == arn) {
            return Err(not_found("PlatformApplication does not exist"));
        }
        Ok(format!("{account}:endpoint/{path}"))
    }

    fn endpoint(&self, arn: &str) -> Result<Endpoint, Refusal> {
        self.store.get(ENDPOINTS, arn)?.ok_or_else(|| not_found("Endpoint does not exist"))
    }

    /// The endpoint that has this one's token.
    fn holder(&self, endpoint: &Endpoint) -> Result<Option<String>, Refusal> {
        Ok(self.store.get(TOKENS, &endpoint.key())?)
    }

    fn keep(&self, arn: &str, endpoint: &Endpoint) -> Result<(), Refusal> {
        self.store.transaction(|writes| {
            writes.put(ENDPOINTS, arn, endpoint)?;
            writes.put(TOKENS, &endpoint.key(), &arn)?;
            Ok(())
        })
    }

    /// Tells that a push could not be delivered; returns the push's id.
    fn fails(&self, arn: &str, endpoint: &Endpoint, kind: &str, why: &str) -> Result<String, Refusal> {
        let id = uuid::Uuid::now_v7().to_string();
        let event = json!({
            "DeliveryAttempts": 1,
            "EndpointArn": arn,
            "EventType": "DeliveryFailure",
            "FailureMessage": why,
            "FailureType": kind,
            "MessageId": id,
            "Resource": endpoint.application,
            "Service": "SNS",
            "Time": self.topics.now().to_string(),
            "Token": endpoint.token,
        });
        self.topics.tell_feedback(&event)?;
        Ok(id)
    }
}

impl Endpoint {
    /// Takes over the attributes that a request names.
    fn change(&mut self, form: Form<'_>) -> Result<(), Refusal> {
        for (name, value) in form.map("Attributes") {
            match name {
                "Enabled" => self.is_enabled = value.eq_ignore_ascii_case("true"),
                "Token" => value.clone_into(&mut self.token),
                "CustomUserData" => value.clone_into(&mut self.user_data),
                _ => {
                    return Err(invalid(format!(
                        "Invalid parameter: Attributes Reason: {name} is not known"
                    )));
                }
            }
        }
        if self.user_data.len() > 2048 {
            return Err(invalid("Invalid parameter: CustomUserData Reason: must have at most 2048 bytes"));
        }
        Ok(())
    }

    /// `GCM`, `APNS` or another.
    fn platform(&self) -> &str {
        self.application.split('/').nth(1).unwrap_or_default()
    }

    fn key(&self) -> String {
        key(&self.application, &self.token)
    }
}

fn key(application: &str, token: &str) -> String {
    hex::encode(sha2::Sha256::digest(format!("{application}\n{token}")))
}

/// What is for one platform must be JSON itself, and short enough.
fn check_push(payload: &Value, platform: &str) -> Result<(), Refusal> {
    let Some(text) = payload.get(platform).and_then(Value::as_str) else {
        return Ok(());
    };
    let refused = |why: &str| {
        invalid(format!(
            "Invalid parameter: Message Reason: Invalid notification for protocol {platform}: {why}"
        ))
    };
    if !serde_json::from_str::<Value>(text).is_ok_and(|notification| notification.is_object()) {
        return Err(refused("Notification is malformed"));
    }
    if text.len() > PUSH_LIMIT {
        return Err(refused("Notification is too long"));
    }
    Ok(())
}

fn taken(arn: &str) -> Refusal {
    invalid(format!(
        "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
    ))
}
