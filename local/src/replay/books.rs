//! What the shop's own books say after a replay: stock against its ledger, orders against payments, level by level.

use std::collections::{BTreeMap, HashMap};

use contract::http::{
    inventory::{LevelView, StockDrift, StockReconciliation, StockView},
    payments::{PaymentDrift, PaymentReconciliation},
};
use domain::{ProductId, VariantId};
use serde::Serialize;

use super::{
    api::{Api, ApiError, Person},
    opening::product_id,
    retail::{Pence, Retail},
};

/// How many products are read at once: the most that can be asked for.
const PRODUCTS: usize = 100;

/// How many products are compared at once. Each brings its whole ledger, and a function has seconds for all of them.
const PRODUCTS_COMPARED: usize = 10;

/// How many orders are compared at once.
const ORDERS_COMPARED: usize = 50;

/// What reconciliation found.
#[derive(Debug, Default, Serialize)]
pub struct Reconciliation {
    pub levels_checked: usize,
    pub movements_checked: usize,
    pub stock_drift: Vec<StockDrift>,
    pub orders_checked: usize,
    pub payment_drift: Vec<PaymentDrift>,
    /// Received for all orders.
    pub captured: Pence,
    /// Given back.
    pub refunded: Pence,
}

/// Every level of the file's products.
pub type Levels = HashMap<(ProductId, Option<VariantId>), LevelView>;

/// What the shop's books say at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub levels: Levels,
    pub reconciliation: Reconciliation,
}

impl Snapshot {
    pub async fn read(api: &Api, service: &Person, retail: &Retail) -> Result<Self, ApiError> {
        Ok(Self {
            levels: levels(api, service, retail).await?,
            reconciliation: reconcile(api, service).await?,
        })
    }
}

/// Compares everything, page by page.
async fn reconcile(api: &Api, service: &Person) -> Result<Reconciliation, ApiError> {
    let mut found = Reconciliation::default();
    let mut cursor = None;
    loop {
        let path = page("/api/v1/inventory/reconciliation", PRODUCTS_COMPARED, cursor.as_deref());
        let part: StockReconciliation = api.get(service, &path).await?;
        found.levels_checked += part.levels_checked;
        found.movements_checked += part.movements_checked;
        found.stock_drift.extend(part.drift);
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let path = page("/api/v1/payments/reconciliation", ORDERS_COMPARED, cursor.as_deref());
        let part: PaymentReconciliation = api.get(service, &path).await?;
        found.orders_checked += part.orders_checked;
        found.payment_drift.extend(part.drift);
        found.captured.0 += in_pounds(&part.captured);
        found.refunded.0 += in_pounds(&part.refunded);
        cursor = part.next_cursor;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Reads every level of the file's products.
async fn levels(api: &Api, service: &Person, retail: &Retail) -> Result<Levels, ApiError> {
    let codes: Vec<_> = retail.products.keys().map(product_id).collect();
    let mut levels = Levels::new();
    for codes in codes.chunks(PRODUCTS) {
        let path = format!("/api/v1/inventory?product_ids={}", codes.join(","));
        let views: Vec<StockView> = api.get(service, &path).await?;
        for level in views.into_iter().filter_map(|view| view.in_full).flat_map(|view| view.by_location) {
            levels.insert((level.sku.product_id.clone(), level.sku.variant_id.clone()), level);
        }
    }
    Ok(levels)
}

fn page(path: &str, limit: usize, cursor: Option<&str>) -> String {
    match cursor {
        Some(cursor) => format!("{path}?limit={limit}&cursor={cursor}"),
        None => format!("{path}?limit={limit}"),
    }
}

fn in_pounds(sums: &BTreeMap<String, i64>) -> i64 {
    sums.get("GBP").copied().unwrap_or_default()
}
