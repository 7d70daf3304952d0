//! What the zone's deciding part does by itself: [`Broker`] is asked as fast as it answers. It
//! also hears its routers' heartbeats meanwhile, and gives seats back.

use std::time::{Duration, Instant};

use plenum_wire::join::Endpoint;
use plenum_wire::link::HEARTBEAT_MS;
use plenum_wire::{Boot, MeetingId, ParticipantId};
use plenum_zone::{Action, Answer, Broker, Event, Join, Link, Request};
use serde::Serialize;

use crate::asking::count;
use crate::measuring::cpu::{self, Watch};
use crate::people::{self, MEETINGS, NEW, ROUTERS};
use crate::support::FINGERPRINT;

const LASTS: Duration = Duration::from_secs(3);
const HEARTBEAT: Duration = Duration::from_millis(HEARTBEAT_MS);

/// What came of one round.
#[derive(Serialize)]
pub struct Round {
    placed: usize,
    /// Of the time for which it had its core.
    pub per_second: f64,
    /// Share of its core that it got: others may run there too.
    busy: f64,
}

/// Round after round with the same broker.
pub fn rounds(count: usize) -> impl Iterator<Item = Round> {
    let (tell, rounds) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        cpu::pin(0);
        let mut deciding = Deciding::new();
        for _ in 0..count {
            tell.send(deciding.round()).unwrap();
        }
    });
    rounds.into_iter()
}

pub fn print(round: &Round) {
    println!("  {:.0} joins/s decided", round.per_second);
}

struct Deciding {
    broker: Broker,
    names: Vec<MeetingId>,
    /// How many have asked.
    turn: usize,
    /// The next router that is heard, and when.
    beat: (usize, Instant),
}

impl Deciding {
    fn new() -> Self {
        let mut broker = Broker::new();
        let start = Instant::now();
        for router in 0..ROUTERS {
            broker.handle(hello(router), start);
            broker.handle(report(router, true), start);
        }
        let names = 0..MEETINGS + NEW;
        Self {
            broker,
            names: names
                .map(|it| people::meeting(it).parse().unwrap())
                .collect(),
            turn: 0,
            beat: (0, start),
        }
    }

    fn round(&mut self) -> Round {
        let (watch, start) = (Watch::now(), Instant::now());
        let (mut placed, mut now) = (0, start);
        while now < start + LASTS {
            self.pass(now);
            placed += usize::from(self.join(now));
            now = Instant::now();
        }
        let (lasted, busy) = (start.elapsed(), watch.busy_until(Watch::now()));
        Round {
            placed,
            per_second: count(placed) / lasted.as_secs_f64() / busy,
            busy,
        }
    }

    /// Hears the routers whose time has come, and does what is due.
    fn pass(&mut self, now: Instant) {
        while self.beat.1 <= now {
            let (router, due) = self.beat;
            self.broker.handle(report(router, false), now);
            let next = due + HEARTBEAT / u32::try_from(ROUTERS).unwrap();
            self.beat = ((router + 1) % ROUTERS, next);
        }
        if self.broker.next_timeout().is_some_and(|due| due <= now) {
            self.broker.handle_timeout(now);
        }
    }

    /// Whether somebody has been placed.
    fn join(&mut self, now: Instant) -> bool {
        self.turn += 1;
        let join = Join {
            request: Request(self.turn as u64),
            meeting: self.names[people::wanted(self.turn)].clone(),
            participant: participant(self.turn),
            from: None,
            exclude: Vec::new(),
            vouched: 0,
        };
        self.broker.handle(Event::Join(join), now);
        let mut placed = false;
        while let Some(action) = self.broker.poll() {
            match action {
                Action::Answer { answer, .. } => placed = matches!(answer, Answer::Placed { .. }),
                Action::Tell { .. } | Action::Close { .. } => panic!("{action:?}"),
            }
        }
        placed
    }
}

fn participant(turn: usize) -> ParticipantId {
    format!("{turn:032x}").parse().unwrap()
}

fn link(router: usize) -> Link {
    Link(router as u64 + 1)
}

fn hello(router: usize) -> Event {
    Event::RouterHello {
        link: link(router),
        router: people::router(router).parse().unwrap(),
        pool: "test.pool".parse().unwrap(),
        boot: Boot(1),
        endpoint: Endpoint {
            addresses: vec!["192.0.2.1".parse().unwrap()],
            https_port: 443,
            media_port: 8801,
            fingerprint: FINGERPRINT,
        },
    }
}

/// The first report of a router has its meetings; a heartbeat has none.
fn report(router: usize, first: bool) -> Event {
    Event::RouterReport {
        link: link(router),
        load: people::load(),
        meetings: if first {
            people::meetings(router)
        } else {
            Vec::new()
        },
        ended: Vec::new(),
    }
}
