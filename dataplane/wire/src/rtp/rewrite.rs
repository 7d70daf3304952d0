//! A packet as one receiver gets it.

/// RFC 3550 section 5.1.
const SEQUENCE: std::ops::Range<usize> = 2..4;
const TIMESTAMP: std::ops::Range<usize> = 4..8;
const SSRC: std::ops::Range<usize> = 8..12;

/// What a router changes in an RTP packet for one receiver: which track it is of, and its number
/// there. All else stays as the publisher wrote it, mostly the timestamp too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rewrite {
    /// The track, as the receiver knows it.
    pub ssrc: u32,
    /// Its number there.
    pub sequence: u16,
    /// Its timestamp is one tick later than the publisher's: the packet begins a picture inside
    /// another one of the same moment, which the receiver has to tell apart.
    pub later: bool,
}

impl Rewrite {
    /// Changes a copy of the packet, which stays as long as it was. What is too short to be RTP
    /// is left alone.
    pub fn apply(&self, packet: &mut [u8]) {
        if packet.len() >= SSRC.end {
            packet[SEQUENCE].copy_from_slice(&self.sequence.to_be_bytes());
            packet[SSRC].copy_from_slice(&self.ssrc.to_be_bytes());
            if self.later {
                let timestamp = timestamp(packet).wrapping_add(1);
                packet[TIMESTAMP].copy_from_slice(&timestamp.to_be_bytes());
            }
        }
    }
}

/// Of a packet that has one.
fn timestamp(packet: &[u8]) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&packet[TIMESTAMP]);
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;
    use crate::rtp::{AudioLevel, Header, write_with_level};

    const REWRITE: Rewrite = Rewrite {
        ssrc: 0xfeed_beef,
        sequence: 0x1234,
        later: false,
    };

    #[test]
    fn number_and_track_are_changed_and_nothing_else() {
        let header = Header {
            payload_type: 96,
            marker: true,
            sequence: 7,
            timestamp: 0x0102_0304,
            ssrc: 9,
            payload_offset: 20,
        };
        let packet = write_with_level(&header, AudioLevel::SILENCE, b"a picture");
        let mut copy = packet.to_vec();
        REWRITE.apply(&mut copy);
        let changed = Header {
            sequence: REWRITE.sequence,
            ssrc: REWRITE.ssrc,
            ..header
        };
        assert_eq!(Header::parse(&copy), Some(changed));
        let back = Rewrite {
            ssrc: header.ssrc,
            sequence: header.sequence,
            later: false,
        };
        back.apply(&mut copy);
        assert_eq!(copy, packet);
    }

    #[test]
    fn a_tick_later_is_one_more_also_over_the_wrap() {
        for (timestamp, later) in [(0x01ff, 0x0200), (u32::MAX, 0)] {
            let header = Header {
                payload_type: 96,
                marker: false,
                sequence: 7,
                timestamp,
                ssrc: 9,
                payload_offset: 12,
            };
            let mut copy = crate::rtp::write(&header, b"a picture").to_vec();
            Rewrite {
                later: true,
                ..REWRITE
            }
            .apply(&mut copy);
            assert_eq!(Header::parse(&copy).unwrap().timestamp, later);
        }
    }

    #[test]
    fn what_is_too_short_stays_as_it_is() {
        let mut short = [0x80; 11];
        REWRITE.apply(&mut short);
        assert_eq!(short, [0x80; 11]);
    }
}
