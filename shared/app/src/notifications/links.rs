//! Links in what people are told: each says in itself what following it does, and nobody else can write one.
//!
//! They are no tokens of people: whoever has one can do this one thing and nothing else, without signing in.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::{NotificationId, ProductId, ShopId, UserId, VariantId, notification::Category};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use contract::http::notifications::ProductAlertKind;

use crate::{Clock, Error, Result, secrets::Secret};

/// Keeps these apart from everything else that is signed with the same secret.
const PURPOSE: &[u8] = b"shopwire notification links v1";
/// The longest link that is looked at.
const MAX_LENGTH: usize = 1024;

/// What following a link does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Link {
    /// They get no more mail of a category.
    Unsubscribe {
        /// The tenant.
        shop: ShopId,
        /// Who.
        user: UserId,
        /// Of what.
        category: Category,
    },
    /// A device says what became of a notification.
    Report {
        /// The tenant.
        shop: ShopId,
        /// Whose it is.
        user: UserId,
        /// Which.
        notification: NotificationId,
        /// Where it went.
        place: String,
    },
    /// An address belongs to whoever gave it.
    ConfirmAddress {
        /// The tenant.
        shop: ShopId,
        /// Who gave it.
        user: UserId,
        /// A digest of the address.
        address: String,
    },
    /// Somebody at an address wants to be told of a product.
    ConfirmAlert {
        /// The tenant.
        shop: ShopId,
        /// Who gave it.
        user: UserId,
        /// Of which product.
        product: ProductId,
        /// Of which variant.
        variant: Option<VariantId>,
        /// Of what.
        kind: ProductAlertKind,
        /// A digest of the address.
        address: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(flatten)]
    link: Link,
    exp: i64,
}

/// Signs and reads links.
#[derive(Debug, Clone)]
pub struct Links {
    secret: Secret,
    clock: Clock,
}

impl Link {
    /// How long it is good. The law wants a way out of mail to work for at least a month; ours works for a year.
    const fn lifetime(&self) -> SignedDuration {
        match self {
            Self::Unsubscribe { .. } => SignedDuration::from_hours(365 * 24),
            Self::Report { .. } => SignedDuration::from_hours(35 * 24),
            Self::ConfirmAddress { .. } | Self::ConfirmAlert { .. } => SignedDuration::from_hours(48),
        }
    }

    /// The tenant.
    pub const fn shop(&self) -> &ShopId {
        match self {
            Self::Unsubscribe { shop, .. }
            | Self::Report { shop, .. }
            | Self::ConfirmAddress { shop, .. }
            | Self::ConfirmAlert { shop, .. } => shop,
        }
    }
}

impl Links {
    /// Signs with a key that is derived from `secret`.
    pub const fn new(secret: Secret, clock: Clock) -> Self {
        Self { secret, clock }
    }

    /// The text of a link.
    pub async fn sign(&self, link: Link) -> Result<String> {
        let exp = self.clock.after(link.lifetime()).as_second();
        let json = serde_json::to_vec(&Signed { link, exp });
        let text = BASE64.encode(json.map_err(|error| Error::internal(error.to_string()))?);
        let secrets = self.secret.read_all().await?;
        let newest = secrets.first().ok_or_else(|| Error::internal("JWT_SECRET is empty"))?;
        let seal = BASE64.encode(keyed(newest, text.as_bytes())?.finalize().into_bytes());
        Ok(format!("{text}.{seal}"))
    }

    /// What a link does.
    ///
    /// # Errors
    /// `Unauthenticated`, whatever is wrong with it.
    pub async fn read(&self, token: &str) -> Result<Link> {
        let wrong = || Error::Unauthenticated;
        let (text, seal) = Some(token)
            .filter(|token| token.len() <= MAX_LENGTH)
            .and_then(|token| token.split_once('.'))
            .ok_or_else(wrong)?;
        let seal = BASE64.decode(seal).map_err(|_| wrong())?;
        let mut is_ours = false;
        for secret in self.secret.read_all().await? {
            is_ours |= keyed(&secret, text.as_bytes())?.verify_slice(&seal).is_ok();
        }
        if !is_ours {
            return Err(wrong());
        }
        let json = BASE64.decode(text).map_err(|_| wrong())?;
        let signed: Signed = serde_json::from_slice(&json).map_err(|_| wrong())?;
        match Timestamp::from_second(signed.exp) {
            Ok(until) if self.clock.now() < until => Ok(signed.link),
            _ => Err(wrong()),
        }
    }
}

/// The digest by which links name an address without showing it.
pub(crate) fn address_digest(address: &str) -> String {
    crate::clock::derived(&["address", &address.trim().to_lowercase()]).simple().to_string()
}

fn keyed(secret: &SecretString, text: &[u8]) -> Result<Hmac<Sha256>> {
    let wrong = |_| Error::internal("a key of any length is a key");
    let mut derived = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(wrong)?;
    derived.update(PURPOSE);
    let mut keyed = Hmac::<Sha256>::new_from_slice(&derived.finalize().into_bytes()).map_err(wrong)?;
    keyed.update(text);
    Ok(keyed)
}
