//! What the HTTP API and the WebSocket API have in common: who calls, the limits, and how AWS writes times and ids.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;

/// The most bytes that a request line and its headers may have together (AWS quota of both APIs).
const HEAD_LIMIT: usize = 10_240;

/// Serves `router` at `listener` as both APIs need it: with the peer's address, and without holding small frames back.
pub async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
    });
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
}

/// What an API answers by itself when it does not pass a request on: a status and `{"message": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub StatusCode, pub &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1 }))).into_response()
    }
}

/// Refuses a head that API Gateway would not read.
pub(crate) fn check_head(request: &Request) -> Result<(), Refusal> {
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if path > HEAD_LIMIT {
        return Err(Refusal(StatusCode::URI_TOO_LONG, "URI Too Long"));
    }
    let headers = request.headers().iter();
    let headers: usize =
        headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    if path + headers > HEAD_LIMIT {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Refusal(status, "Request Header Fields Too Large"));
    }
    // A host that is none, and a target that is no path (`OPTIONS *`), never get past API Gateway; lambda_http, which
    // builds a URL from them, panics.
    let host = text(request.headers(), &header::HOST).unwrap_or_default();
    let is_host = reqwest::Url::parse(&format!("http://{host}/")).is_ok();
    if !is_host || !request.uri().path().starts_with('/') {
        return Err(Refusal(StatusCode::BAD_REQUEST, "Bad Request"));
    }
    Ok(())
}

/// Who sent a request, as API Gateway tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The address it came from.
    pub source_ip: IpAddr,
    /// `X-Forwarded-For` as the function sees it: what the sender said, then the source address.
    pub forwarded_for: String,
    /// `User-Agent`, empty if it stated none.
    pub user_agent: String,
    /// The `Host` that it asked for, without the port.
    pub domain: String,
}

impl Caller {
    /// Reads the caller off a request's head.
    ///
    /// The address is the peer's. From this very machine, the last address of `X-Forwarded-For` counts instead, so that
    /// tests can act from many addresses.
    pub fn of(head: &Parts) -> Self {
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip());
        let said = joined(&head.headers, "x-forwarded-for");
        let last = said.rsplit(',').next().and_then(|last| last.trim().parse().ok());
        let (source_ip, forwarded_for) = match last {
            Some(last) if peer.is_loopback() => (last, said),
            _ if said.is_empty() => (peer, peer.to_string()),
            _ => (peer, format!("{said}, {peer}")),
        };
        let host = text(&head.headers, &header::HOST).unwrap_or_else(|| "localhost".to_owned());
        Self {
            source_ip,
            forwarded_for,
            user_agent: text(&head.headers, &header::USER_AGENT).unwrap_or_default(),
            domain: without_port(&host).to_owned(),
        }
    }
}

/// A header's values joined by commas, as the HTTP API hands them over; empty if it is absent.
pub(crate) fn joined(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(",")
}

/// A header's first value.
pub(crate) fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// An id of a request, connection or message in the form that API Gateway gives it: 16 characters of base64 with a
/// padding sign, so that whoever forgets to encode it in a URL finds out here.
pub(crate) fn new_id() -> String {
    BASE64_STANDARD.encode(rand::random::<[u8; 11]>())
}

/// `12/Mar/2026:19:03:58 +0000`
pub(crate) fn request_time(now: Timestamp) -> String {
    now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// The pairs of a query, decoded.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |part: &str| lossy(percent_decoded(&part.replace('+', " ")));
        (decoded(name), decoded(value))
    })
}

/// `text` with every `%XX` as the byte that it stands for; a `%` that stands for nothing stays.
pub(crate) fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let pair = (byte == b'%').then(|| (digit(ahead.next()), digit(ahead.next())));
        if let Some((Some(high), Some(low))) = pair {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = ahead;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}

/// Bytes as text, with replacement characters for what is none.
pub(crate) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: Option<&str>) -> (String, String) {
        let mut request = Request::builder().header("host", "shop.test:3001");
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        let peer: SocketAddr = peer.parse().unwrap();
        let (head, ()) = request.extension(ConnectInfo(peer)).body(()).unwrap().into_parts();
        let caller = Caller::of(&head);
        assert_eq!(caller.domain, "shop.test");
        (caller.source_ip.to_string(), caller.forwarded_for)
    }

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    #[test]
    fn only_this_machine_may_name_another_source_address() {
        assert_eq!(
            caller("127.0.0.1:9", Some("1.1.1.1, 203.0.113.9")),
            pair("203.0.113.9", "1.1.1.1, 203.0.113.9")
        );
        assert_eq!(caller("127.0.0.1:9", Some("nonsense")), pair("127.0.0.1", "nonsense, 127.0.0.1"));
        assert_eq!(
            caller("198.51.100.7:9", Some("203.0.113.9")),
            pair("198.51.100.7", "203.0.113.9, 198.51.100.7")
        );
        assert_eq!(caller("[::1]:9", Some("2001:db8::1")), pair("2001:db8::1", "2001:db8::1"));
        assert_eq!(caller("127.0.0.1:9", None), pair("127.0.0.1", "127.0.0.1"));
    }

    #[test]
    fn percent_signs_that_stand_for_nothing_stay() {
        assert_eq!(percent_decoded("a%20b%zz%4"), b"a b%zz%4");
        assert_eq!(lossy(percent_decoded("%e2%82%ac%ff")), "€\u{fffd}");
    }

    #[test]
    fn a_query_is_decoded_pair_by_pair() {
        let pairs: Vec<_> = query_pairs("a=1+2&&b=%26&c&d=x=y").collect();
        assert_eq!(pairs, [pair("a", "1 2"), pair("b", "&"), pair("c", ""), pair("d", "x=y")]);
    }

    #[test]
    fn ids_and_times_look_as_they_do_on_aws() {
        let id = new_id();
        assert!(id.len() == 16 && id.ends_with('='), "{id}");
        assert_eq!(request_time("2026-03-02T19:03:08Z".parse().unwrap()), "02/Mar/2026:19:03:08 +0000");
    }
}
