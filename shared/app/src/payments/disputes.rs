//! Disputes, as those who run the shop see them.

use contract::http::{Page, payments::DisputeView};
use domain::{
    DisputeId, Permission, Principal,
    payment::{Dispute, DisputeStatus, Payment},
};

use super::Payments;
use crate::{Error, Result, journal::Author, store::Cursor};

impl Payments {
    /// A page of disputes, those of one status or all, the last opened first.
    pub async fn disputes(
        &self,
        who: &Principal,
        status: Option<DisputeStatus>,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<DisputeView>> {
        who.may(Permission::Refund)?;
        let (disputes, next) = self.store.disputes(&who.shop, status, limit, cursor).await?;
        let data = disputes.into_iter().map(dispute_view).collect();
        Ok(Page { data, next_cursor: next.map(|cursor| cursor.to_string()) })
    }

    /// A dispute.
    pub async fn dispute(&self, who: &Principal, id: &DisputeId) -> Result<DisputeView> {
        who.may(Permission::Refund)?;
        self.store.dispute(&who.shop, id).await?.map(dispute_view).ok_or(Error::NotFound)
    }

    /// Asks Stripe how a dispute of a payment stands. What a webhook says of it may be old news.
    pub(super) async fn hear_dispute(
        &self,
        author: &Author,
        payment: &Payment,
        stripe_id: &str,
    ) -> Result<()> {
        let asked_at = self.clock.now();
        let found = self.settlement.stripe.dispute(stripe_id).await?;
        let Some(report) = found.report(asked_at) else {
            tracing::error!(stripe_id, "a dispute of a kind that is not known");
            return Ok(());
        };
        if !payment.status.is_final() {
            // Nobody has told yet that the money came: it is booked before it is asked back.
            self.ask_about(author, payment, report.intent_id.as_deref()).await?;
        }
        self.settlement.book_dispute(author, &payment.id, &report).await
    }
}

fn dispute_view(dispute: Dispute) -> DisputeView {
    DisputeView {
        dispute_id: dispute.id,
        payment_id: dispute.payment_id,
        order_id: dispute.order_id,
        status: dispute.status,
        reason: dispute.reason,
        amount: dispute.amount,
        due_by: dispute.due_by,
        stripe_id: dispute.stripe_id,
        opened_at: dispute.opened_at,
        version: dispute.version,
    }
}
