//! What comes back: devices that say what became of a push, mail servers that refuse, people who answer STOP; and alarms,
//! which come on the same way.

use contract::http::notifications::{NewReceipt, ReceiptEvent};
use domain::{
    NotificationId, ShopId, UserId,
    notification::{Category, DeliveryState, Medium, Suppression, address::is_phone_number},
};
use serde::Deserialize;

use super::{Links, Notifications, alarms::TopicNotice, links::Link, telling::EMAIL};
use crate::{
    Error, Result,
    journal::Author,
    store::notifications::{Delivery, Unreachable},
};

/// How often it is tried to write down what came back while it is being sent.
const MAX_ATTEMPTS: u32 = 8;
/// Words with which people end text messages, as telephone networks know them.
const STOP: [&str; 7] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "ARRET"];
/// Words with which they ask for them again.
const START: [&str; 2] = ["START", "UNSTOP"];

/// Something that came back, as SES, SNS and CloudWatch write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Notice {
    /// Of a mail.
    Mail(MailNotice),
    /// A text message.
    #[serde(rename_all = "camelCase")]
    Reply {
        /// Who wrote it.
        origination_number: String,
        /// What they wrote.
        message_body: String,
    },
    /// Of an endpoint of SNS.
    #[serde(rename_all = "PascalCase")]
    Endpoint {
        /// Which.
        endpoint_arn: String,
        /// What happened.
        event_type: String,
    },
    /// Something that operators are told.
    Operators(TopicNotice),
}

/// What SES says of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailNotice {
    /// `Bounce`, `Complaint`, `Delivery`, `Reject`.
    #[serde(alias = "notificationType")]
    pub event_type: String,
    /// The mail.
    pub mail: MailOf,
    /// Why it came back.
    #[serde(default)]
    pub bounce: Option<Bounce>,
    /// Who complained.
    #[serde(default)]
    pub complaint: Option<Complaint>,
}

/// Which mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MailOf {
    /// What we wrote on it.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, Vec<String>>,
}

/// Why a mail came back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounce {
    /// `Permanent`, `Transient`, `Undetermined`.
    pub bounce_type: String,
    /// `General`, `MailboxFull` and others.
    #[serde(default)]
    pub bounce_sub_type: String,
    /// From whom.
    pub bounced_recipients: Vec<RecipientOf>,
}

/// Who complained of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaint {
    /// They.
    pub complained_recipients: Vec<RecipientOf>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipientOf {
    /// The address.
    pub email_address: String,
}

impl Bounce {
    /// Whether it may be the answer of somebody's machine, who is on holiday and has got the mail: SES has no other word
    /// for that.
    fn may_be_an_answer(&self) -> bool {
        self.bounce_type == "Transient" && self.bounce_sub_type == "General"
    }
}

impl MailNotice {
    fn tag(&self, name: &str) -> Option<&str> {
        self.mail.tags.get(name)?.first().map(String::as_str)
    }

    fn shop(&self) -> Option<ShopId> {
        ShopId::new(self.tag("shop")?).ok()
    }
}

impl Notifications {
    /// A device says what became of a notification.
    ///
    /// # Errors
    /// `Unauthenticated` if the token is not of this notification.
    pub async fn report(&self, links: &Links, id: &NotificationId, receipt: &NewReceipt) -> Result<()> {
        let Link::Report { shop, user, notification, place } = links.read(&receipt.token).await? else {
            return Err(Error::Unauthenticated);
        };
        if notification != *id {
            return Err(Error::Unauthenticated);
        }
        let state = match receipt.event {
            ReceiptEvent::Delivered => DeliveryState::Delivered,
            // Whoever puts it away has seen it.
            ReceiptEvent::Opened | ReceiptEvent::Dismissed => DeliveryState::Opened,
            ReceiptEvent::Clicked => DeliveryState::Clicked,
        };
        self.advance(&shop, &user, &notification, &place, state, None).await
    }

    /// Moves a delivery on to `state`, if that is further than it has come.
    async fn advance(
        &self,
        shop: &ShopId,
        user: &UserId,
        id: &NotificationId,
        place: &str,
        state: DeliveryState,
        problem: Option<&str>,
    ) -> Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(found) = self.store.notification(shop, user, id).await? else { return Ok(()) };
            let Some(before) = found.deliveries.get(place) else { return Ok(()) };
            if !before.state.may_become(state) {
                return Ok(());
            }
            let problem = problem.map(str::to_owned);
            let after = Delivery { problem, ..before.moved(state, self.clock.now()) };
            let request = self.clock.fresh().to_string();
            if self.store.move_delivery(&found, place, (before, &after), &request).await? {
                return Ok(());
            }
        }
        Err(Error::busy())
    }

    /// Takes in what came back.
    pub async fn take_in(&self, notice: &Notice) -> Result<()> {
        match notice {
            Notice::Mail(mail) => self.take_in_mail(mail).await,
            Notice::Reply { origination_number, message_body } => {
                self.take_in_reply(origination_number, message_body).await
            }
            Notice::Endpoint { event_type, .. } => {
                // What is disabled is found out when it is next sent to.
                tracing::info!(event_type, "an endpoint of SNS has changed");
                Ok(())
            }
            Notice::Operators(notice) => self.take_in_alarm(notice).await,
        }
    }

    async fn take_in_mail(&self, mail: &MailNotice) -> Result<()> {
        let Some(shop) = mail.shop() else { return Ok(()) };
        let bounced = mail.bounce.iter().filter(|bounce| bounce.bounce_type == "Permanent");
        let bounced = bounced.flat_map(|bounce| &bounce.bounced_recipients);
        let complained = mail.complaint.iter().flat_map(|complaint| &complaint.complained_recipients);
        let all = bounced
            .map(|who| (who, Suppression::Bounced))
            .chain(complained.map(|who| (who, Suppression::Unsubscribed)));
        for (who, reason) in all {
            let why = Unreachable { reason, detail: mail.event_type.clone(), since: self.clock.now() };
            self.store.put_unreachable(&shop, &who.email_address, &why).await?;
        }
        let named = |name: &str| mail.tag(name).map(str::to_owned);
        let (Some(Ok(user)), Some(Ok(id))) =
            (named("user").map(UserId::new), named("notification").map(NotificationId::new))
        else {
            return Ok(());
        };
        match mail.event_type.as_str() {
            "Bounce" if mail.bounce.as_ref().is_some_and(Bounce::may_be_an_answer) => Ok(()),
            "Delivery" => self.advance(&shop, &user, &id, EMAIL, DeliveryState::Delivered, None).await,
            "Bounce" | "Reject" => {
                if mail.bounce.is_some() {
                    // What came back was sent, also if whoever sent it has not written that down yet.
                    self.advance(&shop, &user, &id, EMAIL, DeliveryState::Sent, None).await?;
                }
                self.advance(&shop, &user, &id, EMAIL, DeliveryState::Failed, Some("it came back")).await
            }
            "Complaint" => {
                let author = Author { shop, actor: user.clone(), cause: None };
                self.stop_mail(&author, &user, Category::Marketing, "complaint").await
            }
            _ => Ok(()),
        }
    }

    /// Whoever answers STOP gets no more text messages, of no shop: they do not know that there are several. START takes
    /// that back.
    async fn take_in_reply(&self, number: &str, text: &str) -> Result<()> {
        let word = text.trim().to_uppercase();
        let (stops, starts) = (STOP.contains(&word.as_str()), START.contains(&word.as_str()));
        if !is_phone_number(number) || !(stops || starts) {
            return Ok(());
        }
        let why =
            Unreachable { reason: Suppression::Unsubscribed, detail: "STOP".into(), since: self.clock.now() };
        for shop in &self.settings.shops {
            match stops {
                true => self.store.put_unreachable(shop, number, &why).await?,
                false => self.store.forget_unreachable(shop, number).await?,
            }
        }
        tracing::info!(
            channel = Medium::Sms.name(),
            stops,
            "somebody has said whether they want text messages"
        );
        Ok(())
    }
}
