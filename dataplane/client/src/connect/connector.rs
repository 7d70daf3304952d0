//! What a session knows of its way: asks for routers, first and when it comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_wire::MeetingId;
use plenum_wire::directory::LookupRequest;
use plenum_wire::join::{JoinRequest, Offer};
use url::Url;

use super::connecting::Setting;
use super::doors::{self, Doors, Exit};
use super::driver::Driver;
use super::errand::Question;
use super::words::{Path, Places, Steps};
use crate::error::JoinError;
use crate::network::Network;
use crate::proxy::ProxySettings;
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
}

/// Finds routers for one participant.
#[derive(Clone)]
pub(crate) struct Connector {
    plan: Arc<Plan>,
    /// From the last lookup; good until its token expires, and longer for those who come back.
    known: Option<Places>,
    here: Option<(usize, Path)>,
    avoid: Option<Path>,
}

struct Plan {
    network: Network,
    proxy: ProxySettings,
    exits: Vec<Exit>,
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
            exits: doors::exits(&config.proxy),
            proxy: config.proxy.clone(),
            meeting: config.meeting.clone(),
            question: Question {
                request: LookupRequest {
                    meeting: config.meeting.clone(),
                    passcode: config.passcode.clone(),
                    name: config.name.clone(),
                    waiting: None,
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
            avoid: None,
        })
    }

    /// Asks until a router is offered, a refusal is for good, or `deadline` passes.
    pub async fn locate(
        self,
        request: JoinRequest,
        deadline: Instant,
    ) -> Result<Box<Located>, JoinError> {
        let plan = &*self.plan;
        let returns = request.ticket.is_some();
        let setting = Setting {
            meeting: plan.meeting.clone(),
            directories: plan.directories.iter().map(Url::to_string).collect(),
            outs: plan.exits.len(),
            known: self.known,
            back: self.here.filter(|_| returns),
            avoid: self.avoid,
            within: deadline.saturating_duration_since(Instant::now()),
            patience: plan.patience,
            seed: rand::random(),
        };
        let ticket = request.ticket.clone();
        let doors = Doors::new(&plan.network, &plan.proxy, &plan.exits, ticket);
        let driver = Driver::new(
            doors,
            &plan.meeting,
            &plan.directories,
            &plan.question,
            request,
        );
        let (found, network, places) = driver.run(setting).await?;
        let place = &places.zones[found.zone];
        let name = place.name.as_ref().map(ToString::to_string);
        let way = Way {
            zone: name.unwrap_or_else(|| place.controllers[0].clone()),
            route: match (found.path.tunnel, plan.exits[found.path.out.0]) {
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
        }))
    }

    /// The network by which the router of an offer is reached, from where the participant is.
    pub fn towards(&self, network: &Network, offer: &Offer) -> Network {
        match self.here {
            Some((_, path)) if path.tunnel.is_some() => doors::with_ticket(network, &offer.ticket),
            _ => network.clone(),
        }
    }

    /// This is where the participant is now.
    pub fn arrive(&mut self, located: &Located) {
        self.known = Some(located.places.clone());
        self.here = Some(located.here);
    }

    /// The router could not even be spoken to: by this way perhaps none can.
    pub fn blame_way(&mut self) {
        self.avoid = self.here.map(|(_, path)| path);
    }

    /// Everything works.
    pub fn praise_way(&mut self) {
        self.avoid = None;
    }
}
