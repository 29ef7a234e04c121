//! Who is asking, as an extractor: a handler that takes [`Caller`] cannot be reached without a good token.

use std::{ops::Deref, sync::Arc};

use app::{
    Error, Result,
    limits::{Limit, Seen},
    orders::{OrderGrant, Reader},
    realtime::Validity,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use contract::http::{
    inventory::NewLine,
    orders::{OrderRequest, OrderToken, OrderView},
};
use domain::{Principal, Role, ShopId, UserId};
use jiff::Timestamp;

use crate::{
    Failure, Params,
    auth::is_order_token,
    http::{Gate, Source},
};

/// Somebody with a good token.
#[derive(Clone)]
pub struct Caller {
    principal: Principal,
    /// How far their token goes.
    pub token: Validity,
    gate: Arc<Gate>,
    source: Source,
}

impl Deref for Caller {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl Caller {
    /// Counts one act that costs money.
    ///
    /// # Errors
    /// `Limited`, if it is one too many.
    pub async fn spend(&self, limit: Limit) -> Result<()> {
        self.gate.limits.spend(&self.principal, limit, &self.source.address).await
    }

    /// Counts that the caller begins to pay, and says what was seen of them.
    ///
    /// # Errors
    /// `Limited`, if it is one too many.
    pub async fn spend_intent(&self) -> Result<Seen> {
        self.gate.limits.spend_intent(&self.principal, &self.source.address).await
    }
}

impl Caller {
    /// Counts what a guest holds of each product.
    ///
    /// # Errors
    /// `Limited`, if it is one too many.
    pub async fn spend_holds(&self, lines: &[NewLine]) -> Result<()> {
        self.gate.limits.spend_holds(&self.principal, lines, &self.source.address).await
    }

    /// The guest whom another token, beside the caller's own, was given to.
    ///
    /// # Errors
    /// `Unauthenticated`, if it is no guest's of the same shop.
    pub async fn guest_of(&self, token: &str) -> Result<UserId> {
        self.gate.authenticator.guest_of(token, &self.principal.shop).await
    }

    /// The order with a token for it, if it was placed by the guest who asks.
    ///
    /// # Errors
    /// If the key cannot be had.
    pub async fn with_order_token(&self, view: OrderView) -> Result<OrderView> {
        token_for(Some(&self.principal), &self.gate, view).await
    }

    /// What the tokens are for that come with a request, as far as they are good.
    ///
    /// # Errors
    /// If the key cannot be had.
    pub async fn order_grants(&self, token: Option<&OrderToken>) -> Result<Vec<OrderGrant>> {
        self.gate.authenticator.order_tokens().read_good(token).await
    }

    /// When the last token that has been issued by now will have ended.
    pub fn tokens_end_by(&self) -> Timestamp {
        self.gate.clock.after(self.gate.authenticator.lifetime())
    }
}

async fn token_for(who: Option<&Principal>, gate: &Gate, view: OrderView) -> Result<OrderView> {
    let is_its_guest = |who: &Principal| who.role == Role::Guest && who.subject == view.customer_id;
    let Some(guest) = who.filter(|who| is_its_guest(who)) else { return Ok(view) };
    let tokens = gate.authenticator.order_tokens();
    let order_token = tokens.issue(&guest.shop, &view.order_id, view.created_at).await?;
    Ok(OrderView { order_token, ..view })
}

/// Whoever reads one order: somebody with a good token of their own, or with one for the order, as `Authorization` or as
/// `order_token` in the query.
#[derive(Clone)]
pub struct OrderReader {
    reader: Reader,
    gate: Arc<Gate>,
}

impl Deref for OrderReader {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl OrderReader {
    /// The order with a token for it, if it was placed by the guest who asks.
    ///
    /// # Errors
    /// If the key cannot be had.
    pub async fn with_order_token(&self, view: OrderView) -> Result<OrderView> {
        token_for(self.reader.person.as_ref(), &self.gate, view).await
    }
}

/// Anybody: the shop that they mean, and who they are if they say so.
#[derive(Clone)]
pub struct Visitor {
    /// The shop that they mean.
    pub shop: ShopId,
    /// Who they are, if they sent a token.
    pub principal: Option<Principal>,
    gate: Arc<Gate>,
    source: Source,
}

impl Visitor {
    /// Counts one act that costs money against the address it comes from.
    ///
    /// # Errors
    /// `Limited`, if it is one too many.
    pub async fn spend(&self, limit: Limit) -> Result<()> {
        self.gate.limits.spend_address(&self.shop, limit, &self.source.address).await
    }

    /// What stands before every route.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }
}

/// The version that an update is meant for (`If-Match`), if it says.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<u64>);

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn gate_of(parts: &Parts) -> Result<(Arc<Gate>, Source)> {
    let gate = parts.extensions.get::<Arc<Gate>>().cloned();
    let source = parts.extensions.get::<Source>().cloned().unwrap_or_default();
    Ok((gate.ok_or_else(|| Error::internal("a route stands outside the gate"))?, source))
}

async fn authenticated(parts: &Parts, gate: &Gate) -> Result<Option<crate::auth::Bearer>> {
    let wanted = text(&parts.headers, "x-shop-id")
        .map(|shop| ShopId::new(shop).map_err(|_| Error::Forbidden))
        .transpose()?;
    match (bearer(&parts.headers), parts.headers.contains_key(header::AUTHORIZATION)) {
        (Some(token), _) => gate.authenticator.authenticate(token, wanted.as_ref()).await.map(Some),
        (None, true) => Err(Error::Unauthenticated),
        (None, false) => Ok(None),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let (gate, source) = gate_of(parts)?;
        let bearer = authenticated(parts, &gate).await?.ok_or(Error::Unauthenticated)?;
        Ok(Self { principal: bearer.principal, token: bearer.token, gate, source })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OrderReader {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let (gate, _) = gate_of(parts)?;
        let Params(query): Params<OrderRequest> = Params::from_request_parts(parts, state).await?;
        let tokens = gate.authenticator.order_tokens();
        let (own, as_bearer) = match bearer(&parts.headers).filter(|token| is_order_token(token)) {
            Some(token) => (None, Some(tokens.read(token).await?)),
            None => (authenticated(parts, &gate).await?, None),
        };
        let grant = match (as_bearer, &query.order_token) {
            (None, Some(OrderToken(token))) => match tokens.read(token).await {
                Ok(grant) => Some(grant),
                // Who has another right to it may have an old link.
                Err(Error::Unauthenticated) if own.is_some() => None,
                Err(error) => return Err(error.into()),
            },
            (grant, _) => grant,
        };
        let reader = Reader { person: own.map(|bearer| bearer.principal), grant };
        if reader.person.is_none() && reader.grant.is_none() {
            return Err(Error::Unauthenticated.into());
        }
        Ok(Self { reader, gate })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let (gate, source) = gate_of(parts)?;
        let principal = authenticated(parts, &gate).await?.map(|bearer| bearer.principal);
        let named =
            || gate.settings.public_shop(text(&parts.headers, "x-shop-key"), source.host.as_deref()).cloned();
        let shop = principal.as_ref().map(|who| who.shop.clone()).or_else(named);
        let unknown = || Error::field("X-Shop-Key", "required", "which shop is meant?");
        Ok(Self { shop: shop.ok_or_else(unknown)?, principal, gate, source })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(wanted) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let version = wanted.to_str().ok().and_then(|text| text.trim_matches('"').parse().ok());
        let version = version.ok_or_else(|| Error::field("If-Match", "invalid", "expected a version"))?;
        Ok(Self(Some(version)))
    }
}
