//! Whose a browser or telephone is.

use contract::{
    Fact,
    http::notifications::{DeviceView, OlderDevice},
};
use domain::{EventId, Permission, Principal, ShopId, UserId};

use super::{Notifications, Reach, people::check_device};
use crate::{Error, Result, journal::Author, store::notifications::Endpoint};

/// How often a change is tried while others change the same.
const MAX_ATTEMPTS: u32 = 8;
/// Telephones that one person may have.
pub(super) const MAX_DEVICES: usize = 10;

/// How somebody comes by a browser or telephone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    /// It was registered, which is written down.
    Registered(&'a Author),
    /// Somebody has had it, and if they still have, it is theirs no longer.
    By(&'a UserId),
}

impl Reach {
    /// Telephones take pushes for somebody from now on, as older clients say it: each of their tokens is one. If one is none,
    /// nothing is kept of the others. Answers with the last.
    pub async fn add_devices(&self, who: &Principal, older: OlderDevice) -> Result<DeviceView> {
        who.may(Permission::ChooseNotifications)?;
        let none = || Error::field("token", "required", "expected a token, or up to ten as device_tokens");
        let devices = older.devices();
        if devices.len() > MAX_DEVICES {
            return Err(Error::field("device_tokens", "length", "expected at most ten"));
        }
        devices.iter().try_for_each(check_device)?;
        let mut last = None;
        for device in devices {
            last = Some(self.add_device(who, device).await?);
        }
        last.ok_or_else(none)
    }
}

impl Notifications {
    /// Gives somebody a browser or telephone, and takes the one that was registered longest ago where there are more than
    /// `most`.
    pub(super) async fn give_endpoint(
        &self,
        shop: &ShopId,
        user: &UserId,
        (endpoint, most): (&Endpoint, usize),
        given: Given<'_>,
    ) -> Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let recipient = self.store.recipient(shop, user, self.clock.now()).await?;
            let owner = self.store.endpoint_owner(shop, &endpoint.id).await?;
            let same = |one: &&Endpoint| {
                one.id != endpoint.id
                    && std::mem::discriminant(&one.target) == std::mem::discriminant(&endpoint.target)
            };
            let others: Vec<&Endpoint> = recipient.endpoints.iter().filter(same).collect();
            let spare = (others.len() + 1).saturating_sub(most);
            let too_many: Vec<String> = others.iter().take(spare).map(|one| one.id.clone()).collect();
            let event = match given {
                Given::By(before) if owner.as_ref() != Some(before) => return Ok(()),
                Given::By(_) => None,
                Given::Registered(author) => (owner.as_ref() != Some(user)).then(|| {
                    let fact = Fact::DeviceAdded {
                        user_id: user.clone(),
                        device: endpoint.id.clone(),
                        is_another: !recipient.endpoints.is_empty(),
                    };
                    let name = EventId::from_uuid(self.clock.fresh());
                    author.event_named(name, self.clock.now(), format!("person:{user}"), 0, fact)
                }),
            };
            let put = (user, endpoint, owner.as_ref());
            let seen = (too_many.as_slice(), recipient.registrations);
            if self.store.put_endpoint(shop, put, seen, event.as_ref()).await? {
                return Ok(());
            }
        }
        Err(Error::busy())
    }
}
