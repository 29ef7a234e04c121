//! Customers: create, retrieve, update, delete, list, search.

use serde_json::Value;

use super::{
    books::{Books, Source},
    failure::Failure,
    lists::{self, list_params},
    objects::{Customer, Metadata, Object},
    params::Params,
    search::{self, Fields},
    wire::Answer,
};

pub const WRITABLE: &[&str] = &[
    "address",
    "balance",
    "description",
    "email",
    "expand",
    "invoice_settings",
    "metadata",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
];
pub const LISTED: &[&str] = list_params!("email");

pub fn create(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let mut customer = Customer {
        id: books.new_id::<Customer>(),
        created: books.now(),
        name: None,
        email: None,
        phone: None,
        description: None,
        address: None,
        shipping: None,
        metadata: Metadata::new(),
        deleted: false,
    };
    write(&mut customer, params)?;
    books.insert(&customer)?;
    books.emit("customer.created", &customer);
    Ok(Answer::ok(customer.render()))
}

pub fn retrieve(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    Ok(Answer::ok(books.get::<Customer>(id)?.render()))
}

pub fn update(books: &mut Books<'_>, id: &str, params: &Params) -> Result<Answer, Failure> {
    let before = living(books, id)?;
    let mut customer = before.clone();
    write(&mut customer, params)?;
    books.update(&before, &customer)?;
    books.emit_change("customer.updated", &before, &customer);
    Ok(Answer::ok(customer.render()))
}

pub fn delete(books: &mut Books<'_>, id: &str, _: &Params) -> Result<Answer, Failure> {
    let before = living(books, id)?;
    let customer = Customer { deleted: true, ..before.clone() };
    books.update(&before, &customer)?;
    books.emit("customer.deleted", &before);
    Ok(Answer::ok(customer.render()))
}

pub fn list(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    let source = lists::indexed(params, "email")?.unwrap_or(Source::All);
    let living = |customer: &Customer| Ok(!customer.deleted);
    Ok(Answer::ok(lists::list(books, params, "/v1/customers", &source, living)?))
}

pub fn find(books: &mut Books<'_>, _: &str, params: &Params) -> Result<Answer, Failure> {
    const FIELDS: Fields = Fields(&["created", "email", "name", "phone"]);
    let living = |customer: &Customer| !customer.deleted;
    Ok(Answer::ok(search::search(books, params, "/v1/customers/search", FIELDS, living)?))
}

/// The customer, unless deleted.
fn living(books: &Books<'_>, id: &str) -> Result<Customer, Failure> {
    let customer: Customer = books.get(id)?;
    if customer.deleted { Err(Failure::not_found(Customer::KIND, id)) } else { Ok(customer) }
}

fn write(customer: &mut Customer, params: &Params) -> Result<(), Failure> {
    params.update("name", &mut customer.name)?;
    params.update("email", &mut customer.email)?;
    params.update("phone", &mut customer.phone)?;
    params.update("description", &mut customer.description)?;
    update_json(params, "address", &mut customer.address);
    update_json(params, "shipping", &mut customer.shipping);
    params.merge_metadata(&mut customer.metadata)
}

/// Applies an update to a field that is kept as it was sent.
pub fn update_json(params: &Params, name: &str, field: &mut Option<Value>) {
    if params.names().any(|sent| sent == name) {
        *field = params.json(name);
    }
}
