//! The rows of the file, sorted into what can be played and why the rest cannot.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    sync::Arc,
};

use csv::StringRecord;

use super::{Exclusion, Heading, Pence, RetailError, StockCode};

const COLUMNS: [&str; 8] = [
    "invoice",
    "stock_code",
    "description",
    "quantity",
    "invoice_ts",
    "unit_price",
    "customer_id",
    "country",
];

/// How often each description of a product occurs.
pub type Names = HashMap<StockCode, BTreeMap<String, u64>>;

/// The file, before its credits are matched.
pub struct Rows {
    /// How many there are, excluded ones included.
    pub count: u64,
    pub sheets: Vec<Sheet>,
    pub names: Names,
    pub excluded: BTreeMap<Exclusion, u64>,
}

/// The usable rows of one document.
pub struct Sheet {
    pub heading: Heading,
    pub is_credit: bool,
    pub rows: Vec<Row>,
}

/// A usable row; quantities are positive on either kind of sheet.
pub struct Row {
    pub code: StockCode,
    pub price: Pence,
    pub quantity: u32,
}

/// Reads the rows until one would begin one invoice more than `most`; none is too many if there is no `most`. The rows
/// of one document need not stand together, and once in the file they do not.
pub fn read(text: impl Read, most: Option<usize>) -> Result<Rows, RetailError> {
    // Flexible: a row with too few fields is excluded as malformed, not the end of the file.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    check_header(reader.headers()?)?;
    let mut rows = Rows { count: 0, sheets: Vec::new(), names: Names::new(), excluded: BTreeMap::new() };
    let mut known = Known { invoices_left: most, ..Known::default() };
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let taken = StringRecord::from_byte_record(record.clone())
            .map_err(|_| Exclusion::Malformed)
            .and_then(|record| known.take(&record, &mut rows));
        match taken {
            Ok(Taken::Row) => {}
            Ok(Taken::OneTooMany) => break,
            Err(reason) => *rows.excluded.entry(reason).or_default() += 1,
        }
        rows.count += 1;
    }
    Ok(rows)
}

fn check_header(found: &StringRecord) -> Result<(), RetailError> {
    if found.iter().eq(COLUMNS) {
        return Ok(());
    }
    let found: String = found.iter().collect::<Vec<_>>().join(",").chars().take(200).collect();
    Err(RetailError::Header { expected: COLUMNS.join(","), found })
}

/// Texts that occur again and again, and the sheets begun so far.
#[derive(Default)]
struct Known {
    texts: HashMap<String, Arc<str>>,
    sheets: HashMap<Arc<str>, usize>,
    /// How many more invoices are wanted; all, if that is not said.
    invoices_left: Option<usize>,
}

/// What became of a row that can be used.
enum Taken {
    /// It is on its sheet.
    Row,
    /// It begins an invoice that is not wanted.
    OneTooMany,
}

impl Known {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(text.to_owned(), new.clone());
        new
    }

    fn take(&mut self, record: &StringRecord, rows: &mut Rows) -> Result<Taken, Exclusion> {
        let fields: [&str; 8] =
            record.iter().collect::<Vec<_>>().try_into().map_err(|_| Exclusion::Malformed)?;
        let [number, code, description, quantity, at, price, customer, country] = fields.map(str::trim);
        if !is_goods(code) {
            return Err(Exclusion::Service);
        }
        let is_credit = kind_of(number)?;
        let at = at.parse().map_err(|_| Exclusion::Malformed)?;
        let quantity: i64 = quantity.parse().map_err(|_| Exclusion::Malformed)?;
        let price = pence(price)?;
        if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Err(Exclusion::Malformed);
        }
        if price <= Pence(0) {
            return Err(Exclusion::NoPrice);
        }
        let quantity = if is_credit { -quantity } else { quantity };
        if quantity <= 0 {
            return Err(Exclusion::QuantityNotPositive);
        }
        let quantity = u32::try_from(quantity).map_err(|_| Exclusion::Malformed)?;
        if !is_credit && !self.sheets.contains_key(number) {
            match &mut self.invoices_left {
                Some(0) => return Ok(Taken::OneTooMany),
                Some(left) => *left -= 1,
                None => {}
            }
        }
        let code = StockCode(self.text(&code.to_uppercase()));
        if !description.is_empty() {
            let names = rows.names.entry(code.clone()).or_default();
            *names.entry(description.to_owned()).or_default() += 1;
        }
        let number = self.text(number);
        let customer = (!customer.is_empty()).then(|| self.text(customer));
        let country = self.text(country);
        let index = *self.sheets.entry(number.clone()).or_insert_with(|| {
            let heading = Heading { number, at, customer, country };
            rows.sheets.push(Sheet { heading, is_credit, rows: Vec::new() });
            rows.sheets.len() - 1
        });
        if let Some(sheet) = rows.sheets.get_mut(index) {
            sheet.rows.push(Row { code, price, quantity });
        }
        Ok(Taken::Row)
    }
}

/// Whether the number is that of a credit note. Adjustments (`A…`) are neither kind.
fn kind_of(number: &str) -> Result<bool, Exclusion> {
    let (is_credit, digits) = number.strip_prefix('C').map_or((false, number), |digits| (true, digits));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(is_credit) } else { Err(Exclusion::Malformed) }
}

fn is_goods(code: &str) -> bool {
    code.bytes().take_while(u8::is_ascii_digit).count() >= 5
}

/// `2.5` as 250; more than two decimals are taken only if they are noughts.
fn pence(text: &str) -> Result<Pence, Exclusion> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let (cents, rest) = decimals.split_at_checked(2).unwrap_or((decimals, ""));
    let is_number =
        whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit()) && !digits.is_empty();
    if !is_number || rest.bytes().any(|byte| byte != b'0') {
        return Err(Exclusion::Malformed);
    }
    let all: i64 = format!("0{whole}{cents:0<2}").parse().map_err(|_| Exclusion::Malformed)?;
    Ok(Pence(sign * all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact() {
        for (text, expected) in
            [("2.55", 255), ("2.1", 210), ("3", 300), ("0.001", -1), (".5", 50), ("1.230", 123), ("0", 0)]
        {
            assert_eq!(pence(text).map_or(-1, |pence| pence.0), expected, "{text}");
        }
        assert_eq!(pence("-11062.06"), Ok(Pence(-1_106_206)));
        for text in ["", "-", "1,5", "1.2.3", "nan", "99999999999999999999"] {
            assert_eq!(pence(text), Err(Exclusion::Malformed), "{text}");
        }
    }
}
