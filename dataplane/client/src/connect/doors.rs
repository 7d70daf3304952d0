//! Networks for every way to every address: whom to trust there, and through which proxies.

use std::collections::BTreeMap;
use std::time::Instant;

use http::HeaderValue;
use plenum_transport::route::{Credentials, Hop, Route};
use url::Url;

use super::places::{Place, Places};
use super::proof::{self, Ticket};
use super::words::{Failure, Fault, Out, Path, Tunnel};
use crate::error::JoinError;
use crate::network::Network;
use crate::proxy::{ProxySettings, ProxySource, Way};
use crate::zone::{address, bearer};

/// One way out of the network that this machine is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Straight ahead.
    Direct,
    /// By the proxy that is configured here.
    Proxy,
}

/// Opens the way to directories, zones and tunnels. Connections to one address by one way are
/// kept and shared, so that the network test pays for the handshakes of what follows.
pub(crate) struct Doors<'a> {
    network: &'a Network,
    proxy: &'a ProxySettings,
    exits: &'a [Exit],
    ticket: Option<Ticket>,
    opened: BTreeMap<Key, Opened>,
}

/// What tells one network from another. Not the places of zones and tunnels in an answer: the
/// next answer may name others there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    out: Out,
    /// Who vouches for what is there; whom the user trusts, if not given.
    authority: Option<String>,
    /// The tunnel that it is behind.
    tunnel: Option<Url>,
}

struct Opened {
    /// What the tunnel is shown, which the next answer renews.
    proof: Option<String>,
    network: Network,
}

/// A controller of a zone, by a path.
pub(crate) struct Controller {
    /// Its place among the zone's.
    pub index: usize,
    pub url: Url,
    pub network: Network,
}

/// The ways out that the settings leave, straight ahead first.
pub(crate) fn exits(proxy: &ProxySettings) -> Vec<Exit> {
    match proxy.proxy() {
        None => vec![Exit::Direct],
        // The user said so.
        Some((_, ProxySource::User)) => vec![Exit::Proxy],
        Some(_) => vec![Exit::Direct, Exit::Proxy],
    }
}

impl<'a> Doors<'a> {
    pub fn new(
        network: &'a Network,
        proxy: &'a ProxySettings,
        exits: &'a [Exit],
        ticket: Option<Ticket>,
    ) -> Self {
        Self {
            network,
            proxy,
            exits,
            ticket,
            opened: BTreeMap::new(),
        }
    }

    /// To a directory.
    pub fn directory(&mut self, url: &Url, out: Out) -> Result<Network, Failure> {
        self.straight(url, out, None)
    }

    /// To a controller of a zone, or the zone's tunnel itself.
    pub fn zone(&mut self, place: &Place, url: &Url, out: Out) -> Result<Network, Failure> {
        self.straight(url, out, place.authority.clone())
    }

    /// To whatever is behind a zone's tunnel.
    pub fn behind(
        &mut self,
        places: &Places,
        tunnel: Tunnel,
        out: Out,
    ) -> Result<Network, Failure> {
        let place = &places.zones[tunnel.zone];
        let url = read("tunnel", &place.tunnels[tunnel.index])?;
        let route = self.route(&url, out)?;
        let trust = self.zone(place, &url, out)?;
        let proof = proof::shown(self.ticket.as_ref(), places, place, Instant::now());
        let hop = hop(&url, &trust, proof.as_deref()).map_err(|why| odd(&url, why))?;
        let key = Key {
            out,
            authority: place.authority.clone(),
            tunnel: Some(url),
        };
        self.open(key, proof, route.then(hop))
    }

    /// A zone's controllers by a path, at least one. Each is judged by itself: `NO_PROXY` may
    /// name one of them and not the others.
    pub fn controllers(
        &mut self,
        places: &Places,
        zone: usize,
        path: Path,
    ) -> Result<Vec<Controller>, Failure> {
        let place = &places.zones[zone];
        let mut found = Vec::new();
        let mut wrong = None;
        for (index, text) in place.controllers.iter().enumerate() {
            let network = |url: Url| {
                let network = match path.tunnel {
                    Some(tunnel) => self.behind(places, tunnel, path.out),
                    None => self.zone(place, &url, path.out),
                };
                let network = network?;
                Ok(Controller {
                    index,
                    url,
                    network,
                })
            };
            match read("zone", text).and_then(network) {
                Ok(controller) => found.push(controller),
                Err(why) => wrong = Some(why),
            }
        }
        if found.is_empty() {
            return Err(wrong.unwrap_or_else(no_controller));
        }
        Ok(found)
    }

    /// The network in which a zone's routers are, by the path on which the zone was asked.
    pub fn towards(
        &mut self,
        places: &Places,
        zone: usize,
        path: Path,
    ) -> Result<Network, Failure> {
        let mut controllers = self.controllers(places, zone, path)?;
        Ok(controllers.swap_remove(0).network)
    }

    /// Without a tunnel.
    fn straight(
        &mut self,
        url: &Url,
        out: Out,
        authority: Option<String>,
    ) -> Result<Network, Failure> {
        let route = self.route(url, out)?;
        let key = Key {
            out,
            authority,
            tunnel: None,
        };
        self.open(key, None, route)
    }

    fn open(&mut self, key: Key, proof: Option<String>, route: Route) -> Result<Network, Failure> {
        let known = self.opened.get(&key).filter(|it| it.proof == proof);
        if let Some(known) = known {
            return Ok(known.network.clone());
        }
        let mut network = if route.is_direct() {
            self.network.clone()
        } else {
            self.network.via(route)
        };
        if let Some(authority) = &key.authority {
            let trusting = network.trusting(Some(authority.as_bytes()));
            network = trusting.map_err(|error| Failure {
                fault: Fault::Untrusted,
                at: "the zone's authority".to_owned(),
                reason: error.to_string(),
                proxy: None,
            })?;
        }
        let opened = Opened {
            proof,
            network: network.clone(),
        };
        self.opened.insert(key, opened);
        Ok(network)
    }

    /// The route out of here, for this host.
    fn route(&self, url: &Url, out: Out) -> Result<Route, Failure> {
        let exit = self.exits.get(out.0).copied().unwrap_or(Exit::Direct);
        match (exit, self.proxy.way_to(url)) {
            (Exit::Direct, _) => Ok(Route::direct()),
            (Exit::Proxy, Way::Through(hop) | Way::Perhaps(hop, _)) => Ok(Route::through([hop])),
            (Exit::Proxy, Way::Direct) => {
                let why = "NO_PROXY says not to reach it by the proxy".to_owned();
                Err(Failure {
                    fault: Fault::Refused,
                    ..odd(url, why)
                })
            }
        }
    }
}

/// Reads an address that a directory or the user gave.
pub(crate) fn read(what: &str, text: &str) -> Result<Url, Failure> {
    address(what, text).map_err(|error| Failure {
        fault: Fault::Nonsense,
        at: text.to_owned(),
        reason: error.to_string(),
        proxy: None,
    })
}

fn no_controller() -> Failure {
    Failure {
        fault: Fault::Refused,
        at: "the zone".to_owned(),
        reason: "the directory names no controller of it".to_owned(),
        proxy: None,
    }
}

/// Something about an address that no waiting mends.
pub(crate) fn odd(url: &Url, reason: String) -> Failure {
    Failure {
        fault: Fault::Nonsense,
        at: url.to_string(),
        reason,
        proxy: None,
    }
}

/// A tunnel as a proxy: TLS, and a token or ticket as the password.
fn hop(url: &Url, trust: &Network, proof: Option<&str>) -> Result<Hop, String> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let hop = Hop::tls(host, port, trust.trust()).map_err(|error| error.to_string())?;
    let Some(proof) = proof else {
        return Ok(hop);
    };
    let credentials = Credentials::Bearer(proof.to_owned());
    hop.with(&credentials).map_err(|error| error.to_string())
}

/// The header that shows a token.
pub(crate) fn header(token: Option<&str>) -> Result<Option<HeaderValue>, JoinError> {
    token.map(bearer).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_proxy_keeps_those_from_the_proxy_that_it_names_and_no_others() {
        let proxy = ProxySettings::of_variables(&[
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("NO_PROXY", "10.0.0.0/8"),
        ]);
        let network = Network::new(None).unwrap();
        let exits = exits(&proxy);
        let mut doors = Doors::new(&network, &proxy, &exits, None);
        let controllers = ["https://10.0.0.1", "not an address", "https://zc.example"];
        let places = Places::given(controllers.map(str::to_owned).into(), None);
        let mut by = |out| {
            let path = Path {
                out: Out(out),
                tunnel: None,
            };
            let found = doors.controllers(&places, 0, path).unwrap();
            let found = found.iter();
            let each = found.map(|it| (it.index, it.network.route().is_direct()));
            each.collect::<Vec<_>>()
        };
        assert_eq!(by(0), [(0, true), (2, true)]);
        assert_eq!(by(1), [(2, false)]);
    }

    fn answer(token: &str, tunnel: &str, authority: Option<&str>) -> Places {
        let zone = Place {
            controllers: vec!["https://zc.example".to_owned()],
            tunnels: vec![tunnel.to_owned()],
            authority: authority.map(str::to_owned),
            ..Place::default()
        };
        Places {
            token: Some(token.to_owned()),
            zones: vec![zone],
            ..Places::default()
        }
    }

    #[tokio::test]
    async fn the_next_answer_may_have_another_tunnel_in_the_same_place() {
        let (network, proxy) = (Network::new(None).unwrap(), ProxySettings::default());
        let exits = exits(&proxy);
        let mut doors = Doors::new(&network, &proxy, &exits, None);
        let first = Tunnel { zone: 0, index: 0 };
        for tunnel in ["https://ht-a.example:443", "https://ht-b.example:443"] {
            let places = answer("token", tunnel, None);
            let behind = doors.behind(&places, first, Out(0)).unwrap();
            assert_eq!(behind.route().hops()[0].to_string(), tunnel);
        }
    }

    #[tokio::test]
    async fn the_next_answer_may_have_another_authority_in_the_same_place() {
        let (network, proxy) = (Network::new(None).unwrap(), ProxySettings::default());
        let exits = exits(&proxy);
        let mut doors = Doors::new(&network, &proxy, &exits, None);
        let mut by = |authority| {
            let places = answer("token", "https://ht.example", authority);
            let path = Path {
                out: Out(0),
                tunnel: None,
            };
            let found = doors.controllers(&places, 0, path);
            found.map(|_| ()).map_err(|failure| failure.fault)
        };
        assert_eq!(by(None), Ok(()));
        assert_eq!(by(Some("no certificate")), Err(Fault::Untrusted));
    }

    #[tokio::test]
    async fn a_tunnel_is_shown_the_token_of_the_last_answer() {
        let (network, proxy) = (Network::new(None).unwrap(), ProxySettings::default());
        let exits = exits(&proxy);
        let mut doors = Doors::new(&network, &proxy, &exits, None);
        let first = Tunnel { zone: 0, index: 0 };
        for token in ["old", "new"] {
            let places = answer(token, "https://ht.example", None);
            doors.behind(&places, first, Out(0)).unwrap();
        }
        let shown = doors.opened.values().filter_map(|it| it.proof.as_deref());
        assert_eq!(shown.collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn only_what_the_user_said_leaves_no_other_way_out() {
        assert_eq!(exits(&ProxySettings::default()), [Exit::Direct]);
        let told = ProxySettings::detect(Some("http://proxy.example:3128")).unwrap();
        assert_eq!(exits(&told), [Exit::Proxy]);
    }
}
