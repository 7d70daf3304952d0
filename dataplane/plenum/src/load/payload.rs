//! What the load's packets carry: their number and when they were sent. Video looks like VP8
//! to whoever looks for key frames, and says how large it is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_wire::Kind;
use plenum_wire::rtp::{self, AudioLevel, Header};

/// Number and time, 8 bytes each.
const STAMP_BYTES: usize = 16;
/// Before them in video: VP8's payload descriptor (RFC 7741 section 4.2), frame tag, start
/// code, width and height (RFC 6386 section 9.1).
const VP8_BYTES: usize = 11;
/// A 20 ms Opus frame at 32 kbit/s.
pub const AUDIO_BYTES: usize = 80;
/// Longest video payload in bytes: what every path carries in one packet.
pub const VIDEO_BYTES: usize = 1_100;
/// Frames a second.
pub const FRAME_RATE: u32 = 25;

/// What a packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Speech as loud as this.
    Voice(AudioLevel),
    /// The first packet of a frame that needs none before it, this wide and high.
    Key(u16, u16),
    /// The first packet of another frame.
    Delta,
    /// A packet that goes on with its frame.
    Rest,
}

/// When the packets of this process count from; latency needs no clock of another machine.
#[derive(Debug, Clone, Copy)]
pub struct Epoch(pub Instant);

impl Epoch {
    /// A packet sent `now` with `bytes` of payload, but at least the stamp's.
    #[must_use]
    pub fn stamp(
        self,
        header: &Header,
        content: Content,
        number: u64,
        now: Instant,
        bytes: usize,
    ) -> Bytes {
        let sent = now.saturating_duration_since(self.0).as_nanos();
        let sent = u64::try_from(sent).unwrap_or(u64::MAX);
        let mut payload = [0; VIDEO_BYTES];
        let at = match content {
            Content::Voice(_) => 0,
            _ => VP8_BYTES,
        };
        payload[..at].copy_from_slice(&vp8(content)[..at]);
        payload[at..at + 8].copy_from_slice(&number.to_be_bytes());
        payload[at + 8..at + STAMP_BYTES].copy_from_slice(&sent.to_be_bytes());
        let payload = &payload[..bytes.clamp(at + STAMP_BYTES, VIDEO_BYTES)];
        match content {
            Content::Voice(level) => rtp::write_with_level(header, level, payload),
            _ => rtp::write(header, payload),
        }
    }

    /// A packet's number and how long it took; `None` when it is none of ours.
    #[must_use]
    pub fn read(
        self,
        kind: Kind,
        header: &Header,
        packet: &[u8],
        at: Instant,
    ) -> Option<(u64, Duration)> {
        let before = match kind {
            Kind::Audio => 0,
            Kind::Video | Kind::Content => VP8_BYTES,
        };
        let stamp = packet.get(header.payload_offset + before..)?;
        let (number, rest) = stamp.split_first_chunk()?;
        let sent = Duration::from_nanos(u64::from_be_bytes(*rest.first_chunk()?));
        let latency = at.saturating_duration_since(self.0).saturating_sub(sent);
        Some((u64::from_be_bytes(*number), latency))
    }
}

fn vp8(content: Content) -> [u8; VP8_BYTES] {
    const STARTS: u8 = 0x10;
    match content {
        Content::Voice(_) | Content::Rest => [0; VP8_BYTES],
        Content::Delta => [STARTS, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        Content::Key(width, height) => {
            let [[w0, w1], [h0, h1]] = [width, height].map(u16::to_le_bytes);
            [STARTS, 0, 0, 0, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]
        }
    }
}

/// Bytes of a frame at so many kbit/s.
pub fn frame_bytes(kbps: u32) -> usize {
    usize::try_from(kbps).unwrap_or(usize::MAX) * 1_000 / 8 / FRAME_RATE as usize
}

/// The payload sizes of a video frame of so many bytes.
pub fn packets(mut bytes: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let some = bytes.min(VIDEO_BYTES);
        bytes -= some;
        (some > 0).then_some(some)
    })
}

#[cfg(test)]
mod tests {
    use plenum_client::media::{KeyFrame, key_frame};

    use super::*;
    use crate::load::camera;

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
        for (kind, content, header_bytes) in [
            (Kind::Audio, Content::Voice(AudioLevel::SILENCE), 20),
            (Kind::Video, Content::Key(320, 180), 12),
            (Kind::Video, Content::Rest, 12),
        ] {
            let packet = epoch.stamp(&header(), content, 1 << 40, sent, AUDIO_BYTES);
            assert_eq!(packet.len(), header_bytes + AUDIO_BYTES);
            let header = Header::parse(&packet).unwrap();
            let read = epoch.read(kind, &header, &packet, sent + latency);
            assert_eq!(read, Some((1 << 40, latency)));
        }
    }

    #[test]
    fn video_is_vp8_to_who_looks_for_key_frames() {
        let epoch = Epoch(Instant::now());
        let looks_like = |content| {
            let packet = epoch.stamp(&header(), content, 1, epoch.0, 0);
            key_frame(&camera::codec(), &packet.slice(12..))
        };
        let height = Some(720);
        assert_eq!(
            looks_like(Content::Key(1_280, 720)),
            Some(KeyFrame { height })
        );
        assert_eq!(looks_like(Content::Delta), None);
        assert_eq!(looks_like(Content::Rest), None);
    }

    #[test]
    fn what_is_too_short_to_be_ours_is_not_read() {
        let epoch = Epoch(Instant::now());
        let packet = rtp::write(&header(), b"15 bytes of it.");
        assert_eq!(epoch.read(Kind::Audio, &header(), &packet, epoch.0), None);
        let packet = rtp::write(&header(), b"16 bytes of them");
        assert_eq!(epoch.read(Kind::Video, &header(), &packet, epoch.0), None);
        assert_eq!(
            epoch.read(Kind::Audio, &header(), b"rubbish", epoch.0),
            None
        );
    }

    #[test]
    fn a_frame_is_cut_into_packets_that_fit() {
        let sizes: Vec<usize> = packets(frame_bytes(600)).collect();
        assert_eq!(sizes, [1_100, 1_100, 800]);
        assert_eq!(packets(frame_bytes(0)).count(), 0);
    }
}
