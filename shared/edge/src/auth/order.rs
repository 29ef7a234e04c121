//! Tokens of orders: with one, whoever has it may follow one order, and do nothing else.
//!
//! A token follows from its order, so a request that comes twice is answered with the same one. It is nobody's name: what
//! asks who is calling does not know its key.

use app::{Clock, Error, Result, orders::OrderGrant, secrets::Secret};
use contract::http::orders::OrderToken;
use domain::{OrderId, ShopId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use super::{MAX_TOKEN_BYTES, derived_key, validation};

const ORDER: &str = "order+jwt";
/// How long after its order was placed a token is good: longer than parcels take.
const GOOD: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: OrderId,
    shop_id: ShopId,
    iat: i64,
    exp: i64,
}

/// Signs and reads the tokens of orders.
#[derive(Clone)]
pub struct OrderTokens {
    secret: Secret,
    clock: Clock,
}

/// Whether `token` says of itself that it is an order's.
pub fn is_order_token(token: &str) -> bool {
    let header = (token.len() <= MAX_TOKEN_BYTES).then(|| jsonwebtoken::decode_header(token).ok()).flatten();
    header.is_some_and(|header| header.typ.as_deref() == Some(ORDER))
}

impl OrderTokens {
    /// Signs with a key that is derived from `secret`.
    pub const fn new(secret: Secret, clock: Clock) -> Self {
        Self { secret, clock }
    }

    /// The token of an order that was placed at `placed_at`; nothing if it would have ended.
    pub async fn issue(
        &self,
        shop: &ShopId,
        order: &OrderId,
        placed_at: Timestamp,
    ) -> Result<Option<OrderToken>> {
        let until = placed_at.checked_add(GOOD).unwrap_or(Timestamp::MAX);
        if self.clock.now() >= until {
            return Ok(None);
        }
        let claims = Claims {
            sub: order.clone(),
            shop_id: shop.clone(),
            iat: placed_at.as_second(),
            exp: until.as_second(),
        };
        let secrets = self.secret.read_all().await?;
        let newest = secrets.first().ok_or_else(|| Error::internal("JWT_SECRET is empty"))?;
        let header = Header { typ: Some(ORDER.into()), ..Header::new(Algorithm::HS256) };
        let key = EncodingKey::from_secret(&derived_key(newest, ORDER));
        let token = jsonwebtoken::encode(&header, &claims, &key);
        token.map(|token| Some(OrderToken(token))).map_err(|error| Error::internal(error.to_string()))
    }

    /// What a token is for.
    ///
    /// # Errors
    /// `Unauthenticated`, whatever is wrong with it.
    pub async fn read(&self, token: &str) -> Result<OrderGrant> {
        if !is_order_token(token) {
            return Err(Error::Unauthenticated);
        }
        let validation = validation(Algorithm::HS256, None);
        for secret in self.secret.read_all().await? {
            let key = DecodingKey::from_secret(&derived_key(&secret, ORDER));
            let Ok(decoded) = jsonwebtoken::decode::<Claims>(token, &key, &validation) else { continue };
            let Claims { sub: order_id, shop_id: shop, exp, .. } = decoded.claims;
            if self.clock.now().as_second() >= exp {
                return Err(Error::Unauthenticated);
            }
            return Ok(OrderGrant { shop, order_id });
        }
        Err(Error::Unauthenticated)
    }

    /// What those of `tokens` are for that are good; the others are for nothing.
    ///
    /// # Errors
    /// If the key cannot be had.
    pub async fn read_good(&self, tokens: impl IntoIterator<Item = &OrderToken>) -> Result<Vec<OrderGrant>> {
        let mut grants = vec![];
        for OrderToken(token) in tokens {
            match self.read(token).await {
                Ok(grant) => grants.push(grant),
                Err(Error::Unauthenticated) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(grants)
    }
}
