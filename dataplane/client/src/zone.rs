//! Asking the zone controllers for a router: `POST /v1/meetings/{id}/join`.
//!
//! The controllers are equals, so the first one asked is the one that the network test liked
//! best, or drawn at random; a second is asked after 150 ms, or at once when the first fails,
//! and the first answer counts. Asking again is up to [`Connecting`](crate::connect::Connecting).

mod answer;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use plenum_transport::route::{Http, HttpError};
use plenum_wire::MeetingId;
use plenum_wire::join::{JoinRequest, Offer};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;
use url::Url;

use crate::connect::{Failure, Setback, failure};
use crate::error::JoinError;
use answer::Answer;

/// After how long a second controller is asked: well above a round trip and an answer.
const HEDGE: Duration = Duration::from_millis(150);
/// How long one request may take.
pub(crate) const REQUEST: Duration = Duration::from_secs(3);

/// A controller that can be asked.
#[derive(Debug, Clone)]
pub struct Controller {
    /// Its place among those of the zone, of which not all may be in reach.
    pub place: usize,
    /// The way to it.
    pub http: Http,
    /// Its address.
    pub url: Url,
}

/// The controllers of one zone.
#[derive(Debug, Clone)]
pub struct Zone {
    controllers: Vec<Controller>,
    token: Option<HeaderValue>,
}

impl Zone {
    /// At least one of its `controllers`; `token` from the directory, if any.
    pub const fn new(controllers: Vec<Controller>, token: Option<HeaderValue>) -> Self {
        Self { controllers, token }
    }

    /// One hedged question: each controller at most once, and where there is only one
    /// address, which may stand for several controllers, that twice.
    pub async fn ask(
        &self,
        meeting: &MeetingId,
        request: &JoinRequest,
        first: Option<usize>,
    ) -> Result<Box<Offer>, Setback> {
        let count = self.controllers.len();
        let first = first.unwrap_or_else(|| rand::random_range(0..count));
        let order = (0..count.max(2)).map(|step| first + step);
        let mut order = order.map(|index| &self.controllers[index % count]);
        let mut asked = FuturesUnordered::new();
        let mut full: Option<Setback> = None;
        let mut failures = BTreeMap::new();
        let hedge = sleep_until(Instant::now());
        tokio::pin!(hedge);
        let mut left = true;
        loop {
            tokio::select! {
                () = &mut hedge, if left => match order.next() {
                    Some(controller) => {
                        asked.push(self.request(controller, meeting, request));
                        hedge.as_mut().reset(Instant::now() + HEDGE);
                    }
                    None => left = false,
                },
                Some((place, answer)) = asked.next() => match answer {
                    Answer::Offer(offer) => return Ok(offer),
                    Answer::Refused(problem, _) if !problem.code.passes() => {
                        return Err(Setback::Refused(problem, None));
                    }
                    Answer::Refused(problem, after) => {
                        full = Some(Setback::Refused(problem, after));
                        hedge.as_mut().reset(Instant::now());
                    }
                    Answer::Failed(failure) => {
                        note(&mut failures, place, failure);
                        hedge.as_mut().reset(Instant::now());
                    }
                },
                else => break,
            }
        }
        // A refusal says more than a failure.
        Err(full.unwrap_or_else(|| Setback::Failed(failures.into_iter().collect())))
    }

    fn request<'a>(
        &'a self,
        controller: &'a Controller,
        meeting: &'a MeetingId,
        request: &'a JoinRequest,
    ) -> Pin<Box<dyn Future<Output = (usize, Answer)> + Send + 'a>> {
        let Controller { place, http, url } = controller;
        let server = url.host_str();
        let span = tracing::debug_span!("ask", otel.kind = "client", server.address = server);
        let asking = async move {
            let answer = match self.post(url, meeting, request) {
                Ok(post) => http.send(post, REQUEST).await,
                Err(error) => Err(HttpError::Request(error.to_string())),
            };
            let answer = match answer {
                Ok(response) => Answer::read(url, &response),
                Err(error) => Answer::Failed(failure(http, url, error).await),
            };
            (*place, answer)
        };
        Box::pin(asking.instrument(span))
    }

    fn post(
        &self,
        url: &Url,
        meeting: &MeetingId,
        request: &JoinRequest,
    ) -> Result<Request<Bytes>, http::Error> {
        let mut target = url.clone();
        target.set_path(&format!("/v1/meetings/{meeting}/join"));
        let mut post = Request::builder()
            .method(Method::POST)
            .uri(target.as_str())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            post = post.header(AUTHORIZATION, token);
        }
        let body = serde_json::to_vec(request).expect("a request is a plain structure");
        post.body(body.into())
    }
}

/// What is wrong with a controller, perhaps a second time.
fn note(failures: &mut BTreeMap<usize, Failure>, place: usize, failure: Failure) {
    let failure = match failures.remove(&place) {
        Some(before) => before.or_hope(failure),
        None => failure,
    };
    failures.insert(place, failure);
}

/// The header that shows a token.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, JoinError> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        JoinError::Configuration("the token has characters that no token has".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads the address of a zone's controller or a directory, as `what` says.
pub(crate) fn address(what: &str, text: &str) -> Result<Url, JoinError> {
    let wrong = |why: &str| {
        JoinError::Configuration(format!(
            "the {what}'s address {text:?} {why}: write https://HOST or https://HOST:PORT"
        ))
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        _ => Err(wrong("is not HTTPS")),
    }
}

#[cfg(test)]
mod tests;
