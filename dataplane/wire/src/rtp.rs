//! As much of RTP (RFC 3550) and RTCP as forwarding needs.

mod extension;
mod rewrite;

use bytes::{BufMut, Bytes, BytesMut};

pub use extension::{
    AUDIO_LEVEL_ID, AudioLevel, DEPENDENCY_DESCRIPTOR_ID, Extensions, extensions, write_with_level,
};
pub use rewrite::Rewrite;

/// The fixed header of an RTP packet, and where its payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What is in the payload, by the track's codec.
    pub payload_type: u8,
    /// Last packet of a video frame; first of a talk spurt.
    pub marker: bool,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples, in units of the codec's clock rate.
    pub timestamp: u32,
    /// The track.
    pub ssrc: u32,
    /// Bytes before the payload: header, contributing sources, extensions.
    pub payload_offset: usize,
}

impl Header {
    /// Reads a packet's header; `None` when it is no RTP of version 2 or is cut short.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 12] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 || is_rtcp(packet) {
            return None;
        }
        let mut payload_offset = 12 + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let extension: &[u8; 4] = packet.get(payload_offset..)?.first_chunk()?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            payload_offset += 4 + 4 * usize::from(words);
        }
        if packet.len() < payload_offset {
            return None;
        }
        Some(Self {
            payload_type: fixed[1] & 0x7f,
            marker: fixed[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload_offset,
        })
    }
}

/// Whether a packet is RTCP where both share a flow: RFC 5761 section 4.
#[must_use]
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.len() >= 8 && packet[0] >> 6 == 2 && (192..=223).contains(&packet[1])
}

/// An RTP packet without contributing sources and extensions; `payload_offset` is not read.
#[must_use]
pub fn write(header: &Header, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(12 + payload.len());
    put_fixed(header, 0x80, &mut out);
    out.put_slice(payload);
    out.freeze()
}

/// The first 12 bytes; `first` has the version and what else follows.
fn put_fixed(header: &Header, first: u8, out: &mut BytesMut) {
    out.put_u8(first);
    out.put_u8(u8::from(header.marker) << 7 | header.payload_type & 0x7f);
    out.put_u16(header.sequence);
    out.put_u32(header.timestamp);
    out.put_u32(header.ssrc);
}

/// An RTCP receiver report about nothing: it binds a media connection to its flow and
/// keeps it bound, and every RTP peer understands it.
#[must_use]
pub fn knock(ssrc: u32) -> Bytes {
    let mut out = BytesMut::with_capacity(8);
    out.put_slice(&[0x80, 201, 0, 1]);
    out.put_u32(ssrc);
    out.freeze()
}
