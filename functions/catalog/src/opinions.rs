//! `/api/v1/products/{id}/…`: what customers think of a product.

use app::{
    catalog::Catalog,
    limits::Limit,
    reactions::{Reaction, Reactions, Toggle},
};
use axum::extract::State;
use contract::{
    Problem,
    http::{
        Page, PageRequest,
        catalog::{NewReview, NewShare, ReactionView, ReviewView, ShareView},
    },
};
use domain::ProductId;
use edge::{Answer, Body, Caller, Created, Id, Keyed, Ok200, Params, Visitor, body::page};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Shelves;

/// The routes, and what their documents say.
pub fn routes() -> OpenApiRouter<Shelves> {
    OpenApiRouter::new()
        .routes(routes!(list_reviews, write_review))
        .routes(routes!(like_product, unlike_product))
        .routes(routes!(add_favorite, remove_favorite))
        .routes(routes!(share_product))
}

/// Lists the reviews of a product, newest first.
#[utoipa::path(get, path = "/api/v1/products/{id}/reviews", tag = "catalog", params(("id" = ProductId, Path), PageRequest),
    responses((status = 200, body = Page<ReviewView>), (status = "default", body = Problem)))]
async fn list_reviews(
    State(catalog): State<Catalog>,
    visitor: Visitor,
    Id(id): Id<ProductId>,
    Params(request): Params<PageRequest>,
) -> Answer<Ok200<Page<ReviewView>>> {
    let (limit, cursor) = page(&request)?;
    Ok(Ok200(catalog.reviews(&visitor.shop, visitor.principal.as_ref(), &id, limit, cursor).await?))
}

/// Reviews a product; a customer has one review of each, and a later one replaces it.
#[utoipa::path(post, path = "/api/v1/products/{id}/reviews", tag = "catalog", request_body = NewReview,
    params(("id" = ProductId, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, body = ReviewView), (status = "default", body = Problem)))]
async fn write_review(
    State(shelves): State<Shelves>,
    caller: Caller,
    Id(id): Id<ProductId>,
    Keyed(key, new): Keyed<NewReview>,
) -> Answer<Created<ReviewView>> {
    caller.spend(Limit::Opinion).await?;
    let write = |_| shelves.reviews.write(&caller, &id, new);
    Ok(Created(shelves.idempotency.once(&caller, &key, "review", write).await?))
}

/// Likes a product.
#[utoipa::path(put, path = "/api/v1/products/{id}/like", tag = "catalog", params(("id" = ProductId, Path)),
    security(("bearer" = [])), responses((status = 200, body = ReactionView), (status = "default", body = Problem)))]
async fn like_product(
    State(reactions): State<Reactions>,
    caller: Caller,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<ReactionView>> {
    caller.spend(Limit::Opinion).await?;
    Ok(Ok200(reactions.react(&caller, &id, Reaction::Like, Toggle::On).await?))
}

/// No longer likes a product.
#[utoipa::path(delete, path = "/api/v1/products/{id}/like", tag = "catalog", params(("id" = ProductId, Path)),
    security(("bearer" = [])), responses((status = 200, body = ReactionView), (status = "default", body = Problem)))]
async fn unlike_product(
    State(reactions): State<Reactions>,
    caller: Caller,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<ReactionView>> {
    caller.spend(Limit::Opinion).await?;
    Ok(Ok200(reactions.react(&caller, &id, Reaction::Like, Toggle::Off).await?))
}

/// Puts a product among one's favourites.
#[utoipa::path(put, path = "/api/v1/products/{id}/favorite", tag = "catalog", params(("id" = ProductId, Path)),
    security(("bearer" = [])), responses((status = 200, body = ReactionView), (status = "default", body = Problem)))]
async fn add_favorite(
    State(reactions): State<Reactions>,
    caller: Caller,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<ReactionView>> {
    caller.spend(Limit::Opinion).await?;
    Ok(Ok200(reactions.react(&caller, &id, Reaction::Favorite, Toggle::On).await?))
}

/// Takes a product out of one's favourites.
#[utoipa::path(delete, path = "/api/v1/products/{id}/favorite", tag = "catalog", params(("id" = ProductId, Path)),
    security(("bearer" = [])), responses((status = 200, body = ReactionView), (status = "default", body = Problem)))]
async fn remove_favorite(
    State(reactions): State<Reactions>,
    caller: Caller,
    Id(id): Id<ProductId>,
) -> Answer<Ok200<ReactionView>> {
    caller.spend(Limit::Opinion).await?;
    Ok(Ok200(reactions.react(&caller, &id, Reaction::Favorite, Toggle::Off).await?))
}

/// Counts that a product is passed on, and says at which address it is to be found.
#[utoipa::path(post, path = "/api/v1/products/{id}/share", tag = "catalog", request_body = NewShare,
    params(("id" = ProductId, Path)), security(("bearer" = [])),
    responses((status = 200, body = ShareView), (status = "default", body = Problem)))]
async fn share_product(
    State(reactions): State<Reactions>,
    caller: Caller,
    Id(id): Id<ProductId>,
    Body(new): Body<NewShare>,
) -> Answer<Ok200<ShareView>> {
    caller.spend(Limit::Opinion).await?;
    Ok(Ok200(reactions.share(&caller, &id, new).await?))
}
