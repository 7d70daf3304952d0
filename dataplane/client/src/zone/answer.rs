//! Reading what a zone controller, or whatever stands in front of it, answered.

use std::error::Error;
use std::time::Duration;

use plenum_wire::join::{Offer, Problem};
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, Url};

use crate::error::{JoinError, problem_of_status};

/// Longest answer that is read, in bytes. An offer has about 1,000.
const ANSWER_BYTES: usize = 64 * 1024;

/// What came of one request.
#[derive(Debug)]
pub enum Answer {
    /// A router.
    Offer(Box<Offer>),
    /// No, and after how long to ask again.
    Refused(Problem, Option<Duration>),
    /// The certificate is wrong.
    Untrusted(JoinError),
    /// Nothing useful.
    Failed(JoinError),
}

impl Answer {
    /// Reads a response.
    pub async fn read(zone: &Url, mut response: Response) -> Self {
        let status = response.status();
        let after = retry_after(&response);
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return failed(zone, "the answer is too long"),
                Ok(None) => break,
                Err(error) => return Self::of_error(zone, &error),
            }
        }
        if status.is_success() {
            return match serde_json::from_slice(&body) {
                Ok(offer) => Self::Offer(Box::new(offer)),
                Err(error) => failed(zone, &format!("the answer is no offer: {error}")),
            };
        }
        let problem = serde_json::from_slice::<Problem>(&body).ok();
        let by_status = || problem_of_status(status.as_u16(), format!("{zone} answered {status}."));
        match problem.or_else(by_status) {
            Some(problem) => Self::Refused(problem, after),
            None => failed(
                zone,
                &format!("it answered {status}, as no zone controller does"),
            ),
        }
    }

    /// Sorts a failed request.
    pub fn of_error(zone: &Url, error: &reqwest::Error) -> Self {
        let reason = root_cause(error);
        if is_certificate(error) {
            return Self::Untrusted(JoinError::Untrusted {
                zone: zone.to_string(),
                reason,
            });
        }
        failed(zone, &reason)
    }
}

fn failed(zone: &Url, reason: &str) -> Answer {
    Answer::Failed(JoinError::ZoneUnreachable {
        zones: zone.to_string(),
        reason: reason.to_owned(),
    })
}

/// Whether it was the certificate, which no second try makes better. An `io::Error` does not
/// name what it wraps as its `source`.
fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(
            tls,
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented
        );
    }
    let wrapped = error.downcast_ref::<std::io::Error>();
    match wrapped.and_then(std::io::Error::get_ref) {
        Some(inner) => is_certificate(inner),
        None => error.source().is_some_and(is_certificate),
    }
}

/// The innermost error says what happened; the outer ones that a request failed.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}
