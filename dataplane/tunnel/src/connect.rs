//! `CONNECT HOST:PORT` (RFC 9110 section 9.3.6), HTTP/1.1.

use axum::extract::Request;
use http::header::{CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Version};
use plenum_transport::https::Peer;

use crate::door::{Door, Way};
use crate::refusal::Refusal;
use crate::target::Target;

/// Whether a request is one.
pub(crate) fn is_connect(request: &Request) -> bool {
    request.method() == Method::CONNECT
}

/// Opens a tunnel, or says why not.
pub(crate) async fn connect(
    door: &Door,
    peer: &Peer,
    mut request: Request,
) -> Result<StatusCode, Refusal> {
    let target = target(&request)?;
    let token = bearer(request.headers());
    let admitted = door.admit(Way::Connect, peer.addr.ip(), token, &target)?;
    let stream = door.reach(&target).await?;
    let client = hyper::upgrade::on(&mut request);
    door.carry("connect", admitted.place, client, stream);
    Ok(StatusCode::OK)
}

/// What is asked for, if the request says it once and clearly.
fn target(request: &Request) -> Result<Target, Refusal> {
    let (uri, headers) = (request.uri(), request.headers());
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::BadRequest("CONNECT is understood in HTTP/1.1"));
    }
    let only_authority = uri.scheme().is_none() && uri.path_and_query().is_none();
    let Some(authority) = uri.authority().filter(|_| only_authority) else {
        return Err(Refusal::BadRequest("write CONNECT HOST:PORT"));
    };
    if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
        // Where its body ends would be a matter of opinion.
        return Err(Refusal::BadRequest("a CONNECT has no body"));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let same = |host: &http::HeaderValue| {
        host.as_bytes()
            .eq_ignore_ascii_case(authority.as_str().as_bytes())
    };
    // RFC 9112 sections 3.2 and 3.2.3.
    if !hosts.next().is_some_and(same) || hosts.next().is_some() {
        return Err(Refusal::BadRequest("send one Host, the same as the target"));
    }
    Ok(Target::parse(authority.as_str())?)
}

/// The token, if there is one and no more.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(PROXY_AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    bearer_of(value)
}

/// RFC 6750 section 2.1.
pub(crate) fn bearer_of(value: &http::HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
