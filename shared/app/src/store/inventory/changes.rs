//! How one level changes in one write, which reads nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{EventId, ShopId, Sku, stock::ChangeType};

use crate::{
    Error, Result,
    store::{
        Item,
        dynamo::{number, text, values},
    },
};

/// What is added to a level's counters, and what is noted in it.
pub struct LevelChange {
    counters: [i64; 3],
    notes: String,
    /// Values of its expression and its condition.
    pub values: Item,
}

impl LevelChange {
    /// Adds `counters` (pieces that can be sold, are set aside, are sold) to the level of `sku` for a reason.
    pub fn of(
        shop: &ShopId,
        sku: &Sku,
        (event, kind): (&EventId, ChangeType),
        counters: [i64; 3],
    ) -> Result<Self> {
        let kind =
            serde_dynamo::to_attribute_value(kind).map_err(|error| Error::internal(error.to_string()))?;
        let [available, reserved, committed] = counters;
        let values = values([
            (":available", number(available)),
            (":reserved", number(reserved)),
            (":committed", number(committed)),
            (":one", number(1)),
            (":shop", text(shop.as_str())),
            (":product", text(sku.product_id.as_str())),
            (":location", text(sku.location.as_str())),
            (":event", text(event.as_str())),
            (":kind", kind),
        ]);
        let notes = "shop_id = :shop, product_id = :product, #location = :location, last_event = :event, \
             last_change = :kind";
        let mut change = Self { counters, notes: notes.to_owned(), values };
        if let Some(variant) = &sku.variant_id {
            change.note("variant_id", text(variant.as_str()));
        }
        Ok(change)
    }

    /// Notes `value` in the attribute `name`.
    pub fn note(&mut self, name: &str, value: AttributeValue) {
        self.notes.extend([", ", name, " = :", name]);
        self.values.insert(format!(":{name}"), value);
    }

    /// The update expression.
    pub fn expression(&self) -> String {
        let notes = &self.notes;
        format!(
            "SET {notes} ADD available :available, reserved :reserved, committed :committed, version :one"
        )
    }

    /// What must be there for no counter to fall below nothing; conditions cannot do arithmetic. Whoever takes unaware
    /// of other buckets is refused if there are any.
    pub fn floor(&mut self, is_unaware: bool) -> Option<String> {
        let counters = ["available", "reserved", "committed"].into_iter().zip(self.counters);
        let mut needs = vec![];
        for (counter, difference) in counters.filter(|(_, difference)| *difference < 0) {
            let name = format!(":{counter}_needed");
            needs.push(format!("{counter} >= {name}"));
            self.values.insert(name, number(-difference));
        }
        if is_unaware {
            needs.push("attribute_not_exists(buckets)".into());
        }
        (!needs.is_empty()).then(|| needs.join(" AND "))
    }
}
