//! The examination: from this machine outward, in the order of a join.

use std::time::Duration;

use futures_util::future::join_all;
use plenum_client::connect::inspect::{self, Pings};
use plenum_client::connect::{Place, Places, RouteKind};
use plenum_client::proxy::{ProxySettings, Way};
use plenum_client::{JoinConfig, JoinError, Network};
use plenum_wire::directory::DirectoryProblem;
use url::Url;

use super::findings::{Finding, Findings, Health, Party, Subject};
use super::{attend, clock, lookup, packet_size, reach};

/// Controllers and tunnels that are looked at.
const SERVERS: usize = 24;

/// One examination.
pub struct Examination {
    config: JoinConfig,
    /// Whether there is a meeting to look up.
    has_meeting: bool,
    /// What a directory said that will not change by asking again.
    denied: Option<DirectoryProblem>,
    findings: Findings,
    /// Tells each finding as it comes.
    tell: fn(&Finding),
}

impl Examination {
    pub fn new(config: JoinConfig, has_meeting: bool, tell: fn(&Finding)) -> Self {
        Self {
            config,
            has_meeting,
            denied: None,
            findings: Findings::default(),
            tell,
        }
    }

    /// Looks at everything. The error is why no meeting can be joined.
    pub async fn run(mut self) -> (Findings, Option<JoinError>) {
        self.look_at_proxy();
        let directories = urls(&self.config.directories);
        self.look_at(&directories, Party::Directory, &self.config.network.clone())
            .await;
        let places = self.look_up(&directories).await;
        for place in &places.zones {
            self.look_at_zone(place).await;
        }
        let refused = self.join(&places).await;
        (self.findings, refused)
    }

    fn note(&mut self, finding: Finding) {
        (self.tell)(&finding);
        self.findings.all.push(finding);
    }

    fn note_all(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.note(finding));
    }

    fn look_at_proxy(&mut self) {
        let settings = &self.config.proxy;
        let finding = |at: String, health| Finding::new(Subject::Proxy, Party::Proxy, at, health);
        let mut found = Vec::new();
        if let Some(ignored) = settings.ignored() {
            found.push(finding("settings".to_owned(), Health::Odd).saying(ignored));
        }
        found.push(match settings.proxy() {
            Some((hop, source)) => {
                finding(hop.to_string(), Health::Works).saying(format!("named by {source}"))
            }
            None => finding("none".to_owned(), Health::Works).saying("no proxy is configured here"),
        });
        self.note_all(found);
    }

    /// Names, ports, certificates and clocks of some servers; all at once.
    async fn look_at(&mut self, servers: &[Url], party: Party, network: &Network) {
        let proxy = self.config.proxy.clone();
        let looks = servers
            .iter()
            .take(SERVERS)
            .map(|url| look(url, party, network, &proxy));
        for found in join_all(looks).await {
            self.note_all(found);
        }
    }

    async fn look_up(&mut self, directories: &[Url]) -> Places {
        let config = &self.config;
        if directories.is_empty() {
            return Places::given(config.zones.clone(), config.token.clone());
        }
        if !self.has_meeting {
            let why = "no meeting to look up was given: --meeting ID";
            self.note(lookup::finding(&directories[0], Health::Untried).saying(why));
            return Places::default();
        }
        let looked = lookup::look_up(config, directories).await;
        self.note_all(looked.findings);
        self.denied = looked.denied;
        looked.places.unwrap_or_default()
    }

    async fn look_at_zone(&mut self, place: &Place) {
        let network = match &place.authority {
            Some(authority) => match self.config.network.trusting(Some(authority.as_bytes())) {
                Ok(network) => network,
                Err(error) => {
                    let at = place.name.as_ref().map_or("the zone", |name| name.as_str());
                    let finding =
                        Finding::new(Subject::Certificate, Party::Controller, at, Health::Blocked);
                    return self.note(finding.saying(error.to_string()));
                }
            },
            None => self.config.network.clone(),
        };
        let controllers = urls(&place.controllers);
        self.look_at(&controllers, Party::Controller, &network)
            .await;
        self.ping(
            &controllers,
            Subject::Test,
            Party::Controller,
            &network,
            place,
        )
        .await;
        let tunnels = urls(&place.tunnels);
        self.ping(&tunnels, Subject::Tunnel, Party::Tunnel, &network, place)
            .await;
    }

    async fn ping(
        &mut self,
        servers: &[Url],
        subject: Subject,
        party: Party,
        network: &Network,
        place: &Place,
    ) {
        let proxy = &self.config.proxy;
        let servers = servers.iter().take(SERVERS);
        let pings = servers.flat_map(|url| {
            let ways = ways(network, proxy, url).into_iter();
            ways.map(move |(route, network)| async move {
                let pinged = inspect::ping(&network, url).await;
                let finding = |health| Finding::new(subject, party, url.to_string(), health);
                let mut finding = match pinged {
                    Ok(pings) => finding(Health::Works)
                        .saying(figures(&pings, place))
                        .taking(pings.first),
                    Err(failure) => finding(Health::Blocked).saying(failure.reason),
                };
                finding.route = Some(route);
                finding
            })
        });
        let found = join_all(pings.collect::<Vec<_>>()).await;
        self.note_all(found);
    }

    async fn join(&mut self, places: &Places) -> Option<JoinError> {
        if places.zones.is_empty() && !self.has_meeting {
            return None;
        }
        // A second question would count as a second guess of a passcode, or knock again.
        if let Some(problem) = self.denied.take() {
            let meeting = self.config.meeting.clone();
            let error = JoinError::Denied { meeting, problem };
            let finding = attend::refused(&self.config.meeting, &error, &mut self.findings);
            self.note(finding);
            return Some(error);
        }
        let before = self.findings.all.len();
        let joined = attend::join(self.config.clone(), &mut self.findings).await;
        let finding = match joined {
            Ok(finding) => finding,
            Err(error) => {
                self.findings.all[before..].iter().for_each(self.tell);
                return Some(error);
            }
        };
        self.note(finding);
        let rungs = attend::rungs(&self.config, places, &self.findings).await;
        self.note_all(rungs);
        if let Some(router) = self.findings.router {
            let size = packet_size::packet_size(router, self.findings.ports.media);
            self.note(size);
        }
        None
    }
}

fn urls(texts: &[String]) -> Vec<Url> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The networks by which a server may be reached.
pub fn ways(network: &Network, proxy: &ProxySettings, url: &Url) -> Vec<(RouteKind, Network)> {
    let way = proxy.way_to(url);
    let proxied = way
        .proxied()
        .map(|route| (RouteKind::Proxy, network.via(route)));
    let direct = (!matches!(way, Way::Through(_))).then(|| (RouteKind::Direct, network.clone()));
    direct.into_iter().chain(proxied).collect()
}

async fn look(url: &Url, party: Party, network: &Network, proxy: &ProxySettings) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut reached = None;
    for (route, network) in ways(network, proxy, url) {
        let open = if route == RouteKind::Direct {
            let (name, addresses) = reach::name(url, party).await;
            found.push(name);
            let ports = join_all(addresses.into_iter().map(|it| reach::port(it, party))).await;
            let open = ports.iter().any(|port| port.health == Health::Works);
            found.extend(ports);
            open
        } else {
            let by = network.route().hops().first().map(ToString::to_string);
            let through = reach::through(&network, url, &by.unwrap_or_default()).await;
            let open = through.health == Health::Works;
            found.push(through);
            open
        };
        if open && reached.is_none() {
            reached = Some(network);
        }
    }
    let Some(network) = reached else {
        // Networks that want a sign-in may let nothing out but what they answer themselves.
        if let Some((_, network)) = ways(network, proxy, url).into_iter().next() {
            found.extend(sign_in(&network, url, Health::Odd).await);
        }
        return found;
    };
    let (certificate, good) = reach::certificate(&network, url, party).await;
    let trusted = certificate.health == Health::Works;
    found.push(certificate);
    let clock = match good {
        Some(then) => clock::clock(&network, url, then).await,
        None => None,
    };
    if !trusted && clock.is_none() {
        found.extend(sign_in(&network, url, Health::Blocked).await);
    }
    found.extend(clock);
    found
}

/// What answers in place of a server, if something does.
async fn sign_in(network: &Network, url: &Url, health: Health) -> Option<Finding> {
    let says = inspect::captive_portal(network, url).await?;
    let host = url.host_str().unwrap_or_default();
    Some(Finding::new(Subject::Portal, Party::Here, host, health).saying(says))
}

fn figures(pings: &Pings, place: &Place) -> String {
    let ms = |it: Duration| it.as_secs_f64() * 1_000.0;
    let best = pings.samples.iter().min().copied().unwrap_or(pings.first);
    let worst = pings.samples.iter().max().copied().unwrap_or(pings.first);
    let load = place
        .load
        .map(|load| format!(", {:.0} % full", load * 100.0));
    let hosts = if place.hosts {
        ", hosts the meeting"
    } else {
        ""
    };
    format!(
        "{:.1} to {:.1} ms there and back{}{hosts}",
        ms(best),
        ms(worst),
        load.unwrap_or_default()
    )
}
