//! Many changes of stock by hand in one request.

use std::collections::BTreeMap;

use contract::http::{
    inventory::{AdjustmentView, NewAdjustment},
    sales::{AdjustmentResult, AdjustmentsView, MAX_ADJUSTMENTS, NewAdjustments, RowError},
};
use domain::{Permission, Principal, stock::Sku};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Inventory;
use crate::{Error, Result, idempotency::Run};

/// So many levels are changed at a time.
const AT_ONCE: usize = 8;

impl Inventory {
    /// Changes up to 100 levels by hand, each by itself; changes of one level in the order of the request.
    ///
    /// # Errors
    /// If one of them could neither be made nor refused: the next run with the same key finds what this one did.
    pub async fn adjust_all(
        &self,
        who: &Principal,
        run: Run,
        new: NewAdjustments,
    ) -> Result<AdjustmentsView> {
        who.may(Permission::AdjustStock)?;
        let count = new.adjustments.len();
        if !(1..=MAX_ADJUSTMENTS).contains(&count) {
            let code = if count == 0 { "required" } else { "too_many" };
            return Err(Error::field("adjustments", code, format!("expected 1 to {MAX_ADJUSTMENTS}")));
        }
        let mut levels: BTreeMap<Sku, Vec<(usize, NewAdjustment)>> = BTreeMap::new();
        for (index, adjustment) in new.adjustments.into_iter().enumerate() {
            levels.entry(adjustment.sku.clone()).or_default().push((index, adjustment));
        }
        let run = &run;
        let changes = levels.into_values().map(|changes| async move {
            let mut results = Vec::with_capacity(changes.len());
            for (index, adjustment) in changes {
                let name = format!("movement-{index}");
                results.push((index, result(self.adjust_named(who, run, &name, adjustment).await)?));
            }
            Ok::<_, Error>(results)
        });
        let results: Vec<_> = stream::iter(changes).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut results: Vec<_> = results.into_iter().flatten().collect();
        results.sort_by_key(|(index, _)| *index);
        let results: Vec<AdjustmentResult> = results.into_iter().map(|(_, result)| result).collect();
        let succeeded = results.iter().filter(|result| result.success).count();
        Ok(AdjustmentsView { succeeded, failed: count - succeeded, results })
    }
}

/// What came of one change; an error that says nothing about it is one of the whole request.
fn result(outcome: Result<AdjustmentView>) -> Result<AdjustmentResult> {
    let refused =
        |error| Ok(AdjustmentResult { success: false, level: None, movement: None, error: Some(error) });
    match outcome {
        Ok(AdjustmentView { level, movement }) => {
            Ok(AdjustmentResult { success: true, level: Some(level), movement: Some(movement), error: None })
        }
        Err(Error::Invalid { code, detail, .. }) => refused(RowError { code, detail, items: vec![] }),
        Err(Error::Conflict { code, detail, shortage }) => {
            refused(RowError { code, detail, items: shortage })
        }
        Err(other) => Err(other),
    }
}
