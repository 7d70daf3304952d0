//! Captive portals: networks that answer every request themselves until somebody signs in.
//!
//! They show when something speaks plain HTTP for a host and has a page for a path that nobody
//! has: the host's own web server would not know it, a portal shows its sign-in or leads there
//! (RFC 8952 section 1; status 511 is RFC 6585 section 6). That is a suspicion: a web server on
//! the same host that has an answer for everything looks alike.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join;
use http::header::LOCATION;
use http::{Request, Response, StatusCode};
use plenum_transport::route::Http;
use tokio::sync::Mutex;
use url::Url;

/// How long a portal may take: it is next door.
const WITHIN: Duration = Duration::from_secs(1);
/// How long what one look has shown holds for others.
const HOLDS: Duration = Duration::from_secs(1);

/// The looks of many who fail at once by one way, as the doors of a network test do: a portal
/// answers in place of each of them, and its page need not be asked for by each.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<Option<(Instant, Option<String>)>>);

impl Looks {
    /// As [`answers_for`], which only the first of them asks.
    pub async fn answers_for(&self, http: &Http, url: &Url) -> Option<String> {
        // The others wait for its answer.
        let mut last = self.0.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < HOLDS
        {
            return seen.clone();
        }
        let seen = answers_for(http, url).await;
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

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

/// The page itself may be long, and tells nothing more.
async fn ask(http: &Http, host: &str, port: u16, path: &str) -> Option<Response<()>> {
    let uri = format!("http://{host}:{port}{path}");
    let request = Request::get(uri).body(Bytes::new()).ok()?;
    http.send_for_head(request, WITHIN).await.ok()
}

/// What the answer shows for a page that does not exist.
fn judge(host: &str, answer: &Response<()>) -> Option<String> {
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use futures_util::future::join_all;
    use tokio::net::TcpListener;

    use super::*;
    use crate::network::Network;

    #[tokio::test]
    async fn a_long_page_that_answers_for_everybody_is_asked_for_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        let page = {
            let asked = Arc::clone(&asked);
            async move || {
                asked.fetch_add(1, Ordering::SeqCst);
                "sign in ".repeat(100_000)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("https://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let portal = Router::new().fallback(page);
        tokio::spawn(async move { axum::serve(listener, portal).await });
        let (network, looks) = (Network::new(None).unwrap(), Looks::default());
        let doors = (0..12).map(|_| looks.answers_for(network.http(), &url));
        for seen in join_all(doors).await {
            assert!(seen.unwrap().contains("200"));
        }
        // Once more on a machine that took longer for it than such an answer holds.
        let asked = asked.load(Ordering::SeqCst);
        assert!((1..=2).contains(&asked), "{asked} times");
    }

    fn answer(status: u16, location: Option<&str>) -> Response<()> {
        let mut answer = Response::builder().status(status);
        if let Some(location) = location {
            answer = answer.header(LOCATION, location);
        }
        answer.body(()).unwrap()
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
