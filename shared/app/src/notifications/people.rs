//! What people want to be told, and where they can be reached: said by themselves, by a link in a mail, or by the shop.

mod given;

use contract::{
    Fact,
    http::notifications::{
        ContactView, DeviceView, NewContact, NewDevice, NewPushSubscription, PreferencesView,
        PushSubscriptionView,
    },
};
use domain::{
    DeviceId, Permission, Principal, PushSubscriptionId, ShopId, UserId,
    notification::{Category, Kind, Medium, Preferences, PreferencesChange, endpoint::EndpointOrigins},
    rate::Rate,
};
use jiff::{SignedDuration, Timestamp};

use self::given::{check_contact, platform, refused, within_subscription};
pub(super) use self::given::{check_device, is_language_tag};
use super::{
    Inbox, Notifications,
    endpoints::{Given, MAX_DEVICES},
    links::{Link, address_digest},
};
use crate::{
    Error, Result,
    clock::derived,
    journal::Author,
    media::{Devices, PushTarget},
    store::notifications::{Endpoint, Letter, Notification, Person, Target},
};

/// How often a change is tried while others change the same.
const MAX_ATTEMPTS: u32 = 8;
/// How long a telephone is known that does not come again.
const DEVICE_KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Mails that ask whether an address is theirs: three, and one more every eight hours, whoever asks for them.
const CONFIRMATIONS: Rate = Rate::new(3, SignedDuration::from_hours(8));

/// Where people can be reached.
#[derive(Debug, Clone)]
pub struct Reach {
    pub(crate) notifications: Notifications,
    inbox: Inbox,
    origins: EndpointOrigins,
    devices: Devices,
}

impl Reach {
    /// Writes by `notifications`; pushes to browsers go to `origins` only, telephones are known to `devices`.
    pub const fn new(
        notifications: Notifications,
        inbox: Inbox,
        origins: EndpointOrigins,
        devices: Devices,
    ) -> Self {
        Self { notifications, inbox, origins, devices }
    }

    /// What somebody wants, and where they can be reached.
    pub async fn preferences(&self, who: &Principal) -> Result<PreferencesView> {
        who.may(Permission::ChooseNotifications)?;
        let now = self.notifications.clock.now();
        let recipient = self.notifications.store.recipient(&who.shop, &who.subject, now).await?;
        Ok(preferences_view(recipient.person))
    }

    /// What somebody wants from now on.
    pub async fn set_preferences(&self, who: &Principal, wanted: Preferences) -> Result<PreferencesView> {
        self.change_preferences(who, |_| wanted.clone()).await
    }

    /// What somebody wants otherwise from now on.
    pub async fn merge_preferences(
        &self,
        who: &Principal,
        change: PreferencesChange,
    ) -> Result<PreferencesView> {
        self.change_preferences(who, |known| known.merge(change.clone())).await
    }

    async fn change_preferences(
        &self,
        who: &Principal,
        change: impl Fn(Preferences) -> Preferences,
    ) -> Result<PreferencesView> {
        who.may(Permission::ChooseNotifications)?;
        self.inbox.note_staff(who).await?;
        let changed = self
            .notifications
            .change_person(&Author::of(who), &who.subject, "request", |mut person| {
                person.preferences = change(person.preferences);
                person.preferences.check().map_err(refused)?;
                Ok(person)
            })
            .await?;
        Ok(preferences_view(changed))
    }

    /// Where somebody can be reached, as they say themselves. Mail goes to a new address when they have confirmed it.
    pub async fn set_contact(&self, who: &Principal, new: NewContact) -> Result<ContactView> {
        who.may(Permission::ChooseNotifications)?;
        check_contact(&new)?;
        let known = self.preferences(who).await?.contact;
        let asks = new.email.is_some() && (new.email != known.contact.email || !known.email_confirmed);
        if let Some(email) = new.email.as_deref().filter(|_| asks) {
            self.notifications.limit_confirmations(&who.shop, email).await?;
        }
        let author = Author::of(who);
        let changed = self
            .notifications
            .change_person(&author, &who.subject, "request", |person| {
                let is_known = new.email.is_none() || new.email == person.email;
                let email_wanted = new.email.clone().filter(|_| !is_known);
                let email = person.email.clone().filter(|_| new.email.is_some());
                Ok(Person { email, email_wanted, ..with_contact(person, &new) })
            })
            .await?;
        if let Some(email) = changed.email_wanted.clone() {
            self.notifications.ask(&who.shop, &who.subject, email, Letter::ConfirmAddress).await?;
        }
        Ok(contact_view(&changed))
    }

    /// Where somebody can be reached, as the shop knows.
    pub async fn set_contact_of(
        &self,
        who: &Principal,
        user: &UserId,
        new: NewContact,
    ) -> Result<ContactView> {
        who.may(Permission::Notify)?;
        check_contact(&new)?;
        let changed = self
            .notifications
            .change_person(&Author::of(who), user, "request", |person| {
                Ok(Person { email: new.email.clone(), email_wanted: None, ..with_contact(person, &new) })
            })
            .await?;
        Ok(contact_view(&changed))
    }

    /// A browser takes pushes for somebody from now on. One that is known already is theirs now.
    pub async fn subscribe(&self, who: &Principal, new: NewPushSubscription) -> Result<PushSubscriptionView> {
        who.may(Permission::BeNotified)?;
        if new.user_id.as_ref().is_some_and(|user| *user != who.subject) {
            return Err(Error::Forbidden);
        }
        let settings = self.notifications.settings.notifications;
        if !settings.pushes_to_browsers {
            return Err(Error::field("subscription", "disabled", "this shop sends no pushes to browsers"));
        }
        let browser = new.subscription;
        let keys = browser.keys;
        let PushTarget { endpoint, p256dh, auth } =
            PushTarget::checked(&self.origins, &browser.endpoint, &keys.p256dh, &keys.auth)
                .map_err(within_subscription)?;
        let now = self.notifications.clock.now();
        let longest = self.notifications.clock.after(settings.subscription_lifetime);
        let its_own = browser.expiration_time.and_then(|at| Timestamp::from_millisecond(at).ok());
        let expires_at = its_own.filter(|at| *at > now).map_or(longest, |at| at.min(longest));
        let name = derived(&[who.shop.as_str(), "browser", &endpoint]);
        let id = PushSubscriptionId::from_uuid(name);
        let endpoint = Endpoint {
            id: id.to_string(),
            target: Target::Browser { endpoint, p256dh, auth },
            categories: new.categories.clone(),
            registered_at: now,
            expires_at: expires_at.as_second(),
        };
        self.add(who, endpoint, settings.max_subscriptions).await?;
        Ok(PushSubscriptionView { subscription_id: id, categories: new.categories, expires_at })
    }

    /// A telephone takes pushes for somebody from now on. A token moves with whoever registered it last.
    pub async fn add_device(&self, who: &Principal, new: NewDevice) -> Result<DeviceView> {
        who.may(Permission::ChooseNotifications)?;
        check_device(&new)?;
        let name = derived(&[who.shop.as_str(), "device", &new.token]);
        let id = DeviceId::from_uuid(name);
        let now = self.notifications.clock.now();
        let known = self.known_arn(&who.shop, id.as_str(), now).await?;
        let arn = self.devices.register(&new.token, platform(new.platform), known.as_deref()).await?;
        let endpoint = Endpoint {
            id: id.to_string(),
            target: Target::Device { arn, platform: new.platform },
            categories: vec![],
            registered_at: now,
            expires_at: self.notifications.clock.after(DEVICE_KEPT).as_second(),
        };
        self.add(who, endpoint, MAX_DEVICES).await?;
        if new.locale.is_some() || new.timezone.is_some() {
            let author = Author::of(who);
            let change = |person: Person| {
                let locale = new.locale.clone().or(person.locale.clone());
                Ok(Person { locale, timezone: new.timezone.clone().or(person.timezone.clone()), ..person })
            };
            self.notifications.change_person(&author, &who.subject, "request", change).await?;
        }
        Ok(DeviceView { device_id: id, platform: new.platform, registered_at: now })
    }

    async fn known_arn(&self, shop: &ShopId, id: &str, now: Timestamp) -> Result<Option<String>> {
        let store = &self.notifications.store;
        let Some(owner) = store.endpoint_owner(shop, id).await? else { return Ok(None) };
        let recipient = store.recipient(shop, &owner, now).await?;
        let known = recipient.endpoints.into_iter().find(|endpoint| endpoint.id == id);
        Ok(known.and_then(|endpoint| match endpoint.target {
            Target::Device { arn, .. } => Some(arn),
            Target::Browser { .. } => None,
        }))
    }

    async fn add(&self, who: &Principal, endpoint: Endpoint, most: usize) -> Result<()> {
        self.inbox.note_staff(who).await?;
        let (given, what) = (Author::of(who), (&endpoint, most));
        self.notifications.give_endpoint(&who.shop, &who.subject, what, Given::Registered(&given)).await
    }

    /// A browser takes no pushes for somebody any more.
    pub async fn unsubscribe(&self, who: &Principal, id: &PushSubscriptionId) -> Result<()> {
        who.may(Permission::BeNotified)?;
        self.forget(who, id.as_str()).await
    }

    /// A telephone takes no pushes for somebody any more.
    pub async fn remove_device(&self, who: &Principal, id: &DeviceId) -> Result<()> {
        who.may(Permission::ChooseNotifications)?;
        let now = self.notifications.clock.now();
        if self.notifications.store.endpoint_owner(&who.shop, id.as_str()).await?.as_ref()
            == Some(&who.subject)
            && let Some(arn) = self.known_arn(&who.shop, id.as_str(), now).await?
        {
            self.devices.forget(&arn).await?;
        }
        self.forget(who, id.as_str()).await
    }

    async fn forget(&self, who: &Principal, id: &str) -> Result<()> {
        let store = &self.notifications.store;
        match store.endpoint_owner(&who.shop, id).await? {
            Some(owner) if who.owns(&owner) => store.forget_endpoint(&who.shop, &owner, id).await,
            _ => Err(Error::NotFound),
        }
    }
}

impl Notifications {
    /// Changes what is known of somebody, once, and writes down how it was said.
    pub(super) async fn change_person(
        &self,
        author: &Author,
        user: &UserId,
        by: &str,
        change: impl Fn(Person) -> Result<Person>,
    ) -> Result<Person> {
        for _ in 0..MAX_ATTEMPTS {
            let known = self.store.recipient(&author.shop, user, self.clock.now()).await?.person;
            let changed = change(known.clone())?;
            if changed == known {
                return Ok(known);
            }
            let changed = Person { version: known.version + 1, ..changed };
            let fact = Fact::PreferencesChanged {
                user_id: user.clone(),
                marketing: changed.preferences.marketing,
                by: by.into(),
            };
            let event = author.event(&self.clock, format!("person:{user}"), changed.version, fact);
            if self.store.put_person(user, &changed, &event).await? {
                return Ok(changed);
            }
        }
        Err(Error::busy())
    }

    /// Counts a mail that asks whether an address is somebody's: whoever has it did not ask for it.
    pub(super) async fn limit_confirmations(&self, shop: &ShopId, address: &str) -> Result<()> {
        let request = self.clock.fresh().to_string();
        let now = self.clock.now();
        self.store.limit(shop, "confirm", &address_digest(address), CONFIRMATIONS, now, &request).await
    }

    /// Sends a mail that asks something.
    pub(super) async fn ask(
        &self,
        shop: &ShopId,
        user: &UserId,
        address: String,
        letter: Letter,
    ) -> Result<()> {
        let now = self.clock.now();
        let about = Notification {
            id: domain::NotificationId::from_uuid(self.clock.fresh()),
            shop_id: shop.clone(),
            user_id: user.clone(),
            kind: Kind::SecurityAlert,
            subject: format!("person:{user}"),
            data: std::collections::BTreeMap::new(),
            title: String::new(),
            body: String::new(),
            action_url: None,
            icon_url: None,
            created_at: now,
            cause: None,
            actor: user.clone(),
            is_read: false,
            read_at: None,
            mail_to: Some(address),
            is_silent: false,
            asked: None,
            deliveries: std::collections::BTreeMap::new(),
            letter: None,
        };
        let mail = self.letter(about.id.clone(), letter, about);
        self.store.put_letter(&mail).await?;
        self.post(&mail).await
    }

    /// Does what a link says.
    pub async fn follow_link(&self, link: &Link) -> Result<()> {
        match link {
            Link::Unsubscribe { shop, user, category } => {
                let author = Author { shop: shop.clone(), actor: user.clone(), cause: None };
                self.stop_mail(&author, user, *category, "unsubscribe_link").await
            }
            Link::ConfirmAddress { shop, user, address } => {
                let author = Author { shop: shop.clone(), actor: user.clone(), cause: None };
                let confirm = |mut person: Person| {
                    if person.email_wanted.as_deref().is_some_and(|wanted| address_digest(wanted) == *address)
                    {
                        person.email = person.email_wanted.take();
                    }
                    Ok(person)
                };
                self.change_person(&author, user, "confirmation_link", confirm).await.map(drop)
            }
            Link::ConfirmAlert { .. } => self.confirm_alert(link).await,
            Link::Report { .. } => Err(Error::Unauthenticated),
        }
    }

    /// No more mail of a category, and no more advertising at all if it is that.
    pub(super) async fn stop_mail(
        &self,
        author: &Author,
        user: &UserId,
        category: Category,
        by: &str,
    ) -> Result<()> {
        let stop = |mut person: Person| {
            if category == Category::Marketing {
                person.preferences.marketing = false;
            }
            let choice = person.preferences.categories.entry(category).or_default();
            choice.channels.insert(Medium::Email, false);
            Ok(person)
        };
        // Who unsubscribes as the guest that they were means themselves.
        let customer = self.customer_of(&author.shop, user).await?;
        self.change_person(author, customer.as_ref().unwrap_or(user), by, stop).await.map(drop)
    }
}

fn with_contact(person: Person, new: &NewContact) -> Person {
    Person { phone: new.phone.clone(), locale: new.locale.clone(), timezone: new.timezone.clone(), ..person }
}

fn preferences_view(person: Person) -> PreferencesView {
    let contact = contact_view(&person);
    let Preferences { channels, categories, types, quiet_hours, digest, marketing } = person.preferences;
    PreferencesView { channels, categories, types, quiet_hours, digest, marketing, contact }
}

fn contact_view(person: &Person) -> ContactView {
    ContactView {
        email_confirmed: person.email.is_some() && person.email_wanted.is_none(),
        contact: NewContact {
            email: person.email_wanted.clone().or(person.email.clone()),
            phone: person.phone.clone(),
            locale: person.locale.clone(),
            timezone: person.timezone.clone(),
        },
    }
}
