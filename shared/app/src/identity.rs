//! Who is whom: links between guests and customers, ended sessions, service keys.
//!
//! Reading and signing tokens is the edge's work; what is stored about their bearers is here.

use contract::{
    Fact,
    http::{
        Page,
        auth::{LinkView, NewServiceKey, ServiceKeyView},
    },
};
use domain::{Permission, Principal, Role, ServiceKeyId, SessionId, ShopId, UserId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    Clock, Error, Result,
    idempotency::RequestKey,
    journal::Author,
    store::{Cursor, Dynamo, Transaction, customers::Access, platform::ServiceKey},
};

/// The people and programs of all shops.
#[derive(Debug, Clone)]
pub struct Identity {
    store: Dynamo,
    clock: Clock,
}

/// A digest under which a secret can be stored and found.
pub fn digest(secret: &str) -> String {
    digest_bytes(secret.as_bytes())
}

/// A digest of a body.
pub fn digest_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Identity {
    /// What is known is kept in `store`.
    pub const fn new(store: Dynamo, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The principal with the guests they were, unless their session has ended.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] if it has.
    pub async fn admit(&self, principal: Principal, issued_at: Timestamp) -> Result<Principal> {
        let access = self.store.access(&principal.shop, &principal.subject).await?;
        if !access.admits(&principal.session, issued_at) {
            return Err(Error::Unauthenticated);
        }
        Ok(Principal { linked_guests: access.guests, ..principal })
    }

    /// Joins a guest to the customer who asks, one way, once. The guest's tokens end in the same transaction.
    pub async fn link(&self, who: &Principal, guest: &UserId) -> Result<LinkView> {
        who.may(Permission::LinkGuest)?;
        if who.role == Role::Guest || !guest.as_str().starts_with(UserId::GUEST_PREFIX) {
            return Err(Error::Forbidden);
        }
        let view = LinkView { user_id: who.subject.clone(), guest_id: guest.clone() };
        for _ in 0..8 {
            let mut customer = self.store.access(&who.shop, &who.subject).await?;
            let mut linked = self.store.access(&who.shop, guest).await?;
            match &linked.linked_to {
                Some(owner) if *owner == who.subject => return Ok(view),
                Some(_) => return Err(Error::Unauthenticated),
                None => {}
            }
            customer.guests.insert(guest.clone());
            customer.version += 1;
            linked.linked_to = Some(who.subject.clone());
            linked.version += 1;
            let fact = Fact::UserLinked { user_id: who.subject.clone(), guest_id: guest.clone() };
            let event =
                Author::of(who).event(&self.clock, format!("user:{}", who.subject), customer.version, fact);
            let mut transaction = Transaction::default();
            transaction.put_access(&self.store, &who.shop, &who.subject, &customer)?;
            transaction.put_access(&self.store, &who.shop, guest, &linked)?;
            transaction.journal_access(&self.store, &who.subject, &event)?;
            if self.store.commit(&transaction).await?.is_ok() {
                return Ok(view);
            }
        }
        Err(Error::busy())
    }

    /// Ends one session of a person, or all of them.
    pub async fn revoke(
        &self,
        who: &Principal,
        user: &UserId,
        session: Option<&SessionId>,
        until: Timestamp,
    ) -> Result<()> {
        if *user != who.subject {
            who.may(Permission::RevokeSessions)?;
        }
        for _ in 0..8 {
            let now = self.clock.now();
            let mut access: Access = self.store.access(&who.shop, user).await?;
            match session {
                Some(session) => drop(access.revoked_sessions.insert(session.clone(), until)),
                None => access.revoked_before = Some(now),
            }
            // Sessions whose tokens have run out by themselves need not be remembered.
            access.revoked_sessions.retain(|_, good_until| *good_until > now);
            access.version += 1;
            let session_id = session.map(ToString::to_string);
            let fact = Fact::UserRevoked { user_id: user.clone(), session_id };
            let event = Author::of(who).event(&self.clock, format!("user:{user}"), access.version, fact);
            let mut transaction = Transaction::default();
            transaction.put_access(&self.store, &who.shop, user, &access)?;
            transaction.journal_access(&self.store, user, &event)?;
            if self.store.commit(&transaction).await?.is_ok() {
                return Ok(());
            }
        }
        Err(Error::busy())
    }

    /// Makes a service key. The key itself is shown once and stored only as a digest.
    pub async fn create_service_key(
        &self,
        who: &Principal,
        key: &RequestKey,
        new: NewServiceKey,
    ) -> Result<ServiceKeyView> {
        who.may(Permission::ManageServiceKeys)?;
        if new.scopes.is_empty() {
            return Err(Error::field("scopes", "required", "expected at least one scope"));
        }
        let key_id = ServiceKeyId::from_uuid(key.name(who, "service-key"));
        let secret = hex::encode(rand::random::<[u8; 32]>());
        let stored = ServiceKey {
            key_id: key_id.clone(),
            name: new.name.clone(),
            scopes: new.scopes,
            digest: digest(&secret),
            created_at: self.clock.now(),
            is_revoked: false,
        };
        let fact = Fact::ServiceKeyCreated { key_id: key_id.clone(), name: new.name };
        let event = Author::of(who).event(&self.clock, format!("service_key:{key_id}"), 1, fact);
        let mut transaction = Transaction::default();
        transaction.put_new_service_key(&self.store, &stored, &event)?;
        match self.store.commit(&transaction).await? {
            Ok(()) => Ok(key_view(stored, Some(format!("sk_{}.{key_id}.{secret}", who.shop)))),
            // The key was made before; its secret is not known any more.
            Err(_) => {
                let made = self.store.service_key(&who.shop, &key_id).await?.ok_or(Error::NotFound)?;
                Ok(key_view(made, None))
            }
        }
    }

    /// A page of the shop's service keys that are good.
    pub async fn service_keys(
        &self,
        who: &Principal,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<ServiceKeyView>> {
        who.may(Permission::ManageServiceKeys)?;
        let (keys, next) = self.store.service_keys(&who.shop, limit, cursor).await?;
        let data = keys.into_iter().filter(|key| !key.is_revoked).map(|key| key_view(key, None)).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// Ends a service key; ending an ended one changes nothing.
    pub async fn end_service_key(&self, who: &Principal, id: &ServiceKeyId, until: Timestamp) -> Result<()> {
        who.may(Permission::ManageServiceKeys)?;
        self.store.service_key(&who.shop, id).await?.ok_or(Error::NotFound)?;
        let fact = Fact::ServiceKeyRevoked { key_id: id.clone() };
        let event = Author::of(who).event(&self.clock, format!("service_key:{id}"), 2, fact);
        let mut transaction = Transaction::default();
        transaction.end_service_key(&self.store, id, &event)?;
        self.store.commit(&transaction).await?.or(Ok::<_, Error>(()))?;
        // Its tickets and sockets end as a person's do.
        self.revoke(who, &id.as_user(), None, until).await
    }

    /// The program that a service key belongs to.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] if there is no such key, or it has ended.
    pub async fn service(&self, key: &str) -> Result<Principal> {
        let read = || {
            let (shop, rest) = key.strip_prefix("sk_")?.split_once('.')?;
            let (id, secret) = rest.split_once('.')?;
            Some((ShopId::new(shop).ok()?, ServiceKeyId::new(id).ok()?, secret))
        };
        let (shop, id, secret) = read().ok_or(Error::Unauthenticated)?;
        let stored = self
            .store
            .service_key(&shop, &id)
            .await?
            .filter(|stored| !stored.is_revoked)
            .ok_or(Error::Unauthenticated)?;
        if !bool::from(stored.digest.as_bytes().ct_eq(digest(secret).as_bytes())) {
            return Err(Error::Unauthenticated);
        }
        let name = |text: &str| Error::internal(format!("{text} is no name for a program"));
        Ok(Principal {
            shop,
            subject: UserId::new(id.as_str()).map_err(|_| name(id.as_str()))?,
            role: Role::Service,
            session: SessionId::new(id.as_str()).map_err(|_| name(id.as_str()))?,
            scopes: stored.scopes,
            linked_guests: std::collections::BTreeSet::new(),
        })
    }
}

fn key_view(stored: ServiceKey, key: Option<String>) -> ServiceKeyView {
    let ServiceKey { key_id, name, scopes, created_at, .. } = stored;
    ServiceKeyView { key_id, name, scopes, created_at, key }
}
