//! Captive portals: networks that answer every request themselves until somebody signs in.
//!
//! They show when something speaks plain HTTP for a host and has a page for a path that nobody
//! has: the host's own web server would not know it, a portal shows its sign-in or leads there
//! (RFC 8952 section 1; status 511 is RFC 6585 section 6). That is a suspicion: a web server on
//! the same host that has an answer for everything looks alike.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use http::header::LOCATION;
use http::{Request, Response, StatusCode};
use plenum_transport::route::Http;
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use crate::connect::measure::LOOKS;

/// How long a portal may take: it is next door.
const WITHIN: Duration = Duration::from_secs(1);

/// The looks of all who fail in one network test by one way: a portal answers in place of each
/// of them, and its page need not be asked for by each.
///
/// What was seen at a host holds for that host. [`LOOKS`] of them are looked at; of the others the
/// same is said where every look has seen something, and where.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<BTreeMap<String, Arc<Look>>>);

#[derive(Debug)]
struct Look {
    url: Url,
    seen: OnceCell<Option<String>>,
}

impl Looks {
    /// As [`answers_for`], which not everybody asks.
    pub async fn answers_for(&self, http: &Http, url: &Url) -> Option<String> {
        self.see(url, |url| async move { look(http, &url, WITHIN).await })
            .await
    }

    async fn see<S>(&self, url: &Url, look: impl Fn(Url) -> S) -> Option<String>
    where
        S: Future<Output = Option<String>>,
    {
        let host = url.host_str()?;
        let looks = self.places(host, url).await;
        let own = looks.contains_key(host);
        let mut seen = None;
        for (place, it) in looks {
            // Who comes first looks, and the others wait for what that shows.
            let it = it.seen.get_or_init(|| look(it.url.clone())).await.clone()?;
            seen = Some(if own {
                it
            } else {
                format!("as at {place} {it}")
            });
        }
        seen
    }

    /// Where to look for what answers for this host: there, or at all others if there is no look
    /// left.
    async fn places(&self, host: &str, url: &Url) -> BTreeMap<String, Arc<Look>> {
        let mut looks = self.0.lock().await;
        if looks.len() < LOOKS && !looks.contains_key(host) {
            let look = Look {
                url: url.clone(),
                seen: OnceCell::new(),
            };
            looks.insert(host.to_owned(), Arc::new(look));
        }
        match looks.get_key_value(host) {
            Some((host, own)) => BTreeMap::from([(host.clone(), Arc::clone(own))]),
            None => looks.clone(),
        }
    }
}

/// What answers in place of the host of `url`, in words; `None` if nothing seems to.
pub(crate) async fn answers_for(http: &Http, url: &Url) -> Option<String> {
    look(http, url, WITHIN).await
}

async fn look(http: &Http, url: &Url, within: Duration) -> Option<String> {
    let host = url.host_str()?;
    let path = format!("/no-such-page-{:08x}", rand::random::<u32>());
    let own = url.port_or_known_default()?;
    let ask = |port| ask(http, format!("http://{host}:{port}{path}"), within);
    let (web, own) = join(ask(80), ask(own)).await;
    let answers = [web, own];
    answers
        .iter()
        .flatten()
        .find_map(|answer| judge(host, answer))
}

/// The page itself may be long, and tells nothing more.
async fn ask(http: &Http, page: String, within: Duration) -> Option<Response<()>> {
    let request = Request::get(page).body(Bytes::new()).ok()?;
    http.send_for_head(request, within).await.ok()
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
    use std::cell::RefCell;

    use axum::Router;
    use futures_util::future::join_all;
    use tokio::net::TcpListener;
    use tokio::task::yield_now;

    use super::*;
    use crate::network::Network;

    fn controller(name: &str) -> Url {
        format!("https://{name}.example").parse().unwrap()
    }

    /// What these are told who fail at once, and who was looked at for that.
    async fn seen(names: &[&str], portals: &[&str]) -> (Vec<Option<String>>, Vec<String>) {
        let (looks, looked) = (Looks::default(), RefCell::new(Vec::new()));
        let look = |url: Url| {
            let host = url.host_str().unwrap().to_owned();
            looked.borrow_mut().push(host.clone());
            async move {
                yield_now().await;
                let portal = portals.iter().any(|it| host == format!("{it}.example"));
                portal.then(|| "it answered 200".to_owned())
            }
        };
        let urls: Vec<Url> = names.iter().map(|it| controller(it)).collect();
        let told = join_all(urls.iter().map(|url| looks.see(url, look))).await;
        (told, looked.into_inner())
    }

    #[tokio::test]
    async fn who_has_a_page_for_everything_says_nothing_of_another_host() {
        let told = Some("it answered 200".to_owned());
        for names in [["a", "b"], ["b", "a"]] {
            let (seen, looked) = seen(&names, &["a"]).await;
            assert_eq!(looked.len(), 2);
            for (name, seen) in names.iter().zip(seen) {
                assert_eq!(seen, told.clone().filter(|_| *name == "a"), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn a_portal_is_looked_at_where_two_hosts_are_and_told_of_the_others_by_their_names() {
        let (told, looked) = seen(&["a", "b", "c", "a", "d"], &["a", "b", "c", "d"]).await;
        assert_eq!(looked, ["a.example", "b.example"]);
        let told: Vec<String> = told.into_iter().flatten().collect();
        assert_eq!((told.len(), &*told[3]), (5, "it answered 200"));
        for seen in [&told[2], &told[4]] {
            assert!(
                seen.contains("as at ") && seen.contains(".example"),
                "{seen}"
            );
        }
        // Where only one of them has a page for everything, that is no network.
        let (told, _) = seen(&["a", "b", "c"], &["b"]).await;
        assert_eq!(told[2], None);
    }

    #[tokio::test]
    async fn a_long_page_is_not_waited_for() {
        let page = async || "sign in ".repeat(100_000);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("https://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let portal = Router::new().fallback(page);
        tokio::spawn(async move { axum::serve(listener, portal).await });
        let network = Network::new(None).unwrap();
        let seen = look(network.http(), &url, Duration::from_secs(120)).await;
        assert!(seen.unwrap().contains("200"));
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
