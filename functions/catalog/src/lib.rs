//! `/api/v1/products`: what is sold, and for how much.

use app::catalog::Catalog;
use axum::{Router, extract::State};
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        catalog::{NewProduct, ProductDetails, ProductView},
    },
};
use domain::ProductId;
use edge::{
    Answer, Body, Caller, Created, Environment, Id, IfMatch, Keyed, Misconfigured, NoContent, Ok200, Params,
    Visitor, body::page, http::serve,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Prepares the function.
///
/// # Errors
/// If the configuration is wrong.
pub fn build(environment: &Environment) -> Result<Router, Misconfigured> {
    let catalog = Catalog::new(environment.store(), environment.clock());
    let routes = routes().with_state(catalog).split_for_parts().0;
    environment.finish(serve(routes, environment.gate()))
}

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Catalog> {
    OpenApiRouter::new().routes(routes!(list_products, create_product)).routes(routes!(
        read_product,
        change_product,
        delete_product
    ))
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

/// Reads a product.
#[utoipa::path(get, path = "/api/v1/products/{id}", tag = "catalog", params(("id" = ProductId, Path)),
    responses((status = 200, body = ProductView), (status = "default", body = Problem)))]
async fn read_product(
    State(catalog): State<Catalog>,
    visitor: Visitor,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<ProductView>> {
    Ok(Ok200(catalog.read(&visitor.shop, &id).await?))
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
