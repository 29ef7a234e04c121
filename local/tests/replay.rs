//! The shipped sample, played through a whole local cloud.
#![allow(clippy::unwrap_used, reason = "clippy takes helpers of tests for ordinary code")]

use std::{collections::BTreeMap, path::Path};

use indicatif::ProgressBar;
use local::{
    cloud::{LocalCloud, Options},
    replay::{
        Plan, Report, replay,
        retail::{Retail, Scarcity},
    },
};

async fn played(most: Option<usize>, scarcity: u32) -> Report {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let retail = Retail::open_part(&root.join("tests/data/online-retail-sample.csv.gz"), most).unwrap();
    let options = Options {
        parameters: BTreeMap::from([("ShopCurrency".to_owned(), "GBP".to_owned())]),
        ..Options::ephemeral(root.join("template.yaml"))
    };
    let cloud = LocalCloud::start(options).await.unwrap();
    let plan = Plan {
        url: cloud.http_url().to_owned(),
        is_alone: true,
        shoppers: 5,
        scarcity: Scarcity(scarcity),
        concurrency: 8,
    };
    let report = replay(&plan, &retail, &ProgressBar::hidden()).await.unwrap();
    cloud.stop().await;
    report
}

#[tokio::test]
async fn the_sample_balances_to_the_penny() {
    let report = played(None, 100).await;
    assert_eq!(report.imbalances, [""; 0], "{report}");
    assert_eq!(report.sold.documents, report.file.invoices);
    assert_eq!(report.sold.pence, report.file.revenue);
    assert_eq!(report.credited.units, report.file.units_credited);
    assert!(report.refused.is_empty() && report.not_credited.is_empty());
}

#[tokio::test]
async fn where_stock_is_scarce_sales_are_refused_and_the_books_still_balance() {
    let report = played(Some(25), 80).await;
    assert_eq!(report.imbalances, [""; 0], "{report}");
    assert!(report.refused.contains_key("insufficient_stock"), "{report}");
    assert!(report.sold.documents > 0, "{report}");
}
