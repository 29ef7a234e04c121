//! Calling an order off: its stock goes back, and its money if it was paid.

use contract::{ErrorCode, http::orders::OrderView};
use domain::{
    Line, OrderId, Permission, Principal, RefundId, ShopId,
    order::{Order, OrderStatus},
    payment::Refund,
    settlement::{Cancel, cancel},
};

use super::Orders;
use crate::{
    Error, Result,
    clock::derived,
    journal::Author,
    settlement::status_updated,
    store::{orders::StoredOrder, payments::StoredRefund},
};

/// The name of the refund with which a paid order is called off.
pub(crate) fn cancellation(shop: &ShopId, order: &OrderId) -> RefundId {
    RefundId::from_uuid(derived(&[shop.as_str(), order.as_str(), "cancel"]))
}

impl Orders {
    /// Calls an order off. An unpaid one gives its stock back; a paid one its stock and its money.
    pub async fn cancel(&self, who: &Principal, id: &OrderId, reason: Option<Line>) -> Result<OrderView> {
        let stored = self.owned(who, id, Permission::ActForCustomers).await?;
        let author = Author::of(who);
        let why = reason.as_ref().map_or("cancelled", Line::as_str);
        let ended = match cancel(&stored.order)? {
            Cancel::Nothing => stored,
            Cancel::CallOff => self.settlement.abandon(&author, &stored, OrderStatus::Cancelled, why).await?,
            Cancel::Void => {
                let payment = crate::payments::payment_id(&who.shop, id);
                self.settlement.void(&author, &payment).await?;
                self.store.order(&who.shop, id).await?.ok_or(Error::NotFound)?
            }
            Cancel::Refund(next) => self.cancel_paid(&author, stored, *next, reason).await?,
        };
        if ended.order.status != OrderStatus::Cancelled {
            return Err(Error::conflict(
                ErrorCode::InvalidTransition,
                "the order was paid meanwhile: cancel it again",
            ));
        }
        self.view(&who.shop, ended).await
    }

    /// Closes a paid order and begins to give its money back in one transaction, so that one never happens without
    /// the other; the pieces go back on the shelf when the money has gone.
    async fn cancel_paid(
        &self,
        author: &Author,
        stored: StoredOrder,
        next: Order,
        reason: Option<Line>,
    ) -> Result<StoredOrder> {
        let payment_id = crate::payments::payment_id(&author.shop, &next.id);
        let paid = self.store.payment(&author.shop, &payment_id).await?.ok_or(Error::NotFound)?;
        let refunds = self.store.refunds(&author.shop, &payment_id).await?;
        let (restock, seen) = self.settlement.not_yet_returned(author, &stored, &refunds).await?;
        let id = cancellation(&author.shop, &next.id);
        let rest = Refund::rest(&paid.payment, id, self.clock.now());
        let refund = Refund { reason: reason.clone(), restock, ..rest };
        let refund = StoredRefund { refund, fingerprint: String::new() };
        let notes = reason.map(String::from);
        let event = author.event(
            &self.clock,
            format!("order:{}", next.id),
            next.version,
            status_updated(&stored.order, &next, notes),
        );
        let begun = self.settlement.begin_refund(author, &paid, &refund, |transaction| {
            transaction.put_order(
                &self.store,
                &author.shop,
                &stored.with(next.clone()),
                stored.order.version,
            )?;
            transaction.journal_order(&self.store, &next.id, &event)?;
            // What is counted as still sold must not come back otherwise meanwhile.
            transaction.check_sale(&self.store, &author.shop, &next.id.clone().into(), seen)
        });
        if begun.await?.is_none() {
            return Err(Error::conflict(ErrorCode::VersionConflict, "the order has changed meanwhile"));
        }
        if let Err(error) = self.settlement.finish_refund(author, &payment_id, &refund.refund.id).await {
            tracing::warn!(order_id = %next.id, %error, "the refund of a cancelled order is left to the sweeper");
        }
        self.store.order(&author.shop, &next.id).await?.ok_or(Error::NotFound)
    }
}
