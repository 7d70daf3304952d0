//! Errors as RFC 9457 `application/problem+json`: every answer that is not a success is one.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use plenum_wire::directory::{Denial, DirectoryProblem};

use crate::store;

/// Waits that are asked for where nothing better is known.
const WAIT: Duration = Duration::from_secs(2);

/// What handlers give back.
pub type Answer<T> = Result<T, Problem>;

/// An error answer.
#[derive(Debug)]
pub struct Problem {
    body: Box<DirectoryProblem>,
    wait: Option<Duration>,
}

impl Problem {
    /// Something about the request itself is wrong; `detail` says what to write instead.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::from(Denial::BadRequest).saying(detail)
    }

    /// There were too many; ask again after this long.
    pub fn too_many(wait: Duration) -> Self {
        Self::from(Denial::TooManyRequests)
            .saying("there were too many requests or wrong guesses; ask again later")
            .after(wait)
    }

    /// With this detail instead of the usual one.
    pub fn saying(mut self, detail: impl Into<String>) -> Self {
        self.body.detail = detail.into();
        self
    }

    /// With a status that says more than that of its code.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.body.status = status.as_u16();
        self
    }

    /// Ask again after this long.
    pub const fn after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// With the proof for asking again from the waiting room.
    pub fn waiting(mut self, proof: String) -> Self {
        self.body.waiting = Some(proof);
        self
    }

    /// What programs go by.
    pub fn code(&self) -> Denial {
        self.body.code
    }
}

impl From<Denial> for Problem {
    fn from(code: Denial) -> Self {
        Self {
            body: Box::new(DirectoryProblem::new(code, next_step(code))),
            wait: code.passes().then_some(WAIT),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound { what } => {
                Self::from(Denial::NotFound).saying(format!("there is no such {what}"))
            }
            store::Error::Conflict { what } => Self::from(Denial::Conflict)
                .saying(format!("the {what} exists already: choose another name")),
            store::Error::Changed { what } => Self::from(Denial::Conflict).saying(format!(
                "the {what} was changed meanwhile: read it again, and repeat the change"
            )),
            store::Error::LastAdmin => Self::from(Denial::Conflict)
                .saying("there is no other administrator who is not disabled: make one first"),
            // That passes only when somebody deletes some.
            store::Error::Full { what } => Self::from(Denial::Conflict).saying(format!(
                "there are as many {what} as there may be: delete some first"
            )),
            store::Error::Unavailable(reason) => {
                tracing::debug!(reason, "the database is away");
                Denial::Unavailable.into()
            }
            store::Error::Corrupt(reason) => {
                tracing::error!(reason, "the database cannot be used");
                Denial::Unavailable.into()
            }
        }
    }
}

const fn next_step(code: Denial) -> &'static str {
    match code {
        Denial::UnknownMeeting => "check the meeting's number",
        Denial::PasscodeRequired => "ask again with the passcode of the invitation",
        Denial::WrongPasscode => "check the passcode of the invitation",
        Denial::SignInRequired => "sign in at POST /v1/sessions and send \"Authorization: Bearer\"",
        Denial::Forbidden => "sign in with an account that may do this, or ask an administrator",
        Denial::WaitingForHost => "ask again with \"waiting\"; a host is asked to let you in",
        Denial::Refused => "ask the host",
        Denial::NotYet => "ask again when it begins, or when its host has come",
        Denial::Over => "ask the host for another meeting",
        Denial::NoZone => "ask again",
        Denial::NotFound => "check the address; GET /openapi.json lists what there is",
        Denial::Conflict => "read it again, and repeat the change on what you read",
        Denial::TooManyRequests => "ask again later, and less often",
        Denial::BadRequest => "see /docs",
        Denial::Unavailable => "ask again; what runs goes on meanwhile",
        Denial::ReadOnly => "ask again, or the directory that this is a replica of",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::BAD_REQUEST);
        let kind = HeaderValue::from_static("application/problem+json");
        let text = plenum_wire::encode(&*self.body);
        let mut answer = (status, [(CONTENT_TYPE, kind)], text).into_response();
        let headers = answer.headers_mut();
        if let Some(wait) = self.wait {
            // Whole seconds, rounded up (RFC 9110 section 10.2.3).
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer realm=\"plenum\"");
            headers.insert(WWW_AUTHENTICATE, how);
        }
        // Remembered for the metrics of lookups.
        answer.extensions_mut().insert(self.body.code);
        answer
    }
}
