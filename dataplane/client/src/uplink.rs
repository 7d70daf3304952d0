//! How many layers of a track of ours the way to the router has room for. Pure.
//!
//! Layers that do not fit are not sent, the highest first, and come back with patience. What
//! was not sent could not show that it fits: so now and then padding takes its place for a
//! moment.

mod probe;

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use plenum_layers::{LAYERS, Ladder, Wish};

use crate::wanted::Layers;
use probe::{Probe, Search};

/// How often it is looked at.
pub(crate) const EVERY: Duration = Duration::from_millis(100);
/// How often padding is sent while there is some.
pub(crate) const PADDING_EVERY: Duration = Duration::from_millis(20);
/// The way up of one track with layers.
#[derive(Debug)]
pub(crate) struct Uplink {
    /// Of each layer by itself, in kbit/s.
    kbps: Vec<u32>,
    ladder: Ladder,
    wanted: Layers,
    /// What the way carried when it was last looked at, in kbit/s; `None` before anything is
    /// known.
    known: Option<(u32, Instant)>,
    /// The highest layer that fits.
    top: usize,
    given: Vec<Option<u8>>,
    probe: Probe,
}

impl Uplink {
    /// Everything fits until an estimate says otherwise.
    pub fn new(kbps: Vec<u32>) -> Self {
        Self {
            top: kbps.len().saturating_sub(1),
            wanted: Layers::lowest(kbps.len()),
            kbps,
            ladder: Ladder::new(),
            known: None,
            given: Vec::new(),
            probe: Probe::new(),
        }
    }

    /// What to send of what is wanted: what fits, or something lower in its place, which a
    /// router takes when nothing better comes. What is newly wanted has to fit too before a
    /// frame of it is sent.
    pub fn layers(&mut self, wanted: Layers) -> Layers {
        if std::mem::replace(&mut self.wanted, wanted) != wanted
            && let Some((budget, at)) = self.known
        {
            self.choose(budget, at);
        }
        let fitting = wanted.and(Layers::lowest(self.top + 1));
        if fitting.is_empty() && !wanted.is_empty() {
            return Layers::only(self.top);
        }
        fitting
    }

    /// Takes what the way carries, in bits per second, where that is known. Whether
    /// [`Uplink::layers`] may have changed.
    pub fn handle(&mut self, estimate: Option<u64>, wanted: Layers, now: Instant) -> bool {
        let (before, known) = (self.top, self.wanted == wanted);
        self.wanted = wanted;
        self.known =
            estimate.map(|estimate| (u32::try_from(estimate / 1_000).unwrap_or(u32::MAX), now));
        match self.known {
            Some((budget, _)) => self.choose(budget, now),
            None => self.top = self.kbps.len().saturating_sub(1),
        }
        self.top != before || !known
    }

    /// Bytes of padding to send now, to be asked each [`PADDING_EVERY`] while there are some.
    pub fn padding(&self) -> usize {
        // Bits in a millisecond are kilobits in a second.
        let bits = u128::from(self.probe.kbps()) * PADDING_EVERY.as_millis();
        usize::try_from(bits / 8).unwrap_or(0)
    }

    fn choose(&mut self, budget: u32, now: Instant) {
        let wish = self.wish();
        self.ladder.choose(budget, &[wish], now, &mut self.given);
        if let Some(top) = self.given.first().copied().flatten() {
            self.top = top.into();
        }
        let search = Search {
            estimate: budget,
            sent: wish.kbps.get(self.top).copied().unwrap_or(0),
            goal: self.ladder.goal(),
        };
        self.probe.look(search, now);
    }

    /// What it takes to send up to each layer: those that are wanted, or in their place the
    /// layer itself.
    fn wish(&self) -> Wish {
        let wanted = self.wanted;
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
