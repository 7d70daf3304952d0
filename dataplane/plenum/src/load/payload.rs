//! What the load's packets carry: their number, when they were sent, and whether a video
//! frame claims to be a key frame.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_wire::rtp::{self, AudioLevel, Header};

/// Number and time, 8 bytes each, and a byte that is 1 in a key frame.
const STAMP_BYTES: usize = 17;
const KEY_AT: usize = 16;
/// A 20 ms Opus frame at 32 kbit/s.
pub const AUDIO_BYTES: usize = 80;
/// Longest video payload in bytes: what every path carries in one packet.
pub const VIDEO_BYTES: usize = 1_100;

/// What is written into a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Counts the track's packets.
    pub number: u64,
    /// It is of a frame that needs none before it.
    pub key: bool,
}

/// When the packets of this process count from; latency needs no clock of another machine.
#[derive(Debug, Clone, Copy)]
pub struct Epoch(pub Instant);

impl Epoch {
    /// A packet sent `now` with `bytes` of payload, but at least the stamp's; of audio with
    /// its level.
    #[must_use]
    pub fn stamp(
        self,
        header: &Header,
        level: Option<AudioLevel>,
        what: Stamp,
        now: Instant,
        bytes: usize,
    ) -> Bytes {
        let sent = now.saturating_duration_since(self.0).as_nanos();
        let sent = u64::try_from(sent).unwrap_or(u64::MAX);
        let mut payload = [0; VIDEO_BYTES];
        payload[..8].copy_from_slice(&what.number.to_be_bytes());
        payload[8..KEY_AT].copy_from_slice(&sent.to_be_bytes());
        payload[KEY_AT] = what.key.into();
        let payload = &payload[..bytes.clamp(STAMP_BYTES, VIDEO_BYTES)];
        match level {
            Some(level) => rtp::write_with_level(header, level, payload),
            None => rtp::write(header, payload),
        }
    }

    /// What a packet says and how long it took; `None` when it is none of ours.
    #[must_use]
    pub fn read(self, header: &Header, packet: &[u8], at: Instant) -> Option<(Stamp, Duration)> {
        let (number, rest) = packet.get(header.payload_offset..)?.split_first_chunk()?;
        let (sent, rest) = rest.split_first_chunk()?;
        let sent = Duration::from_nanos(u64::from_be_bytes(*sent));
        let latency = at.saturating_duration_since(self.0).saturating_sub(sent);
        let stamp = Stamp {
            number: u64::from_be_bytes(*number),
            key: *rest.first()? == 1,
        };
        Some((stamp, latency))
    }
}

/// The payload sizes of one video frame at so many kbit/s and 25 frames a second.
pub fn video_frame(kbps: u32) -> impl Iterator<Item = usize> {
    let mut left = usize::try_from(kbps).unwrap_or(usize::MAX) * 1_000 / 8 / 25;
    std::iter::from_fn(move || {
        let bytes = left.min(VIDEO_BYTES);
        left -= bytes;
        (bytes > 0).then_some(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            payload_type: 111,
            marker: false,
            sequence: 7,
            timestamp: 960,
            ssrc: 1,
            payload_offset: 12,
        }
    }

    #[test]
    fn number_and_latency_come_back() {
        let epoch = Epoch(Instant::now());
        let sent = epoch.0 + Duration::from_secs(3);
        let latency = Duration::from_micros(1_234);
        let stamp = Stamp {
            number: 1 << 40,
            key: true,
        };
        for (level, header_bytes) in [(None, 12), (Some(AudioLevel::SILENCE), 20)] {
            let packet = epoch.stamp(&header(), level, stamp, sent, AUDIO_BYTES);
            assert_eq!(packet.len(), header_bytes + AUDIO_BYTES);
            let header = Header::parse(&packet).unwrap();
            let read = epoch.read(&header, &packet, sent + latency);
            assert_eq!(read, Some((stamp, latency)));
        }
    }

    #[test]
    fn what_is_too_short_to_be_ours_is_not_read() {
        let epoch = Epoch(Instant::now());
        let packet = rtp::write(&header(), b"16 bytes of them");
        assert_eq!(epoch.read(&header(), &packet, epoch.0), None);
        assert_eq!(epoch.read(&header(), b"rubbish", epoch.0), None);
    }

    #[test]
    fn a_frame_is_cut_into_packets_that_fit() {
        let sizes: Vec<usize> = video_frame(600).collect();
        assert_eq!(sizes, [1_100, 1_100, 800]);
        assert_eq!(video_frame(0).count(), 0);
    }
}
