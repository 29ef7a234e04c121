//! How long stock will last: a daily rate from past demand, and days of cover.
//!
//! Most things are not sold every day, so an average over the days on which they were would promise too much. The rate
//! is that of Teunter, Syntetos and Babai (2011, "Intermittent demand: linking forecasting to inventory
//! obsolescence"): how likely a day has any demand and how large demand is when there is some are smoothed each by
//! itself, and multiplied. A thing that nobody buys any more fades, day by day.

/// How quickly the estimates follow what happens; both between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// The share of the latest day in how likely demand is.
    pub occurrence: f64,
    /// The share of the latest day with demand in how large it is.
    pub size: f64,
}

impl Default for Smoothing {
    /// What had the smallest error in the last month but one of the Online Retail data; how it did in the last is in
    /// `docs/performance.md`.
    fn default() -> Self {
        Self { occurrence: 0.1, size: 0.05 }
    }
}

/// So many days at the beginning say where the estimates start.
const WARM_UP: usize = 28;

/// Pieces a day that are to be expected after `demand`, one number for each day, oldest first; nothing after nothing.
///
/// Demand is what was sold less what came back. A day on which more came back than was sold counts as one without
/// demand.
pub fn daily_rate(demand: &[i64], smoothing: Smoothing) -> f64 {
    let first = demand.get(..demand.len().min(WARM_UP)).unwrap_or_default();
    let with_demand: Vec<f64> =
        first.iter().filter(|pieces| **pieces > 0).map(|pieces| real(*pieces)).collect();
    if demand.is_empty() {
        return 0.0;
    }
    let mut occurrence = count(with_demand.len()) / count(first.len());
    let mut size = match with_demand.len() {
        0 => 0.0,
        days => with_demand.iter().sum::<f64>() / count(days),
    };
    for pieces in demand {
        let pieces = real((*pieces).max(0));
        if pieces > 0.0 {
            // The first demand ever is all that is known about its size.
            size = if size > 0.0 { size + smoothing.size * (pieces - size) } else { pieces };
            occurrence += smoothing.occurrence * (1.0 - occurrence);
        } else {
            occurrence -= smoothing.occurrence * occurrence;
        }
    }
    occurrence * size
}

/// For how many days `available` pieces last at `rate` pieces a day; `None` if nobody buys any.
pub fn days_of_cover(available: i64, rate: f64) -> Option<f64> {
    (rate > 1e-9).then(|| real(available.max(0)) / rate)
}

#[expect(clippy::cast_precision_loss, reason = "a day's demand is far below 2^52 pieces")]
fn real(pieces: i64) -> f64 {
    pieces as f64
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 days")]
fn count(days: usize) -> f64 {
    days as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn even_demand_goes_on() {
        let rate = daily_rate(&[4; 60], Smoothing::default());
        assert!((rate - 4.0).abs() < 1e-9, "{rate}");
        assert_eq!(days_of_cover(20, rate).map(f64::round), Some(5.0));
    }

    #[test]
    fn demand_every_seventh_day_is_a_seventh_of_it_a_day() {
        let week = [0, 0, 0, 0, 0, 0, 14];
        let demand: Vec<i64> = week.into_iter().cycle().take(7 * 52).collect();
        let rate = daily_rate(&demand, Smoothing::default());
        assert!((1.5..2.8).contains(&rate), "{rate}");
    }

    #[test]
    fn what_nobody_buys_any_more_fades() {
        let demand: Vec<i64> = [10; 90].into_iter().chain([0; 90]).collect();
        let rate = daily_rate(&demand, Smoothing::default());
        assert!(rate < 0.2, "{rate}");
        assert_eq!(days_of_cover(5, daily_rate(&[0; 30], Smoothing::default())), None);
        assert_eq!(days_of_cover(5, daily_rate(&[], Smoothing::default())), None);
    }

    #[test]
    fn more_returns_than_sales_are_no_demand() {
        assert!(daily_rate(&[-5, -1, 0], Smoothing::default()).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_rate_lies_between_nothing_and_the_most_that_was_sold_in_a_day(
            demand in proptest::collection::vec(-20_i64..100, 1..200),
            occurrence in 0.0_f64..1.0, size in 0.0_f64..1.0,
        ) {
            let rate = daily_rate(&demand, Smoothing { occurrence, size });
            let most = real((*demand.iter().max().unwrap()).max(0));
            prop_assert!(rate >= 0.0 && rate <= most + 1e-9, "{}", rate);
        }
    }
}
