//! People who send and receive, and what they noticed.
//!
//! It does as it is told by lines: prints `ready` when everybody hears something, begins to
//! count at `measure`, and at `stop` prints what it noticed. Several loads may share the people
//! of one server.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use plenum_wire::Fingerprint;
use plenum_wire::frame::{decode_datagram, encode_datagram};
use plenum_wire::rtp;

use crate::clients::{Crowd, Happened, Settings};
use crate::meetings::{Meetings, flows, ssrc};
use crate::stamp::{self, Noticed};

/// Dials at once.
const DIALS: usize = 64;
/// Until everybody heard something.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// For what is still on its way.
const LINGER: Duration = Duration::from_millis(500);
/// Everybody says this often that they are there.
const KNOCK: Duration = Duration::from_secs(1);

/// What is sent.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Plan {
    /// Packets that receivers should get a second, all together
    #[arg(long, default_value_t = 20_000)]
    pub rate: u32,
    /// Packets that a sender sends back to back
    #[arg(long, default_value_t = 1)]
    pub burst: u32,
    /// Bytes of each, RTP header included
    #[arg(long, default_value_t = 1_200)]
    pub bytes: usize,
}

/// How a load goes about it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Manner {
    /// UDP sockets
    #[arg(long, default_value = "4")]
    pub sockets: NonZeroUsize,
    /// Of so many loads that share the people
    #[arg(long, default_value = "1")]
    pub parts: NonZeroU32,
    /// Which one it is, from 0
    #[arg(long, default_value_t = 0)]
    pub part: u32,
    /// Never sleep, so that whoever shares the core gets the same share at any load
    #[arg(long)]
    pub spin: bool,
}

/// What a load was told last.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<AtomicU8>);

impl Told {
    const MEASURE: u8 = 1;
    const STOP: u8 = 2;

    /// Listens to the standard input; its end means `stop`.
    pub fn listen(&self) {
        let told = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if line != "measure" {
                    break;
                }
                told.store(Self::MEASURE, Ordering::Relaxed);
            }
            told.store(Self::STOP, Ordering::Relaxed);
        });
    }

    /// What is sent now counts.
    #[must_use]
    pub fn measures(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::MEASURE
    }

    /// It is over.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::STOP
    }
}

/// Runs the load and prints what was noticed.
pub fn run(
    server: SocketAddr,
    fingerprint: Fingerprint,
    meetings: Meetings,
    plan: Plan,
    manner: Manner,
) -> Result<()> {
    ensure!(
        plan.bytes >= stamp::SHORTEST,
        "a packet has at least 21 bytes"
    );
    let now = Instant::now();
    let sockets = manner.sockets;
    let settings = Settings {
        server,
        fingerprint,
        sockets,
    };
    let mut crowd = Crowd::new(settings, now)?;
    let told = Told::default();
    told.listen();
    let mut load = Load::new(meetings, plan, manner, now);
    let mut stop_at = None;
    while stop_at.is_none_or(|at| Instant::now() < at) {
        load.counts = told.measures();
        if told.stops() {
            stop_at.get_or_insert(Instant::now() + LINGER);
        }
        let sleep = load.step(&mut crowd)?;
        crowd.wait(if manner.spin { Duration::ZERO } else { sleep })?;
    }
    println!("{}", serde_json::to_string(&load.noticed)?);
    Ok(())
}

struct Sender {
    person: u32,
    sequence: u16,
}

struct Load {
    plan: Plan,
    /// Of this load.
    people: Vec<u32>,
    listens: Vec<bool>,
    /// Of all loads; others than this one's are passed over.
    senders: Vec<Option<Sender>>,
    dialled: usize,
    opened: usize,
    listeners: usize,
    /// By person.
    heard: Vec<bool>,
    hearing: usize,
    ready_until: Instant,
    ready: bool,
    /// When everybody was there.
    begun: Option<Instant>,
    /// Packets, or bursts of them, that were due until now, of all senders.
    turns: u32,
    between: Duration,
    knocks: u32,
    counts: bool,
    noticed: Noticed,
}

impl Load {
    fn new(meetings: Meetings, plan: Plan, manner: Manner, now: Instant) -> Self {
        let mine = |person: &u32| *person % manner.parts == manner.part;
        let people: Vec<u32> = meetings.everybody().filter(mine).collect();
        let senders = meetings
            .everybody()
            .filter(|person| meetings.sends(*person));
        let per_second = f64::from(plan.rate) / f64::from(meetings.receivers());
        Self {
            listeners: people.iter().filter(|p| !meetings.sends(**p)).count(),
            listens: meetings.everybody().map(|p| !meetings.sends(p)).collect(),
            heard: meetings.everybody().map(|_| false).collect(),
            senders: senders
                .map(|person| {
                    let sequence = 0;
                    mine(&person).then_some(Sender { person, sequence })
                })
                .collect(),
            people,
            plan,
            dialled: 0,
            opened: 0,
            hearing: 0,
            ready_until: now + READY_WITHIN,
            ready: false,
            begun: None,
            turns: 0,
            between: Duration::from_secs_f64(f64::from(plan.burst) / per_second),
            knocks: 0,
            counts: false,
            noticed: Noticed::default(),
        }
    }

    /// Does what is due; how long there is nothing to do but to receive.
    fn step(&mut self, crowd: &mut Crowd) -> Result<Duration> {
        let now = Instant::now();
        while self.dialled < self.people.len() && self.dialled - self.opened < DIALS {
            crowd.dial(self.people[self.dialled], now)?;
            self.dialled += 1;
        }
        let mut sleep = Duration::MAX;
        if let Some(begun) = self.begun {
            self.knock(crowd, now - begun);
            self.send(crowd, now - begun);
            sleep = (self.between * self.turns).saturating_sub(begun.elapsed());
        }
        self.take(crowd)?;
        if self.begun.is_none() && self.opened == self.people.len() {
            self.begun = Some(Instant::now());
        }
        if !self.ready {
            self.ready = self.hearing == self.listeners;
            if self.ready {
                println!("ready");
            } else if now > self.ready_until {
                bail!("only {} of {} hear anything", self.hearing, self.listeners);
            }
        }
        Ok(sleep)
    }

    fn take(&mut self, crowd: &mut Crowd) -> Result<()> {
        let (mut opened, mut lost) = (Vec::new(), None);
        crowd.turn(|person, happened| match happened {
            Happened::Opened => opened.push(person),
            Happened::Lost(why) => lost = Some((person, why)),
            Happened::Datagram { bytes, at_ns } => {
                let packet = decode_datagram(&bytes).map(|(_, packet)| packet);
                if packet.is_ok_and(|packet| self.noticed.packet(packet, at_ns)) {
                    let person = usize::try_from(person).expect("32 bits fit");
                    let heard = std::mem::replace(&mut self.heard[person], true);
                    self.hearing += usize::from(!heard && self.listens[person]);
                }
            }
        })?;
        if let Some((person, why)) = lost {
            bail!("person {person} lost the connection: {why}");
        }
        self.opened += opened.len();
        for person in opened {
            Self::knock_of(crowd, person);
        }
        Ok(())
    }

    /// Knocks bind connections and keep them bound. They are spread over their second.
    fn knock(&mut self, crowd: &mut Crowd, since: Duration) {
        let all = u32::try_from(self.people.len()).expect("made of 32 bits");
        while since >= KNOCK * self.knocks / all {
            let person = self.people[(self.knocks % all) as usize];
            Self::knock_of(crowd, person);
            self.knocks += 1;
        }
    }

    fn knock_of(crowd: &mut Crowd, person: u32) {
        let datagram = encode_datagram(flows(person).video, &rtp::knock(ssrc(person)));
        crowd.send(person, datagram);
    }

    /// The senders in turn, so that the load is even.
    fn send(&mut self, crowd: &mut Crowd, since: Duration) {
        while since >= self.between * self.turns {
            let turn = self.turns as usize % self.senders.len();
            self.turns += 1;
            let Some(sender) = &mut self.senders[turn] else {
                continue;
            };
            for _ in 0..self.plan.burst {
                sender.sequence = sender.sequence.wrapping_add(1);
                let ssrc = ssrc(sender.person);
                let packet = stamp::packet(ssrc, sender.sequence, self.plan.bytes, self.counts);
                let datagram = encode_datagram(flows(sender.person).video, &packet);
                if crowd.send(sender.person, datagram) && self.counts {
                    self.noticed.sent += 1;
                }
            }
        }
    }
}
