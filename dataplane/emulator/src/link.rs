//! One direction of a path.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How bad a path is. The default is a perfect one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// How long a packet takes at least.
    pub delay: Duration,
    /// So much longer at most, evenly spread. Packets keep their order.
    pub jitter: Duration,
    /// The share of packets that never arrive, 0 to 1, each by itself.
    pub loss: f64,
    /// The share that others overtake, 0 to 1: they come [`Conditions::reorder_by`] later.
    pub reorder: f64,
    /// See there.
    pub reorder_by: Duration,
    /// Bits a second; unlimited without.
    pub rate: Option<u64>,
    /// How long packets may wait for the rate; what would wait longer is dropped.
    pub queue: Duration,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            reorder: 0.0,
            reorder_by: Duration::from_millis(5),
            rate: None,
            // What home routers have.
            queue: Duration::from_millis(200),
        }
    }
}

/// Decides the fate of each packet.
#[derive(Debug)]
pub struct Link {
    conditions: Conditions,
    random: StdRng,
    /// When the bottleneck is free again.
    free: Option<Instant>,
    /// When the last packet that was not overtaken arrives.
    last: Option<Instant>,
}

impl Link {
    /// A path whose chances come from this seed.
    #[must_use]
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            random: StdRng::seed_from_u64(seed),
            free: None,
            last: None,
        }
    }

    /// From the next packet on the path is like this.
    pub const fn set(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// When a packet of so many bytes, sent now, arrives; `None` when it is lost.
    pub fn send(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let conditions = self.conditions;
        // Always three draws, so that one packet's fate does not change the next one's.
        let [lost, overtaken, jitter]: [f64; 3] = std::array::from_fn(|_| self.random.random());
        let through = self.pass(bytes, now)?;
        if lost < conditions.loss {
            return None;
        }
        let arrives = through + conditions.delay + conditions.jitter.mul_f64(jitter);
        if overtaken < conditions.reorder {
            return Some(arrives + conditions.reorder_by);
        }
        let in_order = self.last.map_or(arrives, |last| last.max(arrives));
        self.last = Some(in_order);
        Some(in_order)
    }

    /// When the bottleneck has let it through.
    fn pass(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let Some(rate) = self.conditions.rate else {
            return Some(now);
        };
        let start = self.free.map_or(now, |free| free.max(now));
        if start.saturating_duration_since(now) > self.conditions.queue {
            return None;
        }
        let nanos = bytes as u64 * 8 * 1_000_000_000 / rate.max(1);
        let free = start + Duration::from_nanos(nanos);
        self.free = Some(free);
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn run(conditions: Conditions, seed: u64, packets: u32) -> Vec<Option<Duration>> {
        let start = Instant::now();
        let mut link = Link::new(conditions, seed);
        (0..packets)
            .map(|number| {
                let arrives = link.send(1_000, start + MS * number)?;
                Some(arrives - start)
            })
            .collect()
    }

    #[test]
    fn the_same_seed_is_the_same_network() {
        let conditions = Conditions {
            loss: 0.1,
            jitter: 20 * MS,
            reorder: 0.1,
            ..Conditions::default()
        };
        assert_eq!(run(conditions, 1, 1_000), run(conditions, 1, 1_000));
        assert_ne!(run(conditions, 1, 1_000), run(conditions, 2, 1_000));
    }

    #[test]
    fn so_many_are_lost() {
        let conditions = Conditions {
            loss: 0.1,
            ..Conditions::default()
        };
        let fates = run(conditions, 7, 10_000);
        let lost = fates.iter().filter(|fate| fate.is_none()).count();
        assert!((900..1_100).contains(&lost), "{lost}");
    }

    #[test]
    fn jitter_delays_and_keeps_the_order_but_for_those_overtaken() {
        let mut conditions = Conditions {
            delay: 30 * MS,
            jitter: 10 * MS,
            ..Conditions::default()
        };
        let came: Vec<_> = run(conditions, 3, 1_000).into_iter().flatten().collect();
        assert!(came.is_sorted());
        for (number, came) in (0..).zip(&came) {
            let took = came.saturating_sub(MS * number);
            assert!((30 * MS..=40 * MS).contains(&took), "{took:?}");
        }
        conditions.reorder = 0.1;
        let came: Vec<_> = run(conditions, 3, 1_000).into_iter().flatten().collect();
        assert!(!came.is_sorted());
    }

    #[test]
    fn a_bottleneck_delays_and_then_drops() {
        let conditions = Conditions {
            // Half of what is sent.
            rate: Some(4_000_000),
            ..Conditions::default()
        };
        let fates = run(conditions, 3, 2_000);
        assert_eq!(fates[0], Some(2 * MS));
        assert_eq!(fates[100], Some(202 * MS));
        let came = fates.iter().flatten().count();
        assert!((1_050..1_150).contains(&came), "{came}");
    }
}
