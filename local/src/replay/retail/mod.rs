//! The UCI Online Retail file: a year of a real shop's invoices and credit notes, as typed values.
//!
//! The rules, each of which a test holds:
//!
//! - **Products**: one for each stock code, in upper case (`85123a` and `85123A` are one product). Its name is its most
//!   frequent description, its list price the unit price charged most often (of equals the lower).
//! - **Prices**: the file's prices differ from invoice to invoice, so each price ever charged for a product is a variant of
//!   it and a line is sold as the variant of its own price. Revenue therefore agrees with the file to the penny.
//! - **Lines**: rows of one invoice with the same product and price are one line.
//! - **Opening stock**: the largest running total of sales less matched credits over the whole file, so that every sale can
//!   be served. A [`Scarcity`] below 100 % provokes refusals.
//! - **Credit notes**: a credited row is matched to earlier sales of the same customer and product, as far as they were not
//!   credited yet: those at the row's own price first, the latest first. A row without a match, which every row without a
//!   customer is, is excluded as [`Exclusion::CreditWithoutSale`]; what a partly matched row has over is counted in units.
//! - **Exclusions**: whatever else cannot be sold is counted by its reason. Every row is sold, credited or excluded.

mod ledger;
mod rows;

use std::{collections::BTreeMap, fmt, fs::File, io::BufReader, path::Path, sync::Arc};

use flate2::bufread::MultiGzDecoder;
use jiff::civil::DateTime;
use serde::Serialize;

use self::ledger::Ledger;

/// A product's code, in upper case: `85123A`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct StockCode(Arc<str>);

impl StockCode {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StockCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Pounds sterling in pence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Pence(pub i64);

impl Pence {
    /// The price of so many.
    #[must_use]
    pub fn times(self, quantity: u32) -> Self {
        Self(self.0 * i64::from(quantity))
    }
}

impl std::iter::Sum for Pence {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self(all.map(|pence| pence.0).sum())
    }
}

/// A product as the file shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Product {
    pub code: StockCode,
    pub name: String,
    pub list_price: Pence,
    /// One for each price ever charged, the lowest first.
    pub variants: Vec<Variant>,
    /// What serves every sale of the file, whatever its variant.
    pub opening_stock: u32,
}

/// A product at one of its prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variant {
    pub price: Pence,
    /// What serves every sale of the file at this price, where variants hold stock of their own.
    pub opening_stock: u32,
}

/// The share of the needed stock that a shop begins with, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scarcity(pub u32);

impl Scarcity {
    /// So much of `stock`, rounded down.
    pub fn of(self, stock: u32) -> u32 {
        u32::try_from(u64::from(stock) * u64::from(self.0) / 100).unwrap_or(u32::MAX)
    }
}

/// An invoice or a credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    Invoice(Invoice),
    CreditNote(CreditNote),
}

/// What a document says at its top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// `536365`, or `C536379` of a credit note.
    pub number: Arc<str>,
    /// Local time in London.
    pub at: DateTime,
    /// A quarter of the rows has none.
    pub customer: Option<Arc<str>>,
    pub country: Arc<str>,
}

/// A sale with at least one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub heading: Heading,
    pub lines: Vec<Line>,
}

impl Invoice {
    /// What it comes to.
    pub fn total(&self) -> Pence {
        self.lines.iter().map(|line| line.price.times(line.quantity)).sum()
    }
}

/// So many of a product at a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub code: StockCode,
    /// Of one piece.
    pub price: Pence,
    pub quantity: u32,
    /// How many rows of the file it stands for.
    pub rows: u32,
}

/// Goods that came back, with at least one matched sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote {
    pub heading: Heading,
    pub credits: Vec<Credit>,
}

/// A part of a sale that is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// The invoice that sold it.
    pub invoice: Arc<str>,
    pub code: StockCode,
    /// The price at which it was sold, which is what goes back. The note's own price is not always the same.
    pub price: Pence,
    pub quantity: u32,
    /// How many rows of the file it stands for. A row that gives back parts of several sales counts with the first.
    pub rows: u32,
}

/// Why a row is not played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// Not what the columns promise: a broken number or time, a price with fractions of a penny, an unknown kind of document.
    Malformed,
    /// Postage, fees, samples, manual lines: the stock code does not begin with five digits.
    Service,
    /// The unit price is nought or less.
    NoPrice,
    /// The quantity is nought or has the wrong sign: below nought on an invoice, above on a credit note.
    QuantityNotPositive,
    /// A credit note for something that was not sold to this customer, or that has been credited already.
    CreditWithoutSale,
}

/// What became of the file's rows, and the sums that a replay must reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All rows but the header.
    pub rows: u64,
    pub rows_sold: u64,
    pub rows_credited: u64,
    pub rows_excluded: BTreeMap<Exclusion, u64>,
    pub invoices: u64,
    pub credit_notes: u64,
    pub units_sold: u64,
    pub revenue: Pence,
    pub units_credited: u64,
    /// At the prices of the sales.
    pub value_credited: Pence,
    /// Units that partly matched rows have over.
    pub units_credited_without_sale: u64,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RetailError {
    /// It cannot be opened or decompressed.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// Its first line is not the header of this data set.
    #[error("this is not the Online Retail data set: its columns should be {expected}, but are {found}")]
    Header { expected: String, found: String },
    /// Its text is not CSV.
    #[error("the file is not CSV")]
    Csv(#[from] csv::Error),
}

/// A file that has been read whole.
#[derive(Debug)]
pub struct Retail {
    /// Every product that is sold, by code.
    pub products: BTreeMap<StockCode, Product>,
    /// Invoices and credit notes in the order in which the file begins them.
    pub documents: Vec<Document>,
    /// Sums over all of it.
    pub totals: Totals,
}

impl Retail {
    /// Reads a file, plain or compressed with gzip.
    pub fn open(path: &Path) -> Result<Self, RetailError> {
        Self::open_part(path, None)
    }

    /// Reads a file until it would begin one invoice more than `most`. The rest of it might as well not exist:
    /// catalogue, stock, credits and sums are of what was read.
    pub fn open_part(path: &Path, most: Option<usize>) -> Result<Self, RetailError> {
        let mut file = BufReader::new(File::open(path)?);
        let is_compressed = std::io::BufRead::fill_buf(&mut file)?.starts_with(&[0x1f, 0x8b]);
        if is_compressed {
            Self::read_part(MultiGzDecoder::new(file), most)
        } else {
            Self::read_part(file, most)
        }
    }

    /// Reads the file's plain text.
    pub fn read(text: impl std::io::Read) -> Result<Self, RetailError> {
        Self::read_part(text, None)
    }

    fn read_part(text: impl std::io::Read, most: Option<usize>) -> Result<Self, RetailError> {
        let file = rows::read(text, most)?;
        let mut ledger = Ledger::new(file.count, file.excluded);
        let documents = file.sheets.into_iter().filter_map(|sheet| ledger.enter(sheet)).collect();
        let (products, totals) = ledger.close(&file.names);
        Ok(Self { products, documents, totals })
    }
}

#[cfg(test)]
mod tests;
