//! Tokens as the shop's own sign-in would issue them, for whoever tries things out.

use std::sync::Arc;

use domain::{Role, SessionId, ShopId, UserId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::{aws::Aws, clock::TurnableClock, state::StateError, template::Function};

/// How long a token is good unless it is asked for otherwise.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Signs tokens that the functions believe.
pub(crate) struct Tokens {
    aws: Arc<Aws>,
    clock: TurnableClock,
    /// Name of the SSM parameter with the secret.
    secret: String,
    issuer: Option<String>,
    audience: Option<String>,
}

/// For whom a token is. The body of `POST /_local/token`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFor {
    /// Customer, agent or admin; guests and services get theirs from the API.
    pub role: Role,
    /// Whose name it is in.
    pub user: UserId,
    /// For which shop; `default` if none is named.
    #[serde(default = "default_shop")]
    pub shop: ShopId,
    /// Their session, so that it can be ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// How long it is good: a day unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u32>,
}

/// A token. The answer of `POST /_local/token`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Token {
    /// Send it as `Authorization: Bearer`.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// For whom it is.
    pub role: Role,
    /// In whose name.
    pub user: UserId,
    /// For which shop.
    pub shop: ShopId,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A role whose tokens come from elsewhere.
    #[error("expected customer, agent or admin: guests ask POST /api/v1/auth/guest, services get keys")]
    Role,
    /// The secret is not there.
    #[error("the secret {0} is not there")]
    NoSecret(String),
    /// It cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// It cannot be signed.
    #[error("the token cannot be signed")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a UserId,
    role: Role,
    shop_id: &'a ShopId,
    sid: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

impl TokenFor {
    /// A token for `user` of the shop `default`.
    pub fn new(role: Role, user: UserId) -> Self {
        Self { role, user, shop: default_shop(), session: None, expires_in_seconds: None }
    }
}

impl Tokens {
    /// Signs as `function` of the template expects it, with the secret that is called `secret`.
    pub fn as_expected(by: &Function, secret: String, aws: Arc<Aws>, clock: TurnableClock) -> Self {
        let variable = |name: &str| by.environment.get(name).filter(|value| !value.is_empty()).cloned();
        Self { aws, clock, secret, issuer: variable("JWT_ISSUER"), audience: variable("JWT_AUDIENCE") }
    }

    pub fn issue(&self, whom: &TokenFor) -> Result<Token, TokenError> {
        if !matches!(whom.role, Role::Customer | Role::Agent | Role::Admin) {
            return Err(TokenError::Role);
        }
        let now = self.clock.now();
        let lifetime =
            whom.expires_in_seconds.map_or(LIFETIME, |seconds| SignedDuration::from_secs(i64::from(seconds)));
        let exp = now.as_second().saturating_add(lifetime.as_secs());
        let session = whom
            .session
            .as_ref()
            .map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), |session| session.as_str().to_owned());
        let claims = Claims {
            sub: &whom.user,
            role: whom.role,
            shop_id: &whom.shop,
            sid: &session,
            iat: now.as_second(),
            exp,
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
        };
        let key = EncodingKey::from_secret(self.secret()?.as_bytes());
        Ok(Token {
            token: jsonwebtoken::encode(&Header::default(), &claims, &key)?,
            expires_at: Timestamp::from_second(exp).unwrap_or(Timestamp::MAX),
            role: whom.role,
            user: whom.user.clone(),
            shop: whom.shop.clone(),
        })
    }

    /// The first of the secrets: while one is being replaced there are two, separated by a comma.
    fn secret(&self) -> Result<String, TokenError> {
        let value = self.aws.ssm.value(&self.secret)?;
        let first = value.and_then(|value| Some(value.split(',').next()?.trim().to_owned()));
        first.ok_or_else(|| TokenError::NoSecret(self.secret.clone()))
    }
}

fn default_shop() -> ShopId {
    let Ok(shop) = ShopId::new("default") else { unreachable!("`default` is an identifier") };
    shop
}
