//! The packets of a track that were sent last.

use std::time::{Duration, Instant};

use bytes::Bytes;

/// How long a packet may be asked for: no player waits longer for it.
const AGE: Duration = Duration::from_secs(1);

/// Recent packets by sequence number, at most [`Cache::AUDIO`] or [`Cache::VIDEO`] of them.
/// A packet has at most 1,400 bytes, so that a track costs at most 180 or 720 kB, and
/// typically a second of itself. Nothing is allocated after the first packet.
#[derive(Debug)]
pub struct Cache {
    capacity: usize,
    slots: Vec<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    sequence: u16,
    at: Instant,
    packet: Bytes,
}

impl Cache {
    /// A second of packets of 10 ms, and more than two of the usual 20 ms.
    pub const AUDIO: usize = 128;
    /// A second of 4.9 Mbit/s in packets of 1,200 bytes.
    pub const VIDEO: usize = 512;

    /// An empty cache. `capacity` divides 2^16, so that numbers that wrap keep their places.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two() && capacity <= 1 << 16);
        Self {
            capacity,
            slots: Vec::new(),
        }
    }

    /// Keeps a packet, in the place of an older one.
    pub fn keep(&mut self, sequence: u16, packet: Bytes, at: Instant) {
        if self.slots.is_empty() {
            self.slots.resize(self.capacity, None);
        }
        let place = usize::from(sequence) % self.capacity;
        self.slots[place] = Some(Kept {
            sequence,
            at,
            packet,
        });
    }

    /// A packet that is kept and not too old.
    #[must_use]
    pub fn get(&self, sequence: u16, now: Instant) -> Option<&Bytes> {
        let slot = self.slots.get(usize::from(sequence) % self.capacity)?;
        let kept = slot.as_ref().filter(|kept| kept.sequence == sequence)?;
        let young = now.saturating_duration_since(kept.at) <= AGE;
        young.then_some(&kept.packet)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    #[test]
    fn a_packet_is_there_until_it_is_old_or_its_place_is_taken() {
        let now = Instant::now();
        let mut cache = Cache::new(Cache::AUDIO);
        assert_eq!(cache.get(5, now), None);
        cache.keep(65_535, Bytes::from_static(b"a"), now);
        cache.keep(0, Bytes::from_static(b"b"), now);
        assert_eq!(
            cache.get(65_535, now).map(|kept| &kept[..]),
            Some(&b"a"[..])
        );
        assert_eq!(cache.get(127, now), None, "the same place, another number");
        assert!(cache.get(0, now + AGE).is_some());
        assert!(cache.get(0, now + AGE + Duration::from_millis(1)).is_none());
        cache.keep(128, Bytes::from_static(b"c"), now);
        assert_eq!(cache.get(0, now), None);
    }
}
