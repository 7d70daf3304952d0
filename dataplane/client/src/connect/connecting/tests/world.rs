//! A world in which somebody joins: what there is, and how the network to it is.

use std::time::{Duration, Instant};

use plenum_wire::ZoneName;
use plenum_wire::directory::Denial;
use plenum_wire::join::Refusal;

use super::super::Setting;
use crate::connect::places::{Place, Places};
use crate::connect::words::{Fault, Out, Path, Tunnel};

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
    /// It connects to a load balancer with nothing behind it, which answers 503.
    Balancer(Link),
    /// Wrong for the first so many tries, then open.
    Comes(Fault, usize, Link),
    /// Open for the first so many tries, then wrong.
    Goes(Fault, usize, Link),
    /// Open, but for the try after the first so many, which is never answered.
    Misses(usize, Link),
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

/// Without loss.
pub const fn clear(round_trip: f64) -> Link {
    Link {
        round_trip,
        jitter: 0.0,
        loss: 0.0,
    }
}

pub const fn open(round_trip: f64) -> Way {
    Way::Open(clear(round_trip))
}

pub const DIRECT: Path = Path {
    out: Out(0),
    tunnel: None,
};
pub const PROXY: Path = Path {
    out: Out(1),
    tunnel: None,
};

pub const fn tunnel(zone: usize, index: usize) -> Path {
    Path {
        out: Out(0),
        tunnel: Some(Tunnel { zone, index }),
    }
}

/// What an address says when a question reaches it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Says {
    Yes,
    No(Denial, Option<Duration>),
    /// No for the first so many times.
    Later(Denial, usize),
    /// Yes to the first question, and no to all that follow.
    Once(Denial),
    /// Yes, and no zone.
    Nothing,
}

#[derive(Debug, Clone)]
pub struct Directory {
    pub ways: Vec<Way>,
    pub says: Says,
}

#[derive(Debug, Clone)]
pub struct Zone {
    /// By way out; all its controllers are alike, but for those with faults.
    pub ways: Vec<Way>,
    pub controllers: usize,
    /// Of the first controllers, whatever the way.
    pub faults: Vec<Fault>,
    pub load: Option<f64>,
    pub hosts: bool,
    /// Says no, for the first so many questions.
    pub refusal: Option<(Refusal, usize)>,
    /// And this instead to the first so many of them.
    pub before: Option<(Refusal, usize)>,
    /// And after how long to ask again. What is real says 1 s.
    pub retry_after: Option<Duration>,
    pub tunnels: Vec<Vec<Way>>,
}

impl Zone {
    pub fn at(ways: &[Way]) -> Self {
        Self {
            ways: ways.to_vec(),
            controllers: 1,
            faults: Vec::new(),
            load: Some(0.3),
            hosts: false,
            refusal: None,
            before: None,
            retry_after: None,
            tunnels: Vec::new(),
        }
    }

    /// Whether one of its controllers is what the ways say.
    pub const fn has_a_sound_one(&self) -> bool {
        self.controllers > self.faults.len()
    }

    pub fn with_tunnel(mut self, ways: &[Way]) -> Self {
        self.tunnels.push(ways.to_vec());
        self
    }
}

/// Where a meeting begins that is nowhere yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Begins {
    /// In the zone that is named.
    WhereNamed,
    /// In this one, which another named before.
    In(usize),
    /// In the last one, which only the answer to a choice offers.
    InAnother,
}

#[derive(Debug, Clone)]
pub struct World {
    pub outs: usize,
    pub directories: Vec<Directory>,
    pub zones: Vec<Zone>,
    pub back: Option<(usize, Path)>,
    pub avoid: Option<Path>,
    /// By which directories know it.
    pub admission: Option<String>,
    /// Directories say of the meeting that it is nowhere yet.
    pub begins: Option<Begins>,
    /// What is known before. With no directory always.
    pub known: bool,
    /// Instead of the zones these were known before, and are named no more.
    pub gone: Vec<Zone>,
    /// So many of the last zones are named by directories only.
    pub unknown: usize,
    /// Directories name the zones in the reverse order of what was known.
    pub turned: bool,
    pub within: Duration,
    pub patience: Duration,
    pub seed: u64,
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
        admission: None,
        begins: None,
        known: false,
        gone: Vec::new(),
        unknown: 0,
        turned: false,
        within: Duration::from_secs(15),
        patience: Duration::from_secs(600),
        seed: 1,
    }
}

impl World {
    /// What a directory answers to who names that zone, or none.
    pub fn answer(&self, named: Option<usize>, now: Instant) -> Places {
        let mut places = places(0, &self.zones, now);
        if let Some(begins) = self.begins {
            self.begin(&mut places, begins, named);
        }
        if self.turned {
            places.zones.reverse();
        }
        places
    }

    fn begin(&self, places: &mut Places, begins: Begins, named: Option<usize>) {
        let last = self.zones.len() - 1;
        let there = named.map(|named| match begins {
            Begins::WhereNamed => named,
            Begins::In(zone) => zone,
            Begins::InAnother => last,
        });
        for (number, zone) in places.zones.iter_mut().enumerate() {
            zone.hosts = there == Some(number);
        }
        places.nowhere = there.is_none();
        if there.is_none() {
            places.zones.truncate(self.offered().len());
        }
    }

    /// What the first answer of a directory offers.
    pub fn offered(&self) -> &[Zone] {
        let hidden = usize::from(self.begins == Some(Begins::InAnother));
        &self.zones[..self.zones.len() - hidden]
    }

    /// What was known before.
    fn kept(&self, now: Instant) -> Places {
        if self.gone.is_empty() {
            let known = self.zones.len() - self.unknown;
            places(0, &self.zones[..known], now)
        } else {
            places(self.zones.len(), &self.gone, now)
        }
    }

    /// The zone of a number: those that are gone come after the others.
    pub fn zone(&self, number: usize) -> &Zone {
        let mut all = self.zones.iter().chain(&self.gone);
        all.nth(number).unwrap()
    }

    /// Which zone an answer speaks of.
    pub fn number(place: &Place) -> usize {
        Self::numbered(place.name.as_ref().unwrap())
    }

    pub fn numbered(name: &ZoneName) -> usize {
        let name = name.as_str();
        let number = name.strip_prefix("zone-").unwrap();
        number.strip_suffix(".example").unwrap().parse().unwrap()
    }

    pub fn setting(&self, now: Instant) -> Setting {
        let directories = 0..self.directories.len();
        let known = self.known || self.directories.is_empty();
        Setting {
            meeting: "4711".parse().unwrap(),
            directories: directories
                .map(|at| format!("https://directory{at}.example"))
                .collect(),
            outs: self.outs,
            known: known.then(|| self.kept(now)),
            back: self.back,
            avoid: self.avoid,
            admission: self.admission.clone(),
            within: self.within,
            patience: self.patience,
            seed: self.seed,
        }
    }
}

/// Zones as a directory names them, numbered from `first`.
fn places(first: usize, zones: &[Zone], now: Instant) -> Places {
    let named = |what: &str, count: usize| -> Vec<String> {
        (0..count)
            .map(|at| format!("https://{what}{at}.example"))
            .collect()
    };
    let zones = (first..).zip(zones);
    Places {
        nowhere: false,
        token: Some("token".to_owned()),
        expires: now.checked_add(Duration::from_secs(600)),
        zones: zones
            .map(|(number, zone)| Place {
                name: Some(format!("zone-{number}.example").parse().unwrap()),
                controllers: named(&format!("zc{number}-"), zone.controllers),
                tunnels: named(&format!("ht{number}-"), zone.tunnels.len()),
                authority: None,
                load: zone.load,
                hosts: zone.hosts,
            })
            .collect(),
    }
}
