//! Refunds that staff asks for: whole, in part, or by the pieces that come back.

use contract::{
    ErrorCode,
    http::payments::{NewRefund, RefundView},
};
use domain::{
    PaymentId, Permission, Principal, RefundId,
    payment::{Payment, Refund, RefundError},
    reservation::{MAX_LINES, ReservedLine},
};

use super::Payments;
use crate::{
    Error, Result,
    idempotency::RequestKey,
    inventory::{aggregated, check_left},
    journal::Author,
    orders::cancellation,
    store::{Transaction, orders::check_fingerprint, payments::StoredRefund},
};

impl Payments {
    /// Gives money back, all that is left or some of it, and takes pieces back on the shelf if asked.
    pub async fn refund(
        &self,
        who: &Principal,
        id: &PaymentId,
        key: &RequestKey,
        mut new: NewRefund,
    ) -> Result<RefundView> {
        who.may(Permission::Refund)?;
        let author = Author::of(who);
        let refund_id = RefundId::from_uuid(key.name(who, "refund"));
        let items = match new.items.is_empty() {
            true => vec![],
            false => aggregated(std::mem::take(&mut new.items), MAX_LINES)?,
        };
        for _ in 0..8 {
            if let Some(begun) = self.store.refund(&who.shop, id, &refund_id).await? {
                check_fingerprint(&begun.fingerprint, &key.fingerprint)?;
                return Ok(refund_view(&self.settlement.finish_refund(&author, id, &refund_id).await?));
            }
            let paid = self.store.payment(&who.shop, id).await?.ok_or(Error::NotFound)?;
            let (restock, returns) = self.comes_back(who, &paid.payment, &new, &items).await?;
            let (of, now) = (refund_id.clone(), self.clock.now());
            let money = match new.amount {
                Some(amount) => Refund::of(&paid.payment, of, amount, now),
                None => Refund::rest(&paid.payment, of, now),
            };
            let refund = Refund { reason: new.reason.clone(), restock, ..money };
            refund
                .amount
                .check_chargeable()
                .map_err(|error| Error::field("amount", "invalid", error.to_string()))?;
            let stored = StoredRefund { refund, fingerprint: key.fingerprint.clone() };
            // What is counted as still sold must not come back otherwise meanwhile.
            let order = stored.refund.order_id.clone().into();
            let unchanged = |transaction: &mut Transaction| match stored.refund.restock.is_empty() {
                true => Ok(()),
                false => transaction.check_sale(&self.store, &who.shop, &order, returns),
            };
            if self.settlement.begin_refund(&author, &paid, &stored, unchanged).await?.is_some() {
                return Ok(refund_view(&self.settlement.finish_refund(&author, id, &refund_id).await?));
            }
        }
        Err(Error::busy())
    }

    /// What comes back with a refund, and with which version of the order's sale that was read; an error unless every one
    /// of `items` was sold in the payment's order and has not come back yet.
    async fn comes_back(
        &self,
        who: &Principal,
        payment: &Payment,
        new: &NewRefund,
        items: &[ReservedLine],
    ) -> Result<(Vec<ReservedLine>, u64)> {
        if items.is_empty() && new.amount.is_some() {
            return Ok((vec![], 0));
        }
        let order = self.store.order(&who.shop, &payment.order_id).await?.ok_or(Error::NotFound)?;
        if items.is_empty() && !order.order.has_ended() {
            return Ok((vec![], 0));
        }
        let refunds = self.store.refunds(&who.shop, &payment.id).await?;
        let (left, sale) = self.settlement.not_yet_returned(&Author::of(who), &order, &refunds).await?;
        let cancellation = cancellation(&who.shop, &order.order.id);
        let was_sold = order.order.has_sold(refunds.iter().any(|stored| stored.refund.id == cancellation));
        let left = if was_sold { left } else { vec![] };
        if items.is_empty() {
            // All that is left of an order that was called off: what was to come back with the money does.
            return Ok((left, sale));
        }
        check_left(&left, items)?;
        Ok((if new.restock { items.to_vec() } else { vec![] }, sale))
    }
}

pub(crate) fn refund_refused(error: RefundError) -> Error {
    match error {
        RefundError::NotPaid => Error::conflict(ErrorCode::InvalidTransition, error.to_string()),
        RefundError::ExceedsCaptured { .. } => {
            Error::conflict(ErrorCode::RefundExceedsCaptured, error.to_string())
        }
    }
}

fn refund_view(refund: &Refund) -> RefundView {
    RefundView {
        refund_id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        order_id: refund.order_id.clone(),
        amount: refund.amount,
        status: refund.status,
        restock: refund.restock.clone(),
        created_at: refund.created_at,
    }
}
