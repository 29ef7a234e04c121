//! What holds for every route and cannot be said where each is described.

use utoipa::openapi::{
    Object, OpenApi, PathItem, RefOr, Schema,
    path::{Operation, Parameter},
    schema::{AnyOf, SchemaType, Type},
};

/// Makes a document say exactly what `edge` does with headers, cursors and errors.
pub fn refine(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in [get, put, post, delete, patch].into_iter().flatten() {
            errors_are_problems(operation);
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    bound(parameter);
                }
            }
        }
    }
    let schemas = document.components.iter_mut().flat_map(|components| components.schemas.values_mut());
    for schema in schemas {
        parts_may_be_missing(schema);
    }
}

/// Fields that are flattened into an object and may be missing are missing, and not `null` in the object's place, which
/// is how `utoipa` writes down every `Option`.
fn parts_may_be_missing(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::AllOf(whole)) = schema else {
        return;
    };
    for part in &mut whole.items {
        if let RefOr::T(Schema::OneOf(either)) = part
            && either.items.iter().any(is_null)
        {
            let there = either.items.iter().filter(|item| !is_null(item)).cloned();
            let missing = RefOr::T(Schema::Object(Object::with_type(Type::Object)));
            let items = there.chain([missing]).collect();
            *part = RefOr::T(Schema::AnyOf(AnyOf { items, ..AnyOf::default() }));
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

/// Whatever is not what was asked for comes as `application/problem+json`; `utoipa` knows one media type for all that
/// is JSON.
fn errors_are_problems(operation: &mut Operation) {
    if let Some(RefOr::T(otherwise)) = operation.responses.responses.get_mut("default")
        && let Some(body) = otherwise.content.shift_remove("application/json")
    {
        otherwise.content.insert("application/problem+json".to_owned(), body);
    }
}

/// Which texts the headers may hold that many routes have.
fn bound(parameter: &mut Parameter) {
    let (pattern, longest) = match parameter.name.as_str() {
        "Idempotency-Key" => ("^[!-~]+$", 255),
        "If-Match" => ("^[0-9]{1,18}$", 18),
        _ => return,
    };
    let text = Object::builder().schema_type(Type::String).min_length(Some(1)).max_length(Some(longest));
    parameter.schema = Some(RefOr::T(Schema::Object(text.pattern(Some(pattern)).build())));
}
