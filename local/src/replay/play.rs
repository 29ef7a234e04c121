//! Plays the documents of a file through the shop: invoices as checkouts, credit notes as refunds.
//!
//! They begin in the order of the file, several at a time; [`Turns`] says who waits for whom.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use contract::http::{
    inventory::NewLine,
    orders::{NewCancellation, NewOrder, OrderView},
    payments::{IntentView, NewIntent, NewRefund, RefundView},
};
use domain::{
    PaymentId, order::OrderPaymentStatus, payment::RefundStatus, reservation::MAX_LINES, stock::Quantity,
};
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use tokio::time::timeout;

use super::{
    ReplayError,
    api::{Api, ApiError, Person},
    desk::Desk,
    opening::{pounds, sku},
    retail::{Credit, CreditNote, Invoice, Pence, Retail, StockCode},
    shoppers::{Buyer, Shoppers},
    tally::{Denied, Outcome, SALE_REFUSED, Tally},
    turns::{Sale, SaleKnown, Turn, Turns, paid},
};

/// How long the desk is listened to before somebody looks for themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often somebody looks.
const MOST_LOOKS: u32 = 60;

/// Everybody who is needed.
pub struct Stage<'a> {
    pub api: &'a Api,
    pub service: &'a Person,
    pub shoppers: &'a Shoppers,
    pub desk: &'a Desk,
    /// What makes keys of this run different from those of another.
    pub run: String,
}

impl Stage<'_> {
    /// Plays everything, `concurrency` documents at a time.
    pub async fn play(&self, retail: &Retail, concurrency: usize, progress: &ProgressBar) -> Tally {
        let mut turns = Turns::default();
        let acts = retail.documents.iter().map(|document| self.act(turns.next(document)));
        let mut outcomes = stream::iter(acts).buffer_unordered(concurrency);
        let mut tally = Tally::default();
        while let Some(outcome) = outcomes.next().await {
            tally.note(outcome);
            progress.inc(1);
        }
        tally
    }

    async fn act<'d>(&self, turn: Turn<'d>) -> Outcome<'d> {
        match turn {
            Turn::Sale { invoice, after, done } => {
                for mut credit in after {
                    // A credit that died has ended too.
                    drop(credit.wait_for(|is_done| *is_done).await);
                }
                let (sale, sold) = match self.check_out(invoice).await {
                    Ok((payment, took)) => (Sale::Paid(payment), Ok(took)),
                    Err(denied) => (Sale::Refused, Err(denied)),
                };
                done.send_replace(sale);
                Outcome::Invoice { invoice, sold }
            }
            Turn::Credit { note, sales, done } => {
                let outcome = self.give_back(note, sales).await;
                done.send_replace(true);
                outcome
            }
        }
    }

    /// Order, intent, card, webhook. Says what was paid, and how long it took until that was known.
    async fn check_out(&self, invoice: &Invoice) -> Result<(PaymentId, Duration), Denied> {
        let buyer = self.shoppers.buyer_of(invoice).await?;
        let order = new_order(invoice)?;
        let began = Instant::now();
        let key = self.key(&invoice.heading.number, "order");
        let placed: OrderView = self.api.post(&buyer.who, "/api/v1/orders", &key, &order).await?;
        if placed.total.amount != invoice.total().0 {
            let (asked, expected) = (placed.total.amount, invoice.total().0);
            return Err(Denied::Broken(format!("the shop asks {asked} for {expected}")));
        }
        if let Some(viewer) = buyer.viewer {
            viewer.follow(&placed.order_id);
        }
        match self.pay(&buyer, invoice, &placed).await {
            Ok(()) => Ok((placed.payment_id, began.elapsed())),
            Err(denied) => {
                let path = format!("/api/v1/orders/{}/cancel", placed.order_id);
                let key = self.key(&invoice.heading.number, "cancel");
                let nothing = NewCancellation::default();
                let _: OrderView = self.api.post(&buyer.who, &path, &key, &nothing).await?;
                Err(denied)
            }
        }
    }

    async fn pay(&self, buyer: &Buyer<'_>, invoice: &Invoice, placed: &OrderView) -> Result<(), Denied> {
        let order_id = placed.order_id.clone();
        let mut paid = self.desk.paid(&order_id);
        let key = self.key(&invoice.heading.number, "intent");
        let path = "/api/v1/payments/create-intent";
        let intent: IntentView =
            self.api.post(&buyer.who, path, &key, &NewIntent { order_id, capture_method: None }).await?;
        self.api.pay(&intent.client_secret, "pm_card_visa").await?;
        for _ in 0..MOST_LOOKS {
            if let Ok(Ok(())) = timeout(PATIENCE, &mut paid).await {
                return Ok(());
            }
            // What is not heard can be read.
            let path = format!("/api/v1/orders/{}", placed.order_id);
            let order: OrderView = self.api.get(&buyer.who, &path).await?;
            match order.payment_status {
                OrderPaymentStatus::Unpaid | OrderPaymentStatus::Authorized => {}
                _ => return Ok(()),
            }
        }
        Err(Denied::Broken("the order was not paid".to_owned()))
    }

    /// A refund for each sale that a credit note touches, 40 lines at a time.
    async fn give_back<'d>(&self, note: &'d CreditNote, sales: HashMap<Arc<str>, SaleKnown>) -> Outcome<'d> {
        let mut by_sale: BTreeMap<&Arc<str>, Vec<&Credit>> = BTreeMap::new();
        for credit in &note.credits {
            by_sale.entry(&credit.invoice).or_default().push(credit);
        }
        let mut refunds = 0;
        let mut done = Vec::new();
        for (invoice, credits) in by_sale {
            let payment = match sales.get(invoice) {
                Some(sale) => paid(sale).await,
                None => None,
            };
            for (number, credits) in credits.chunks(MAX_LINES).enumerate() {
                let given = match &payment {
                    Some(payment) => {
                        let name = format!("{}-{invoice}-{number}", note.heading.number);
                        self.refund(&name, payment, credits).await
                    }
                    None => Err(Denied::Refused(SALE_REFUSED.to_owned())),
                };
                refunds += u64::from(given.is_ok());
                done.extend(credits.iter().map(|credit| (*credit, given.clone())));
            }
        }
        Outcome::CreditNote { credits: done, refunds }
    }

    async fn refund(&self, name: &str, payment: &PaymentId, credits: &[&Credit]) -> Result<(), Denied> {
        let value: Pence = credits.iter().map(|credit| credit.price.times(credit.quantity)).sum();
        let items = credits.iter().map(|credit| line(&credit.code, credit.price, credit.quantity));
        let new = NewRefund {
            amount: Some(value.0),
            reason: domain::Line::new(format!("credit note {name}")).ok(),
            items: items.collect::<Result<_, _>>()?,
            restock: true,
        };
        let path = format!("/api/v1/payments/{payment}/refund");
        let key = self.key(name, "refund");
        let begun: RefundView = self.api.post(self.service, &path, &key, &new).await?;
        match begun.status {
            RefundStatus::Succeeded => return Ok(()),
            RefundStatus::Pending => {}
            RefundStatus::Failed | RefundStatus::Cancelled => {
                return Err(Denied::Refused("refund_failed".to_owned()));
            }
        }
        // It ends with a webhook, which may have come already: the same request then says how it ended.
        for _ in 0..MOST_LOOKS {
            let told = self.desk.refunded(&begun.refund_id);
            drop(timeout(PATIENCE, told).await);
            let refund: RefundView = self.api.post(self.service, &path, &key, &new).await?;
            match refund.status {
                RefundStatus::Succeeded => return Ok(()),
                RefundStatus::Pending => {}
                RefundStatus::Failed | RefundStatus::Cancelled => {
                    return Err(Denied::Refused("refund_failed".to_owned()));
                }
            }
        }
        Err(Denied::Broken("a refund did not end".to_owned()))
    }

    fn key(&self, document: &str, act: &str) -> String {
        format!("{}-{document}-{act}", self.run)
    }
}

fn new_order(invoice: &Invoice) -> Result<NewOrder, ReplayError> {
    let items = invoice.lines.iter().map(|sold| line(&sold.code, sold.price, sold.quantity));
    Ok(NewOrder {
        items: items.collect::<Result<_, _>>()?,
        currency: pounds()?,
        email: None,
        reservation_id: None,
        shipping_address: None,
    })
}

fn line(code: &StockCode, price: Pence, quantity: u32) -> Result<NewLine, ReplayError> {
    let sku = sku(code, price)?;
    let too_many = |_| ReplayError::Quantity { product: code.to_string(), quantity };
    Ok(NewLine {
        product_id: sku.product_id,
        variant_id: sku.variant_id,
        location: None,
        quantity: Quantity::new(quantity).map_err(too_many)?,
    })
}

impl From<ApiError> for Denied {
    fn from(error: ApiError) -> Self {
        match error.refusal() {
            Some(code) if is_a_reason(code) => Self::Refused(code.to_owned()),
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl From<ReplayError> for Denied {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Quantity { .. } => Self::Refused("quantity".to_owned()),
            ReplayError::Api(error) => error.into(),
            broken => Self::Broken(broken.to_string()),
        }
    }
}

/// Whether a shop may well refuse a sale or a refund so. Whatever else it says to a replay is a mistake of one of both.
fn is_a_reason(code: &str) -> bool {
    matches!(
        code,
        "insufficient_stock" | "reservation_expired" | "refund_exceeds_captured" | "invalid_transition"
    )
}
