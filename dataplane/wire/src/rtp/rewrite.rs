//! A packet as one receiver gets it.

/// RFC 3550 section 5.1.
const SEQUENCE: std::ops::Range<usize> = 2..4;
const SSRC: std::ops::Range<usize> = 8..12;

/// What a router changes in an RTP packet for one receiver: which track it is of, and its number
/// there. All else, the timestamp too, stays as the publisher wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rewrite {
    /// The track, as the receiver knows it.
    pub ssrc: u32,
    /// Its number there.
    pub sequence: u16,
}

impl Rewrite {
    /// Changes a copy of the packet, which stays as long as it was. What is too short to be RTP
    /// is left alone.
    pub fn apply(&self, packet: &mut [u8]) {
        if packet.len() >= SSRC.end {
            packet[SEQUENCE].copy_from_slice(&self.sequence.to_be_bytes());
            packet[SSRC].copy_from_slice(&self.ssrc.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail this way")]

    use super::*;
    use crate::rtp::{AudioLevel, Header, write_with_level};

    const REWRITE: Rewrite = Rewrite {
        ssrc: 0xfeed_beef,
        sequence: 0x1234,
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
        };
        back.apply(&mut copy);
        assert_eq!(copy, packet);
    }

    #[test]
    fn what_is_too_short_stays_as_it_is() {
        let mut short = [0x80; 11];
        REWRITE.apply(&mut short);
        assert_eq!(short, [0x80; 11]);
    }
}
