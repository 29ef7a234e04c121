//! What came of each document, added up. Nothing of a file is left out: each of its parts is in one of these sums.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde::Serialize;

use super::{
    retail::{Credit, Invoice, Line, Pence, StockCode},
    seen::Spread,
};

/// Why a sale or a credit did not happen although it could have: a reason of ours, or the code that the shop gave.
pub type Reason = String;

/// Something broke on the way; what it was is in the problems.
pub const BROKEN: &str = "broken";

/// A credit's sale did not happen.
pub const SALE_REFUSED: &str = "sale_refused";

/// So much of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Invoices or credit notes.
    pub documents: u64,
    pub rows: u64,
    pub units: u64,
    pub pence: Pence,
}

/// What has come of the documents so far.
#[derive(Debug, Default)]
pub struct Tally {
    pub sold: Part,
    pub refused: BTreeMap<Reason, Part>,
    pub credited: Part,
    pub not_credited: BTreeMap<Reason, Part>,
    /// Refunds that the credited part took.
    pub refunds: u64,
    /// How long each checkout took, from placing the order to hearing that it is paid.
    pub checkouts: Spread,
    /// Units sold and not given back.
    pub gone: HashMap<(StockCode, Pence), i64>,
    /// What should not have happened, in words.
    pub problems: Vec<String>,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The shop had a reason.
    Refused(Reason),
    /// It should have been done.
    Broken(String),
}

/// What came of one document.
pub enum Outcome<'a> {
    Invoice {
        invoice: &'a Invoice,
        sold: Result<Duration, Denied>,
    },
    CreditNote {
        /// What came of each of its credits.
        credits: Vec<(&'a Credit, Result<(), Denied>)>,
        refunds: u64,
    },
}

impl Part {
    fn of_lines(lines: &[Line]) -> Self {
        Self {
            documents: 1,
            rows: lines.iter().map(|line| u64::from(line.rows)).sum(),
            units: lines.iter().map(|line| u64::from(line.quantity)).sum(),
            pence: lines.iter().map(|line| line.price.times(line.quantity)).sum(),
        }
    }

    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.rows += other.rows;
        self.units += other.units;
        self.pence.0 += other.pence.0;
    }

    fn add_credit(&mut self, credit: &Credit) {
        self.rows += u64::from(credit.rows);
        self.units += u64::from(credit.quantity);
        self.pence.0 += credit.price.times(credit.quantity).0;
    }

    /// All of several.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.add(*part);
        }
        all
    }
}

impl Tally {
    /// Takes note of what came of a document.
    pub fn note(&mut self, outcome: Outcome<'_>) {
        match outcome {
            Outcome::Invoice { invoice, sold } => self.note_invoice(invoice, sold),
            Outcome::CreditNote { credits, refunds } => {
                self.refunds += refunds;
                self.note_credits(credits);
            }
        }
    }

    fn note_invoice(&mut self, invoice: &Invoice, sold: Result<Duration, Denied>) {
        let part = Part::of_lines(&invoice.lines);
        match sold {
            Ok(took) => {
                self.sold.add(part);
                self.checkouts.add(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
                for line in &invoice.lines {
                    *self.gone.entry((line.code.clone(), line.price)).or_default() +=
                        i64::from(line.quantity);
                }
            }
            Err(denied) => {
                let reason = self.reason(&invoice.heading.number, denied);
                self.refused.entry(reason).or_default().add(part);
            }
        }
    }

    fn note_credits(&mut self, credits: Vec<(&Credit, Result<(), Denied>)>) {
        let mut credited = Part::default();
        let mut not_credited: BTreeMap<Reason, Part> = BTreeMap::new();
        for (credit, done) in credits {
            match done {
                Ok(()) => {
                    credited.documents = 1;
                    credited.add_credit(credit);
                    *self.gone.entry((credit.code.clone(), credit.price)).or_default() -=
                        i64::from(credit.quantity);
                }
                Err(denied) => {
                    let reason = self.reason(&credit.invoice, denied);
                    let part = not_credited.entry(reason).or_default();
                    part.documents = 1;
                    part.add_credit(credit);
                }
            }
        }
        self.credited.add(credited);
        for (reason, part) in not_credited {
            self.not_credited.entry(reason).or_default().add(part);
        }
    }

    fn reason(&mut self, document: &str, denied: Denied) -> Reason {
        match denied {
            Denied::Refused(reason) => reason,
            Denied::Broken(problem) => {
                self.problems.push(format!("{document}: {problem}"));
                BROKEN.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::retail::{Document, Retail};

    fn documents() -> Vec<Document> {
        let rows = "invoice,stock_code,description,quantity,invoice_ts,unit_price,customer_id,country\n\
            1,22752,BOX,3,2010-12-01 08:26:00,2.50,7,France\n\
            1,22753,JAR,1,2010-12-01 08:26:00,1.00,7,France\n\
            C2,22752,BOX,-2,2010-12-01 08:27:00,2.50,7,France\n";
        Retail::read(rows.as_bytes()).unwrap().documents
    }

    fn invoice(documents: &[Document]) -> &Invoice {
        let Document::Invoice(invoice) = &documents[0] else { panic!("the first document is an invoice") };
        invoice
    }

    fn credit(documents: &[Document]) -> &Credit {
        let Document::CreditNote(note) = &documents[1] else {
            panic!("the second document is a credit note")
        };
        &note.credits[0]
    }

    fn part(documents: u64, rows: u64, units: u64, pence: i64) -> Part {
        Part { documents, rows, units, pence: Pence(pence) }
    }

    #[test]
    fn what_was_sold_and_given_back_is_gone_no_more() {
        let documents = documents();
        let mut tally = Tally::default();
        tally.note(Outcome::Invoice { invoice: invoice(&documents), sold: Ok(Duration::from_millis(20)) });
        tally.note(Outcome::CreditNote { credits: vec![(credit(&documents), Ok(()))], refunds: 1 });
        assert_eq!(tally.sold, part(1, 2, 4, 850));
        assert_eq!(tally.credited, part(1, 1, 2, 500));
        let mut gone: Vec<_> = tally.gone.values().copied().collect();
        gone.sort_unstable();
        assert_eq!(gone, [1, 1]);
        assert_eq!(tally.checkouts.percentiles().max_ms, 20);
    }

    #[test]
    fn what_was_refused_is_counted_by_its_reason() {
        let documents = documents();
        let mut tally = Tally::default();
        for denied in [Denied::Refused("insufficient_stock".into()), Denied::Broken("500".into())] {
            tally.note(Outcome::Invoice { invoice: invoice(&documents), sold: Err(denied) });
        }
        let refused = Denied::Refused(SALE_REFUSED.into());
        tally.note(Outcome::CreditNote { credits: vec![(credit(&documents), Err(refused))], refunds: 0 });
        assert_eq!(tally.refused["insufficient_stock"], part(1, 2, 4, 850));
        assert_eq!(tally.refused[BROKEN], part(1, 2, 4, 850));
        assert_eq!(tally.not_credited[SALE_REFUSED], part(1, 1, 2, 500));
        assert_eq!(tally.problems, ["1: 500"]);
        assert_eq!((tally.sold, tally.credited, tally.gone.len()), (Part::default(), Part::default(), 0));
        assert_eq!(Part::sum(tally.refused.values()), part(2, 4, 8, 1_700));
    }
}
