//! What HTTP/1 requests have to be, so that a proxy before us reads the same requests as we do.
//! hyper sees to most of it.

use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::{Request, Version};

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It means one thing.
    Plain,
    /// It is answered, and nothing that follows on the connection: a length that was sent
    /// beside `Transfer-Encoding` is not shown to us (RFC 9112 section 6.1).
    Last,
    /// Two hosts, or none (RFC 9112 section 3.2).
    Refused,
}

pub(super) fn standing<B>(request: &Request<B>) -> Standing {
    let hosts = request.headers().get_all(HOST).iter().count();
    let wanted = match request.version() {
        // HTTP/2 has `:authority`, and hyper answers for its framing.
        Version::HTTP_2 | Version::HTTP_3 => return Standing::Plain,
        Version::HTTP_11 => 1..=1,
        _ => 0..=1,
    };
    if !wanted.contains(&hosts) {
        return Standing::Refused;
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return Standing::Last;
    }
    Standing::Plain
}
