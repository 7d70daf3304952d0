//! What comes back from a world, and after how long. Zones are named by their number there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::directory::Denial;
use plenum_wire::join::{Offer, Refusal};

use super::answers::{denied, failure, offer, refused};
use super::weather::{Weather, ms};
use super::world::{Says, Way, World, Zone};
use crate::connect::places::Places;
use crate::connect::words::{
    Attempt, Fault, Input, Out, Path, Server, Setback, Target, Tunnel, Unanswered,
};

/// After how long what comes.
pub type Reply = (Duration, Input);

/// What is not always as it was the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    /// The answers of a directory, of a zone.
    Answers(Server),
    /// Tries of a way.
    Tries(Server, Out),
}

/// Everything outside, as one participant meets it.
pub struct Internet<'a> {
    world: &'a World,
    weather: Weather,
    /// Connections to directories that are kept.
    kept: BTreeSet<(usize, Out)>,
    counts: BTreeMap<Counted, usize>,
}

impl<'a> Internet<'a> {
    pub const fn new(world: &'a World) -> Self {
        Self {
            world,
            weather: Weather::new(world.seed),
            kept: BTreeSet::new(),
            counts: BTreeMap::new(),
        }
    }

    pub fn reach(&mut self, attempt: Attempt, directory: usize, out: Out) -> Reply {
        let way = self.world.directories[directory].ways[out.0];
        match self.today(way, Server::Directory(directory), out) {
            Way::Open(link) | Way::Stalls(link) | Way::Balancer(link) => {
                let after = self.weather.connect(link) + self.weather.trip(link);
                self.kept.insert((directory, out));
                (after, Input::Reached(attempt, Ok(())))
            }
            Way::Wrong(fault) => (ms(1.0), Input::Reached(attempt, Err(failure(fault)))),
            Way::Hole | Way::Comes(..) | Way::Goes(..) | Way::Misses(..) => {
                let silent = Err(failure(Fault::Silent));
                (ms(4_000.0), Input::Reached(attempt, silent))
            }
        }
    }

    pub fn look_up(
        &mut self,
        attempt: Attempt,
        (directory, out): (usize, Out),
        named: Option<usize>,
        now: Instant,
    ) -> Reply {
        let place = &self.world.directories[directory];
        let (way, says) = (place.ways[out.0], place.says);
        let server = Server::Directory(directory);
        let failed = |fault| Err(Unanswered::Failed(failure(fault)));
        let (after, answer) = match self.today(way, server, out) {
            Way::Open(link) => {
                let connected = self.kept.contains(&(directory, out));
                let connecting = if connected {
                    Duration::ZERO
                } else {
                    self.weather.connect(link)
                };
                self.kept.insert((directory, out));
                let after = connecting + self.weather.trip(link);
                (after, self.say(server, says, named, now))
            }
            Way::Balancer(link) => {
                let after = self.weather.connect(link) + self.weather.trip(link);
                (after, Err(denied(Denial::Unavailable, None)))
            }
            Way::Wrong(fault) => (ms(1.0), failed(fault)),
            Way::Hole | Way::Stalls(_) | Way::Comes(..) | Way::Goes(..) | Way::Misses(..) => {
                (ms(4_000.0), failed(Fault::Silent))
            }
        };
        (after, Input::Lookup(attempt, answer))
    }

    fn say(
        &mut self,
        server: Server,
        says: Says,
        named: Option<usize>,
        now: Instant,
    ) -> Result<Places, Unanswered> {
        let later = Some(Duration::from_secs(2));
        match says {
            Says::No(code, after) => Err(denied(code, after)),
            Says::Later(code, times) if self.count(Counted::Answers(server)) <= times => {
                Err(denied(code, later))
            }
            Says::Once(code) if self.count(Counted::Answers(server)) > 1 => Err(denied(code, None)),
            Says::Yes | Says::Later(..) | Says::Once(_) => Ok(self.world.answer(named, now)),
            Says::Nothing => Ok(Places::default()),
        }
    }

    pub fn way(&mut self, target: Target, out: Out) -> Way {
        let (way, server) = match target {
            Target::Controller(zone, place) => {
                let place = self.world.zone(zone).faults.get(place);
                let way = place.map_or(self.world.zone(zone).ways[out.0], |it| Way::Wrong(*it));
                (way, whichever(zone))
            }
            Target::Tunnel(tunnel) => (self.tunnel(tunnel)[out.0], Server::Tunnel(tunnel)),
        };
        self.today(way, server, out)
    }

    fn tunnel(&self, Tunnel { zone, index }: Tunnel) -> &[Way] {
        &self.world.zone(zone).tunnels[index]
    }

    /// How a way is this time.
    fn today(&mut self, way: Way, server: Server, out: Out) -> Way {
        match way {
            Way::Comes(fault, times, _) if self.count(Counted::Tries(server, out)) <= times => {
                Way::Wrong(fault)
            }
            Way::Goes(fault, times, _) if self.count(Counted::Tries(server, out)) > times => {
                Way::Wrong(fault)
            }
            Way::Misses(times, _) if self.count(Counted::Tries(server, out)) == times + 1 => {
                Way::Hole
            }
            Way::Comes(_, _, link) | Way::Goes(_, _, link) | Way::Misses(_, link) => {
                Way::Open(link)
            }
            other => other,
        }
    }

    fn count(&mut self, what: Counted) -> usize {
        let count = self.counts.entry(what).or_default();
        *count += 1;
        *count
    }

    pub fn ping(&mut self, attempt: Attempt, way: Way, first: bool) -> Reply {
        match way {
            Way::Open(link) | Way::Stalls(link) => {
                let connecting = if first {
                    self.weather.connect(link)
                } else {
                    Duration::ZERO
                };
                let took = connecting + self.weather.trip(link);
                (took, Input::Pong(attempt, took))
            }
            Way::Balancer(link) => {
                let after = self.weather.connect(link) + self.weather.trip(link);
                let not_ready = failure(Fault::NotReady);
                (after, Input::PingFailed(attempt, not_ready))
            }
            Way::Wrong(fault) => (ms(1.0), Input::PingFailed(attempt, failure(fault))),
            Way::Hole | Way::Comes(..) | Way::Goes(..) | Way::Misses(..) => {
                let silent = failure(Fault::Silent);
                (ms(6_000.0), Input::PingFailed(attempt, silent))
            }
        }
    }

    pub fn ask(&mut self, attempt: Attempt, zone: usize, path: Path) -> Reply {
        let (way, server) = match path.tunnel {
            Some(tunnel) => (self.tunnel(tunnel)[path.out.0], Server::Tunnel(tunnel)),
            None => (self.world.zone(zone).ways[path.out.0], whichever(zone)),
        };
        let place = self.world.zone(zone);
        let failed = |fault| Err(fail(place, fault));
        let (after, answer) = match self.today(way, server, path.out) {
            Way::Open(_) if place.controllers > 0 && !place.has_a_sound_one() => {
                (ms(1.0), failed(place.faults[0]))
            }
            Way::Open(link) => {
                let connecting = if path.tunnel.is_some() {
                    self.weather.connect(link) + self.weather.connect(link)
                } else {
                    // The connection of the test is still there.
                    Duration::ZERO
                };
                (connecting + self.weather.trip(link), self.offer(zone))
            }
            Way::Balancer(link) => {
                let after = self.weather.connect(link) + self.weather.trip(link);
                (after, Err(refused(Refusal::NoRouter, None)))
            }
            Way::Wrong(fault) => (ms(1.0), failed(fault)),
            Way::Hole | Way::Stalls(_) | Way::Comes(..) | Way::Goes(..) | Way::Misses(..) => {
                (ms(3_000.0), failed(Fault::Silent))
            }
        };
        (after, Input::Answer(attempt, answer))
    }

    fn offer(&mut self, zone: usize) -> Result<Box<Offer>, Setback> {
        let server = whichever(zone);
        let place = self.world.zone(zone);
        let count = self.count(Counted::Answers(server));
        let says = [place.before, place.refusal].into_iter().flatten();
        match says.into_iter().find(|(_, times)| count <= *times) {
            Some((code, _)) => Err(refused(code, place.retry_after)),
            None => Ok(offer()),
        }
    }
}

/// All controllers of a zone count as one.
const fn whichever(zone: usize) -> Server {
    Server::Controller(zone, 0)
}

/// What each of a zone's controllers comes to, where the way is wrong.
fn fail(zone: &Zone, fault: Fault) -> Setback {
    let places = 0..zone.controllers.max(1);
    let fault = |place: usize| zone.faults.get(place).copied().unwrap_or(fault);
    Setback::Failed(places.map(|place| (place, failure(fault(place)))).collect())
}
