//! The public API of a controller.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use plenum_transport::https::Peer;
use plenum_transport::rate::{Rate, RateLimit};
use plenum_wire::MeetingId;
use plenum_wire::join::{JoinRequest, Offer, Refusal};
use plenum_wire::link::Member;
use plenum_wire::ticket::Claims;
use plenum_zone::Answer;
use plenum_zone::admission::{Admission, Proof};
use tokio::sync::watch;
use tracing::Instrument as _;
use tracing::field::{Empty, display};

use super::admit::Directory;
use super::core::{Ask, Question};
use super::keys::KeyRing;
use super::metrics::Metrics;
use super::offers::{new_participant, offer, participant_of, unix_now};
use super::problem::Problem;

/// Longest body of a request in bytes: a ticket and a hundred router names.
const BODY_BYTES: usize = 16 * 1_024;

/// Joins from one address. A whole office behind one address joins on the hour, and after the
/// death of a router everybody in it joins again. 200 tickets cost about 1 % of a core.
const JOINS: Rate = Rate {
    burst: 2_000,
    per_second: 200,
};

const JOIN: &str = "/v1/meetings/{id}/join";

/// What the API needs.
pub struct Door {
    pub ask: Ask,
    pub admission: Admission,
    pub directory: Directory,
    pub keys: watch::Receiver<KeyRing>,
    pub metrics: Metrics,
}

/// The public API.
pub fn app(door: Door) -> Router {
    let limit = Arc::new(Mutex::new(RateLimit::new(JOINS)));
    let metrics = door.metrics.clone();
    Router::new()
        .route(JOIN, post(join))
        .layer(from_fn_with_state((limit, metrics), limited))
        .layer(from_fn(traced))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .route("/v1/ping", get(ping))
        .with_state(Arc::new(door))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_such_path)
}

/// The network test: as little as can be, so that its time is the network's.
async fn ping() -> Response {
    ([(CACHE_CONTROL, "no-store")], StatusCode::NO_CONTENT).into_response()
}

async fn wrong_method(uri: Uri) -> Problem {
    Problem::bad_request(format!("{} takes another method", uri.path()))
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

async fn no_such_path() -> Problem {
    Problem::bad_request("there are GET /v1/ping and POST /v1/meetings/{id}/join")
        .with_status(StatusCode::NOT_FOUND)
}

async fn traced(request: Request, next: Next) -> Response {
    let span = plenum_traceparent::served("POST", JOIN, request.headers());
    let answer = next.run(request).instrument(span.clone()).await;
    plenum_traceparent::answered(&span, answer.status());
    answer
}

async fn limited(
    State((limit, metrics)): State<(Arc<Mutex<RateLimit>>, Metrics)>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let taken = limit
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take(peer.addr.ip(), Instant::now());
    match taken {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            metrics.refused(Refusal::TooManyRequests);
            Problem::from(Refusal::TooManyRequests)
                .after(wait)
                .into_response()
        }
    }
}

async fn join(
    State(door): State<Arc<Door>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let admitted = match read(&id, body) {
        Ok((meeting, request)) => door.admit(meeting, request, &headers),
        Err(problem) => {
            door.metrics.refused(Refusal::BadRequest);
            return problem.into_response();
        }
    };
    let answer = match admitted {
        Ok(question) => door.place(question).await,
        Err(refusal) => {
            door.metrics.refused(refusal);
            Err(refusal)
        }
    };
    match answer {
        Ok(offer) => ([(CACHE_CONTROL, "no-store")], Json(offer)).into_response(),
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

fn read(
    id: &str,
    body: Result<Bytes, BytesRejection>,
) -> Result<(MeetingId, JoinRequest), Problem> {
    let meeting = id
        .parse()
        .map_err(|error: plenum_wire::InvalidId| Problem::bad_request(error.to_string()))?;
    let body = body.map_err(|rejection| {
        Problem::bad_request(format!("a request has at most {BODY_BYTES} bytes"))
            .with_status(rejection.status())
    })?;
    if body.is_empty() {
        return Ok((meeting, JoinRequest::default()));
    }
    let request = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body is no join request: {error}")))?;
    Ok((meeting, request))
}

impl Door {
    /// Whether somebody may join, who they are, and since when.
    fn admit(
        &self,
        meeting: MeetingId,
        request: JoinRequest,
        headers: &HeaderMap,
    ) -> Result<Question, Refusal> {
        let now = unix_now();
        let back = self.comes_back(&meeting, &request, now);
        let by_ticket = back.as_ref().map(|claims| Proof::Ticket(&claims.meeting));
        let bearer = bearer(headers);
        let token = bearer.and_then(|token| self.directory.verify(token));
        let proof = match (by_ticket, &token) {
            (Some(ticket), _) => ticket,
            (None, Some(token)) => Proof::Token(token),
            (None, None) if bearer.is_some() => Proof::Forged,
            (None, None) => Proof::None,
        };
        self.admission.admit(&meeting, proof, now)?;
        let newcomer = || Member {
            participant: token.as_ref().map_or_else(new_participant, participant_of),
            admitted: now,
            vouched: self.admission.vouched(proof, now),
        };
        let (who, from) = match back {
            Some(claims) => (claims.member(), Some(claims.router)),
            None => (newcomer(), None),
        };
        let question = Question {
            meeting,
            who,
            from,
            exclude: request.exclude,
        };
        Ok(question)
    }

    /// Who somebody was whose last ticket proves it. A ticket that proves nothing is no
    /// offence: they are a new participant then.
    fn comes_back(&self, meeting: &MeetingId, request: &JoinRequest, now: u64) -> Option<Claims> {
        let ticket = request.ticket.as_ref()?;
        let claims = self.keys.borrow().verify().identify(ticket, now).ok()?;
        let same = request
            .participant
            .as_ref()
            .is_none_or(|who| *who == claims.participant);
        (same && claims.meeting == *meeting).then_some(claims)
    }

    async fn place(&self, question: Question) -> Result<Offer, Refusal> {
        let (meeting, who) = (question.meeting.clone(), question.who.clone());
        let span = tracing::debug_span!("place", router = Empty, outcome = Empty);
        match self.ask.place(question).instrument(span.clone()).await {
            Answer::Placed { router, endpoint } => {
                span.record("router", display(&router));
                let keys = self.keys.borrow();
                Ok(offer(&keys, meeting, who, router, endpoint))
            }
            Answer::Refused(refusal) => {
                span.record("outcome", display(refusal));
                Err(refusal)
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
