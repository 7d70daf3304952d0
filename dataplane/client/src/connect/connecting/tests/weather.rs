//! How long packets take: the same for the same seed.

use std::time::Duration;

use super::world::Link;

pub struct Weather {
    random: u64,
}

impl Weather {
    pub const fn new(seed: u64) -> Self {
        Self { random: seed }
    }

    /// TCP, whose first packet is sent a second time after 250 ms and then as TCP does, and TLS.
    pub fn connect(&mut self, link: Link) -> Duration {
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
    pub fn trip(&mut self, link: Link) -> Duration {
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

    fn chance(&mut self) -> f64 {
        f64::from(u32::try_from(self.random() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// `SplitMix64`.
    pub fn random(&mut self) -> u64 {
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
