//! Stripe's lists: newest first, paged by the id of the last object seen.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    books::{Books, Order, Source},
    failure::Failure,
    ids,
    objects::Object,
    params::Params,
};

/// What every list takes besides its own filters.
macro_rules! list_params {
    ($($own:literal),*) => { &["limit", "starting_after", "ending_before", "created", "expand", $($own),*] };
}
pub(super) use list_params;

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: i64 = 100;
/// How many objects are looked through at a time once a filter has left some out.
const CHUNK: usize = 200;

/// Answers a list request with the objects of `source` that `keep` lets through.
pub fn list<T: Object>(
    books: &Books<'_>,
    params: &Params,
    url: &str,
    source: &Source,
    keep: impl Fn(&T) -> Result<bool, Failure>,
) -> Result<Value, Failure> {
    let created = Created::parse(params)?;
    let keep = |object: &T| Ok(created.contains(object.created()) && keep(object)?);
    let limit = limit(params)?;
    let (order, cursor) = match (params.text("starting_after")?, params.text("ending_before")?) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: ending_before, starting_after.";
            return Err(Failure::invalid(message));
        }
        (Some(id), None) => {
            (Order::NewestFirst, Some(books.named::<T>(id, "starting_after")?.id().to_owned()))
        }
        (None, Some(id)) => {
            (Order::OldestFirst, Some(books.named::<T>(id, "ending_before")?.id().to_owned()))
        }
        (None, None) => (Order::NewestFirst, created.first_bound(T::PREFIX)),
    };
    let beyond = |object: &T| match order {
        Order::NewestFirst => object.created() < created.from,
        Order::OldestFirst => object.created() >= created.to,
    };
    let mut found = collect(books, source, order, cursor, limit + 1, keep, beyond)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    if order == Order::OldestFirst {
        found.reverse();
    }
    let data: Vec<Value> = found.iter().map(T::render).collect();
    Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
}

/// Reads on from `cursor` until `wanted` objects are found or all that follow lie `beyond`.
pub fn collect<T: Object>(
    books: &Books<'_>,
    source: &Source,
    order: Order,
    mut cursor: Option<String>,
    wanted: usize,
    keep: impl Fn(&T) -> Result<bool, Failure>,
    beyond: impl Fn(&T) -> bool,
) -> Result<Vec<T>, Failure> {
    let mut found = Vec::new();
    let mut chunk = wanted;
    loop {
        let objects: Vec<T> = books.scan(source, order, cursor.as_deref(), chunk)?;
        let Some(last) = objects.last() else {
            return Ok(found);
        };
        cursor = Some(last.id().to_owned());
        let is_end = objects.len() < chunk;
        for object in objects {
            if beyond(&object) {
                return Ok(found);
            }
            if keep(&object)? {
                found.push(object);
            }
            if found.len() == wanted {
                return Ok(found);
            }
        }
        if is_end {
            return Ok(found);
        }
        chunk = CHUNK;
    }
}

/// The objects whose field `name`, which has an index, is the parameter of that name.
pub fn indexed(params: &Params, name: &'static str) -> Result<Option<Source>, Failure> {
    Ok(params.text(name)?.map(|value| Source::Index(name, value.to_owned())))
}

/// `limit`, 1 to 100.
pub fn limit(params: &Params) -> Result<usize, Failure> {
    match params.integer("limit")? {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(usize::try_from(limit).unwrap_or(DEFAULT_LIMIT)),
        Some(_) => {
            let message = format!("This value must be between 1 and {MAX_LIMIT}.");
            Err(Failure::invalid_param("limit", message).code("parameter_invalid_integer"))
        }
    }
}

/// `created=…` or `created[gte]=…`, in whole seconds: from the first up to but without the second.
struct Created {
    from: Timestamp,
    to: Timestamp,
}

impl Created {
    fn parse(params: &Params) -> Result<Self, Failure> {
        let mut range = Self { from: Timestamp::MIN, to: Timestamp::MAX };
        let Some(bounds) = params.fields("created") else {
            if let Some(second) = params.integer("created")? {
                range = Self { from: instant(second), to: instant(second.saturating_add(1)) };
            }
            return Ok(range);
        };
        bounds.allow(&["gt", "gte", "lt", "lte"])?;
        let later = |second: i64| instant(second.saturating_add(1));
        let from = [bounds.integer("gt")?.map(later), bounds.integer("gte")?.map(instant)];
        let to = [bounds.integer("lt")?.map(instant), bounds.integer("lte")?.map(later)];
        range.from = from.into_iter().flatten().fold(range.from, Timestamp::max);
        range.to = to.into_iter().flatten().fold(range.to, Timestamp::min);
        Ok(range)
    }

    fn contains(&self, created: Timestamp) -> bool {
        // Objects keep whole seconds once stored, so both ends are compared in them.
        self.from <= created && created < self.to
    }

    /// Where a list that ends in the past begins; ids sort by time.
    fn first_bound(&self, prefix: &str) -> Option<String> {
        (self.to < Timestamp::MAX).then(|| ids::bound(prefix, self.to))
    }
}

fn instant(second: i64) -> Timestamp {
    let nearest = if second < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(second).unwrap_or(nearest)
}
