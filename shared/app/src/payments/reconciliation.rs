//! Whether orders agree with their payments.

use std::collections::BTreeMap;

use contract::http::payments::{PaymentDrift, PaymentReconciliation};
use domain::{
    Permission, Principal,
    order::{OrderPaymentStatus, OrderStatus},
    payment::{CaptureMethod, Payment, PaymentStatus},
};

use super::{Payments, payment_id};
use crate::{
    Result,
    store::{
        Cursor,
        orders::{Listed, StoredOrder},
    },
};

impl Payments {
    /// Compares a page of orders with their payments.
    pub async fn reconcile(
        &self,
        who: &Principal,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<PaymentReconciliation> {
        who.may(Permission::Refund)?;
        let (orders, next) = self.store.orders(&who.shop, Listed::All, limit, cursor).await?;
        let mut report = PaymentReconciliation {
            orders_checked: orders.len(),
            captured: BTreeMap::new(),
            refunded: BTreeMap::new(),
            drift: vec![],
            next_cursor: next.map(|cursor| cursor.to_string()),
        };
        for order in orders {
            let id = payment_id(&who.shop, &order.order.id);
            let payment = self.store.payment(&who.shop, &id).await?.map(|stored| stored.payment);
            if let Some(payment) = &payment {
                let currency = payment.amount.currency.code().to_owned();
                *report.captured.entry(currency.clone()).or_default() += payment.captured;
                *report.refunded.entry(currency).or_default() += payment.refunded;
            }
            if let Some(problem) = disagreement(&order, payment.as_ref()) {
                let payment_id = payment.map(|payment| payment.id);
                report.drift.push(PaymentDrift { order_id: order.order.id.clone(), payment_id, problem });
            }
        }
        Ok(report)
    }
}

/// What about an order and its payment does not agree, if anything.
fn disagreement(order: &StoredOrder, payment: Option<&Payment>) -> Option<String> {
    let is_sold = !matches!(
        order.order.status,
        OrderStatus::PendingPayment | OrderStatus::Expired | OrderStatus::Cancelled
    );
    let kept = payment.map_or(0, |payment| payment.captured - payment.refunded - payment.refunding);
    let received = payment.map_or(0, |payment| payment.captured);
    match payment {
        Some(payment) if payment.status == PaymentStatus::Review => {
            Some("the payment is under review".into())
        }
        Some(payment) if payment.status == PaymentStatus::Unknown => {
            Some("the payment's outcome is unknown".into())
        }
        Some(payment) if payment.status == PaymentStatus::Authorized => {
            let is_right = is_sold && order.order.payment_status == OrderPaymentStatus::Authorized;
            (!is_right).then(|| format!("money is reserved for an order that is {:?}", order.order.status))
        }
        // Of reserved money the shop may have taken less.
        _ if is_sold
            && received != order.order.total.amount
            && payment.is_none_or(|payment| payment.capture_method == CaptureMethod::Automatic) =>
        {
            Some(format!("{} was received for {}", received, order.order.total.amount))
        }
        _ if !is_sold && kept != 0 => {
            Some(format!("{kept} is kept for an order that is {:?}", order.order.status))
        }
        Some(payment) if is_sold => {
            let expected = order.order.refunded(payment.refunded, payment.captured).payment_status;
            let is_same = expected == order.order.payment_status
                || order.order.payment_status == OrderPaymentStatus::Disputed;
            (!is_same)
                .then(|| format!("the order says {:?}, the payment {expected:?}", order.order.payment_status))
        }
        _ => None,
    }
}
