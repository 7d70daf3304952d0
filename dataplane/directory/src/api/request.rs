//! What happens around every request: its name, its limits, what is counted of it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use plenum_traceparent::TRACEPARENT;
use plenum_transport::https::Peer;
use plenum_wire::directory::Denial;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::problem::Problem;
use super::{Directory, address};
use crate::random;

/// From a request's head to its answer: below the ten seconds of the listener, which would
/// answer without saying anything.
const PATIENCE: Duration = Duration::from_secs(8);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest name of a request that is taken over from the caller, in bytes.
const REQUEST_ID_BYTES: usize = 64;
/// What no person waits for: reports come every second from each controller.
const OF_MACHINES: [&str; 3] = [
    "/v1/zones/{zone}/report",
    "/v1/replica/changes",
    "/v1/replica/keys",
];

/// The address a request comes from: an extension of every one.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

pub async fn around(
    State(directory): State<Directory>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = request_id(&request);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let proxies = &directory.config().trusted_proxies;
    let client = address::client(peer.addr.ip(), request.headers(), proxies);
    request.extensions_mut().insert(ClientAddress(client));
    let method = known(request.method());
    let named = id.to_str().unwrap_or_default();
    let span = span(method, route.as_deref(), request.headers());
    span.record("id", named);
    let answering = async {
        if let Err(wait) = directory.limits().request(client, begun) {
            return Problem::from(Denial::TooManyRequests)
                .after(wait)
                .into_response();
        }
        match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Problem::from(Denial::Unavailable).into_response(),
        }
    };
    let mut answer = answering.instrument(span.clone()).await;
    plenum_traceparent::answered(&span, answer.status());
    let metrics = directory.metrics();
    metrics.answered(method, route, answer.status(), begun.elapsed());
    let headers = answer.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let year = HeaderValue::from_static("max-age=31536000");
    headers.insert(STRICT_TRANSPORT_SECURITY, year);
    answer
}

/// What zones and replicas ask all the time is seen in logs; in traces only within one of theirs.
fn span(method: &str, route: Option<&str>, headers: &HeaderMap) -> Span {
    let route = route.unwrap_or("unknown");
    if OF_MACHINES.contains(&route) && !headers.contains_key(TRACEPARENT) {
        return tracing::debug_span!("heartbeat", id = Empty, method, route);
    }
    plenum_traceparent::served(method, route, headers)
}

/// The caller's name for the request if it is a sensible one, else one of ours.
fn request_id(request: &Request) -> HeaderValue {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let theirs = request.headers().get(REQUEST_ID).filter(|id| {
        !id.is_empty() && id.len() <= REQUEST_ID_BYTES && id.as_bytes().iter().all(plain)
    });
    theirs.cloned().unwrap_or_else(|| {
        let id = format!("{:032x}", random::bits());
        HeaderValue::from_str(&id).expect("hexadecimal digits fit a header")
    })
}

/// Anybody may make up methods; metrics have room for these.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

pub async fn wrong_method(uri: Uri) -> Problem {
    Problem::bad_request(format!("{} takes another method; see /docs", uri.path()))
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

pub async fn no_such_path() -> Problem {
    Denial::NotFound.into()
}

#[cfg(test)]
mod tests {
    use super::OF_MACHINES;

    #[test]
    fn what_is_not_traced_is_there() {
        let document = crate::api::openapi();
        for route in OF_MACHINES {
            assert!(document.contains(&format!("{route:?}")), "{route}");
        }
    }
}
