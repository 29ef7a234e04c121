//! What a request writes, by the kinds of its rows: so that every write unit has a name.

use std::collections::BTreeMap;

use dynoxide::types::{Item, item_size, write_capacity_units};
use serde::Deserialize;
use serde_json::Value;

/// One row that a request writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    table: String,
    kind: String,
    /// What the row costs outside a transaction; unknown for an update, which does not show the whole row.
    units: Option<f64>,
}

/// The writes of a request, in its order; none if it only reads.
pub fn of(body: &Value) -> Vec<Write> {
    let table = body.get("TableName").and_then(Value::as_str);
    let alone = table.and_then(|table| write(table, body));
    let acts = body.get("TransactItems").and_then(Value::as_array);
    let acts = acts.into_iter().flatten().filter_map(Value::as_object);
    let acts = acts.flat_map(|act| act.values());
    let together = acts.filter_map(|act| write(act.get("TableName")?.as_str()?, act));
    let batches = body.get("RequestItems").and_then(Value::as_object);
    let batched = batches.into_iter().flatten().flat_map(|(table, rows)| {
        let rows = rows.as_array().into_iter().flatten().filter_map(Value::as_object);
        let rows = rows.flat_map(|row| row.values());
        rows.filter_map(|row| write(table, row))
    });
    alone.into_iter().chain(together).chain(batched).collect()
}

/// Shares what a table's rows cost in all among the kinds of rows that were written to it.
///
/// AWS says only the sum. Rows that are shown whole cost what their size says; what is left is of the others.
pub fn share(operation: &str, table: &str, writes: &[Write], total: f64) -> BTreeMap<String, f64> {
    let factor = if operation.starts_with("Transact") { 2.0 } else { 1.0 };
    let writes: Vec<_> = writes.iter().filter(|write| write.table == table).collect();
    let mut shares = BTreeMap::<String, f64>::new();
    let mut left = total;
    for write in &writes {
        let units = (write.units.unwrap_or(1.0) * factor).min(left);
        left -= units;
        *shares.entry(write.kind.clone()).or_default() += units;
    }
    if left > 0.0 {
        let hidden = writes.iter().find(|write| write.units.is_none());
        let kind = hidden.or(writes.first()).map_or("other", |write| write.kind.as_str());
        *shares.entry(kind.to_owned()).or_default() += left;
    }
    shares
}

fn write(table: &str, act: &Value) -> Option<Write> {
    let item = act.get("Item");
    let key = item.or_else(|| act.get("Key"))?;
    let text = |name: &str| key.get(name)?.get("S")?.as_str();
    Some(Write {
        table: table.to_owned(),
        kind: kind(text("pk")?, text("sk")?),
        units: item
            .and_then(|item| Item::deserialize(item).ok())
            .map(|item| write_capacity_units(item_size(&item))),
    })
}

/// `order` for `shop#order#ord_1` / `order`, `order journal` for `shop#order#ord_1` / `j#000001`: what the partition
/// is about, and which row of it. A sort key without a `#` is an id, or repeats the former.
fn kind(pk: &str, sk: &str) -> String {
    let mut parts = pk.split('#');
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let about = if third.is_some() { second } else { first };
    let about = about.unwrap_or(pk);
    match sk.split_once('#') {
        Some(("j", _)) => format!("{about} journal"),
        Some((row, _)) => format!("{about} {row}"),
        None => about.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(pk: &str, sk: &str, text: &str) -> Value {
        let item = json!({ "pk": { "S": pk }, "sk": { "S": sk }, "text": { "S": text } });
        json!({ "Put": { "TableName": "Orders", "Item": item } })
    }

    fn update(pk: &str, sk: &str) -> Value {
        let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        json!({ "Update": { "TableName": "Orders", "Key": key } })
    }

    #[test]
    fn a_row_is_named_by_its_partition_and_its_place_in_it() {
        assert_eq!(kind("default#order#ord_1", "order"), "order");
        assert_eq!(kind("default#order#ord_1", "j#000000000001"), "order journal");
        assert_eq!(kind("default#stock#lamp", "level#main#"), "stock level");
        assert_eq!(kind("connection#abc=", "sub#product:lamp"), "connection sub");
        assert_eq!(kind("default#on#product:lamp", "abc="), "on");
    }

    #[test]
    fn units_of_a_transaction_are_shared_among_its_rows() {
        let body = json!({ "TransactItems": [
            update("default#stock#lamp", "level#main#"),
            put("default#order#ord_1", "order", &"x".repeat(1500)),
            put("default#order#ord_1", "j#000000000001", "short"),
        ] });
        let shares = share("TransactWriteItems", "Orders", &of(&body), 8.0);
        let expected = [("order", 4.0), ("order journal", 2.0), ("stock level", 2.0)];
        let expected = expected.map(|(kind, units)| (kind.to_owned(), units));
        assert_eq!(shares, BTreeMap::from(expected));
    }

    #[test]
    fn what_an_update_does_not_show_is_its_own() {
        let body = update("default#log#ana", "head");
        let writes = of(body.get("Update").unwrap());
        let shares = share("UpdateItem", "Orders", &writes, 3.0);
        assert_eq!(shares, BTreeMap::from([("log".to_owned(), 3.0)]));
    }
}
