//! Captive portals: networks that answer every request themselves until somebody signs in.
//!
//! They show when something speaks plain HTTP for a host and has a page for a path that nobody
//! has: the host's own web server would not know it, a portal shows its sign-in or leads there
//! (RFC 8952 section 1; status 511 is RFC 6585 section 6). That is a suspicion: a web server on
//! the same host that has an answer for everything looks alike.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
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
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<BTreeMap<Address, Arc<Look>>>);

/// What a look has shown, once it has.
type Look = OnceCell<Option<String>>;

/// Who is looked at. A web server on one port says nothing of another port of its host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    host: String,
    port: u16,
}

impl Address {
    fn of(url: &Url) -> Option<Self> {
        Some(Self {
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// Where to look for what answers in place of a server, when these have been looked at: there, or
/// at all of them if there is no look left.
fn choose(looked: &[Address], server: &Address) -> Vec<Address> {
    if looked.len() < LOOKS || looked.contains(server) {
        vec![server.clone()]
    } else {
        looked.to_vec()
    }
}

/// What is said of a server where a look has seen something.
fn tell(server: &Address, at: &Address, seen: String) -> String {
    if server == at {
        seen
    } else {
        format!("as at {at} {seen}")
    }
}

impl Looks {
    /// As [`answers_for`], which not everybody asks.
    pub async fn answers_for(&self, http: &Http, url: &Url) -> Option<String> {
        self.see(&Address::of(url)?, |at| look(http, at, WITHIN))
            .await
    }

    /// Something only if every look that tells of this server has seen something.
    async fn see<S>(&self, server: &Address, look: impl Fn(Address) -> S) -> Option<String>
    where
        S: Future<Output = Option<String>>,
    {
        let mut told = None;
        for (at, it) in self.of(server).await {
            // Who comes first looks, and the others wait for what that shows.
            let seen = it.get_or_init(|| look(at.clone())).await.clone()?;
            told = Some(tell(server, &at, seen));
        }
        told
    }

    /// Those that tell of this server.
    async fn of(&self, server: &Address) -> Vec<(Address, Arc<Look>)> {
        let mut looks = self.0.lock().await;
        let looked: Vec<Address> = looks.keys().cloned().collect();
        let chosen = choose(&looked, server).into_iter();
        let look = |at: Address| (at.clone(), Arc::clone(looks.entry(at).or_default()));
        chosen.map(look).collect()
    }
}

/// What answers in place of the host of `url`, in words; `None` if nothing seems to.
pub(crate) async fn answers_for(http: &Http, url: &Url) -> Option<String> {
    look(http, Address::of(url)?, WITHIN).await
}

async fn look(http: &Http, Address { host, port }: Address, within: Duration) -> Option<String> {
    let path = format!("/no-such-page-{:08x}", rand::random::<u32>());
    let ask = |port| ask(http, format!("http://{host}:{port}{path}"), within);
    let (web, own) = join(ask(80), ask(port)).await;
    let answers = [web, own];
    answers
        .iter()
        .flatten()
        .find_map(|answer| judge(&host, answer))
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

    fn address(server: &str) -> Address {
        let url = format!("https://{server}").parse().unwrap();
        Address::of(&url).unwrap()
    }

    #[test]
    fn the_first_servers_are_looked_at_and_others_judged_by_all_of_these() {
        let [a, b, c] = ["a.example", "a.example:8443", "c.example"].map(address);
        let both = [a.clone(), b.clone()];
        let chosen = |looked: &[Address], server: &Address| -> Vec<String> {
            let chosen = choose(looked, server);
            chosen.iter().map(Address::to_string).collect()
        };
        assert_eq!(chosen(&[], &a), ["a.example:443"]);
        assert_eq!(chosen(&both[..1], &b), ["a.example:8443"]);
        assert_eq!(chosen(&both, &a), ["a.example:443"]);
        assert_eq!(chosen(&both, &c), ["a.example:443", "a.example:8443"]);
        let told = |server, at| tell(server, at, "it answered 200".to_owned());
        assert_eq!(told(&a, &a), "it answered 200");
        assert_eq!(told(&c, &b), "as at a.example:8443 it answered 200");
    }

    /// What these are told who fail at once, and who was looked at for that.
    async fn seen(servers: &[&str], portals: &[&str]) -> (Vec<Option<String>>, Vec<Address>) {
        let (looks, looked) = (Looks::default(), RefCell::new(Vec::new()));
        let portals: Vec<Address> = portals.iter().map(|it| address(it)).collect();
        let look = |at: Address| {
            let portal = portals.contains(&at);
            looked.borrow_mut().push(at);
            async move {
                yield_now().await;
                portal.then(|| "it answered 200".to_owned())
            }
        };
        let servers: Vec<Address> = servers.iter().map(|it| address(it)).collect();
        let told = join_all(servers.iter().map(|server| looks.see(server, look))).await;
        (told, looked.into_inner())
    }

    #[tokio::test]
    async fn who_has_a_page_for_everything_says_nothing_of_another_server() {
        let (portal, told) = ("a.example", Some("it answered 200".to_owned()));
        for other in ["b.example", "a.example:8443"] {
            for servers in [[portal, other], [other, portal]] {
                let (seen, looked) = seen(&servers, &[portal]).await;
                assert_eq!(looked.len(), 2);
                for (server, seen) in servers.iter().zip(seen) {
                    assert_eq!(seen, told.clone().filter(|_| *server == portal), "{server}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_portal_is_looked_at_where_two_servers_are_and_told_of_the_others_by_their_names() {
        let [a, b, c, d] = ["a.example", "b.example", "c.example", "d.example"];
        let (told, looked) = seen(&[a, b, c, a, d], &[a, b, c, d]).await;
        assert_eq!(looked, [a, b].map(address));
        let told: Vec<String> = told.into_iter().flatten().collect();
        assert_eq!((told.len(), &*told[3]), (5, "it answered 200"));
        for seen in [&told[2], &told[4]] {
            assert!(
                seen.contains("as at ") && seen.contains(".example"),
                "{seen}"
            );
        }
        // Where only one of them has a page for everything, that is no network.
        let (told, _) = seen(&[a, b, c], &[b]).await;
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
        let at = Address::of(&url).unwrap();
        let seen = look(network.http(), at, Duration::from_secs(120)).await;
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
