//! Reading what a zone controller, or whatever stands in front of it, answered.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::RETRY_AFTER;
use plenum_wire::join::{Offer, Problem};
use url::Url;

use crate::connect::{Failure, Fault};
use crate::error::problem_of_status;

/// What came of one request.
#[derive(Debug)]
pub enum Answer {
    /// A router.
    Offer(Box<Offer>),
    /// No, and after how long to ask again.
    Refused(Problem, Option<Duration>),
    /// Nothing useful.
    Failed(Failure),
}

impl Answer {
    /// Reads a response.
    pub fn read(zone: &Url, response: &Response<Bytes>) -> Self {
        let (status, body) = (response.status(), response.body());
        if status.is_success() {
            return match serde_json::from_slice(body) {
                Ok(offer) => Self::Offer(Box::new(offer)),
                Err(error) => failed(zone, &format!("the answer is no offer: {error}")),
            };
        }
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let by_status = || problem_of_status(status.as_u16(), format!("{zone} answered {status}."));
        match problem.or_else(by_status) {
            Some(problem) => Self::Refused(problem, retry_after(response)),
            None => failed(
                zone,
                &format!("it answered {status}, as no zone controller does"),
            ),
        }
    }
}

fn failed(zone: &Url, reason: &str) -> Answer {
    Answer::Failed(Failure {
        fault: Fault::Nonsense,
        at: zone.to_string(),
        reason: reason.to_owned(),
        proxy: None,
    })
}

fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}
