//! How many layers of a track of ours the way to the router has room for. Pure.
//!
//! Layers that do not fit are not sent, the highest first, and come back with patience. What
//! was not sent could not show that it fits: so now and then padding takes its place for a
//! moment.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use plenum_layers::{LAYERS, Ladder, Wish};

use crate::wanted::Layers;

/// How often it is looked at.
pub(crate) const EVERY: Duration = Duration::from_millis(100);
/// How often padding is sent while there is some.
pub(crate) const PADDING_EVERY: Duration = Duration::from_millis(20);
/// How long it is sent for, and how long after its begin again at the earliest and, when it
/// was often in vain, at the latest.
const PROBE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);
/// Padding beyond this many kbit/s finds nothing that the next probe would not.
const MOST_KBPS: u32 = 4_000;

/// The way up of one track with layers.
#[derive(Debug)]
pub(crate) struct Uplink {
    /// Of each layer by itself, in kbit/s.
    kbps: Vec<u32>,
    ladder: Ladder,
    /// The highest layer that fits.
    top: usize,
    given: Vec<Option<u8>>,
    probe: Probe,
}

#[derive(Debug, Default)]
struct Probe {
    /// The last one began, or the wait for the first.
    began: Option<Instant>,
    pause: Option<Duration>,
    /// 0 in the wait for the first.
    kbps: u32,
}

impl Uplink {
    /// Everything fits until an estimate says otherwise.
    pub fn new(kbps: Vec<u32>) -> Self {
        Self {
            top: kbps.len().saturating_sub(1),
            kbps,
            ladder: Ladder::new(),
            given: Vec::new(),
            probe: Probe::default(),
        }
    }

    /// What to send of what is wanted: what fits, or something lower in its place, which a
    /// router takes when nothing better comes.
    pub fn layers(&self, wanted: Layers) -> Layers {
        let fitting = wanted.and(Layers::lowest(self.top + 1));
        if fitting.is_empty() && !wanted.is_empty() {
            return Layers::only(self.top);
        }
        fitting
    }

    /// Takes what the way carries, in bits per second, where that is known. Whether
    /// [`Uplink::layers`] may have changed.
    pub fn handle(&mut self, estimate: Option<u64>, wanted: Layers, now: Instant) -> bool {
        let all = self.kbps.len().saturating_sub(1);
        let Some(estimate) = estimate else {
            return std::mem::replace(&mut self.top, all) != all;
        };
        let budget = u32::try_from(estimate / 1_000).unwrap_or(u32::MAX);
        let wish = self.wish(wanted);
        self.ladder.choose(budget, &[wish], now, &mut self.given);
        let Some(top) = self.given.first().copied().flatten() else {
            return false;
        };
        let top = usize::from(top);
        self.probe
            .weigh(self.ladder.goal(), budget, wish.kbps[top], now);
        // What nobody wants above it fits as far as anybody knows.
        let best = (top + 1..LAYERS).all(|above| wish.kbps[above] == 0);
        let top = if best { all } else { top };
        std::mem::replace(&mut self.top, top) != top
    }

    /// Bytes of padding to send now, to be asked each [`PADDING_EVERY`] while there are some.
    pub fn padding(&self, now: Instant) -> usize {
        let began = self.probe.began;
        let probing = began.is_some_and(|at| now.saturating_duration_since(at) < PROBE);
        let bits = u128::from(self.probe.kbps) * PADDING_EVERY.as_millis();
        if probing {
            usize::try_from(bits / 8).unwrap_or(0)
        } else {
            0
        }
    }

    /// What it takes to send up to each layer: those that are wanted, or in their place the
    /// layer itself.
    fn wish(&self, wanted: Layers) -> Wish {
        let mut kbps = [0; LAYERS];
        let mut sum = 0_u32;
        for (layer, (takes, own)) in kbps.iter_mut().zip(&self.kbps).enumerate() {
            if wanted.has(layer) {
                sum = sum.saturating_add(*own);
                *takes = sum;
            } else if sum == 0 && !wanted.is_empty() {
                *takes = *own;
            }
        }
        Wish {
            rank: 0,
            kbps,
            top: u8::try_from(self.kbps.len().saturating_sub(1)).unwrap_or(u8::MAX),
            now: u8::try_from(self.top).ok(),
        }
    }
}

impl Probe {
    /// There is something to probe for while more would be sent if it were known to fit.
    fn weigh(&mut self, goal: Option<u32>, budget: u32, sent: u32, now: Instant) {
        let Some(goal) = goal.filter(|goal| *goal > budget) else {
            // It was found out, or what is wanted is there.
            *self = Self::default();
            return;
        };
        let pause = self.pause.unwrap_or(PAUSE);
        let since = *self.began.get_or_insert(now);
        if now.saturating_duration_since(since) < pause {
            return;
        }
        self.began = Some(now);
        self.pause = Some((pause * 2).min(LONGEST_PAUSE));
        self.kbps = (goal.saturating_sub(sent) * 2).min(MOST_KBPS);
    }
}

/// Longest packet of padding: what every path carries.
const PADDING_BYTES: usize = 1_100;

/// RTCP that nobody reads, about so many bytes of it: application-defined packets of RFC 3550
/// section 6.7.
pub(crate) fn padding(sender: u32, mut bytes: usize) -> Vec<Bytes> {
    const HEADER: usize = 12;
    let mut packets = Vec::new();
    while bytes > 0 {
        let words = (bytes.clamp(HEADER, PADDING_BYTES) - HEADER) / 4;
        let mut packet = BytesMut::with_capacity(HEADER + 4 * words);
        packet.put_slice(&[0x80, 204]);
        packet.put_u16(u16::try_from(2 + words).unwrap_or(u16::MAX));
        packet.put_u32(sender);
        packet.put_slice(b"PADD");
        packet.put_bytes(0, 4 * words);
        packets.push(packet.freeze());
        bytes = bytes.saturating_sub(PADDING_BYTES);
    }
    packets
}

#[cfg(test)]
mod tests;
