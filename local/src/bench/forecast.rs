//! How far the forecast of demand is from what happened: the last month of a real year, held out.

use std::{collections::BTreeMap, io::Write, path::Path};

use domain::forecast::{Smoothing, daily_rate};
use jiff::civil::Date;
use serde::Serialize;

use super::{BenchError, Report, table};
use crate::replay::retail::{Document, Retail, StockCode};

/// Days that are held out.
const HELD_OUT: i64 = 30;
/// The smoothing that is tried on the month before, each for occurrence and for size.
const TRIED: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3];

/// How far each method was from what happened.
#[derive(Debug, Serialize)]
pub struct ForecastReport {
    /// Products that were sold before the days that were held out.
    products: usize,
    /// Days that were known.
    days_known: usize,
    /// Days that were held out.
    days_held_out: i64,
    /// Pieces that were sold in these, less what came back.
    pieces: i64,
    /// The smoothing that was best in the month before.
    best_before: (f64, f64),
    methods: Vec<Method>,
}

/// How far one method was.
#[derive(Debug, Serialize)]
struct Method {
    name: &'static str,
    /// Mean absolute error of a product's pieces a day.
    mae: f64,
    /// Mean error: above nothing, it promised too much.
    bias: f64,
    /// The sum of absolute errors as a share of what was sold.
    wape: f64,
}

/// Demand by product and day, and on which day it begins.
struct Demand {
    days: Vec<Date>,
    products: BTreeMap<StockCode, Vec<i64>>,
}

/// Measures the forecast on a file of the UCI Online Retail data.
pub fn measure(file: &Path) -> Result<ForecastReport, BenchError> {
    let retail = Retail::open(file).map_err(|error| BenchError::Unexpected(error.to_string()))?;
    let demand = Demand::of(&retail)?;
    let all = demand.days.len();
    let held_out = usize::try_from(HELD_OUT).unwrap_or(usize::MAX);
    let known = all.checked_sub(held_out).filter(|known| *known > held_out);
    let known = known.ok_or_else(|| BenchError::Unexpected("the file is shorter than two months".into()))?;
    let before = known - held_out;
    let smoothings = TRIED
        .iter()
        .flat_map(|occurrence| TRIED.iter().map(|size| Smoothing { occurrence: *occurrence, size: *size }));
    let error_of =
        |smoothing: Smoothing| demand.error("", before, known, |known| daily_rate(known, smoothing)).mae;
    let best = smoothings.min_by(|a, b| error_of(*a).total_cmp(&error_of(*b))).unwrap_or_default();
    let mean = |days: &[i64]| {
        let sum = days.iter().sum::<i64>();
        real(sum) / real(i64::try_from(days.len()).unwrap_or(1).max(1))
    };
    let recent = move |known: &[i64]| mean(known.get(known.len().saturating_sub(28)..).unwrap_or_default());
    let methods = vec![
        demand.error("as it is built in", known, all, |known| daily_rate(known, Smoothing::default())),
        demand.error("the best of the month before", known, all, |known| daily_rate(known, best)),
        demand.error("naive: mean of all days", known, all, mean),
        demand.error("naive: mean of 28 days", known, all, recent),
        demand.error("nothing at all", known, all, |_| 0.0),
    ];
    let sold = |days: &Vec<i64>| days.iter().skip(known).sum::<i64>();
    Ok(ForecastReport {
        products: demand.known_by(known).count(),
        days_known: known,
        days_held_out: HELD_OUT,
        pieces: demand.known_by(known).map(|(_, days)| sold(days)).sum(),
        best_before: (best.occurrence, best.size),
        methods,
    })
}

impl Demand {
    fn of(retail: &Retail) -> Result<Self, BenchError> {
        let mut events: Vec<(Date, &StockCode, i64)> = vec![];
        for document in &retail.documents {
            match document {
                Document::Invoice(invoice) => events.extend(
                    invoice
                        .lines
                        .iter()
                        .map(|line| (invoice.heading.at.date(), &line.code, i64::from(line.quantity))),
                ),
                Document::CreditNote(note) => events.extend(
                    note.credits
                        .iter()
                        .map(|credit| (note.heading.at.date(), &credit.code, -i64::from(credit.quantity))),
                ),
            }
        }
        let empty = || BenchError::Unexpected("the file sells nothing".into());
        let first = events.iter().map(|(date, ..)| *date).min().ok_or_else(empty)?;
        let last = events.iter().map(|(date, ..)| *date).max().ok_or_else(empty)?;
        let days: Vec<Date> =
            first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last).collect();
        let mut products: BTreeMap<StockCode, Vec<i64>> = BTreeMap::new();
        for (date, code, pieces) in events {
            let demand = products.entry(code.clone()).or_insert_with(|| vec![0; days.len()]);
            if let Some(day) = days.binary_search(&date).ok().and_then(|index| demand.get_mut(index)) {
                *day += pieces;
            }
        }
        Ok(Self { days, products })
    }

    /// Products that were sold within the first `known` days.
    fn known_by(&self, known: usize) -> impl Iterator<Item = (&StockCode, &Vec<i64>)> {
        self.products.iter().filter(move |(_, days)| days.iter().take(known).any(|pieces| *pieces > 0))
    }

    /// How far `rate`, which sees the first `known` days, is from the days after them until `end`.
    fn error(&self, name: &'static str, known: usize, end: usize, rate: impl Fn(&[i64]) -> f64) -> Method {
        let days = real(i64::try_from(end - known).unwrap_or(1));
        let (mut absolute, mut signed, mut sold, mut count) = (0.0, 0.0, 0.0, 0.0);
        for (_, demand) in self.known_by(known) {
            let begin = demand.iter().position(|pieces| *pieces != 0).unwrap_or(0).min(known);
            let seen = demand.get(begin..known).unwrap_or_default();
            let actual = real(demand.get(known..end).unwrap_or_default().iter().sum()) / days;
            let error = rate(seen) - actual;
            absolute += error.abs();
            signed += error;
            sold += actual;
            count += 1.0;
        }
        Method { name, mae: absolute / count, bias: signed / count, wape: absolute / sold }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a year's demand is far below 2^52 pieces")]
fn real(pieces: i64) -> f64 {
    pieces as f64
}

impl Report for ForecastReport {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Self { products, days_known, days_held_out, pieces, best_before, methods } = self;
        writeln!(
            out,
            "{products} products, {days_known} days known, {days_held_out} held out ({pieces} pieces)"
        )?;
        writeln!(out, "best of the month before: occurrence {}, size {}\n", best_before.0, best_before.1)?;
        let row = |method: &Method| {
            [
                method.name.to_owned(),
                format!("{:.3}", method.mae),
                format!("{:+.3}", method.bias),
                format!("{:.1} %", method.wape * 100.0),
            ]
        };
        let rows: Vec<_> = methods.iter().map(row).collect();
        table::write(out, ["pieces a day and product", "MAE", "bias", "WAPE"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sold_evenly_is_forecast_without_error() {
        let days: Vec<Date> =
            jiff::civil::date(2026, 1, 1).series(jiff::Span::new().days(1)).take(90).collect();
        let text = days.iter().fold(
            "invoice,stock_code,description,quantity,invoice_ts,unit_price,customer_id,country\n".to_owned(),
            |text, day| {
                let number = 500_000 + i32::from(day.day_of_year());
                format!("{text}{number},10001,A LAMP,4,{day} 10:00:00,1.50,12345,France\n")
            },
        );
        let retail = Retail::read(text.as_bytes()).unwrap();
        let demand = Demand::of(&retail).unwrap();
        let method = demand.error("", 60, 90, |known| daily_rate(known, Smoothing::default()));
        assert!(method.mae < 1e-9 && method.bias.abs() < 1e-9, "{method:?}");
        let none = demand.error("", 60, 90, |_| 0.0);
        assert!((none.mae - 4.0).abs() < 1e-9 && (none.wape - 1.0).abs() < 1e-9, "{none:?}");
    }
}
