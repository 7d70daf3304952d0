//! Senders on one path, in virtual time: what QUIC does with acknowledgements and loss, and
//! nothing else of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use plenum_emulator::{Conditions, Link};

use super::{Delivered, Estimate};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Bytes of a packet.
const PACKET: u64 = 1_200;
/// Acknowledged together, or after this time.
const TOGETHER: usize = 20;
const AT_LATEST: Duration = Duration::from_millis(25);
/// Packets behind the newest one acknowledged that are lost, as set in `quic::config`.
const OVERTAKEN: u64 = 32;
/// Numbers that an acknowledgement repeats, as it may be lost.
const REPEATED: usize = 256;

/// What a sender sends, in bits a second, by the time and its estimate.
type Offer = Box<dyn Fn(Duration, u64) -> u64>;

enum Happening {
    Frame,
    Arrival(u64),
    Impatience(u64),
    Acknowledgement(Vec<u64>),
}

struct Sender {
    estimate: Estimate,
    offer: Offer,
    /// Between two frames.
    every: Duration,
    /// Bits that are too few for a packet.
    over: u64,
    number: u64,
    flight: BTreeMap<u64, Instant>,
    round_trip: Duration,
    back: Link,
    received: VecDeque<u64>,
    waiting: usize,
    acknowledged: u64,
    came: u64,
}

/// How it was at a time.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) at: Duration,
    /// Of each sender.
    pub(super) estimates: Vec<u64>,
    /// What the last packet of the first one waited.
    pub(super) queue: Duration,
}

pub(super) struct World {
    start: Instant,
    now: Instant,
    forth: Link,
    conditions: Conditions,
    senders: Vec<Sender>,
    due: BTreeMap<(Instant, u64), (usize, Happening)>,
    order: u64,
    queue: Duration,
    pub(super) samples: Vec<Sample>,
}

impl World {
    pub(super) fn new(conditions: Conditions, seed: u64) -> Self {
        let start = Instant::now() + SECOND;
        Self {
            start,
            now: start,
            forth: Link::new(conditions, seed),
            conditions,
            senders: Vec::new(),
            due: BTreeMap::new(),
            order: 0,
            queue: Duration::ZERO,
            samples: Vec::new(),
        }
    }

    /// Adds a sender with a frame every so often.
    pub(super) fn add(&mut self, every: Duration, offer: impl Fn(Duration, u64) -> u64 + 'static) {
        let back = Conditions {
            rate: None,
            ..self.conditions
        };
        let place = self.senders.len();
        self.senders.push(Sender {
            estimate: Estimate::new(),
            offer: Box::new(offer),
            every,
            over: 0,
            number: 0,
            flight: BTreeMap::new(),
            round_trip: Duration::ZERO,
            back: Link::new(back, 1_000 + place as u64),
            received: VecDeque::new(),
            waiting: 0,
            acknowledged: 0,
            came: 0,
        });
        self.plan(self.now, place, Happening::Frame);
    }

    pub(super) fn set(&mut self, conditions: Conditions) {
        self.conditions = conditions;
        self.forth.set(conditions);
        for sender in &mut self.senders {
            sender.back.set(Conditions {
                rate: None,
                ..conditions
            });
        }
    }

    /// Bytes of this sender that came.
    pub(super) fn came(&self, place: usize) -> u64 {
        self.senders[place].came
    }

    pub(super) fn estimate(&self, place: usize) -> &Estimate {
        &self.senders[place].estimate
    }

    pub(super) fn run_until(&mut self, until: Duration) {
        while let Some(next) = self.due.first_entry()
            && next.key().0 < self.start + until
        {
            let ((at, _), (place, happening)) = next.remove_entry();
            self.sample_until(at);
            self.now = at;
            match happening {
                Happening::Frame => self.frame(place),
                Happening::Arrival(number) => self.arrival(place, number),
                Happening::Impatience(of) => {
                    if self.senders[place].acknowledged == of {
                        self.acknowledge(place);
                    }
                }
                Happening::Acknowledgement(numbers) => {
                    self.senders[place].acknowledgement(&numbers, at);
                }
            }
        }
        self.sample_until(self.start + until);
        self.now = self.start + until;
    }

    fn sample_until(&mut self, until: Instant) {
        loop {
            let at = 10 * MS * u32::try_from(self.samples.len()).unwrap();
            if self.start + at >= until {
                return;
            }
            let estimates = self.senders.iter().map(|one| one.estimate.bits_per_s());
            self.samples.push(Sample {
                at,
                estimates: estimates.collect(),
                queue: self.queue,
            });
        }
    }

    fn plan(&mut self, at: Instant, place: usize, happening: Happening) {
        self.order += 1;
        self.due.insert((at, self.order), (place, happening));
    }

    fn frame(&mut self, place: usize) {
        let (now, since) = (self.now, self.now - self.start);
        let sender = &mut self.senders[place];
        let rate = (sender.offer)(since, sender.estimate.bits_per_s());
        sender.over += rate * u64::try_from(sender.every.as_micros()).unwrap() / 1_000_000;
        let every = sender.every;
        while self.senders[place].over >= PACKET * 8 {
            let sender = &mut self.senders[place];
            sender.over -= PACKET * 8;
            sender.number += 1;
            let number = sender.number;
            sender.flight.insert(number, now);
            if let Some(at) = self.forth.send(1_200, now) {
                if place == 0 {
                    let waited = at.saturating_duration_since(now);
                    self.queue = waited.saturating_sub(self.conditions.delay);
                }
                self.plan(at, place, Happening::Arrival(number));
            }
        }
        self.plan(now + every, place, Happening::Frame);
    }

    fn arrival(&mut self, place: usize, number: u64) {
        let sender = &mut self.senders[place];
        sender.received.push_back(number);
        if sender.received.len() > REPEATED {
            sender.received.pop_front();
        }
        sender.came += PACKET;
        sender.waiting += 1;
        let first = sender.waiting == 1;
        if sender.waiting > TOGETHER {
            self.acknowledge(place);
        } else if first {
            let of = sender.acknowledged;
            self.plan(self.now + AT_LATEST, place, Happening::Impatience(of));
        }
    }

    fn acknowledge(&mut self, place: usize) {
        let now = self.now;
        let sender = &mut self.senders[place];
        sender.waiting = 0;
        sender.acknowledged += 1;
        let numbers = sender.received.iter().copied().collect();
        if let Some(at) = sender.back.send(60, now) {
            self.plan(at, place, Happening::Acknowledgement(numbers));
        }
    }
}

impl Sender {
    fn acknowledgement(&mut self, numbers: &[u64], now: Instant) {
        let mut newest = None;
        let mut packets = 0;
        for number in numbers {
            if let Some(sent) = self.flight.remove(number) {
                newest = newest.max(Some((sent, *number)));
                packets += 1;
            }
        }
        let Some((sent, largest)) = newest else {
            return;
        };
        let delivered = Delivered {
            sent,
            bytes: PACKET * u64::from(packets),
            packets,
        };
        self.estimate.handle_delivered(delivered, now);
        let latest = now - sent;
        self.round_trip = if self.round_trip.is_zero() {
            latest
        } else {
            (self.round_trip * 7 + latest) / 8
        };
        let patience = self.round_trip.max(latest) * 9 / 8;
        let before = self.flight.len();
        self.flight.retain(|number, sent| {
            *number > largest || (*number + OVERTAKEN > largest && now - *sent < patience)
        });
        let lost = before - self.flight.len();
        if lost > 0 {
            self.estimate.handle_lost(PACKET * lost as u64, now);
        }
    }
}
