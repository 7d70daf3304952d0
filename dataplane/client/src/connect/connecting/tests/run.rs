//! Lets somebody join a world, in simulated time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::super::Connecting;
use super::cost::Cost;
use super::internet::{Internet, Reply};
use super::weather::Weather;
use super::world::{Way, World};
use crate::connect::measure::PINGED;
use crate::connect::places::Place;
use crate::connect::words::{Action, Attempt, Found, Input, News, Path, Target, Tunnel};
use crate::error::JoinError;

/// After every deadline.
const LONG_AFTER: Duration = Duration::from_hours(1);

/// How it ended, and what was seen.
#[derive(Debug)]
pub struct Seen {
    pub took: Duration,
    pub result: Result<Box<Found>, JoinError>,
    /// The number of the zone that was found.
    pub zone: Option<usize>,
    pub news: Vec<News>,
    pub lookups: usize,
    /// Directories tried to be reached, without a question.
    pub reached: usize,
    /// Pings sent, those of the same target counted each.
    pub pings: usize,
    /// Pings begun, by target.
    pub pinged: Vec<Target>,
    /// Bytes of the dearest network test, by one way out.
    pub cost: usize,
    pub asked: Vec<(usize, Path)>,
    /// With each question, after how long.
    pub asked_after: Vec<Duration>,
    /// With each question, whether routers that failed may be offered again.
    pub forgave: Vec<bool>,
    /// What each lookup was sent along.
    pub waiting: Vec<Option<String>>,
    /// The zones that were named as where to begin.
    pub named: Vec<usize>,
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

struct Run<'a> {
    world: &'a World,
    connecting: Connecting,
    began: Instant,
    now: Instant,
    internet: Internet<'a>,
    /// Which of those cancelled come too late.
    luck: Weather,
    sequence: u64,
    events: BTreeMap<(Instant, u64), Input>,
    running: BTreeSet<Attempt>,
    pinged: BTreeMap<Attempt, Way>,
    cost: Cost,
    seen: Seen,
}

impl World {
    /// Lets somebody join.
    pub fn join(&self) -> Seen {
        let now = Instant::now();
        let run = Run {
            world: self,
            connecting: Connecting::new(self.setting(now), now),
            began: now,
            now,
            internet: Internet::new(self),
            luck: Weather::new(!self.seed),
            sequence: 0,
            events: BTreeMap::new(),
            running: BTreeSet::new(),
            pinged: BTreeMap::new(),
            cost: Cost::default(),
            seen: Seen {
                took: Duration::ZERO,
                result: Err(JoinError::Configuration("still running".to_owned())),
                zone: None,
                news: Vec::new(),
                lookups: 0,
                reached: 0,
                pings: 0,
                pinged: Vec::new(),
                cost: 0,
                asked: Vec::new(),
                asked_after: Vec::new(),
                forgave: Vec::new(),
                waiting: Vec::new(),
                named: Vec::new(),
            },
        };
        run.until_done()
    }
}

impl Run<'_> {
    fn until_done(mut self) -> Seen {
        // A machine that spins is caught by the count, one that sleeps too long by the model.
        for _ in 0..200_000 {
            while let Some(action) = self.connecting.poll() {
                if let Action::Done(result) = action {
                    assert!(self.connecting.poll().is_none(), "nothing follows the end");
                    assert!(self.connecting.next_timeout().is_none());
                    self.connecting.handle_timeout(self.now + LONG_AFTER);
                    assert!(self.connecting.poll().is_none(), "it ends once");
                    assert!(self.running.is_empty(), "left running: {:?}", self.running);
                    if let Ok(found) = &result {
                        let mut zones = self.connecting.places().zones.iter().enumerate();
                        let here = |(zone, it): (usize, &Place)| it.hosts == (zone == found.zone);
                        assert!(zones.all(here), "it is here, by now, and nowhere else");
                    }
                    self.seen.took = self.now - self.began;
                    self.seen.zone = result.as_ref().ok().map(|found| self.number(found.zone));
                    self.seen.result = result;
                    self.seen.cost = self.cost.most;
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
        let known = self.running.remove(&input.attempt());
        // One in eight of those cancelled is too late to be stopped.
        if known || self.luck.random().is_multiple_of(8) {
            self.connecting.handle(input, self.now);
        }
    }

    /// The zone in this place of the last answer.
    fn number(&self, zone: usize) -> usize {
        World::number(&self.connecting.places().zones[zone])
    }

    /// With the zone's number.
    fn tunnel(&self, Tunnel { zone, index }: Tunnel) -> Tunnel {
        let zone = self.number(zone);
        Tunnel { zone, index }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Reach {
                attempt,
                directory,
                out,
            } => {
                self.seen.reached += 1;
                let reply = self.internet.reach(attempt, directory, out);
                self.start(attempt, reply);
            }
            Action::Lookup {
                attempt,
                directory,
                out,
                waiting,
                begin_in,
            } => {
                self.seen.lookups += 1;
                self.seen.waiting.push(waiting);
                let named = begin_in.as_ref().map(World::numbered);
                self.seen.named.extend(named);
                let asked = (directory, out);
                let reply = self.internet.look_up(attempt, asked, named, self.now);
                self.start(attempt, reply);
            }
            Action::Ping {
                attempt,
                target,
                out,
            } => {
                let target = match target {
                    Target::Controller(zone, index) => Target::Controller(self.number(zone), index),
                    Target::Tunnel(tunnel) => Target::Tunnel(self.tunnel(tunnel)),
                };
                self.seen.pinged.push(target);
                let way = self.internet.way(target, out);
                self.pinged.insert(attempt, way);
                self.cost
                    .ping(target, out, way, self.connecting.test_of(target));
                self.ping(attempt, way, true);
                // Controllers and tunnels, each by the ways out that there are, and as many again
                // where nobody answers.
                let most = 4 * self.world.outs * PINGED;
                assert!(self.running.len() <= most, "too much at once");
            }
            Action::PingAgain {
                attempt,
                target,
                out,
            } => {
                self.cost.again(target, out);
                self.ping(attempt, self.pinged[&attempt], false);
            }
            Action::Ask {
                attempt,
                zone,
                first,
                path,
                forgive,
            } => {
                self.seen.forgave.push(forgive);
                let zone = self.number(zone);
                let tunnel = path.tunnel.map(|tunnel| self.tunnel(tunnel));
                let path = Path { tunnel, ..path };
                let controllers = self.world.zone(zone).controllers;
                assert!(first.is_none_or(|first| first < controllers));
                self.seen.asked.push((zone, path));
                self.seen.asked_after.push(self.now - self.began);
                let reply = self.internet.ask(attempt, zone, path);
                self.start(attempt, reply);
            }
            Action::Cancel(attempt) => {
                self.running.remove(&attempt);
            }
            Action::Tell(news) => self.seen.news.push(news),
            Action::Done(_) => unreachable!("taken by the loop"),
        }
    }

    fn ping(&mut self, attempt: Attempt, way: Way, first: bool) {
        self.seen.pings += 1;
        let reply = self.internet.ping(attempt, way, first);
        self.start(attempt, reply);
    }

    fn start(&mut self, attempt: Attempt, (after, input): Reply) {
        assert!(self.running.insert(attempt), "a number is used twice");
        self.sequence += 1;
        self.events.insert((self.now + after, self.sequence), input);
    }
}
