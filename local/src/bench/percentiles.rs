//! The middle and the end of many durations.

use std::time::Duration;

use serde::Serialize;

/// Milliseconds, each of them seen (nearest rank).
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Percentiles {
    /// Those of `durations`; 0 if there are none.
    pub fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(rank).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
        };
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let shown =
            |Percentiles { p50, p99, max }: Percentiles| [p50, p99, max].map(|value| format!("{value:.1}"));
        let many = Percentiles::of((1..=200).map(Duration::from_millis));
        assert_eq!(shown(many), ["100.0", "198.0", "200.0"]);
        let one = Percentiles::of([Duration::from_millis(7)].into_iter());
        assert_eq!(shown(one), ["7.0", "7.0", "7.0"]);
    }
}
