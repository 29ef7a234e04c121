//! Who may use the control routes: programs of this machine, and pages that this machine serves.
//!
//! A page of anywhere can make a browser send requests to 127.0.0.1, under that name or, by DNS rebinding, under one of
//! its own. `Host` gives the second away, `Origin` the first.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::Problem;

/// Lets a request through if it comes from this machine; tells a browser that the page may read the answer.
pub(super) async fn admit(request: Request, next: Next) -> Response {
    let host = text(request.headers(), &header::HOST);
    if !host.is_some_and(|host| is_loopback(&format!("http://{host}"))) {
        return refuse("ask 127.0.0.1 or localhost for it");
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    if let Some(origin) = &origin
        && !origin.to_str().is_ok_and(is_loopback)
    {
        return refuse("only pages of this machine may ask");
    }
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let is_preflight = request.method() == Method::OPTIONS && origin.is_some();
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    if let Some(origin) = origin {
        permit(response.headers_mut(), origin, asked);
    }
    response
}

/// Whether `origin` (scheme, host and perhaps port) is this machine.
fn is_loopback(origin: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(origin) else {
        return false;
    };
    let has_more = url.path() != "/" || url.query().is_some() || !url.username().is_empty();
    let is_http = matches!(url.scheme(), "http" | "https");
    is_http && !has_more && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn permit(headers: &mut HeaderMap, origin: HeaderValue, asked: Option<HeaderValue>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refuse(why: &str) -> Response {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", why).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use tower::ServiceExt;

    use super::*;

    async fn status(host: &str, origin: Option<&str>) -> (u16, Option<String>) {
        let router = Router::new().route("/", get(async || ())).layer(middleware::from_fn(admit));
        let mut request = Request::builder().uri("/").header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let allowed = response.headers().get("access-control-allow-origin");
        let allowed = allowed.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), allowed)
    }

    #[tokio::test]
    async fn programs_and_pages_of_this_machine_are_let_in() {
        for host in ["127.0.0.1:3001", "localhost", "[::1]:3001"] {
            assert_eq!(status(host, None).await, (200, None), "{host}");
        }
        let page = "http://localhost:3000";
        assert_eq!(status("127.0.0.1:3001", Some(page)).await, (200, Some(page.to_owned())));
    }

    #[tokio::test]
    async fn a_rebound_name_and_a_foreign_page_are_refused() {
        for host in ["evil.example", "127.0.0.1.evil.example:3001", "localhost@evil.example", ""] {
            assert_eq!(status(host, None).await.0, 403, "{host}");
        }
        for origin in ["https://evil.example", "null", "http://localhost.evil.example", "file://"] {
            assert_eq!(status("127.0.0.1:3001", Some(origin)).await, (403, None), "{origin}");
        }
    }
}
