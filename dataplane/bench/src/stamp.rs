//! Packets that say when they were sent and whether they count, and what became of them.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use plenum_wire::rtp::{self, Header};
use serde::{Deserialize, Serialize};

const HEADER: usize = 12;
/// A packet has an RTP header, a time and whether it counts.
pub const SHORTEST: usize = HEADER + 9;
/// Delays are kept in steps of 10 µs up to 100 ms.
const STEP_NS: u64 = 10_000;
const STEPS: usize = 10_000;

/// An RTP packet of so many bytes, at least [`SHORTEST`], sent now.
#[must_use]
pub fn packet(ssrc: u32, sequence: u16, bytes: usize, counts: bool) -> Bytes {
    let mut payload = vec![0; bytes - HEADER];
    payload[..8].copy_from_slice(&now_ns().to_be_bytes());
    payload[8] = u8::from(counts);
    let header = Header {
        payload_type: 96,
        marker: true,
        sequence,
        timestamp: u32::from(sequence).wrapping_mul(3_000),
        ssrc,
        payload_offset: HEADER,
    };
    rtp::write(&header, &payload)
}

/// Whether a payload counts, and when it was sent.
fn read(payload: &[u8]) -> Option<(bool, u64)> {
    let (time, rest) = payload.split_first_chunk::<8>()?;
    Some((*rest.first()? == 1, u64::from_be_bytes(*time)))
}

/// The same clock in all processes of a machine, in nanoseconds.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}

/// What a load noticed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noticed {
    /// Packets sent that count.
    pub sent: u64,
    /// Packets received that count.
    pub received: u64,
    /// Delays from sender to receiver: how many by steps of 10 µs.
    delays: Vec<u32>,
}

impl Default for Noticed {
    fn default() -> Self {
        Self {
            sent: 0,
            received: 0,
            delays: vec![0; STEPS],
        }
    }
}

impl Noticed {
    /// A packet came at this Unix time; `false` if it is none of [`packet`].
    pub fn packet(&mut self, packet: &[u8], at_ns: u64) -> bool {
        let payload = Header::parse(packet).and_then(|header| packet.get(header.payload_offset..));
        payload.is_some_and(|payload| self.payload(payload, at_ns))
    }

    /// The payload of a packet came; `false` if it is none of [`packet`].
    pub fn payload(&mut self, payload: &[u8], at_ns: u64) -> bool {
        let Some((counts, sent_ns)) = read(payload) else {
            return false;
        };
        if counts {
            self.received += 1;
            let step = at_ns.saturating_sub(sent_ns) / STEP_NS;
            let step = usize::try_from(step).unwrap_or(STEPS).min(STEPS - 1);
            self.delays[step] += 1;
        }
        true
    }

    /// What two noticed together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.sent += other.sent;
        self.received += other.received;
        for (mine, more) in self.delays.iter_mut().zip(&other.delays) {
            *mine += more;
        }
        self
    }

    /// The delay in milliseconds that this share of the packets did not exceed.
    #[must_use]
    pub fn delay_ms(&self, share: f64) -> f64 {
        let all: u64 = self.delays.iter().copied().map(u64::from).sum();
        #[expect(clippy::cast_precision_loss, reason = "some million packets")]
        let wanted = all as f64 * share;
        let mut seen = 0.0;
        let mut at = 0.0;
        for count in &self.delays {
            seen += f64::from(*count);
            at += 0.01;
            if seen >= wanted {
                break;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_upper_ends_of_their_steps() {
        let mut noticed = Noticed::default();
        noticed.delays[0] = 98;
        noticed.delays[99] = 2;
        assert!((noticed.delay_ms(0.5) - 0.01).abs() < 1e-9);
        assert!((noticed.delay_ms(0.99) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn only_packets_that_count_are_counted() {
        let mut noticed = Noticed::default();
        assert!(noticed.packet(&packet(1, 1, 1_200, true), now_ns()));
        assert!(noticed.packet(&packet(1, 2, 1_200, false), now_ns()));
        assert!(!noticed.packet(&rtp::knock(1), now_ns()));
        assert_eq!(noticed.received, 1);
        assert_eq!(noticed.clone().and(&noticed).received, 2);
    }
}
