//! What a session knows of its way: asks for routers, first and when it comes back.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_transport::route::Route;
use plenum_wire::MeetingId;
use plenum_wire::directory::LookupRequest;
use plenum_wire::join::{JoinRequest, Offer};
use tokio::sync::watch;
use url::Url;

use super::blame::Blame;
use super::connecting::Setting;
use super::doors::{self, Doors, Exit};
use super::driver::{Arrived, Driver};
use super::errand::Question;
use super::places::Places;
use super::proof::{Ticket, with_ticket};
use super::words::{Out, Path, Steps, Waiting};
use crate::error::JoinError;
use crate::network::Network;
use crate::proxy::{self, ProxySettings};
use crate::session::JoinConfig;
use crate::zone::address;

/// How a zone is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// Straight.
    Direct,
    /// Through the proxy of this network.
    Proxy,
    /// Through a tunnel of the zone.
    Tunnel,
}

/// Where a participant is, and how it got there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The zone's name, or the address of its first controller where the user named that.
    pub zone: String,
    /// How it is reached.
    pub route: RouteKind,
    /// How long the steps of the join took.
    pub steps: Steps,
}

/// A router was found.
pub(crate) struct Located {
    pub offer: Box<Offer>,
    /// By which everything of this router goes.
    pub network: Network,
    pub way: Way,
    places: Places,
    here: (usize, Path),
    admission: Option<String>,
}

/// Finds routers for one participant.
#[derive(Clone)]
pub(crate) struct Connector {
    plan: Arc<Plan>,
    /// From the last lookup; good until its token expires, and longer for those who come back.
    known: Option<Places>,
    here: Option<(usize, Path)>,
    /// That a host has let the participant in, for lookups to come.
    admission: Option<String>,
    blame: Blame,
    /// By which the ways out of this network are counted.
    proxy: Arc<ProxySettings>,
    exits: Vec<Exit>,
}

struct Plan {
    network: Network,
    meeting: MeetingId,
    directories: Vec<Url>,
    question: Question,
    patience: Duration,
}

impl Connector {
    /// Reads what the user wants.
    pub fn new(config: &JoinConfig) -> Result<Self, JoinError> {
        let read = |what: &'static str| move |url: &String| address(what, url);
        let directories: Result<Vec<Url>, _> =
            config.directories.iter().map(read("directory")).collect();
        let zones: Result<Vec<Url>, _> = config.zones.iter().map(read("zone")).collect();
        let (directories, zones) = (directories?, zones?);
        if directories.is_empty() == zones.is_empty() {
            let what = "name either a directory or a zone: write its address as https://HOST";
            return Err(JoinError::Configuration(what.to_owned()));
        }
        let header = doors::header(config.token.as_deref())?;
        let given = || Places::given(config.zones.clone(), config.token.clone());
        let plan = Plan {
            network: config.network.clone(),
            meeting: config.meeting.clone(),
            question: Question {
                request: LookupRequest {
                    meeting: config.meeting.clone(),
                    passcode: config.passcode.clone(),
                    name: config.name.clone(),
                    waiting: None,
                    begin_in: None,
                },
                bearer: header,
            },
            directories,
            patience: config.patience,
        };
        Ok(Self {
            known: plan.directories.is_empty().then(given),
            plan: Arc::new(plan),
            here: None,
            admission: None,
            blame: Blame::default(),
            exits: doors::exits(&config.proxy),
            proxy: Arc::new(config.proxy.clone()),
        })
    }

    /// Asks until a router is offered, a refusal is for good, or `deadline` passes; tells
    /// `waiting` when somebody has to be waited for.
    pub async fn locate(
        self,
        request: JoinRequest,
        deadline: Instant,
        waiting: watch::Sender<Option<Waiting>>,
    ) -> Result<Box<Located>, JoinError> {
        let plan = &*self.plan;
        let returns = request.ticket.is_some();
        let ticket = self.ticket(&request);
        let setting = Setting {
            meeting: plan.meeting.clone(),
            directories: plan.directories.iter().map(Url::to_string).collect(),
            outs: self.exits.len(),
            known: self.known,
            back: self.here.filter(|_| returns),
            avoid: self.blame.last_choice(),
            admission: self.admission,
            within: deadline.saturating_duration_since(Instant::now()),
            patience: plan.patience,
            seed: rand::random(),
        };
        let doors = Doors::new(&plan.network, &self.proxy, &self.exits, ticket);
        let driver = Driver::new(
            doors,
            &plan.meeting,
            &plan.directories,
            &plan.question,
            request,
        );
        let Arrived {
            found,
            network,
            places,
            admission,
        } = driver.run(setting, &waiting).await?;
        let place = &places.zones[found.zone];
        let name = place.name.as_ref().map(ToString::to_string);
        let way = Way {
            zone: name.unwrap_or_else(|| place.controllers[0].clone()),
            route: match (found.path.tunnel, self.exits[found.path.out.0]) {
                (Some(_), _) => RouteKind::Tunnel,
                (None, Exit::Proxy) => RouteKind::Proxy,
                (None, Exit::Direct) => RouteKind::Direct,
            },
            steps: found.steps,
        };
        Ok(Box::new(Located {
            offer: found.offer,
            network,
            way,
            here: (found.zone, found.path),
            places,
            admission,
        }))
    }

    /// What opens the tunnels of the zone that the participant comes back to.
    fn ticket(&self, request: &JoinRequest) -> Option<Ticket> {
        let (known, (zone, _)) = self.known.as_ref().zip(self.here)?;
        Some(Ticket {
            zone: known.zones.get(zone)?.clone(),
            text: request.ticket.clone()?,
        })
    }

    /// The network by which the router of an offer is reached, from where the participant is.
    pub fn towards(&self, network: &Network, offer: &Offer) -> Network {
        match self.here {
            Some((_, path)) if path.tunnel.is_some() => with_ticket(network, &offer.ticket),
            Some(_) if !network.route().is_direct() && self.spares_proxy(offer) => {
                network.via(Route::direct())
            }
            _ => network.clone(),
        }
    }

    /// Whether `NO_PROXY` names all addresses of a router.
    fn spares_proxy(&self, offer: &Offer) -> bool {
        let (addresses, port) = (&offer.endpoint.addresses, offer.endpoint.https_port);
        let direct = |address: &IpAddr| {
            let url = format!("https://{}", SocketAddr::new(*address, port));
            let url = Url::parse(&url);
            url.is_ok_and(|url| matches!(self.proxy.way_to(&url), proxy::Way::Direct))
        };
        !addresses.is_empty() && addresses.iter().all(direct)
    }

    /// This is where the participant is now.
    pub fn arrive(&mut self, located: &Located) {
        if let Some(before) = self.known.replace(located.places.clone()) {
            let now = &located.places;
            self.blame.rename(|path| now.follow(path, &before));
        }
        self.here = Some(located.here);
        self.admission.clone_from(&located.admission);
    }

    /// The next question is asked by who has asked this one.
    pub fn wait_on(&mut self, waiting: Waiting) {
        self.admission = waiting.admission.or(self.admission.take());
    }

    /// The router could not even be spoken to: by this way perhaps none can.
    pub fn blame_way(&mut self) {
        if let Some((_, path)) = self.here {
            self.blame.accuse(path);
        }
    }

    /// Everything works.
    pub fn praise_way(&mut self) {
        self.blame.forget();
    }

    /// The network is another one, with another proxy or none.
    pub fn change_network(&mut self, proxy: ProxySettings) {
        self.blame.forget();
        self.exits = doors::exits(&proxy);
        self.proxy = Arc::new(proxy);
        if let Some((_, path)) = &mut self.here
            && path.out.0 >= self.exits.len()
        {
            path.out = Out(0);
        }
    }

    /// Which proxy there is here.
    pub fn proxy(&self) -> &ProxySettings {
        &self.proxy
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use plenum_wire::join::Endpoint;
    use plenum_wire::{Fingerprint, FlowId, Flows};

    use super::*;

    fn settings(no_proxy: &str) -> ProxySettings {
        ProxySettings::of_variables(&[
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("NO_PROXY", no_proxy),
        ])
    }

    fn connector(proxy: ProxySettings) -> (Connector, Network) {
        let network = Network::new(None).unwrap();
        let zones = vec!["https://zone.example".to_owned()];
        let mut config = JoinConfig::new(network.clone(), zones, "4711".parse().unwrap());
        config.proxy = proxy;
        let mut connector = Connector::new(&config).unwrap();
        let path = Path {
            out: Out(1),
            tunnel: None,
        };
        connector.here = Some((0, path));
        let hop = connector.proxy.proxy().map(|(hop, _)| hop.clone());
        (connector, network.via(Route::through(hop)))
    }

    fn offer() -> Offer {
        let flow = FlowId::new(1).unwrap();
        Offer {
            meeting: "4711".parse().unwrap(),
            participant: "me".parse().unwrap(),
            router: "a".parse().unwrap(),
            endpoint: Endpoint {
                addresses: vec![Ipv4Addr::new(10, 0, 0, 7).into()],
                https_port: 443,
                media_port: 8_801,
                fingerprint: Fingerprint([0; 32]),
            },
            flows: Flows {
                audio: flow,
                video: flow,
                content: flow,
            },
            ticket: "ticket".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_router_that_no_proxy_names_is_reached_straight_from_a_zone_behind_the_proxy() {
        for (no_proxy, direct) in [("10.0.0.0/8", true), ("192.0.2.0/24", false)] {
            let (connector, network) = connector(settings(no_proxy));
            let towards = connector.towards(&network, &offer());
            assert_eq!(towards.route().is_direct(), direct, "{no_proxy}");
        }
    }

    #[tokio::test]
    async fn who_has_knocked_shows_it_from_the_next_network_and_forgets_nothing() {
        let (mut connector, _) = connector(ProxySettings::default());
        let knocked = |admission: Option<&str>| Waiting {
            admission: admission.map(str::to_owned),
        };
        connector.wait_on(knocked(Some("proof")));
        assert_eq!(connector.admission.as_deref(), Some("proof"));
        // The meeting has not begun: nobody gives a proof for that.
        connector.wait_on(knocked(None));
        assert_eq!(connector.admission.as_deref(), Some("proof"));
    }

    #[tokio::test]
    async fn in_another_network_there_may_be_another_proxy_or_none() {
        let (mut connector, _) = connector(settings("-"));
        assert_eq!(connector.exits, [Exit::Direct, Exit::Proxy]);
        connector.change_network(ProxySettings::default());
        assert_eq!(connector.exits, [Exit::Direct]);
        let (_, path) = connector.here.unwrap();
        assert_eq!(path.out, Out(0), "the way that it came is not there");
        connector.change_network(settings("-"));
        assert_eq!(connector.exits, [Exit::Direct, Exit::Proxy]);
    }
}
