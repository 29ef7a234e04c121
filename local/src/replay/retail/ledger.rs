//! Goes through the documents in order: aggregates lines, matches credits, finds how much stock it all needs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Credit, CreditNote, Document, Exclusion, Heading, Invoice, Line, Pence, Product, StockCode, Totals,
    Variant,
    rows::{Names, Row, Sheet},
};

/// What the documents so far have come to.
pub struct Ledger {
    /// Sales that can still be credited, in file order.
    standing: HashMap<(Arc<str>, StockCode), Vec<Sale>>,
    goods: BTreeMap<StockCode, Goods>,
    totals: Totals,
}

struct Sale {
    invoice: Arc<str>,
    price: Pence,
    left: u32,
}

#[derive(Default)]
struct Goods {
    all: Running,
    by_price: BTreeMap<Pence, Running>,
}

/// A running total, the largest it has been, and how many rows made it up.
#[derive(Default)]
struct Running {
    now: i64,
    peak: i64,
    rows: u64,
}

impl Running {
    fn add(&mut self, quantity: i64) {
        self.now += quantity;
        self.peak = self.peak.max(self.now);
    }

    fn stock(&self) -> u32 {
        u32::try_from(self.peak).unwrap_or(u32::MAX)
    }
}

impl Ledger {
    /// A ledger for a file of so many rows, some of which have been excluded.
    pub fn new(rows: u64, excluded: BTreeMap<Exclusion, u64>) -> Self {
        let totals = Totals { rows, rows_excluded: excluded, ..Totals::default() };
        Self { standing: HashMap::new(), goods: BTreeMap::new(), totals }
    }

    /// Enters a document and returns what of it is to be played.
    pub fn enter(&mut self, sheet: Sheet) -> Option<Document> {
        if sheet.is_credit {
            self.credit(sheet.heading, &sheet.rows).map(Document::CreditNote)
        } else {
            Some(Document::Invoice(self.sell(sheet.heading, sheet.rows)))
        }
    }

    fn sell(&mut self, heading: Heading, rows: Vec<Row>) -> Invoice {
        let mut lines: Vec<Line> = Vec::new();
        let mut at: HashMap<(StockCode, Pence), usize> = HashMap::new();
        for Row { code, price, quantity } in rows {
            let index = *at.entry((code.clone(), price)).or_insert(lines.len());
            match lines.get_mut(index) {
                Some(line) => {
                    line.quantity = line.quantity.saturating_add(quantity);
                    line.rows += 1;
                }
                None => lines.push(Line { code, price, quantity, rows: 1 }),
            }
        }
        for line in &lines {
            self.move_goods(&line.code, line.price, line.quantity.into(), line.rows.into());
            self.totals.rows_sold += u64::from(line.rows);
            self.totals.units_sold += u64::from(line.quantity);
            self.totals.revenue.0 += line.price.times(line.quantity).0;
            if let Some(customer) = &heading.customer {
                let sale = Sale { invoice: heading.number.clone(), price: line.price, left: line.quantity };
                self.standing.entry((customer.clone(), line.code.clone())).or_default().push(sale);
            }
        }
        self.totals.invoices += 1;
        Invoice { heading, lines }
    }

    fn credit(&mut self, heading: Heading, rows: &[Row]) -> Option<CreditNote> {
        let mut credits: Vec<Credit> = Vec::new();
        for row in rows {
            let matched = self.matches(heading.customer.as_ref(), row);
            let quantity: u32 = matched.iter().map(|credit| credit.quantity).sum();
            if quantity == 0 {
                *self.totals.rows_excluded.entry(Exclusion::CreditWithoutSale).or_default() += 1;
                continue;
            }
            self.totals.rows_credited += 1;
            self.totals.units_credited += u64::from(quantity);
            self.totals.units_credited_without_sale += u64::from(row.quantity - quantity);
            for credit in matched {
                self.totals.value_credited.0 += credit.price.times(credit.quantity).0;
                self.move_goods(&credit.code, credit.price, -i64::from(credit.quantity), 0);
                let same = |known: &&mut Credit| {
                    known.invoice == credit.invoice
                        && known.code == credit.code
                        && known.price == credit.price
                };
                match credits.iter_mut().find(same) {
                    Some(known) => {
                        known.quantity += credit.quantity;
                        known.rows += credit.rows;
                    }
                    None => credits.push(credit),
                }
            }
        }
        if credits.is_empty() {
            return None;
        }
        self.totals.credit_notes += 1;
        Some(CreditNote { heading, credits })
    }

    /// Takes the row's quantity from standing sales: at its own price first, the latest first.
    fn matches(&mut self, customer: Option<&Arc<str>>, row: &Row) -> Vec<Credit> {
        let Some(customer) = customer else {
            return Vec::new();
        };
        let Some(sales) = self.standing.get_mut(&(customer.clone(), row.code.clone())) else {
            return Vec::new();
        };
        let mut wanted = row.quantity;
        let mut credits = Vec::new();
        for is_own_price in [true, false] {
            for sale in sales.iter_mut().rev().filter(|sale| (sale.price == row.price) == is_own_price) {
                let quantity = wanted.min(sale.left);
                if quantity == 0 {
                    continue;
                }
                wanted -= quantity;
                sale.left -= quantity;
                let (invoice, code) = (sale.invoice.clone(), row.code.clone());
                credits.push(Credit {
                    invoice,
                    code,
                    price: sale.price,
                    quantity,
                    rows: u32::from(credits.is_empty()),
                });
            }
        }
        sales.retain(|sale| sale.left > 0);
        credits
    }

    fn move_goods(&mut self, code: &StockCode, price: Pence, quantity: i64, rows: u64) {
        let goods = self.goods.entry(code.clone()).or_default();
        goods.all.add(quantity);
        let at_price = goods.by_price.entry(price).or_default();
        at_price.add(quantity);
        at_price.rows += rows;
    }

    /// The catalogue and the sums.
    pub fn close(self, names: &Names) -> (BTreeMap<StockCode, Product>, Totals) {
        let product = |(code, goods): (StockCode, Goods)| {
            let most =
                |(_, one): &(&Pence, &Running), (_, other): &(&Pence, &Running)| one.rows.cmp(&other.rows);
            // Of equals `max_by` takes the last, so from high to low the lowest.
            let list_price =
                goods.by_price.iter().rev().max_by(most).map(|(price, _)| *price).unwrap_or_default();
            let name = names.get(&code).and_then(|names| names.iter().rev().max_by_key(|(_, count)| **count));
            let name = name.map_or_else(|| code.to_string(), |(name, _)| name.clone());
            let variant = |(price, running): (&Pence, &Running)| Variant {
                price: *price,
                opening_stock: running.stock(),
            };
            let variants = goods.by_price.iter().map(variant).collect();
            let opening_stock = goods.all.stock();
            (code.clone(), Product { code, name, list_price, variants, opening_stock })
        };
        (self.goods.into_iter().map(product).collect(), self.totals)
    }
}
