//! Which rungs get through where: so that the second join from a network that blocks UDP does
//! not wait for it again.
//!
//! Shared by the sessions of a process, forgotten after ten minutes: it only takes head starts
//! away, and better rungs are tried all the same.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plenum_wire::Rung;

use crate::ladder::Lesson;
use crate::whereabouts;

/// For how long it counts: networks change their minds, and addresses their networks.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Networks remembered.
const NETWORKS: usize = 64;

/// One network, as far as it can be told: our own address in it, and whether the way out is
/// straight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub address: Option<IpAddr>,
    pub direct: bool,
}

/// What is remembered. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terrain(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    blocked: BTreeMap<(Spot, Rung), Instant>,
}

impl Terrain {
    /// What does not get through there.
    pub fn blocked(&self, spot: Spot, now: Instant) -> Vec<Rung> {
        self.with(|memory| memory.blocked(spot, now))
    }

    /// Something was learnt there.
    pub fn learn(&self, spot: Spot, lesson: Lesson, now: Instant) {
        self.with(|memory| memory.learn(spot, lesson, now));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Memory {
    fn blocked(&mut self, spot: Spot, now: Instant) -> Vec<Rung> {
        self.blocked.retain(|_, until| *until > now);
        let here = self.blocked.keys().filter(|(known, _)| *known == spot);
        here.map(|(_, rung)| *rung).collect()
    }

    fn learn(&mut self, spot: Spot, lesson: Lesson, now: Instant) {
        match lesson {
            Lesson::Works(rung) => {
                self.blocked.remove(&(spot, rung));
            }
            Lesson::Blocked(rung) => {
                if self.blocked.len() >= NETWORKS * 2 {
                    self.blocked.clear();
                }
                self.blocked.insert((spot, rung), now + REMEMBERED);
            }
        }
    }
}

impl Spot {
    /// Where we are, seen from the way to `target`.
    pub fn towards(target: Option<IpAddr>, direct: bool) -> Self {
        Self {
            address: target.and_then(whereabouts::source),
            direct,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: Spot = Spot {
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        direct: true,
    };
    const ELSEWHERE: Spot = Spot {
        address: None,
        direct: false,
    };

    #[test]
    fn what_is_blocked_here_is_not_blocked_elsewhere_nor_for_ever() {
        let (terrain, now) = (Terrain::default(), Instant::now());
        terrain.learn(HERE, Lesson::Blocked(Rung::Udp), now);
        assert_eq!(terrain.blocked(HERE, now), [Rung::Udp]);
        assert_eq!(terrain.blocked(ELSEWHERE, now), []);
        assert_eq!(terrain.blocked(HERE, now + REMEMBERED), []);
    }

    #[test]
    fn what_works_again_is_blocked_no_longer() {
        let (terrain, now) = (Terrain::default(), Instant::now());
        for rung in [Rung::Udp, Rung::Tcp] {
            terrain.learn(HERE, Lesson::Blocked(rung), now);
        }
        terrain.learn(HERE, Lesson::Works(Rung::Tcp), now);
        assert_eq!(terrain.clone().blocked(HERE, now), [Rung::Udp]);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for number in 0..10_000_u32 {
            let address = Some(IpAddr::V4(Ipv4Addr::from(number)));
            let spot = Spot {
                address,
                direct: true,
            };
            memory.learn(spot, Lesson::Blocked(Rung::Udp), now);
        }
        assert!(memory.blocked.len() <= 2 * NETWORKS);
    }
}
