//! The shop's own desk: one agent's socket on the `shop` channel, where a replay hears that orders are paid and money
//! has gone back, as staff does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use contract::frames::{EventFrame, LiveEvent};
use domain::{OrderId, RefundId, order::OrderStatus, payment::RefundStatus};
use tokio::sync::oneshot;

/// Hears what happens, and tells whoever waits for it.
#[derive(Debug, Clone, Default)]
pub struct Desk(Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>);

impl Desk {
    /// Comes when the order is paid. Ask before it can be.
    pub fn paid(&self, order: &OrderId) -> oneshot::Receiver<()> {
        self.expect(order.as_str())
    }

    /// Comes when the refund has come to an end. It may have before this is asked.
    pub fn refunded(&self, refund: &RefundId) -> oneshot::Receiver<()> {
        self.expect(refund.as_str())
    }

    /// What the agent's socket brings.
    pub fn hear(&self, event: &EventFrame) {
        match &event.event {
            LiveEvent::OrderTrackingUpdated(step) if step.current_status == OrderStatus::Paid => {
                self.tell(step.order_id.as_str());
            }
            LiveEvent::RefundUpdated { refund_id, status, .. } if *status != RefundStatus::Pending => {
                self.tell(refund_id.as_str());
            }
            _ => {}
        }
    }

    fn expect(&self, id: &str) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.waiting().insert(id.to_owned(), tell);
        told
    }

    fn tell(&self, id: &str) {
        let waiting = self.waiting().remove(id);
        if waiting.is_some_and(|waiting| waiting.send(()).is_err()) {
            tracing::debug!(id, "nobody waits for this any more");
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
