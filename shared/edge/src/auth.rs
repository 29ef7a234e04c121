//! Tokens: the only place that knows what they look like.
//!
//! | token | signed by | says |
//! |---|---|---|
//! | customer, agent, admin | the shop's own sign-in: HS256 with `JWT_SECRET`, or RS256/ES256 with a key of `JWKS_URL` | who, role, shop |
//! | guest | shopwire: HS256 with a key derived from `JWT_SECRET` | an anonymous visitor |
//! | order | shopwire: HS256 with another key derived from `JWT_SECRET` | that one order may be followed; nobody's name |
//! | service key | nobody: its digest is stored | a program and its scopes |
//!
//! Which algorithm a key is used with is fixed here and never read from the token, so a public key can never be
//! mistaken for a shared secret; `alg: none` is no algorithm at all.

mod order;

use std::sync::Arc;

use app::{Clock, Error, Result, identity::Identity, realtime::Validity, secrets::Secret};
use domain::{Principal, Role, SessionId, ShopId, UserId};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, JwkSet, KeyAlgorithm},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::Mutex;

pub use self::order::{OrderTokens, is_order_token};

/// The `typ` of a guest's token; it keeps one kind of token from passing for another.
const GUEST: &str = "guest+jwt";
/// How far the clocks of whoever signs may be from ours.
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
/// The longest token that is looked at.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How long fetched keys are used, and how soon they are fetched again for a key that is not among them.
const JWKS_FRESH: SignedDuration = SignedDuration::from_mins(5);
const JWKS_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// Whose tokens a key signs.
#[derive(Debug, Clone)]
pub struct KeySet {
    /// `iss` must be this, if it is set.
    pub issuer: Option<String>,
    /// `aud` must name this, if it is set.
    pub audience: Option<String>,
    /// Tokens for other shops are not believed.
    pub shops: Vec<ShopId>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default, alias = "shop")]
    shop_id: Option<ShopId>,
    #[serde(default)]
    shops: Vec<ShopId>,
}

#[derive(Debug, Serialize)]
struct GuestClaims<'a> {
    sub: &'a str,
    sid: &'a str,
    shop_id: &'a str,
    iat: i64,
    exp: i64,
}

/// A bearer whose token has been believed.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// Who they are.
    pub principal: Principal,
    /// How far the token goes.
    pub token: Validity,
}

/// Tells who is asking.
#[derive(Clone)]
pub struct Authenticator {
    secret: Secret,
    shared: Arc<KeySet>,
    jwks: Option<Arc<Jwks>>,
    lifetime: SignedDuration,
    identity: Identity,
    clock: Clock,
}

impl Authenticator {
    /// Believes tokens signed with `secret` or with a key of `jwks`; its own are good for `lifetime`.
    pub fn new(
        secret: Secret,
        shared: KeySet,
        jwks: Option<Jwks>,
        lifetime: SignedDuration,
        identity: Identity,
        clock: Clock,
    ) -> Self {
        Self { secret, shared: Arc::new(shared), jwks: jwks.map(Arc::new), lifetime, identity, clock }
    }

    /// Who the bearer of `token` is, if it is good and their session has not ended. `wanted` picks one of the shops
    /// that a token is good for.
    ///
    /// # Errors
    /// `Unauthenticated`, whatever is wrong: which check failed is nobody's business.
    pub async fn authenticate(&self, token: &str, wanted: Option<&ShopId>) -> Result<Bearer> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::Unauthenticated);
        }
        if token.starts_with("sk_") {
            let principal = self.identity.service(token).await?;
            if wanted.is_some_and(|wanted| *wanted != principal.shop) {
                return Err(Error::Unauthenticated);
            }
            let token = Validity { issued_at: self.clock.now(), good_until: self.clock.after(self.lifetime) };
            return Ok(Bearer { principal, token });
        }
        let (principal, issued_at, good_until) = self.verify(token, wanted).await?;
        let principal = self.identity.admit(principal, issued_at).await?;
        Ok(Bearer { principal, token: Validity { issued_at, good_until } })
    }

    async fn verify(
        &self,
        token: &str,
        wanted: Option<&ShopId>,
    ) -> Result<(Principal, Timestamp, Timestamp)> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Error::Unauthenticated)?;
        let is_guest = header.typ.as_deref() == Some(GUEST);
        match (header.alg, &self.jwks) {
            (Algorithm::HS256, _) => {
                for secret in self.secret.read_all().await? {
                    let key = if is_guest {
                        derived_key(&secret, GUEST)
                    } else {
                        secret.expose_secret().as_bytes().to_vec()
                    };
                    let validation = validation(Algorithm::HS256, (!is_guest).then_some(&*self.shared));
                    let decoded =
                        jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(&key), &validation);
                    if let Ok(decoded) = decoded {
                        return self.principal(decoded.claims, is_guest, &self.shared, wanted);
                    }
                }
                Err(Error::Unauthenticated)
            }
            (algorithm @ (Algorithm::RS256 | Algorithm::ES256), Some(jwks)) if !is_guest => {
                let jwk = jwks.key(header.kid.as_deref(), algorithm).await?;
                let key = DecodingKey::from_jwk(&jwk).map_err(|_| Error::Unauthenticated)?;
                let decoded =
                    jsonwebtoken::decode::<Claims>(token, &key, &validation(algorithm, Some(&jwks.keys)));
                self.principal(decoded.map_err(|_| Error::Unauthenticated)?.claims, false, &jwks.keys, wanted)
            }
            _ => Err(Error::Unauthenticated),
        }
    }

    /// The principal of claims whose signature is good, if the claims are too.
    fn principal(
        &self,
        claims: Claims,
        is_guest: bool,
        keys: &KeySet,
        wanted: Option<&ShopId>,
    ) -> Result<(Principal, Timestamp, Timestamp)> {
        let no = || Error::Unauthenticated;
        let now = self.clock.now();
        let instant = |second: i64| Timestamp::from_second(second).map_err(|_| no());
        let good_until = instant(claims.exp)?;
        let begins = instant(claims.nbf.unwrap_or(0))?;
        // A token that does not say when it was issued is as old as it can be: any revocation ends it.
        let issued_at = instant(claims.iat.unwrap_or(0))?;
        if now >= good_until || begins.duration_since(now) > LEEWAY || issued_at.duration_since(now) > LEEWAY
        {
            return Err(no());
        }
        let role = match (is_guest, claims.role) {
            (true, _) => Role::Guest,
            (false, None) => Role::Customer,
            (false, Some(role @ (Role::Customer | Role::Agent | Role::Admin))) => role,
            (false, Some(Role::Guest | Role::Service)) => return Err(no()),
        };
        let subject = UserId::new(claims.sub).map_err(|_| no())?;
        if subject.as_str().starts_with(UserId::GUEST_PREFIX) != is_guest || is_our_own(&subject) {
            return Err(no());
        }
        let mut shops = claims.shops;
        shops.extend(claims.shop_id);
        if shops.is_empty() && keys.shops.len() == 1 {
            shops.clone_from(&keys.shops);
        }
        shops.retain(|shop| keys.shops.contains(shop));
        let shop = match wanted {
            Some(wanted) => shops.into_iter().find(|shop| shop == wanted),
            None => shops.into_iter().next(),
        };
        let session = claims.sid.unwrap_or_else(|| format!("iat-{}", issued_at.as_second()));
        let principal = Principal {
            shop: shop.ok_or_else(no)?,
            session: SessionId::new(session).map_err(|_| no())?,
            subject,
            role,
            scopes: std::collections::BTreeSet::new(),
            linked_guests: std::collections::BTreeSet::new(),
        };
        Ok((principal, issued_at, good_until))
    }

    /// The guest of `shop` whom `token` was given to, also if they have been linked to a customer since.
    ///
    /// # Errors
    /// `Unauthenticated`, if it is no guest's.
    pub async fn guest_of(&self, token: &str, shop: &ShopId) -> Result<UserId> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::Unauthenticated);
        }
        let (principal, ..) = self.verify(token, Some(shop)).await?;
        if principal.role == Role::Guest { Ok(principal.subject) } else { Err(Error::Unauthenticated) }
    }

    /// A token for a new anonymous visitor of `shop`.
    pub async fn issue_guest(&self, shop: &ShopId) -> Result<(UserId, String, Timestamp)> {
        let guest = UserId::guest(self.clock.fresh());
        let session = self.clock.fresh().simple().to_string();
        let good_until = self.clock.after(self.lifetime);
        let claims = GuestClaims {
            sub: guest.as_str(),
            sid: &session,
            shop_id: shop.as_str(),
            iat: self.clock.now().as_second(),
            exp: good_until.as_second(),
        };
        let header = Header { typ: Some(GUEST.into()), ..Header::new(Algorithm::HS256) };
        let secrets = self.secret.read_all().await?;
        let newest = secrets.first().ok_or_else(|| Error::internal("JWT_SECRET is empty"))?;
        let key = EncodingKey::from_secret(&derived_key(newest, GUEST));
        let token = jsonwebtoken::encode(&header, &claims, &key)
            .map_err(|error| Error::internal(error.to_string()))?;
        let good_until = Timestamp::from_second(claims.exp).unwrap_or(good_until);
        Ok((guest, token, good_until))
    }

    /// What signs and reads the tokens of orders.
    pub fn order_tokens(&self) -> OrderTokens {
        OrderTokens::new(self.secret.clone(), self.clock.clone())
    }

    /// What is known of people's access.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How long tokens are good.
    pub const fn lifetime(&self) -> SignedDuration {
        self.lifetime
    }
}

/// Names under which shopwire itself and its service keys act.
fn is_our_own(subject: &UserId) -> bool {
    matches!(subject.as_str(), "system" | "stripe")
        || subject.as_str().starts_with(domain::ServiceKeyId::PREFIX)
}

/// Signature, issuer and audience; times are compared with our own clock afterwards.
fn validation(algorithm: Algorithm, keys: Option<&KeySet>) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let mut required = vec!["exp", "sub"];
    match keys.and_then(|keys| keys.audience.as_ref()) {
        Some(audience) => {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        None => validation.validate_aud = false,
    }
    if let Some(issuer) = keys.and_then(|keys| keys.issuer.as_ref()) {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// A key of its own for each kind of token, so that one kind is never a valid signature of another.
fn derived_key(secret: &SecretString, purpose: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(b"shopwire ");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Public keys from a URL.
pub struct Jwks {
    url: String,
    keys: KeySet,
    clock: Clock,
    http: reqwest::Client,
    fetched: Mutex<Option<(JwkSet, Timestamp)>>,
}

impl Jwks {
    /// The keys at `url`, asked for over `http`.
    pub fn new(url: String, keys: KeySet, clock: Clock, http: reqwest::Client) -> Self {
        Self { url, keys, clock, http, fetched: Mutex::new(None) }
    }

    /// The key called `kid`, if it is for `algorithm`. Keys are replaced by adding new ones: one that is not known is
    /// looked for again, but not more than twice a minute.
    async fn key(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Jwk> {
        let mut fetched = self.fetched.lock().await;
        let now = self.clock.now();
        let found = |set: &JwkSet| match (kid, set.keys.as_slice()) {
            (Some(kid), _) => set.find(kid).cloned(),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        };
        let known = fetched
            .as_ref()
            .and_then(|(set, at)| found(set).filter(|_| now.duration_since(*at) < JWKS_FRESH));
        let may_ask = fetched.as_ref().is_none_or(|(_, at)| now.duration_since(*at) >= JWKS_RETRY);
        let key = match known {
            Some(key) => Some(key),
            None if may_ask => {
                let set = self.fetch().await?;
                let key = found(&set);
                *fetched = Some((set, now));
                key
            }
            None => None,
        };
        let is_fit = |key: &Jwk| match key.common.key_algorithm {
            None => true,
            Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
            Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
            Some(_) => false,
        };
        key.filter(is_fit).ok_or(Error::Unauthenticated)
    }

    async fn fetch(&self) -> Result<JwkSet> {
        let failed = |error: reqwest::Error| Error::Unavailable {
            what: "the sign-in's keys",
            source: Box::new(error),
        };
        let answer = self
            .http
            .get(&self.url)
            .timeout(std::time::Duration::from_secs(5))
            .send()
            .await
            .map_err(failed)?;
        answer.error_for_status().map_err(failed)?.json().await.map_err(failed)
    }
}
