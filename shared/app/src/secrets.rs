//! Secrets: named by a variable, kept in SSM, fetched on first use and again every five minutes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::{Clock, Error, Result};

/// How long a fetched secret is used before it is fetched again: a replaced one takes effect within it.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// A secret by the name of its SSM parameter.
#[derive(Clone)]
pub struct Secret {
    client: aws_sdk_ssm::Client,
    name: String,
    clock: Clock,
    fetched: Arc<Mutex<Option<(SecretString, Timestamp)>>>,
}

impl Secret {
    /// The secret in the SSM parameter called `name`.
    pub fn new(client: aws_sdk_ssm::Client, name: impl Into<String>, clock: Clock) -> Self {
        Self { client, name: name.into(), clock, fetched: Arc::default() }
    }

    /// Its value.
    pub async fn read(&self) -> Result<SecretString> {
        let mut fetched = self.fetched.lock().await;
        let now = self.clock.now();
        if let Some((value, at)) = fetched.as_ref()
            && now.duration_since(*at) < FRESH
        {
            return Ok(value.clone());
        }
        let call = self.client.get_parameter().name(&self.name).with_decryption(true);
        let answer =
            call.send().await.map_err(|error| Error::Unavailable { what: "SSM", source: Box::new(error) })?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        let value =
            value.ok_or_else(|| Error::internal(format!("SSM parameter {} has no value", self.name)))?;
        let value = SecretString::from(value);
        *fetched = Some((value.clone(), now));
        Ok(value)
    }

    /// Its values, if it lists several, separated by commas: while one is being replaced both are good.
    pub async fn read_all(&self) -> Result<Vec<SecretString>> {
        use secrecy::ExposeSecret;
        let all = self.read().await?;
        let each = all.expose_secret().split(',').map(str::trim).filter(|value| !value.is_empty());
        Ok(each.map(|value| SecretString::from(value.to_owned())).collect())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}
