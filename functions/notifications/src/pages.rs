//! What links in mails open: a page that says what would be done, and does it when a button is pressed. Mail programs
//! and scanners follow every link, so that looking at one does nothing. A browser is shown a page also where a link is none.

use app::notifications::{Links, Notifications};
use axum::{extract::State, middleware::from_fn};
use contract::{Problem, http::notifications::SignedWish};
use edge::{Answer, HtmlPage, Params, http::for_people};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Telling;

pub(crate) fn routes() -> OpenApiRouter<Telling> {
    OpenApiRouter::new()
        .routes(routes!(show_unsubscribe, unsubscribe_by_link))
        .routes(routes!(show_confirmation, confirm_by_link))
        .layer(from_fn(for_people))
}

/// Shows what the link of a mail ends.
#[utoipa::path(get, path = "/api/v1/notifications/unsubscribe", tag = "notifications", params(SignedWish),
    responses((status = 200, body = String, content_type = "text/html"), (status = "default", content(
        (Problem = "application/problem+json"), (String = "text/html")))))]
async fn show_unsubscribe(
    State(notifications): State<Notifications>,
    State(links): State<Links>,
    Params(wish): Params<SignedWish>,
) -> Answer<HtmlPage> {
    Ok(HtmlPage(notifications.show_link(&links.read(&wish.token).await?).await?))
}

/// Ends mail of a kind, as a mail program asks for it with one press (RFC 8058).
#[utoipa::path(post, path = "/api/v1/notifications/unsubscribe", tag = "notifications", params(SignedWish),
    responses((status = 200, body = String, content_type = "text/html"), (status = "default", content(
        (Problem = "application/problem+json"), (String = "text/html")))))]
async fn unsubscribe_by_link(
    State(notifications): State<Notifications>,
    State(links): State<Links>,
    Params(wish): Params<SignedWish>,
) -> Answer<HtmlPage> {
    Ok(HtmlPage(Box::pin(notifications.follow_and_show(&links.read(&wish.token).await?)).await?))
}

/// Shows what is to be confirmed.
#[utoipa::path(get, path = "/api/v1/notifications/confirm", tag = "notifications", params(SignedWish),
    responses((status = 200, body = String, content_type = "text/html"), (status = "default", content(
        (Problem = "application/problem+json"), (String = "text/html")))))]
async fn show_confirmation(
    notifications: State<Notifications>,
    links: State<Links>,
    wish: Params<SignedWish>,
) -> Answer<HtmlPage> {
    show_unsubscribe(notifications, links, wish).await
}

/// Confirms that an address is one's own.
#[utoipa::path(post, path = "/api/v1/notifications/confirm", tag = "notifications", params(SignedWish),
    responses((status = 200, body = String, content_type = "text/html"), (status = "default", content(
        (Problem = "application/problem+json"), (String = "text/html")))))]
async fn confirm_by_link(
    notifications: State<Notifications>,
    links: State<Links>,
    wish: Params<SignedWish>,
) -> Answer<HtmlPage> {
    unsubscribe_by_link(notifications, links, wish).await
}
