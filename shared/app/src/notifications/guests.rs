//! Guests who turned out to be customers: what concerns the guest is told to the customer, and the browser in which somebody
//! signs in goes on taking pushes.

use domain::{ShopId, UserId};

use super::{
    Notifications, Wanted,
    endpoints::{Given, MAX_DEVICES},
    telling::Told,
};
use crate::{Result, store::notifications::Target};

impl Notifications {
    /// Which customer a guest turned out to be; nothing, if none, and of everybody who is no guest. Only of guests is it
    /// looked up.
    pub(super) async fn customer_of(&self, shop: &ShopId, user: &UserId) -> Result<Option<UserId>> {
        match user.as_str().starts_with(UserId::GUEST_PREFIX) {
            true => Ok(self.store.access(shop, user).await?.linked_to),
            false => Ok(None),
        }
    }

    /// Tells the customer what a guest was to be told; nothing, if it is no such guest. What the guest has been told is not
    /// told again; and since it is named after the customer, what concerns both of them is told once.
    pub(super) async fn tell_customer(&self, shop: &ShopId, wanted: &Wanted) -> Result<Option<Told>> {
        let Some(customer) = self.customer_of(shop, &wanted.user).await? else { return Ok(None) };
        let id = wanted.id(shop);
        if let Some(known) = self.store.notification(shop, &wanted.user, &id).await? {
            self.gather(&known).await?;
            return Ok(Some(Told { id, is_new: false }));
        }
        let wanted = Wanted { user: customer, ..wanted.clone() };
        Box::pin(self.tell(shop, &wanted)).await.map(Some)
    }

    /// The browsers of a guest are the customer's from now on: they have signed in there. That is no strange browser, and
    /// nobody is warned of it.
    pub(super) async fn move_in(&self, shop: &ShopId, guest: &UserId, customer: &UserId) -> Result<()> {
        let found = self.store.recipient(shop, guest, self.clock.now()).await?;
        for endpoint in &found.endpoints {
            let most = match endpoint.target {
                Target::Browser { .. } => self.settings.notifications.max_subscriptions,
                Target::Device { .. } => MAX_DEVICES,
            };
            self.give_endpoint(shop, customer, (endpoint, most), Given::By(guest)).await?;
        }
        Ok(())
    }
}
