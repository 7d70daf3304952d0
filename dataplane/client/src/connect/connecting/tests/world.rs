//! A world in which somebody joins: pure, and the same for the same seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_transport::route::ProxyProblem;
use plenum_wire::directory::{Denial, DirectoryProblem};
use plenum_wire::join::{Endpoint, Offer, Problem, Refusal};
use plenum_wire::{Fingerprint, FlowId, Flows};

use super::super::{Connecting, Setting};
use crate::connect::measure::PINGED;
use crate::connect::words::{
    Action, Attempt, Failure, Fault, Found, Input, News, Out, Path, Place, Places, Setback, Target,
    Tunnel, Unanswered,
};
use crate::error::JoinError;

/// How the network is to one address by one way out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// Packets arrive.
    Open(Link),
    /// They vanish.
    Hole,
    /// Refused at once, or whatever else is certain.
    Wrong(Fault),
    /// It connects and answers pings; a question is never answered.
    Stalls(Link),
}

/// A path of packets. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    pub round_trip: f64,
    /// Up to so much more, each time.
    pub jitter: f64,
    /// Of each packet.
    pub loss: f64,
}

pub fn open(round_trip: f64) -> Way {
    Way::Open(Link {
        round_trip,
        jitter: 0.0,
        loss: 0.0,
    })
}

/// What an address says when a question reaches it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Says {
    Yes,
    No(Denial, Option<Duration>),
    /// No for the first so many times.
    Later(Denial, usize),
}

#[derive(Debug, Clone)]
pub struct Directory {
    pub ways: Vec<Way>,
    pub says: Says,
}

#[derive(Debug, Clone)]
pub struct Zone {
    /// By way out; all its controllers are alike.
    pub ways: Vec<Way>,
    pub controllers: usize,
    pub load: Option<f64>,
    pub hosts: bool,
    /// Says no, for the first so many questions.
    pub refusal: Option<(Refusal, usize)>,
    pub tunnels: Vec<Vec<Way>>,
}

impl Zone {
    pub fn at(ways: &[Way]) -> Self {
        Self {
            ways: ways.to_vec(),
            controllers: 1,
            load: Some(0.3),
            hosts: false,
            refusal: None,
            tunnels: Vec::new(),
        }
    }

    pub fn with_tunnel(mut self, ways: &[Way]) -> Self {
        self.tunnels.push(ways.to_vec());
        self
    }
}

#[derive(Debug, Clone)]
pub struct World {
    pub outs: usize,
    pub directories: Vec<Directory>,
    pub zones: Vec<Zone>,
    pub back: Option<(usize, Path)>,
    pub avoid: Option<Path>,
    /// What is known before. With no directory always.
    pub known: bool,
    pub within: Duration,
    pub patience: Duration,
    pub seed: u64,
}

/// How it ended, and what was seen.
#[derive(Debug)]
pub struct Seen {
    pub took: Duration,
    pub result: Result<Box<Found>, JoinError>,
    pub news: Vec<News>,
    pub lookups: usize,
    /// Pings sent, those of the same target counted each.
    pub pings: usize,
    /// Pings begun, by target.
    pub pinged: Vec<Target>,
    pub asked: Vec<(usize, Path)>,
    /// With each question, whether routers that failed may be offered again.
    pub forgave: Vec<bool>,
    /// What each lookup was sent along.
    pub waiting: Vec<Option<String>>,
}

impl Seen {
    pub fn ms(&self) -> u128 {
        self.took.as_millis()
    }

    pub fn found(&self) -> &Found {
        self.result
            .as_ref()
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn error(&self) -> &JoinError {
        self.result.as_ref().unwrap_err()
    }
}

/// Everything works, 40 ms away, by one way out.
pub fn world() -> World {
    World {
        outs: 1,
        directories: vec![Directory {
            ways: vec![open(40.0)],
            says: Says::Yes,
        }],
        zones: vec![Zone::at(&[open(40.0)])],
        back: None,
        avoid: None,
        known: false,
        within: Duration::from_secs(15),
        patience: Duration::from_secs(600),
        seed: 1,
    }
}

struct Run<'a> {
    world: &'a World,
    connecting: Connecting,
    now: Instant,
    random: u64,
    sequence: u64,
    events: BTreeMap<(Instant, u64), Input>,
    running: BTreeSet<Attempt>,
    pinged: BTreeMap<Attempt, Way>,
    counts: BTreeMap<usize, usize>,
    seen: Seen,
}

impl World {
    pub fn places(&self, now: Instant) -> Places {
        let named = |what: &str, count: usize| -> Vec<String> {
            (0..count)
                .map(|at| format!("https://{what}{at}.example"))
                .collect()
        };
        let zones = self.zones.iter().enumerate();
        Places {
            token: Some("token".to_owned()),
            expires: now.checked_add(Duration::from_secs(600)),
            zones: zones
                .map(|(index, zone)| Place {
                    name: Some(format!("zone-{index}.example").parse().unwrap()),
                    controllers: named(&format!("zc{index}-"), zone.controllers),
                    tunnels: named(&format!("ht{index}-"), zone.tunnels.len()),
                    authority: None,
                    load: zone.load,
                    hosts: zone.hosts,
                })
                .collect(),
        }
    }

    fn setting(&self, now: Instant) -> Setting {
        let directories = 0..self.directories.len();
        let known = self.known || self.directories.is_empty();
        Setting {
            meeting: "4711".parse().unwrap(),
            directories: directories
                .map(|at| format!("https://directory{at}.example"))
                .collect(),
            outs: self.outs,
            known: known.then(|| self.places(now)),
            back: self.back,
            avoid: self.avoid,
            within: self.within,
            patience: self.patience,
            seed: self.seed,
        }
    }

    /// Lets somebody join.
    pub fn join(&self) -> Seen {
        let now = Instant::now();
        let run = Run {
            world: self,
            connecting: Connecting::new(self.setting(now), now),
            now,
            random: self.seed,
            sequence: 0,
            events: BTreeMap::new(),
            running: BTreeSet::new(),
            pinged: BTreeMap::new(),
            counts: BTreeMap::new(),
            seen: Seen {
                took: Duration::ZERO,
                result: Err(JoinError::Configuration("still running".to_owned())),
                news: Vec::new(),
                lookups: 0,
                pings: 0,
                pinged: Vec::new(),
                asked: Vec::new(),
                forgave: Vec::new(),
                waiting: Vec::new(),
            },
        };
        run.until_done()
    }
}

impl Run<'_> {
    fn until_done(mut self) -> Seen {
        let start = self.now;
        // A machine that spins is caught by the count, one that sleeps too long by the model.
        for _ in 0..200_000 {
            while let Some(action) = self.connecting.poll() {
                if let Action::Done(result) = action {
                    assert!(self.connecting.poll().is_none(), "nothing follows the end");
                    assert!(self.connecting.next_timeout().is_none());
                    assert!(self.running.is_empty(), "left running: {:?}", self.running);
                    self.seen.took = self.now - start;
                    self.seen.result = result;
                    return self.seen;
                }
                self.act(action);
            }
            let due = self.connecting.next_timeout().expect("it has not ended");
            match self.events.first_key_value() {
                Some((&(at, sequence), _)) if at <= due => {
                    self.now = self.now.max(at);
                    let input = self.events.remove(&(at, sequence)).unwrap();
                    self.hand_over(input);
                }
                _ => {
                    self.now = self.now.max(due);
                    self.connecting.handle_timeout(self.now);
                }
            }
        }
        panic!("it does not end: {:?}", self.connecting);
    }

    fn hand_over(&mut self, input: Input) {
        let (Input::Lookup(attempt, _)
        | Input::Answer(attempt, _)
        | Input::Pong(attempt, _)
        | Input::PingFailed(attempt, _)) = &input;
        let known = self.running.remove(attempt);
        // One in eight of those cancelled is too late to be stopped.
        if known || self.random().is_multiple_of(8) {
            self.connecting.handle(input, self.now);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Lookup {
                attempt,
                directory,
                out,
                waiting,
            } => {
                self.seen.lookups += 1;
                self.seen.waiting.push(waiting);
                self.start(attempt);
                self.look_up(attempt, directory, out);
            }
            Action::Ping {
                attempt,
                target,
                out,
            } => {
                self.seen.pinged.push(target);
                self.start(attempt);
                assert!(self.running.len() <= 3 * PINGED, "too much at once");
                let way = self.way(target, out);
                self.pinged.insert(attempt, way);
                self.ping(attempt, true);
            }
            Action::PingAgain(attempt) => {
                self.start(attempt);
                self.ping(attempt, false);
            }
            Action::Ask {
                attempt,
                zone,
                first,
                path,
                forgive,
            } => {
                self.seen.forgave.push(forgive);
                let controllers = self.world.zones[zone].controllers;
                assert!(first.is_none_or(|first| first < controllers));
                self.seen.asked.push((zone, path));
                self.start(attempt);
                self.ask(attempt, zone, path);
            }
            Action::Cancel(attempt) => {
                self.running.remove(&attempt);
            }
            Action::Tell(news) => self.seen.news.push(news),
            Action::Done(_) => unreachable!("taken by the loop"),
        }
    }

    fn start(&mut self, attempt: Attempt) {
        assert!(self.running.insert(attempt), "a number is used twice");
    }

    fn look_up(&mut self, attempt: Attempt, directory: usize, out: Out) {
        let place = &self.world.directories[directory];
        let (way, says) = (place.ways[out.0], place.says);
        let answer = match says {
            Says::Yes => Ok(self.world.places(self.now)),
            Says::No(code, after) => Err(denied(code, after)),
            Says::Later(code, times) => {
                let asked = self.counts.entry(directory).or_default();
                *asked += 1;
                if *asked > times {
                    Ok(self.world.places(self.now))
                } else {
                    Err(denied(code, Some(Duration::from_secs(2))))
                }
            }
        };
        match way {
            Way::Open(link) => {
                let after = self.connect(link) + self.trip(link);
                self.later(after, Input::Lookup(attempt, answer));
            }
            Way::Hole | Way::Stalls(_) => {
                let failed = Err(Unanswered::Failed(failure(Fault::Silent)));
                self.later(ms(4_000.0), Input::Lookup(attempt, failed));
            }
            Way::Wrong(fault) => {
                let failed = Err(Unanswered::Failed(failure(fault)));
                self.later(ms(1.0), Input::Lookup(attempt, failed));
            }
        }
    }

    fn way(&self, target: Target, out: Out) -> Way {
        match target {
            Target::Controller(zone, _) => self.world.zones[zone].ways[out.0],
            Target::Tunnel(Tunnel { zone, index }) => self.world.zones[zone].tunnels[index][out.0],
        }
    }

    fn ping(&mut self, attempt: Attempt, first: bool) {
        self.seen.pings += 1;
        match self.pinged[&attempt] {
            Way::Open(link) | Way::Stalls(link) => {
                let connecting = if first {
                    self.connect(link)
                } else {
                    Duration::ZERO
                };
                let took = connecting + self.trip(link);
                self.later(took, Input::Pong(attempt, took));
            }
            Way::Hole => {
                let silent = Input::PingFailed(attempt, failure(Fault::Silent));
                self.later(ms(6_000.0), silent);
            }
            Way::Wrong(fault) => {
                self.later(ms(1.0), Input::PingFailed(attempt, failure(fault)));
            }
        }
    }

    fn ask(&mut self, attempt: Attempt, zone: usize, path: Path) {
        let place = &self.world.zones[zone];
        let way = match path.tunnel {
            Some(tunnel) => place.tunnels[tunnel.index][path.out.0],
            None => place.ways[path.out.0],
        };
        let answer = match (way, place.refusal) {
            (Way::Hole | Way::Stalls(_), _) => Err(Setback::Failed(failure(Fault::Silent))),
            (Way::Wrong(fault), _) => Err(Setback::Failed(failure(fault))),
            (Way::Open(_), Some((code, times))) => {
                let asked = self.counts.entry(1_000 + zone).or_default();
                *asked += 1;
                if *asked > times {
                    Ok(offer())
                } else {
                    Err(refused(code))
                }
            }
            (Way::Open(_), None) => Ok(offer()),
        };
        let after = match way {
            Way::Open(link) if path.tunnel.is_some() => {
                self.connect(link) + self.connect(link) + self.trip(link)
            }
            // The connection of the test is still there.
            Way::Open(link) => self.trip(link),
            Way::Hole | Way::Stalls(_) => ms(3_000.0),
            Way::Wrong(_) => ms(1.0),
        };
        self.later(after, Input::Answer(attempt, answer));
    }

    /// TCP, whose first packet is sent a second time after 250 ms and then as TCP does, and TLS.
    fn connect(&mut self, link: Link) -> Duration {
        let mut waited = 0.0;
        for again in [250.0, 1_000.0, 2_000.0, 4_000.0] {
            if !self.lost(link) {
                break;
            }
            waited += again;
        }
        let trip = self.undisturbed(link);
        ms(waited) + trip + self.trip(link)
    }

    /// There and back; what is lost is sent again after 200 ms, or two round trips.
    fn trip(&mut self, link: Link) -> Duration {
        let mut waited = 0.0;
        let mut again = f64::max(200.0, 2.0 * link.round_trip);
        while self.lost(link) && again < 10_000.0 {
            waited += again;
            again *= 2.0;
        }
        ms(waited) + self.undisturbed(link)
    }

    fn undisturbed(&mut self, link: Link) -> Duration {
        ms(link.round_trip + self.chance() * link.jitter)
    }

    /// Either direction.
    fn lost(&mut self, link: Link) -> bool {
        self.chance() < link.loss || self.chance() < link.loss
    }

    fn later(&mut self, after: Duration, input: Input) {
        self.sequence += 1;
        self.events.insert((self.now + after, self.sequence), input);
    }

    fn chance(&mut self) -> f64 {
        f64::from(u32::try_from(self.random() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// `SplitMix64`.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

pub fn ms(value: f64) -> Duration {
    Duration::from_secs_f64(value / 1_000.0)
}

pub fn failure(fault: Fault) -> Failure {
    Failure {
        fault,
        at: "https://somebody.example".to_owned(),
        reason: format!("{fault:?}"),
        proxy: match fault {
            Fault::ProxyAway => Some(ProxyProblem::TimedOut),
            Fault::ProxyForbids => Some(ProxyProblem::NotAProxy("says hello".to_owned())),
            Fault::ProxyLogin => Some(ProxyProblem::CredentialsRefused {
                schemes: Vec::new(),
            }),
            _ => None,
        },
    }
}

fn denied(code: Denial, after: Option<Duration>) -> Unanswered {
    let problem = DirectoryProblem {
        title: code.to_string(),
        status: code.status(),
        code,
        detail: String::new(),
        waiting: (code == Denial::WaitingForHost).then(|| "proof".to_owned()),
    };
    Unanswered::Denied(problem, after)
}

fn refused(code: Refusal) -> Setback {
    let problem = Problem {
        title: code.to_string(),
        status: code.status(),
        code,
        detail: "Detail.".to_owned(),
    };
    Setback::Refused(problem, None)
}

fn offer() -> Box<Offer> {
    let flow = |number| FlowId::new(number).unwrap();
    Box::new(Offer {
        meeting: "4711".parse().unwrap(),
        participant: "p".parse().unwrap(),
        router: "r".parse().unwrap(),
        endpoint: Endpoint {
            addresses: Vec::new(),
            https_port: 443,
            media_port: 8801,
            fingerprint: Fingerprint([0; 32]),
        },
        flows: Flows {
            audio: flow(1),
            video: flow(2),
            content: flow(3),
        },
        ticket: "t".to_owned(),
    })
}
