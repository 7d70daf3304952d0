//! Asking the zone controllers for a router: `POST /v1/meetings/{id}/join`.
//!
//! The controllers are equals, so the first one asked is drawn at random; a second is asked
//! after 150 ms, or at once when the first fails, and the first answer counts. What passes
//! (503, 429, nobody there) is asked again until the deadline.

mod answer;

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
use plenum_wire::join::{JoinRequest, Offer, Problem};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use url::Url;

use crate::backoff::Backoff;
use crate::error::JoinError;
use answer::Answer;

/// After how long a second controller is asked: well above a round trip and an answer.
const HEDGE: Duration = Duration::from_millis(150);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(3);
/// How long routers stay excluded: then even a zone with no other may offer one again.
const EXCLUDE: Duration = Duration::from_secs(2);
/// Longest wait that a `Retry-After` is obeyed for: the user waits too.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// The controllers of one zone.
#[derive(Debug, Clone)]
pub struct Zone {
    http: Http,
    urls: Vec<Url>,
    token: Option<HeaderValue>,
}

/// What kept a round of requests from an offer.
enum Setback {
    Refused(Problem, Option<Duration>),
    Failed(JoinError),
}

impl Zone {
    /// `urls` as `https://HOST[:PORT]`; `token` from the directory, if any.
    pub fn new(http: Http, urls: &[String], token: Option<&str>) -> Result<Self, JoinError> {
        let urls: Vec<Url> = urls.iter().map(|url| read(url)).collect::<Result<_, _>>()?;
        if urls.is_empty() {
            let what = "no zone given: write its address as https://HOST".to_owned();
            return Err(JoinError::Configuration(what));
        }
        let token = token.map(bearer).transpose()?;
        Ok(Self { http, urls, token })
    }

    /// Asks until an offer comes, a refusal is for good, or `deadline` passes.
    pub async fn ask(
        &self,
        meeting: &MeetingId,
        request: &JoinRequest,
        deadline: Instant,
    ) -> Result<Box<Offer>, JoinError> {
        let start = Instant::now();
        let mut request = request.clone();
        let mut backoff = Backoff::new(rand::random());
        let mut tries = 0;
        let mut refused = None;
        loop {
            tries += 1;
            if start.elapsed() >= EXCLUDE {
                request.exclude.clear();
            }
            let round = timeout_at(deadline, self.round(meeting, &request));
            let setback = match round.await {
                Ok(Ok(offer)) => return Ok(offer),
                Ok(Err(setback)) => setback,
                // The last question is cut short: what the zone said just before tells more.
                Err(_) => refused
                    .take()
                    .unwrap_or_else(|| Setback::Failed(self.unreachable("no answer in time"))),
            };
            refused = match &setback {
                Setback::Refused(problem, after) => Some(Setback::Refused(problem.clone(), *after)),
                Setback::Failed(_) => None,
            };
            let wait = match &setback {
                Setback::Refused(problem, _) if !problem.code.passes() => None,
                Setback::Refused(_, Some(after)) => Some(backoff.wait().max(*after)),
                // A wrong authority or password does not become right by asking again.
                Setback::Failed(JoinError::Untrusted { .. } | JoinError::Proxy { .. }) => None,
                Setback::Refused(_, None) | Setback::Failed(_) => Some(backoff.wait()),
            };
            match wait.filter(|&wait| Instant::now() + wait < deadline) {
                Some(wait) => sleep(wait).await,
                None => {
                    return Err(match setback {
                        Setback::Failed(error) => error,
                        Setback::Refused(problem, _) => {
                            JoinError::refused(meeting, problem, tries, start.elapsed())
                        }
                    });
                }
            }
        }
    }

    /// One hedged question: each controller at most once, and where there is only one
    /// address, which may stand for several controllers, that twice.
    async fn round(
        &self,
        meeting: &MeetingId,
        request: &JoinRequest,
    ) -> Result<Box<Offer>, Setback> {
        let first = rand::random_range(0..self.urls.len());
        let order = (0..self.urls.len().max(2)).map(|step| first + step);
        let mut order = order.map(|index| &self.urls[index % self.urls.len()]);
        let mut asked = FuturesUnordered::new();
        let mut setback = None;
        let hedge = sleep_until(Instant::now());
        tokio::pin!(hedge);
        let mut left = true;
        loop {
            tokio::select! {
                () = &mut hedge, if left => match order.next() {
                    Some(url) => {
                        asked.push(self.request(url, meeting, request));
                        hedge.as_mut().reset(Instant::now() + HEDGE);
                    }
                    None => left = false,
                },
                Some(answer) = asked.next() => match answer {
                    Answer::Offer(offer) => return Ok(offer),
                    Answer::Refused(problem, _) if !problem.code.passes() => {
                        return Err(Setback::Refused(problem, None));
                    }
                    Answer::Refused(problem, after) => {
                        let after = after.map(|after| after.min(RETRY_AFTER));
                        setback = Some(Setback::Refused(problem, after));
                        hedge.as_mut().reset(Instant::now());
                    }
                    Answer::Failed(error) => {
                        // A refusal says more than a failure.
                        setback = setback.or(Some(Setback::Failed(error)));
                        hedge.as_mut().reset(Instant::now());
                    }
                },
                else => break,
            }
        }
        Err(setback.unwrap_or_else(|| Setback::Failed(self.unreachable("no answer"))))
    }

    fn request<'a>(
        &'a self,
        url: &'a Url,
        meeting: &'a MeetingId,
        request: &'a JoinRequest,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            let answer = match self.post(url, meeting, request) {
                Ok(post) => self.http.send(post, REQUEST).await,
                Err(error) => Err(HttpError::Request(error.to_string())),
            };
            match answer {
                Ok(response) => Answer::read(url, &response),
                Err(error) => Answer::of_error(url, error),
            }
        })
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

    fn unreachable(&self, reason: &str) -> JoinError {
        let zones: Vec<&str> = self.urls.iter().map(Url::as_str).collect();
        JoinError::ZoneUnreachable {
            zones: zones.join(", "),
            reason: reason.to_owned(),
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, JoinError> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        JoinError::Configuration("the token has characters that no token has".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(text: &str) -> Result<Url, JoinError> {
    let wrong = |why: &str| {
        JoinError::Configuration(format!(
            "the zone's address {text:?} {why}: write https://HOST or https://HOST:PORT"
        ))
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
    match url.scheme() {
        "https" => Ok(url),
        _ => Err(wrong("is not HTTPS")),
    }
}

#[cfg(test)]
mod tests;
