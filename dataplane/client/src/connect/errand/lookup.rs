//! Asking a directory: `POST /v1/lookup`.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response};
use plenum_transport::route::Http;
use plenum_wire::directory::{Denial, DirectoryProblem, LOOKUP_PATH, Lookup, LookupRequest};
use url::Url;

use super::failure;
use crate::connect::words::{Failure, Fault, Unanswered};

/// How long a directory may take, with connecting.
const WITHIN: Duration = Duration::from_secs(4);

/// What is asked of every directory.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Which meeting, and what opens it.
    pub request: LookupRequest,
    /// Who signed in.
    pub bearer: Option<HeaderValue>,
}

/// Asks one directory once.
pub(crate) async fn look_up(
    http: &Http,
    directory: &Url,
    question: &Question,
) -> Result<Lookup, Unanswered> {
    let target = at(directory, LOOKUP_PATH);
    let mut post = Request::post(target.as_str()).header(CONTENT_TYPE, "application/json");
    if let Some(bearer) = &question.bearer {
        post = post.header(AUTHORIZATION, bearer);
    }
    let body = Bytes::from(plenum_wire::encode(&question.request));
    let nonsense = |reason: String| Unanswered::Failed(nonsense(directory, reason));
    let post = post
        .body(body)
        .map_err(|error| nonsense(error.to_string()))?;
    match http.send(post, WITHIN).await {
        Ok(answer) => read(directory, &answer),
        Err(error) => Err(Unanswered::Failed(failure(http, directory, error).await)),
    }
}

/// A path of a server.
pub(super) fn at(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    url.set_path(path);
    url.set_query(None);
    url
}

fn read(directory: &Url, answer: &Response<Bytes>) -> Result<Lookup, Unanswered> {
    let (status, body) = (answer.status(), answer.body());
    let nonsense = |reason| Unanswered::Failed(nonsense(directory, reason));
    if status.is_success() {
        let lookup = serde_json::from_slice(body);
        return lookup.map_err(|error| nonsense(format!("its answer is no lookup: {error}")));
    }
    let problem = serde_json::from_slice::<DirectoryProblem>(body).ok();
    let away = || matches!(status.as_u16(), 502..=504).then(|| unavailable(directory, answer));
    match problem.or_else(away) {
        Some(problem) => Err(Unanswered::Denied(problem, retry_after(answer))),
        None => Err(nonsense(format!(
            "it answered {status}, as no directory does"
        ))),
    }
}

/// A load balancer whose directories are not ready.
fn unavailable(directory: &Url, answer: &Response<Bytes>) -> DirectoryProblem {
    let detail = format!("{directory} answered {}.", answer.status());
    DirectoryProblem {
        status: answer.status().as_u16(),
        ..DirectoryProblem::new(Denial::Unavailable, detail)
    }
}

fn nonsense(directory: &Url, reason: String) -> Failure {
    Failure {
        fault: Fault::Nonsense,
        at: directory.to_string(),
        reason,
        proxy: None,
    }
}

fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Url {
        "https://directory.example/".parse().unwrap()
    }

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        let answer = Response::builder().status(status).header(RETRY_AFTER, "7");
        answer.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_problem_is_read_with_its_proof_and_when_to_ask_again() {
        let body = r#"{"title":"t","status":403,"code":"waiting_for_host","detail":"d","waiting":"w","new":1}"#;
        let Err(Unanswered::Denied(problem, after)) = read(&directory(), &answer(403, body)) else {
            panic!("it is a denial");
        };
        assert_eq!(problem.code, Denial::WaitingForHost);
        assert_eq!(problem.waiting.as_deref(), Some("w"));
        assert_eq!(after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn what_is_no_directory_is_told_from_one_that_is_away() {
        let away = read(&directory(), &answer(503, "<html>"));
        assert!(
            matches!(&away, Err(Unanswered::Denied(problem, _)) if problem.code == Denial::Unavailable),
            "{away:?}"
        );
        for (status, body) in [(200, "<html>"), (404, "<html>"), (302, ""), (403, "{}")] {
            let other = read(&directory(), &answer(status, body));
            assert!(
                matches!(&other, Err(Unanswered::Failed(failure)) if failure.fault == Fault::Nonsense),
                "{status}: {other:?}"
            );
        }
    }
}
