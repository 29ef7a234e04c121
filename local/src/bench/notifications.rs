//! How soon people see what they are told, what a push costs beside npm `web-push`, and what it takes to tell a hundred
//! thousand.

mod bulk;
mod live;
mod pushes;
mod report;

use std::path::Path;

use clap::Args;

use super::{BenchError, peers::Peers, shop::Shop};

pub use report::NotificationsReport;

/// How much of each; 0 leaves one out.
#[derive(Debug, Clone, Copy, Args)]
pub struct Notifications {
    /// Orders that are called off, each by somebody who watches
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    events: u32,
    /// Orders called off a second
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    per_second: u32,
    /// Pushes that are encrypted and sent, on each side
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pushes: u32,
    /// People who are told the same, in requests of a thousand
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    recipients: u32,
    /// Without npm `web-push` beside it
    #[arg(long)]
    alone: bool,
}

/// Measures each in turn, in one shop.
pub async fn measure(template: &Path, asked: Notifications) -> Result<NotificationsReport, BenchError> {
    let peers = match asked.alone || asked.pushes == 0 {
        true => None,
        false => Some(Peers::beside(template, "web_push").await?),
    };
    let shop = Shop::open(template, |options| options).await?;
    let mut report = NotificationsReport::default();
    if asked.events > 0 {
        report.live = Some(live::measure(&shop, asked.events, asked.per_second).await?);
    }
    if asked.recipients > 0 {
        report.bulk = Some(bulk::measure(&shop, asked.recipients).await?);
    }
    // Last, because from then on this process has one processor only.
    if asked.pushes > 0 {
        report.pushes = Some(pushes::measure(&shop, peers.as_ref(), asked.pushes).await?);
    }
    shop.cloud.stop().await;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_is_told_every_push_arrives_and_every_unit_is_counted() {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let asked = Notifications { events: 3, per_second: 10, pushes: 20, recipients: 25, alone: true };
        let report = measure(&template, asked).await.unwrap();
        let live = report.live.as_ref().unwrap();
        assert_eq!((live.events, live.told), (3, 3), "{live:?}");
        assert!(live.milliseconds.p50 > 0.0, "{live:?}");
        let bulk = report.bulk.as_ref().unwrap();
        assert_eq!((bulk.recipients, bulk.told), (25, 25), "{bulk:?}");
        let written: f64 = bulk.functions.iter().map(|cost| cost.write_units).sum();
        let named: f64 = bulk.written.values().sum();
        assert!(written >= 2.0 && (written - named).abs() < 0.1, "{bulk:?}");
        let pushes = report.pushes.as_ref().unwrap();
        let accepted: Vec<_> = pushes.sides.iter().map(|side| (side.name, side.accepted)).collect();
        assert_eq!(accepted, [("shopwire", 20)]);
        assert!(pushes.sides.iter().all(|side| side.per_second > 0.0), "{pushes:?}");
    }
}
