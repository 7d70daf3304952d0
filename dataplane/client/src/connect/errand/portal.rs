//! Captive portals: networks that answer every request themselves until somebody signs in.
//!
//! They show when something speaks plain HTTP for a host and has a page for a path that nobody
//! has: the host's own web server would not know it, a portal shows its sign-in or leads there
//! (RFC 8952 section 1; status 511 is RFC 6585 section 6). That is a suspicion: a web server on
//! the same host that has an answer for everything looks alike.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::LOCATION;
use http::{Request, Response, StatusCode};
use plenum_transport::route::Http;
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use crate::connect::measure::LOOKS;

/// How long a portal may take: it is next door.
const WITHIN: Duration = Duration::from_secs(1);

/// Where every host is asked: networks that want a sign-in answer plain HTTP in place of all.
const WEB: u16 = 80;
/// Pages asked for, for all who fail: two for each of the servers that are paid for.
const PAGES: usize = 2 * LOOKS;

/// The looks of all who fail in one network test by one way: a portal answers in place of each
/// of them, and its page need not be asked for by each.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<BTreeMap<Address, Arc<Look>>>);

/// What asking for one page has shown, once it has.
type Look = OnceCell<Option<String>>;

/// Where a page is asked for. A web server on one port says nothing of another port of its host;
/// but what answers at port 80 may be the network.
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

    fn web(&self) -> Self {
        Self {
            host: self.host.clone(),
            port: WEB,
        }
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// Where to look for what answers in place of a server, when these have been looked at: at port 80
/// of its host and at its own; or at all of them, which are of two hosts at least, if none of both
/// has been looked at and there is no look left.
fn choose(looked: &[Address], server: &Address) -> Vec<Address> {
    let mut known = looked.to_vec();
    let mut chosen = Vec::new();
    let own = (server.port != WEB).then(|| server.clone());
    for page in iter::once(server.web()).chain(own) {
        if !known.contains(&page) {
            if !has_room(&known, &page) {
                continue;
            }
            known.push(page.clone());
        }
        chosen.push(page);
    }
    if chosen.is_empty() { known } else { chosen }
}

/// No host has all the looks: others may be judged by them.
fn has_room(looked: &[Address], page: &Address) -> bool {
    let same = looked.iter().filter(|it| it.host == page.host).count();
    looked.len() < PAGES && same < PAGES - 1
}

/// What is said of a server where a look has seen something.
fn tell(server: &Address, at: &Address, seen: String) -> String {
    if server.host == at.host {
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

    /// Something only if each host that tells of this server has something to show.
    async fn see<S>(&self, server: &Address, look: impl Fn(Address) -> S) -> Option<String>
    where
        S: Future<Output = Option<String>>,
    {
        let mut told = None;
        for pages in self.of(server).await.into_values() {
            // Who comes first looks, and the others wait for what that shows.
            let seen = pages.iter().map(async |(at, it)| {
                let seen = it.get_or_init(|| look(at.clone())).await.clone()?;
                Some(tell(server, at, seen))
            });
            told = Some(join_all(seen).await.into_iter().flatten().next()?);
        }
        told
    }

    /// Those that tell of this server, by their hosts.
    async fn of(&self, server: &Address) -> BTreeMap<String, Vec<(Address, Arc<Look>)>> {
        let mut looks = self.0.lock().await;
        let looked: Vec<Address> = looks.keys().cloned().collect();
        let mut by_host: BTreeMap<String, Vec<(Address, Arc<Look>)>> = BTreeMap::new();
        for at in choose(&looked, server) {
            let look = Arc::clone(looks.entry(at.clone()).or_default());
            by_host.entry(at.host.clone()).or_default().push((at, look));
        }
        by_host
    }
}

/// What answers in place of the host of `url`, in words; `None` if nothing seems to.
pub(crate) async fn answers_for(http: &Http, url: &Url) -> Option<String> {
    Looks::default().answers_for(http, url).await
}

/// The page itself may be long, and tells nothing more.
async fn look(http: &Http, at: Address, within: Duration) -> Option<String> {
    let page = format!("http://{at}/no-such-page-{:08x}", rand::random::<u32>());
    let request = Request::get(page).body(Bytes::new()).ok()?;
    let answer = http.send_for_head(request, within).await.ok()?;
    judge(&at.host, &answer)
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
        let [a, b, c] = ["a.example", "b.example", "c.example"].map(address);
        let chosen = |looked: &[Address], server: &Address| -> Vec<String> {
            let chosen = choose(looked, server);
            chosen.iter().map(Address::to_string).collect()
        };
        let both = [a.web(), a.clone(), b.web(), b.clone()];
        assert_eq!(chosen(&[], &a), ["a.example:80", "a.example:443"]);
        assert_eq!(chosen(&both[..2], &b), ["b.example:80", "b.example:443"]);
        assert_eq!(chosen(&both, &a), ["a.example:80", "a.example:443"]);
        assert_eq!(chosen(&both, &c), both.each_ref().map(Address::to_string));
        assert_eq!(chosen(&[], &a.web()), ["a.example:80"]);
        let told = |server: &Address, at: &Address| tell(server, at, "it answered 200".to_owned());
        assert_eq!(told(&a, &a.web()), "it answered 200");
        assert_eq!(told(&c, &b), "as at b.example:443 it answered 200");
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
                assert!(looked.contains(&address(other)), "{looked:?}");
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
        let pages = [a, b].map(address).map(|it| [it.web(), it]);
        assert_eq!(looked, pages.as_flattened());
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
    async fn one_host_is_asked_once_at_port_80_and_does_not_speak_for_another_by_its_many_ports() {
        let ports = ["a.example", "a.example:8443", "a.example:9443"];
        let servers = [ports[0], ports[1], ports[2], "b.example", "c.example"];
        let (told, looked) = seen(&servers, &["a.example:80"]).await;
        let told: Vec<bool> = told.iter().map(Option::is_some).collect();
        assert_eq!(told, [true, true, true, false, false]);
        let looked: Vec<String> = looked.iter().map(Address::to_string).collect();
        let both = [
            "a.example:80",
            "a.example:443",
            "a.example:8443",
            "b.example:80",
        ];
        assert_eq!(looked, both);
        // Where each of these is a page of the network, so is what the last one meets.
        let (told, _) = seen(&servers, &both).await;
        assert!(told.iter().all(Option::is_some), "{told:?}");
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
