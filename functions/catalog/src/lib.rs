//! `/api/v1/products`: what is sold, for how much, and what customers think of it.

mod opinions;

use app::{
    catalog::{Catalog, Include},
    idempotency::Idempotency,
    reactions::Reactions,
    reviews::Reviews,
};
use axum::{
    Router,
    extract::{FromRef, State},
};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        catalog::{NewProduct, ProductDetails, ProductInFull, ProductQuery, ProductView, Variant},
    },
};
use domain::ProductId;
use edge::{
    Answer, Body, Caller, Created, Environment, Id, IfMatch, Keyed, Misconfigured, NoContent, Ok200, Params,
    Visitor, body::page, http::serve,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the routes work with.
#[derive(Clone, FromRef)]
pub struct Shelves {
    catalog: Catalog,
    reviews: Reviews,
    reactions: Reactions,
    idempotency: Idempotency,
}

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let shelves = Shelves {
        catalog: environment.catalog(),
        reviews: environment.reviews(),
        reactions: environment.reactions(),
        idempotency: environment.idempotency(),
    };
    let routes = routes().with_state(shelves).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Shelves> {
    OpenApiRouter::new()
        .routes(routes!(list_products, create_product))
        .routes(routes!(read_product, change_product, delete_product))
        .routes(routes!(list_variants))
        .routes(routes!(read_enhanced_product))
        .merge(opinions::routes())
}

/// Lists products, oldest first.
#[utoipa::path(get, path = "/api/v1/products", tag = "catalog", params(PageRequest),
    responses((status = 200, body = Page<ProductView>), (status = "default", body = Problem)))]
async fn list_products(
    State(catalog): State<Catalog>,
    visitor: Visitor,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<ProductView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(catalog.list(&visitor.shop, limit, cursor).await?))
}

/// Reads a product, and what is asked along with it.
#[utoipa::path(get, path = "/api/v1/products/{id}", tag = "catalog", params(("id" = ProductId, Path), ProductQuery),
    responses((status = 200, body = ProductInFull), (status = "default", body = Problem)))]
async fn read_product(
    State(catalog): State<Catalog>,
    visitor: Visitor,
    Id(id): Id<ProductId>,
    Params(query): Params<ProductQuery>,
) -> Answer<Ok200<ProductInFull>> {
    let include = Include::parse(query.include.as_deref().unwrap_or_default())?;
    Ok(Ok200(catalog.read_with(&visitor.shop, visitor.principal.as_ref(), &id, include).await?))
}

/// Reads a product and all that belongs to it, as older clients ask for it.
#[utoipa::path(get, path = "/enhanced-product/{id}", tag = "catalog", params(("id" = ProductId, Path)),
    responses((status = 200, body = ProductInFull), (status = "default", body = Problem)))]
async fn read_enhanced_product(
    State(catalog): State<Catalog>,
    visitor: Visitor,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<ProductInFull>> {
    Ok(Ok200(catalog.read_with(&visitor.shop, visitor.principal.as_ref(), &id, Include::ALL).await?))
}

/// Lists the variants of a product.
#[utoipa::path(get, path = "/api/v1/products/{id}/variants", tag = "catalog", params(("id" = ProductId, Path)),
    responses((status = 200, body = Page<Variant>), (status = "default", body = Problem)))]
async fn list_variants(
    State(catalog): State<Catalog>,
    visitor: Visitor,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<Page<Variant>>> {
    Ok(Ok200(Page { data: catalog.variants(&visitor.shop, &id).await?, next_cursor: None }))
}

/// Makes a product.
#[utoipa::path(post, path = "/api/v1/products", tag = "catalog", request_body = NewProduct,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = ProductView), (status = "default", body = Problem)))]
async fn create_product(
    State(catalog): State<Catalog>,
    caller: Caller,
    Keyed(key, new): Keyed<NewProduct>,
) -> Answer<Created<ProductView>> {
    Ok(Created(catalog.create(&caller, &key, new).await?))
}

/// Changes a product.
#[utoipa::path(put, path = "/api/v1/products/{id}", tag = "catalog", request_body = ProductDetails,
    params(("id" = ProductId, Path), ("If-Match" = Option<u64>, Header)), security(("bearer" = [])),
    responses((status = 200, body = ProductView), (status = "default", body = Problem)))]
async fn change_product(
    State(catalog): State<Catalog>,
    caller: Caller,
    Id(id): Id<ProductId>,
    IfMatch(version): IfMatch,
    Body(details): Body<ProductDetails>,
) -> Answer<Ok200<ProductView>> {
    Ok(Ok200(catalog.change(&caller, &id, version, details).await?))
}

/// Takes a product out of the catalog.
#[utoipa::path(delete, path = "/api/v1/products/{id}", tag = "catalog",
    params(("id" = ProductId, Path), ("If-Match" = Option<u64>, Header)), security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem)))]
async fn delete_product(
    State(catalog): State<Catalog>,
    caller: Caller,
    Id(id): Id<ProductId>,
    IfMatch(version): IfMatch,
) -> Answer<NoContent> {
    catalog.delete(&caller, &id, version).await?;
    Ok(NoContent)
}
