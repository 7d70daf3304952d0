//! Captive portals: networks that answer every request themselves until somebody signs in.
//!
//! They show when something speaks plain HTTP for a host and has a page for a path that nobody
//! has: the host's own web server would not know it, a portal shows its sign-in or leads there
//! (RFC 8952 section 1; status 511 is RFC 6585 section 6). That is a suspicion: a web server on
//! the same host that has an answer for everything looks alike.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use http::header::LOCATION;
use http::{Request, Response, StatusCode};
use plenum_transport::route::Http;
use url::Url;

/// How long a portal may take: it is next door.
const WITHIN: Duration = Duration::from_secs(1);

/// What answers in place of the host of `url`, in words; `None` if nothing seems to.
pub(crate) async fn answers_for(http: &Http, url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let path = format!("/no-such-page-{:08x}", rand::random::<u32>());
    let (web, own) = join(
        ask(http, host, 80, &path),
        ask(http, host, url.port_or_known_default()?, &path),
    )
    .await;
    let answers = [web, own];
    answers
        .iter()
        .flatten()
        .find_map(|answer| judge(host, answer))
}

async fn ask(http: &Http, host: &str, port: u16, path: &str) -> Option<Response<Bytes>> {
    let uri = format!("http://{host}:{port}{path}");
    let request = Request::get(uri).body(Bytes::new()).ok()?;
    http.send(request, WITHIN).await.ok()
}

/// What the answer shows for a page that does not exist.
fn judge(host: &str, answer: &Response<Bytes>) -> Option<String> {
    let status = answer.status();
    if status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED || status.is_success() {
        return Some(format!("it answered {status} to a request for no page"));
    }
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    let target = Url::parse(location).ok()?;
    let elsewhere = target.host_str().is_some_and(|target| target != host);
    (status.is_redirection() && elsewhere)
        .then(|| format!("it leads to {}", target.host_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, location: Option<&str>) -> Response<Bytes> {
        let mut answer = Response::builder().status(status);
        if let Some(location) = location {
            answer = answer.header(LOCATION, location);
        }
        answer.body(Bytes::new()).unwrap()
    }

    #[test]
    fn a_portal_has_a_page_for_everything_and_a_web_server_has_not() {
        let table = [
            (200, None, true),
            (511, None, true),
            (302, Some("http://portal.hotel.example/login"), true),
            (302, Some("https://zone.example/somewhere"), false),
            (301, Some("/somewhere"), false),
            (404, None, false),
            (400, None, false),
            (503, None, false),
        ];
        for (status, location, portal) in table {
            let judged = judge("zone.example", &answer(status, location));
            assert_eq!(
                judged.is_some(),
                portal,
                "{status} {location:?}: {judged:?}"
            );
        }
    }
}
