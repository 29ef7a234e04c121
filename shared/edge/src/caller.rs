//! Who is asking, as an extractor: a handler that takes [`Caller`] cannot be reached without a good token.

use std::{ops::Deref, sync::Arc};

use app::{
    Error, Result,
    limits::{Limit, Seen},
    realtime::Validity,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use contract::http::inventory::NewLine;
use domain::{Principal, ShopId, UserId};
use jiff::Timestamp;

use crate::{
    Failure,
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

    /// When the last token that has been issued by now will have ended.
    pub fn tokens_end_by(&self) -> Timestamp {
        self.gate.clock.after(self.gate.authenticator.lifetime())
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
