//! Orders: what was bought, for how much, and where it is on its way.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    InvalidTransition, Line, Money, OrderId, ReservationId, ShippingAddress, UserId,
    money::MoneyError,
    reservation::{Ending, ReservedLine},
    stock::{Quantity, Sku},
};

#[cfg(test)]
mod tests;

/// Where an order is. The older names `pending`, `confirmed` and `completed` are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The stock is held; nothing is paid yet.
    #[serde(alias = "pending")]
    PendingPayment,
    /// Paid; the stock is sold.
    #[serde(alias = "confirmed")]
    Paid,
    /// Being packed.
    Processing,
    /// Paid, but somebody has to look at it first.
    OnHold,
    /// With the carrier.
    Shipped,
    /// On the last mile.
    OutForDelivery,
    /// With the customer.
    #[serde(alias = "completed")]
    Delivered,
    /// The carrier could not deliver.
    DeliveryFailed,
    /// Came back.
    Returned,
    /// Called off.
    Cancelled,
    /// Never paid in time.
    Expired,
}

impl OrderStatus {
    /// Whether an order may go from here to `next`: the whole state machine.
    pub const fn may_become(self, next: Self) -> bool {
        use OrderStatus as S;
        matches!(
            (self, next),
            (S::PendingPayment, S::Paid | S::Expired | S::Cancelled)
                | (S::Paid, S::Processing | S::OnHold | S::Cancelled)
                | (S::OnHold, S::Processing | S::Cancelled)
                | (S::Processing, S::OnHold | S::Shipped | S::Cancelled)
                | (S::Shipped, S::OutForDelivery | S::Delivered | S::DeliveryFailed)
                | (S::OutForDelivery, S::Delivered | S::DeliveryFailed)
                | (S::DeliveryFailed, S::Shipped | S::Returned)
        )
    }

    /// Whether somebody who works for the shop may say that an order is here. Being paid, cancelled and expired are
    /// acts of their own, which move stock and money.
    pub const fn is_set_by_hand(self) -> bool {
        !matches!(self, Self::PendingPayment | Self::Paid | Self::Cancelled | Self::Expired)
    }

    /// The status as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PendingPayment => "pending_payment",
            Self::Paid => "paid",
            Self::Processing => "processing",
            Self::OnHold => "on_hold",
            Self::Shipped => "shipped",
            Self::OutForDelivery => "out_for_delivery",
            Self::Delivered => "delivered",
            Self::DeliveryFailed => "delivery_failed",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// Where a parcel is, as far as somebody has said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tracking {
    /// The carrier's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<Line>,
    /// When it should be with the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub estimated_delivery: Option<Timestamp>,
    /// Where it was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Line>,
}

impl Tracking {
    /// Whether nobody has said anything.
    pub const fn is_empty(&self) -> bool {
        self.tracking_number.is_none() && self.estimated_delivery.is_none() && self.location.is_none()
    }

    /// What is known after `news`: what they do not mention stays.
    fn updated(&self, news: Self) -> Self {
        Self {
            tracking_number: news.tracking_number.or_else(|| self.tracking_number.clone()),
            estimated_delivery: news.estimated_delivery.or(self.estimated_delivery),
            location: news.location.or_else(|| self.location.clone()),
        }
    }
}

/// How much of an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderPaymentStatus {
    /// Nothing.
    Unpaid,
    /// The money is reserved with the bank.
    Authorized,
    /// All of it.
    Paid,
    /// Some was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
    /// The customer's bank asks for it back.
    Disputed,
}

/// One line of an order, priced by the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    /// What.
    #[serde(flatten)]
    pub sku: Sku,
    /// What it was called when it was bought.
    pub name: Line,
    /// How many.
    pub quantity: Quantity,
    /// What one cost, in minor units of the order's currency.
    pub unit_amount: i64,
    /// How many of them were not in stock when the order was placed and are owed: 0 to `quantity`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backordered: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(pieces: &u32) -> bool {
    *pieces == 0
}

impl OrderLine {
    /// The pieces that were in stock, which are held for the order and then sold; `None` if there were none.
    pub fn in_stock(&self) -> Option<ReservedLine> {
        let quantity = Quantity::new(self.quantity.get().saturating_sub(self.backordered)).ok()?;
        Some(ReservedLine { sku: self.sku.clone(), quantity })
    }

    /// The line when no more than `available` pieces can be had now: the rest is owed.
    #[must_use]
    pub fn owing(&self, available: i64) -> Self {
        let had = u32::try_from(available.max(0)).unwrap_or(u32::MAX);
        Self { backordered: self.quantity.get().saturating_sub(had), ..self.clone() }
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name.
    pub id: OrderId,
    /// Who placed it.
    pub owner: UserId,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What it costs.
    pub total: Money,
    /// Where it is.
    pub status: OrderStatus,
    /// How much of it is paid.
    pub payment_status: OrderPaymentStatus,
    /// The holds on its stock; more than one for an order too large for one transaction.
    pub holds: Vec<ReservationId>,
    /// Where to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Line>,
    /// Where to send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<ShippingAddress>,
    /// Where it was seen on its way.
    #[serde(default, skip_serializing_if = "Tracking::is_empty")]
    pub tracking: Tracking,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Until when it must be paid.
    pub payable_until: Timestamp,
    /// Since when it has ended while holds of it may still be set aside or sold: of several only one ends with the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing_since: Option<Timestamp>,
    /// How many changes there were; 0 while a large order's stock is still being gathered.
    pub version: u64,
}

impl Order {
    /// The order one step on.
    pub fn become_status(&self, next: OrderStatus) -> Result<Self, InvalidTransition> {
        if !self.status.may_become(next) {
            return Err(InvalidTransition);
        }
        Ok(Self { status: next, version: self.version + 1, ..self.clone() })
    }

    /// The order, ended without having been paid. From then on none of its holds is sold; those that do not end with it
    /// are let go or, if they were sold by then, taken back.
    pub fn close(&self, status: OrderStatus, now: Timestamp) -> Result<Self, InvalidTransition> {
        if self.status != OrderStatus::PendingPayment {
            return Err(InvalidTransition);
        }
        let has_others = self.holds.len() > 1;
        Ok(Self { closing_since: has_others.then_some(now), ..self.become_status(status)? })
    }

    /// How holds end that end with it.
    pub const fn ending(&self) -> Ending {
        if matches!(self.status, OrderStatus::Expired) { Ending::Expire } else { Ending::Release }
    }

    /// The order one step on because somebody who works for the shop says so, with what they know of its way. Money is
    /// not moved by it.
    pub fn advance(&self, next: OrderStatus, news: Tracking) -> Result<Self, InvalidTransition> {
        if !next.is_set_by_hand() {
            return Err(InvalidTransition);
        }
        let tracking = self.tracking.updated(news);
        Ok(Self { tracking, ..self.become_status(next)? })
    }

    /// The order, paid.
    pub fn pay(&self) -> Result<Self, InvalidTransition> {
        let paid = self.become_status(OrderStatus::Paid)?;
        Ok(Self { payment_status: OrderPaymentStatus::Paid, ..paid })
    }

    /// The order, its stock sold, with the money only reserved.
    pub fn authorize(&self) -> Result<Self, InvalidTransition> {
        let secured = self.become_status(OrderStatus::Paid)?;
        Ok(Self { payment_status: OrderPaymentStatus::Authorized, ..secured })
    }

    /// The order after its reserved money was taken.
    #[must_use]
    pub fn capture(&self) -> Self {
        Self { payment_status: OrderPaymentStatus::Paid, version: self.version + 1, ..self.clone() }
    }

    /// The order after its reserved money was let go. It ends with it, unless it has left the house already.
    #[must_use]
    pub fn release(&self) -> Self {
        let unpaid = |order: Self| Self { payment_status: OrderPaymentStatus::Unpaid, ..order };
        let kept = || Self { version: self.version + 1, ..self.clone() };
        unpaid(self.become_status(OrderStatus::Cancelled).unwrap_or_else(|_| kept()))
    }

    /// The order after `refunded` of `captured` minor units went back.
    #[must_use]
    pub fn refunded(&self, refunded: i64, captured: i64) -> Self {
        let payment_status = match refunded {
            0 => OrderPaymentStatus::Paid,
            all if all >= captured => OrderPaymentStatus::Refunded,
            _ => OrderPaymentStatus::PartiallyRefunded,
        };
        Self { payment_status, version: self.version + 1, ..self.clone() }
    }

    /// The order after a bank asked for its money back.
    #[must_use]
    pub fn dispute(&self) -> Self {
        Self { payment_status: OrderPaymentStatus::Disputed, version: self.version + 1, ..self.clone() }
    }

    /// Whether what was bought in it is the buyer's: it was paid for, and not all of the money went back.
    pub const fn is_bought(&self) -> bool {
        use OrderPaymentStatus as P;
        matches!(self.payment_status, P::Paid | P::PartiallyRefunded) && !self.has_ended()
    }

    /// Whether it was called off or never paid in time.
    pub const fn has_ended(&self) -> bool {
        matches!(self.status, OrderStatus::Cancelled | OrderStatus::Expired)
    }

    /// Whether its pieces were sold. One that has ended does not know that by itself: those of one that was not paid were
    /// only held, and it was `called_off_paid` if its money was set aside to be given back with it.
    pub const fn has_sold(&self, called_off_paid: bool) -> bool {
        match self.status {
            OrderStatus::PendingPayment => false,
            OrderStatus::Cancelled | OrderStatus::Expired => called_off_paid,
            _ => true,
        }
    }

    /// Whether it can still be paid at `now`.
    pub fn is_payable(&self, now: Timestamp) -> bool {
        self.status == OrderStatus::PendingPayment && self.version > 0 && now < self.payable_until
    }
}

/// The number under which people know an order: `ORD-7K3M-9QXV-2B4T`. It is read from 60 random bits of the id, so it
/// needs no counter that all orders of a shop would wait for; that two of a million orders have the same is as likely as one
/// in two million.
pub fn number(id: &OrderId) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // no I, L, O, U: they are misread
    let tail = id.as_str().len().saturating_sub(15);
    let bits = id.as_str().get(tail..).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default();
    let digit = |place: u32| DIGITS.chars().nth(usize::try_from(bits >> (5 * place) & 31).unwrap_or(0));
    let group = |group: u32| (0..4).rev().filter_map(|place| digit(4 * group + place)).collect::<String>();
    format!("ORD-{}-{}-{}", group(2), group(1), group(0))
}

/// What lines cost together.
pub fn total(lines: &[OrderLine], currency: crate::Currency) -> Result<Money, MoneyError> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| {
        sum.plus(Money::new(line.unit_amount, currency).times(line.quantity.get())?)
    })
}
