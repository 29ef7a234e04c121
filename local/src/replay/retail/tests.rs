//! The rules of the data set, case by case.

use super::*;

const HEADER: &str = "invoice,stock_code,description,quantity,invoice_ts,unit_price,customer_id,country\n";

fn read(rows: &str) -> Retail {
    Retail::read(format!("{HEADER}{rows}").as_bytes()).unwrap()
}

fn row(invoice: &str, code: &str, quantity: i64, price: &str, customer: &str) -> String {
    format!("{invoice},{code},A thing,{quantity},2010-12-01 08:26:00,{price},{customer},France\n")
}

fn code(text: &str) -> StockCode {
    StockCode(text.into())
}

fn excluded(retail: &Retail, reason: Exclusion) -> u64 {
    retail.totals.rows_excluded.get(&reason).copied().unwrap_or_default()
}

fn credits(retail: &Retail) -> Vec<(&str, i64, u32)> {
    let notes = retail.documents.iter().filter_map(|document| match document {
        Document::CreditNote(note) => Some(note),
        Document::Invoice(_) => None,
    });
    notes
        .flat_map(|note| &note.credits)
        .map(|credit| (&*credit.invoice, credit.price.0, credit.quantity))
        .collect()
}

/// Counts and sums once more from the documents, knowing nothing of how they came about.
fn assert_books_balance(retail: &Retail) {
    let totals = &retail.totals;
    let out: u64 = totals.rows_excluded.values().sum();
    assert_eq!(totals.rows, totals.rows_sold + totals.rows_credited + out);
    let (mut units, mut revenue, mut rows, mut back) = (0, 0, 0, 0);
    let mut stock: BTreeMap<(&StockCode, Pence), i64> = BTreeMap::new();
    for product in retail.products.values() {
        let all: i64 = product.variants.iter().map(|variant| i64::from(variant.opening_stock)).sum();
        assert!(
            all >= i64::from(product.opening_stock)
                && product.variants.iter().any(|it| it.price == product.list_price)
        );
        stock.extend(
            product.variants.iter().map(|it| ((&product.code, it.price), i64::from(it.opening_stock))),
        );
    }
    for document in &retail.documents {
        match document {
            Document::Invoice(invoice) => {
                assert!(!invoice.lines.is_empty());
                revenue += invoice.total().0;
                for line in &invoice.lines {
                    units += u64::from(line.quantity);
                    rows += u64::from(line.rows);
                    let left = stock.get_mut(&(&line.code, line.price)).unwrap();
                    *left -= i64::from(line.quantity);
                    assert!(*left >= 0, "{} is refused", line.code);
                }
            }
            Document::CreditNote(note) => {
                for credit in &note.credits {
                    back += u64::from(credit.quantity);
                    *stock.get_mut(&(&credit.code, credit.price)).unwrap() += i64::from(credit.quantity);
                }
            }
        }
    }
    assert_eq!(
        (units, revenue, rows, back),
        (totals.units_sold, totals.revenue.0, totals.rows_sold, totals.units_credited)
    );
}

#[test]
fn rows_of_one_product_and_price_are_one_line() {
    let rows = [
        row("1", "85123A", 6, "2.55", "7"),
        row("2", "85123A", 1, "2.55", "8"),
        row("1", "85123a", 2, "2.55", "7"),
        row("1", "85123A", 3, "2.95", "7"),
    ];
    let retail = read(&rows.concat());
    let Document::Invoice(invoice) = &retail.documents[0] else { panic!("the first is an invoice") };
    let lines: Vec<_> = invoice.lines.iter().map(|line| (line.price.0, line.quantity, line.rows)).collect();
    assert_eq!(lines, [(255, 8, 2), (295, 3, 1)]);
    assert_eq!((invoice.total(), retail.documents.len()), (Pence(2925), 2));
    let product = &retail.products[&code("85123A")];
    assert_eq!((product.list_price, product.variants.len(), product.opening_stock), (Pence(255), 2, 12));
    assert_books_balance(&retail);
}

#[test]
fn every_row_that_cannot_be_sold_is_counted_by_its_reason() {
    let rows = [
        row("1", "POST", 1, "18.00", "7"),
        row("1", "22752", 1, "0", "7"),
        row("1", "22752", -1, "1.00", "7"),
        row("C2", "22752", 1, "1.00", "7"),
        row("A3", "22752", 1, "1.00", "7"),
        row("1", "22752", 1, "0.001", "7"),
        row("1", "22752", 99_999_999_999, "1.00", "7"),
        row("1", "22752/1", 1, "1.00", "7"),
        "1,22752,short\n".to_owned(),
        "1,22752,A thing,1,yesterday,1.00,7,France\n".to_owned(),
        row("C4", "22752", -1, "1.00", "7"),
    ];
    let retail = read(&rows.concat());
    assert_eq!(excluded(&retail, Exclusion::Service), 1);
    assert_eq!(excluded(&retail, Exclusion::NoPrice), 1);
    assert_eq!(excluded(&retail, Exclusion::QuantityNotPositive), 2);
    assert_eq!(excluded(&retail, Exclusion::Malformed), 6);
    assert_eq!(excluded(&retail, Exclusion::CreditWithoutSale), 1);
    assert!(retail.documents.is_empty() && retail.products.is_empty());
    assert_books_balance(&retail);
}

#[test]
fn credits_take_their_own_price_first_and_the_latest_sale_first() {
    let sales = [
        row("1", "22752", 5, "1.00", "7"),
        row("2", "22752", 5, "1.00", "7"),
        row("3", "22752", 5, "2.00", "7"),
        row("4", "22752", 5, "1.00", "8"),
    ];
    let retail = read(
        &(sales.concat() + &row("C5", "22752", -12, "1.00", "7") + &row("C6", "22752", -9, "1.00", "7")),
    );
    assert_eq!(credits(&retail), [("2", 100, 5), ("1", 100, 5), ("3", 200, 2), ("3", 200, 3)]);
    assert_eq!((retail.totals.units_credited, retail.totals.units_credited_without_sale), (15, 6));
    assert_eq!(retail.totals.value_credited, Pence(2000));
    assert_books_balance(&retail);
}

#[test]
fn what_was_not_sold_before_cannot_be_credited() {
    let rows = [
        row("C1", "22752", -1, "1.00", "7"),
        row("2", "22752", 1, "1.00", "7"),
        row("C3", "22752", -1, "1.00", ""),
    ];
    let retail = read(&rows.concat());
    assert_eq!((credits(&retail), excluded(&retail, Exclusion::CreditWithoutSale)), (vec![], 2));
}

#[test]
fn opening_stock_is_the_largest_running_total() {
    let rows = [
        row("1", "22752", 5, "1.00", "7"),
        row("C2", "22752", -4, "1.00", "7"),
        row("3", "22752", 3, "1.00", "7"),
    ];
    let retail = read(&rows.concat());
    assert_eq!(retail.products[&code("22752")].opening_stock, 5);
    assert_eq!((Scarcity(100).of(5), Scarcity(50).of(5), Scarcity(0).of(5)), (5, 2, 0));
    assert_books_balance(&retail);
}

#[test]
fn a_product_is_called_what_it_is_called_most_often() {
    let named = |name: &str| row("1", "22752", 1, "1.00", "7").replace("A thing", name);
    let retail = read(&[named("?"), named("BOX"), named("BOX"), named(""), named("")].concat());
    assert_eq!(retail.products[&code("22752")].name, "BOX");
}

#[test]
fn another_file_is_refused_by_its_header() {
    let error = Retail::read("a,b\n1,2\n".as_bytes()).unwrap_err();
    assert!(error.to_string().ends_with("but are a,b"), "{error}");
    assert!(Retail::open(Path::new("/nowhere")).is_err());
}

#[test]
fn the_sample_is_read_whole() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/online-retail-sample.csv.gz");
    let retail = Retail::open(&sample).unwrap();
    assert_books_balance(&retail);
    let totals = &retail.totals;
    assert!(totals.rows_credited > 0 && totals.rows_excluded.len() >= 3, "{totals:?}");
    let longest = retail.documents.iter().map(|document| match document {
        Document::Invoice(invoice) => invoice.lines.len(),
        Document::CreditNote(_) => 0,
    });
    assert!(longest.max() > Some(40));
    insta::assert_json_snapshot!(totals, @r#"
    {
      "rows": 3093,
      "rows_sold": 3009,
      "rows_credited": 33,
      "rows_excluded": {
        "service": 14,
        "no_price": 10,
        "credit_without_sale": 27
      },
      "invoices": 122,
      "credit_notes": 25,
      "units_sold": 26668,
      "revenue": 5697505,
      "units_credited": 107,
      "value_credited": 47100,
      "units_credited_without_sale": 2
    }
    "#);
}

/// The whole file is not in the repository; set `ONLINE_RETAIL` to its path to read it too.
#[test]
fn the_whole_file_is_read_if_it_is_there() {
    let Some(path) = std::env::var_os("ONLINE_RETAIL") else {
        return;
    };
    let retail = Retail::open(Path::new(&path)).unwrap();
    assert_books_balance(&retail);
    insta::assert_json_snapshot!(retail.totals, @r#"
    {
      "rows": 451127,
      "rows_sold": 438597,
      "rows_credited": 6506,
      "rows_excluded": {
        "service": 2627,
        "no_price": 2232,
        "credit_without_sale": 1165
      },
      "invoices": 16863,
      "credit_notes": 2674,
      "units_sold": 4708663,
      "revenue": 857832584,
      "units_credited": 158490,
      "value_credited": 26049190,
      "units_credited_without_sale": 492
    }
    "#);
}

#[test]
fn a_part_of_the_file_ends_before_one_invoice_too_many() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/online-retail-sample.csv.gz");
    let part = Retail::open_part(&sample, Some(10)).unwrap();
    assert_books_balance(&part);
    assert_eq!(part.totals.invoices, 10);
    assert!(part.totals.rows < 300, "{:?}", part.totals);
}

#[test]
fn credits_stand_for_every_credited_row_once() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/online-retail-sample.csv.gz");
    let retail = Retail::open(&sample).unwrap();
    let rows = retail.documents.iter().flat_map(|document| match document {
        Document::Invoice(_) => [].iter(),
        Document::CreditNote(note) => note.credits.iter(),
    });
    let rows: u64 = rows.map(|credit| u64::from(credit.rows)).sum();
    assert_eq!(rows, retail.totals.rows_credited);
}
