//! Pricing: what an order's lines cost, and whether the catalog lets them be sold at all.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    ErrorCode,
    errors::Shortage,
    http::{catalog::ProductDetails, inventory::NewLine},
};
use domain::{
    Currency, ProductId, ShopId, Sku, order::OrderLine, product::NotSold, reservation::ReservedLine,
};
use jiff::civil::Date;

use crate::{Error, Result, inventory::aggregated, store::Dynamo};

/// The lines of an order, priced.
#[derive(Debug, Clone)]
pub(crate) struct Priced {
    /// One line for each SKU, in a fixed order.
    pub lines: Vec<OrderLine>,
    /// Products of which pieces that are not in stock may be owed.
    pub owable: BTreeSet<ProductId>,
}

/// What is asked for, to name what is wrong as the client numbered it.
struct Asked(Vec<Sku>);

impl Asked {
    fn refusal(&self, sku: &Sku, field: &str, code: &str, what: impl std::fmt::Display) -> Error {
        let index = self.0.iter().position(|asked| asked == sku).unwrap_or_default();
        Error::field(&format!("items[{index}].{field}"), code, format!("{} {what}", sku.product_id))
    }
}

/// Puts lines of the same kind together, at most `most` of them, and gives them the names and prices of the catalog.
///
/// # Errors
/// If something is not sold: unknown, without the variant that it needs, past its last day, too many for one order,
/// priced in another currency.
pub(crate) async fn price(
    store: &Dynamo,
    shop: &ShopId,
    today: Date,
    items: Vec<NewLine>,
    most: usize,
    currency: Currency,
) -> Result<Priced> {
    let asked = Asked(items.iter().cloned().map(|line| ReservedLine::from(line).sku).collect());
    let lines = aggregated(items, most)?;
    let mut ids: Vec<ProductId> = lines.iter().map(|line| line.sku.product_id.clone()).collect();
    ids.dedup(); // aggregated lines are sorted by product
    let products = store.products_named(shop, &ids).await?.into_iter();
    let products: BTreeMap<ProductId, ProductDetails> = products
        .filter(|found| !found.is_deleted)
        .map(|found| (found.product.product_id, found.product.details))
        .collect();
    admit(&asked, &lines, &products, today)?;
    let priced = lines.into_iter().map(|line| priced(&asked, line, &products, currency));
    let owable = products.iter().filter(|(_, details)| details.allow_backorder);
    Ok(Priced { lines: priced.collect::<Result<_>>()?, owable: owable.map(|(id, _)| id.clone()).collect() })
}

/// An error unless each product's terms allow so many pieces of it, all variants together.
fn admit(
    asked: &Asked,
    lines: &[ReservedLine],
    products: &BTreeMap<ProductId, ProductDetails>,
    today: Date,
) -> Result<()> {
    for of_one in lines.chunk_by(|a, b| a.sku.product_id == b.sku.product_id) {
        let Some(ReservedLine { sku, .. }) = of_one.first() else { continue };
        let Some(details) = products.get(&sku.product_id) else { continue };
        let pieces = of_one.iter().map(|line| u64::from(line.quantity.get())).sum();
        details.terms().admit(pieces, today).map_err(|error| match error {
            NotSold::Expired => asked.refusal(sku, "product_id", "expired", error),
            NotSold::TooMany(_) => asked.refusal(sku, "quantity", "too_many", error),
        })?;
    }
    Ok(())
}

fn priced(
    asked: &Asked,
    line: ReservedLine,
    products: &BTreeMap<ProductId, ProductDetails>,
    currency: Currency,
) -> Result<OrderLine> {
    let ReservedLine { sku, quantity } = line;
    let details = products
        .get(&sku.product_id)
        .ok_or_else(|| asked.refusal(&sku, "product_id", "unknown", "is not sold"))?;
    let price = match &sku.variant_id {
        None if details.variants.is_empty() => details.price,
        None => return Err(asked.refusal(&sku, "variant_id", "required", "is sold by variant: which one?")),
        Some(wanted) => {
            let variant = details.variants.iter().find(|variant| variant.variant_id == *wanted);
            let unknown = || asked.refusal(&sku, "variant_id", "unknown", "is not sold in this variant");
            variant.ok_or_else(unknown)?.price.unwrap_or(details.price)
        }
    };
    if price.currency != currency {
        let detail = format!("{} is priced in {}", sku.product_id, price.currency);
        return Err(Error::invalid(ErrorCode::CurrencyMismatch, detail));
    }
    Ok(OrderLine { name: details.name.clone(), quantity, unit_amount: price.amount, sku, backordered: 0 })
}

/// The lines of an order that found too little: what is missing of them is owed.
///
/// # Errors
/// The part of the `shortage` that may not be owed, if there is one.
pub(crate) fn owe(
    lines: &[OrderLine],
    shortage: Error,
    owable: &BTreeSet<ProductId>,
) -> Result<Vec<OrderLine>> {
    let short = match &shortage {
        Error::Conflict { shortage, .. } => shortage.clone(),
        _ => vec![],
    };
    if short.is_empty() {
        return Err(shortage);
    }
    let (owed, lacking): (Vec<Shortage>, Vec<Shortage>) =
        short.into_iter().partition(|missing| owable.contains(&missing.sku.product_id));
    if !lacking.is_empty() {
        return Err(Error::short_of(lacking));
    }
    let fitted = |line: &OrderLine| match owed.iter().find(|missing| missing.sku == line.sku) {
        Some(missing) => line.owing(missing.available_quantity),
        None => line.clone(),
    };
    Ok(lines.iter().map(fitted).collect())
}
