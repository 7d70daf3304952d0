//! Errors of the public API as RFC 9457 `application/problem+json`.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use plenum_wire::join::{Problem as Body, Refusal};

/// An error answer.
#[derive(Debug)]
pub struct Problem {
    status: u16,
    code: Refusal,
    title: String,
    detail: String,
    wait: Option<Duration>,
}

impl Problem {
    /// Something about the request itself is wrong; `detail` says what to write instead.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..Refusal::BadRequest.into()
        }
    }

    /// [`Problem::bad_request`] with a status that says more.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    /// Ask again after this long.
    pub fn after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }
}

impl From<Refusal> for Problem {
    fn from(code: Refusal) -> Self {
        let detail = match code {
            Refusal::UnknownMeeting => "check the meeting's number, and that this is its zone",
            Refusal::TokenRequired => {
                "look the meeting up at the directory and send its token as \"Authorization: Bearer\""
            }
            Refusal::Forbidden => "look the meeting up at the directory again for a new token",
            Refusal::MeetingEnded => "ask its host for another one",
            Refusal::ZoneFull | Refusal::MeetingFull => "ask again; more room may be on its way",
            Refusal::ZoneOverloaded => {
                "ask again in some seconds; whoever runs the zone may add routers, or let each \
                 take fewer people"
            }
            Refusal::NoRouter => "ask again, or another controller of the zone",
            Refusal::TooManyRequests => "ask again later, and less often",
            Refusal::BadRequest => "see docs/protocol.md",
        };
        Self {
            status: code.status(),
            code,
            title: code.to_string(),
            detail: detail.to_owned(),
            wait: code.passes().then_some(Duration::from_secs(1)),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = Body {
            title: self.title,
            status: self.status,
            code: self.code,
            detail: self.detail,
        };
        let kind = HeaderValue::from_static("application/problem+json");
        let mut answer =
            (status, [(CONTENT_TYPE, kind)], plenum_wire::encode(&body)).into_response();
        if let Some(wait) = self.wait {
            // Whole seconds, rounded up (RFC 9110 section 10.2.3).
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}
