//! Disputes: what a bank asks back is no longer surely the shop's, and its order says so.

use contract::Fact;
use domain::{
    DisputeId, PaymentId,
    payment::{Dispute, DisputeReport, DisputeStatus},
    settlement,
};

use super::{MAX_ROUNDS, Settlement, order_payment_updated};
use crate::{Error, Result, clock::derived, journal::Author, store::Transaction};

impl Settlement {
    /// Books how a dispute of a payment stands: on the dispute, its payment and its order.
    pub(crate) async fn book_dispute(
        &self,
        author: &Author,
        payment: &PaymentId,
        report: &DisputeReport,
    ) -> Result<()> {
        let id = DisputeId::from_uuid(derived(&[author.shop.as_str(), &report.stripe_id, "dispute"]));
        for _ in 0..MAX_ROUNDS {
            let known = self.store.dispute(&author.shop, &id).await?;
            let paid = self.store.payment(&author.shop, payment).await?.ok_or(Error::NotFound)?;
            let next = match &known {
                None => Some(Dispute::opened(id.clone(), &paid.payment, report)),
                Some(known) => known.hear(report),
            };
            let Some(next) = next else { return Ok(()) };
            let order = self.store.order(&author.shop, &next.order_id).await?.ok_or(Error::NotFound)?;
            let (disputed, after) = settlement::dispute(&paid.payment, &order.order, known.as_ref(), &next);
            let mut transaction = Transaction::default();
            let fact = dispute_updated(&next, known.as_ref().map(|known| known.status));
            self.write_payment(&mut transaction, author, &paid, &disputed, fact)?;
            let seen = known.map(|known| known.version);
            transaction.put_dispute(&self.store, &author.shop, &next, seen)?;
            if let Some(after) = after {
                let fact = order_payment_updated(&after, &disputed);
                let event = author.event(&self.clock, format!("order:{}", after.id), after.version, fact);
                transaction.put_order(&self.store, &author.shop, &order.with(after), order.order.version)?;
                transaction.journal_order(&self.store, &next.order_id, &event)?;
            }
            if self.store.commit(&transaction).await?.is_ok() {
                return Ok(());
            }
        }
        Err(Error::busy())
    }
}

fn dispute_updated(dispute: &Dispute, previous_status: Option<DisputeStatus>) -> Fact {
    Fact::DisputeUpdated {
        dispute_id: dispute.id.clone(),
        payment_id: dispute.payment_id.clone(),
        order_id: dispute.order_id.clone(),
        previous_status,
        status: dispute.status,
        reason: dispute.reason.clone(),
        amount: dispute.amount,
        due_by: dispute.due_by,
    }
}
