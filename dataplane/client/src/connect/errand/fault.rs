//! What a failed request means.

use plenum_transport::route::{Http, HttpError, ProxyProblem, RouteError};
use url::Url;

use super::portal::Looks;
use crate::connect::words::{Failure, Fault};

/// Sorts a failed request; where something else seems to have answered, by asking it what it
/// is.
pub(crate) async fn failure(http: &Http, url: &Url, error: HttpError) -> Failure {
    failure_among(&Looks::default(), http, url, error).await
}

/// The same for one of many requests that may fail alike.
pub(super) async fn failure_among(
    looks: &Looks,
    http: &Http,
    url: &Url,
    error: HttpError,
) -> Failure {
    let failure = sort(url, error);
    if !matches!(failure.fault, Fault::Untrusted | Fault::Nonsense) {
        return failure;
    }
    match looks.answers_for(http, url).await {
        Some(seen) => Failure {
            fault: Fault::Portal,
            reason: format!("{seen}; {}", failure.reason),
            ..failure
        },
        None => failure,
    }
}

fn sort(url: &Url, error: HttpError) -> Failure {
    let reason = error.to_string();
    let fault = match error {
        HttpError::Route(RouteError::Proxy { proxy, problem }) => {
            return Failure {
                fault: of_proxy(&problem),
                at: proxy,
                reason,
                proxy: Some(problem),
            };
        }
        HttpError::Untrusted(_) => Fault::Untrusted,
        HttpError::TimedOut | HttpError::Route(RouteError::TimedOut { .. }) => Fault::Silent,
        HttpError::Route(RouteError::UnknownName { .. }) => Fault::UnknownName,
        HttpError::Route(RouteError::Unreachable { .. }) => Fault::Refused,
        HttpError::Request(_)
        | HttpError::Route(RouteError::Request(_))
        | HttpError::TooLong
        | HttpError::Broken(_) => Fault::Nonsense,
    };
    Failure {
        fault,
        at: url.to_string(),
        reason,
        proxy: None,
    }
}

const fn of_proxy(problem: &ProxyProblem) -> Fault {
    match problem {
        ProxyProblem::CredentialsWanted { .. } | ProxyProblem::CredentialsRefused { .. } => {
            Fault::ProxyLogin
        }
        ProxyProblem::Forbidden { .. }
        | ProxyProblem::Untrusted(_)
        | ProxyProblem::NotAProxy(_) => Fault::ProxyForbids,
        ProxyProblem::UnknownName(_)
        | ProxyProblem::Unreachable(_)
        | ProxyProblem::TimedOut
        | ProxyProblem::TargetFailed { .. }
        | ProxyProblem::Busy { .. } => Fault::ProxyAway,
    }
}
