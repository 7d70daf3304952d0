//! What a client is told that cannot have what it asked for: RFC 9457
//! `application/problem+json`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{
    CONNECTION, CONTENT_TYPE, PROXY_AUTHENTICATE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::admission::Unproven;
use crate::target::BadTarget;

/// When a client whose place was taken may try again.
const SOON: Duration = Duration::from_secs(2);

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// 400: the target cannot be read.
    #[error(transparent)]
    BadTarget(#[from] BadTarget),
    /// 400: something else cannot; says what to write instead.
    #[error("{0}")]
    BadRequest(&'static str),
    /// 407 to a CONNECT (RFC 9110 section 15.5.8), 401 to the forwarding of a WebSocket.
    #[error("{why}")]
    Unproven { why: Unproven, proxy: bool },
    /// 403: not a target of this zone.
    #[error("this tunnel leads to its zone's controllers and routers only")]
    NotRegistered,
    /// 404: no such path.
    #[error("there are CONNECT HOST:PORT, GET /v1/forward?to=HOST:PORT&path=PATH and GET /v1/ping")]
    NoSuchPath,
    /// 426: no WebSocket.
    #[error("this is for WebSockets (RFC 6455)")]
    NoWebSocket,
    /// 429: too many requests of this address.
    #[error("ask again later, and less often")]
    TooFast(Duration),
    /// 429: this client has as many connections as one may have.
    #[error("close some connections of yours first")]
    TooMany,
    /// 429: so has everybody together who comes from there.
    #[error("too many connections come from your network: try another tunnel, or again")]
    Crowded,
    /// 503: all places are taken.
    #[error("all places are taken: try another tunnel, or again")]
    Full,
    /// 503: no controller has told yet what may be reached.
    #[error("this tunnel has not heard of its zone yet: try another, or again")]
    NotReady,
    /// 502: the target refused, or is not what it should be.
    #[error("the target cannot be reached from this tunnel")]
    Unreachable,
    /// 504: the target does not answer.
    #[error("the target does not answer")]
    Silent,
}

#[derive(Serialize)]
struct Body {
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: String,
}

impl Refusal {
    /// What programs and metrics go by.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::BadTarget(_) | Self::BadRequest(_) | Self::NoSuchPath | Self::NoWebSocket => {
                "bad_request"
            }
            Self::Unproven { .. } => "unproven",
            Self::NotRegistered => "not_registered",
            Self::TooFast(_) => "too_many_requests",
            Self::TooMany | Self::Crowded => "too_many_connections",
            Self::Full => "full",
            Self::NotReady => "not_ready",
            Self::Unreachable => "target_unreachable",
            Self::Silent => "target_silent",
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::BadTarget(_) | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unproven { proxy: true, .. } => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            Self::Unproven { proxy: false, .. } => StatusCode::UNAUTHORIZED,
            Self::NotRegistered => StatusCode::FORBIDDEN,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::NoWebSocket => StatusCode::UPGRADE_REQUIRED,
            Self::TooFast(_) | Self::TooMany | Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::BadTarget(_) | Self::BadRequest(_) => "the request could not be understood",
            Self::Unproven { .. } => "you have not shown that you may use this tunnel",
            Self::NotRegistered => "that is not in this zone",
            Self::NoSuchPath => "there is no such thing",
            Self::NoWebSocket => "open a WebSocket",
            Self::TooFast(_) => "too many requests",
            Self::TooMany | Self::Crowded => "too many connections",
            Self::Full | Self::NotReady => "this tunnel cannot take you for now",
            Self::Unreachable | Self::Silent => "the way behind this tunnel is closed",
        }
    }

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooFast(wait) => Some(*wait),
            Self::TooMany | Self::Crowded | Self::Full | Self::NotReady => Some(SOON),
            _ => None,
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, kind);
        // What follows on this connection may have been meant for the target.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(wait) = self.retry_after() {
            // Whole seconds, rounded up (RFC 9110 section 10.2.3).
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Self::Unproven { why, proxy } = self {
            let name = if *proxy {
                PROXY_AUTHENTICATE
            } else {
                WWW_AUTHENTICATE
            };
            headers.insert(name, challenge(*why));
        }
        if *self == Self::NoWebSocket {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
    }
}

/// RFC 6750 section 3.
fn challenge(why: Unproven) -> HeaderValue {
    HeaderValue::from_static(match why {
        Unproven::Missing => r#"Bearer realm="plenum""#,
        Unproven::Forged | Unproven::Expired | Unproven::OtherZone => {
            r#"Bearer realm="plenum", error="invalid_token""#
        }
    })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body {
            title: self.title(),
            status: self.status().as_u16(),
            code: self.code(),
            detail: self.to_string(),
        };
        let mut answer = (self.status(), plenum_wire::encode(&body)).into_response();
        self.add_headers(answer.headers_mut());
        answer
    }
}
