//! Events: what happened, for as long as Stripe tells.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    books::{Books, Source},
    failure::Failure,
    lists::{self, list_params},
    objects::{Event, Object},
    params::Params,
    wire::Answer,
};

pub const LISTED: &[&str] = list_params!("type", "types", "delivery_success");

/// How long events can be read.
const EVENTS_LAST: SignedDuration = SignedDuration::from_hours(30 * 24);
const MAX_TYPES: usize = 20;

pub fn retrieve(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    let event: Event = books.get(id)?;
    if event.created < oldest(books) {
        return Err(Failure::not_found(Event::KIND, id));
    }
    Ok(Answer::ok(render(books, &event)?))
}

pub fn list(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let mut types = params.list("types")?;
    types.extend(params.text("type")?);
    if types.len() > MAX_TYPES {
        return Err(Failure::invalid_param("types", format!("You may specify up to {MAX_TYPES} types.")));
    }
    let delivered =
        params.text("delivery_success")?.is_some().then(|| params.flag("delivery_success")).transpose()?;
    let oldest = oldest(books);
    let keep = |event: &Event| {
        let is_wanted = types.is_empty() || types.iter().any(|pattern| is_of_type(&event.kind, pattern));
        if event.created < oldest || !is_wanted {
            return Ok(false);
        }
        delivered.map_or(Ok(true), |delivered| Ok(books.is_webhook_pending(&event.id)? != delivered))
    };
    let source = match types.as_slice() {
        [only] if !only.ends_with('*') => Source::Index("type", (*only).to_owned()),
        _ => Source::All,
    };
    let mut page = lists::list::<Event>(books, params, "/v1/events", &source, keep)?;
    for event in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        mark_pending(books, event)?;
    }
    Ok(Answer::ok(page))
}

/// The event as it is listed and delivered.
pub fn render(books: &Books<'_>, event: &Event) -> Result<Value, Failure> {
    let mut wire = event.render();
    mark_pending(books, &mut wire)?;
    Ok(wire)
}

fn mark_pending(books: &Books<'_>, event: &mut Value) -> Result<(), Failure> {
    let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
    let pending = u8::from(books.is_webhook_pending(id)?);
    if let Some(field) = event.get_mut("pending_webhooks") {
        *field = pending.into();
    }
    Ok(())
}

fn oldest(books: &Books<'_>) -> Timestamp {
    books.now().checked_sub(EVENTS_LAST).unwrap_or(Timestamp::MIN)
}

/// `charge.*` stands for every type that begins with `charge.`.
fn is_of_type(kind: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => kind == pattern,
    }
}
