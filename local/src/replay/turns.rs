//! Whose turn it is: which documents must have ended before another one may begin.
//!
//! A refund waits for its sale, and a sale for the refunds before it that put the same goods back on the shelf; so the
//! stock that suffices one by one suffices for several at a time.

use std::{collections::HashMap, sync::Arc};

use domain::PaymentId;
use tokio::sync::watch;

use super::retail::{CreditNote, Document, Invoice, Pence, StockCode};

/// Which documents must have ended before another one's turn. They are always earlier ones, so somebody is never waited
/// for who waits.
#[derive(Default)]
pub struct Turns {
    sales: HashMap<Arc<str>, SaleKnown>,
    /// Credits that have begun, by what they put back on the shelf.
    credits: HashMap<(StockCode, Pence), Vec<watch::Receiver<bool>>>,
}

/// What a document waits for, and whom it tells when it has ended.
pub enum Turn<'d> {
    Sale { invoice: &'d Invoice, after: Vec<watch::Receiver<bool>>, done: watch::Sender<Sale> },
    Credit { note: &'d CreditNote, sales: HashMap<Arc<str>, SaleKnown>, done: watch::Sender<bool> },
}

impl Turns {
    /// The turn of the next document of the file.
    pub fn next<'d>(&mut self, document: &'d Document) -> Turn<'d> {
        match document {
            Document::Invoice(invoice) => self.sale(invoice),
            Document::CreditNote(note) => self.credit(note),
        }
    }

    fn sale<'d>(&mut self, invoice: &'d Invoice) -> Turn<'d> {
        let mut after = Vec::new();
        for line in &invoice.lines {
            let goods = (line.code.clone(), line.price);
            if let Some(credits) = self.credits.get_mut(&goods) {
                credits.retain(|done| !*done.borrow());
                after.extend(credits.iter().cloned());
                if credits.is_empty() {
                    self.credits.remove(&goods);
                }
            }
        }
        let (done, known) = watch::channel(Sale::UnderWay);
        self.sales.insert(invoice.heading.number.clone(), known);
        Turn::Sale { invoice, after, done }
    }

    fn credit<'d>(&mut self, note: &'d CreditNote) -> Turn<'d> {
        let (done, is_done) = watch::channel(false);
        let mut sales = HashMap::new();
        for credit in &note.credits {
            if let Some(sale) = self.sales.get(&credit.invoice) {
                sales.insert(credit.invoice.clone(), sale.clone());
            }
            let goods = (credit.code.clone(), credit.price);
            self.credits.entry(goods).or_default().push(is_done.clone());
        }
        Turn::Credit { note, sales, done }
    }
}

/// How a sale stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sale {
    UnderWay,
    Refused,
    Paid(PaymentId),
}

/// How a sale stands, as others see it.
pub type SaleKnown = watch::Receiver<Sale>;

/// The payment of a sale, when it has ended and there is one.
pub async fn paid(sale: &SaleKnown) -> Option<PaymentId> {
    let mut sale = sale.clone();
    // A sale that died was not paid.
    let ended = sale.wait_for(|sale| *sale != Sale::UnderWay).await.ok()?;
    match &*ended {
        Sale::Paid(payment) => Some(payment.clone()),
        Sale::UnderWay | Sale::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::retail::Retail;

    fn documents(rows: &[String]) -> Vec<Document> {
        let header = "invoice,stock_code,description,quantity,invoice_ts,unit_price,customer_id,country\n";
        let text = format!("{header}{}", rows.concat());
        Retail::read(text.as_bytes()).unwrap().documents
    }

    fn row(invoice: &str, code: &str, quantity: i64) -> String {
        format!("{invoice},{code},A thing,{quantity},2010-12-01 08:26:00,2.50,7,France\n")
    }

    fn waits_for(turn: &Turn<'_>) -> usize {
        match turn {
            Turn::Sale { after, .. } => after.len(),
            Turn::Credit { sales, .. } => sales.len(),
        }
    }

    #[test]
    fn a_credit_waits_for_its_sales_and_a_sale_for_credits_of_the_same_goods() {
        let rows = [
            row("1", "22752", 1),
            row("2", "22753", 1),
            row("C3", "22752", -1),
            row("4", "22752", 1),
            row("5", "22753", 1),
        ];
        let documents = documents(&rows);
        let mut turns = Turns::default();
        // All of them are under way until the end.
        let waiting: Vec<_> = documents.iter().map(|document| turns.next(document)).collect();
        assert_eq!(waiting.iter().map(waits_for).collect::<Vec<_>>(), [0, 0, 1, 1, 0]);
    }

    #[test]
    fn nobody_waits_for_a_credit_that_has_ended() {
        let rows = [row("1", "22752", 2), row("C2", "22752", -1), row("3", "22752", 1)];
        let documents = documents(&rows);
        let [sale, credit, later] = &documents[..] else { panic!("three documents") };
        let mut turns = Turns::default();
        turns.next(sale);
        let Turn::Credit { done, .. } = turns.next(credit) else { panic!("the second is a credit note") };
        done.send_replace(true);
        assert_eq!(waits_for(&turns.next(later)), 0);
        assert!(turns.credits.is_empty());
    }

    #[tokio::test]
    async fn a_sale_that_was_refused_has_no_payment() {
        for (ended, payment) in [
            (Sale::Refused, None),
            (Sale::Paid(PaymentId::new("pay_1").unwrap()), PaymentId::new("pay_1").ok()),
        ] {
            let (done, known) = watch::channel(Sale::UnderWay);
            let paid = tokio::spawn(async move { paid(&known).await });
            done.send_replace(ended);
            assert_eq!(paid.await.unwrap(), payment);
        }
        let (died, known) = watch::channel(Sale::UnderWay);
        drop(died);
        assert_eq!(paid(&known).await, None);
    }
}
