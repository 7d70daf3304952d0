//! Puts the payloads of one frame's packets together again.

use super::{MediaError, av1};
use ::rtp::codecs::{h264::H264Packet, vp8::Vp8Packet, vp9::Vp9Packet};
use ::rtp::packetizer::Depacketizer;
use bytes::Bytes;

/// How a codec's frames are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

impl Format {
    pub(super) fn of(codec: &str) -> Result<Self, MediaError> {
        match codec {
            "opus" => Ok(Self::Opus),
            "VP8" => Ok(Self::Vp8),
            "VP9" => Ok(Self::Vp9),
            "AV1" => Ok(Self::Av1),
            "H264" => Ok(Self::H264),
            other => Err(MediaError::Codec(other.to_owned())),
        }
    }

    pub(super) const fn fourcc(self) -> Option<[u8; 4]> {
        match self {
            Self::Opus => None,
            Self::Vp8 => Some(*b"VP80"),
            Self::Vp9 => Some(*b"VP90"),
            Self::Av1 => Some(*b"AV01"),
            Self::H264 => Some(*b"H264"),
        }
    }

    /// Whether a payload can be the first of a frame.
    pub(super) fn starts(self, payload: &Bytes) -> bool {
        match self {
            Self::Opus => true,
            Self::Vp8 => Vp8Packet::default().is_partition_head(payload),
            Self::Vp9 => Vp9Packet::default().is_partition_head(payload),
            Self::Av1 => payload.first().is_some_and(|header| header & 0x80 == 0),
            Self::H264 => H264Packet::default().is_partition_head(payload),
        }
    }

    /// The frame that these payloads, complete and in order, hold; `None` when they do not.
    pub(super) fn frame(self, payloads: &[Bytes]) -> Option<Bytes> {
        match self {
            Self::Opus => payloads.first().cloned(),
            Self::Vp8 => joined(&mut Vp8Packet::default(), payloads),
            Self::Vp9 => joined(&mut Vp9Packet::default(), payloads),
            Self::H264 if !payloads.iter().all(|it| aggregate_is_whole(it)) => None,
            Self::H264 => joined(&mut H264Packet::default(), payloads),
            Self::Av1 => av1::frame(payloads.iter().map(|payload| &payload[..])).map(Bytes::from),
        }
    }
}

/// Whether a payload that holds several units (STAP-A, RFC 6184 section 5.7.1) holds nothing
/// but whole ones, each after its length: a single byte behind the last makes `rtp` panic.
fn aggregate_is_whole(payload: &[u8]) -> bool {
    const STAP_A: u8 = 24;
    let Some((_, mut units)) = payload
        .split_first()
        .filter(|(it, _)| **it & 0x1f == STAP_A)
    else {
        return true;
    };
    while let Some((length, rest)) = units.split_first_chunk() {
        match rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) {
            Some((_, after)) => units = after,
            None => return false,
        }
    }
    units.is_empty()
}

fn joined(depacketizer: &mut impl Depacketizer, payloads: &[Bytes]) -> Option<Bytes> {
    let mut frame = Vec::new();
    for payload in payloads {
        frame.extend_from_slice(&depacketizer.depacketize(payload).ok()?);
    }
    Some(frame.into())
}
