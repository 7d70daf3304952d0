//! What an answer to CONNECT means. Pure.

use std::time::Duration;

use ::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, PROXY_AUTHENTICATE, RETRY_AFTER};
use ::http::{HeaderMap, HeaderName, StatusCode};

use super::{ProxyProblem, Target};

/// Longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Names of authentication schemes that are passed on, and their length.
const SCHEMES: usize = 8;
const SCHEME_BYTES: usize = 32;

/// What was asked.
pub(super) struct Asked<'a> {
    pub(super) target: &'a Target,
    pub(super) with_credentials: bool,
}

/// Whether the proxy lets us through.
pub(super) fn of(
    asked: &Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), ProxyProblem> {
    let target = asked.target.to_string();
    Err(match status.as_u16() {
        200..=299 if announces_a_page(headers) => {
            ProxyProblem::NotAProxy("answered with a page of its own".to_owned())
        }
        200..=299 => return Ok(()),
        407 if asked.with_credentials => ProxyProblem::CredentialsRefused {
            schemes: schemes(headers),
        },
        407 => ProxyProblem::CredentialsWanted {
            schemes: schemes(headers),
        },
        401 | 403 | 451 => ProxyProblem::Forbidden { target },
        429 => ProxyProblem::Busy {
            retry_after: retry_after(headers),
        },
        // Without a time to come back it is what squid says of a target that is down.
        503 if headers.contains_key(RETRY_AFTER) => ProxyProblem::Busy {
            retry_after: retry_after(headers),
        },
        500 | 502..=504 => ProxyProblem::TargetFailed {
            target,
            status: status.as_u16(),
        },
        300..=399 if headers.contains_key(LOCATION) => {
            ProxyProblem::NotAProxy("sent us to another page".to_owned())
        }
        // RFC 6585 section 6.
        511 => ProxyProblem::NotAProxy("answered that a sign-in is required".to_owned()),
        other => ProxyProblem::NotAProxy(format!("answered {other} to CONNECT")),
    })
}

/// A connection carries no page (RFC 9110 section 9.3.6: neither length nor coding mean
/// anything here), but a network that answers every request with its sign-in page does.
fn announces_a_page(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE).unwrap_or_default();
    let empty = text(CONTENT_LENGTH).is_some_and(|length| length.trim() == "0");
    kind.to_ascii_lowercase().contains("html") && !empty
}

/// The schemes' names only: what follows them is the proxy's to say, and may be long.
fn schemes(headers: &HeaderMap) -> Vec<String> {
    let challenges = headers.get_all(PROXY_AUTHENTICATE).iter();
    let names = challenges
        .filter_map(|challenge| challenge.to_str().ok()?.split_whitespace().next())
        .filter(|name| {
            name.len() <= SCHEME_BYTES && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    names.take(SCHEMES).map(str::to_owned).collect()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}
