//! How a packet and its flow id are written on each rung.
//!
//! | rung | bytes |
//! |---|---|
//! | `udp` | QUIC datagram: flow id (varint), packet; draft-ietf-avtcore-rtp-over-quic-14 |
//! | `tcp` | length (u16, big endian, of what follows), flow id (varint), packet; RFC 4571 in spirit |
//! | `tls` | binary WebSocket message: as on `udp` |

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits::PACKET_BYTES;
use crate::{FlowId, varint};

/// QUIC application protocol of rung `udp`.
pub const ROQ_ALPN: &[u8] = b"roq-14";
/// TLS application protocol of rung `tcp`.
pub const TCP_ALPN: &[u8] = b"plenum-media";
/// WebSocket subprotocol of rung `tls`.
pub const TLS_SUBPROTOCOL: &str = "plenum.media.v1";

/// `RoQ` error codes, section 10 of the draft, that close a media connection.
pub mod close {
    /// Nothing is wrong.
    pub const NONE: u32 = 0;
    /// Something is wrong that has no code of its own.
    pub const GENERAL: u32 = 1;
    /// The sender broke.
    pub const INTERNAL: u32 = 2;
    /// A packet could not be read.
    pub const PACKET: u32 = 3;
    /// The flow id is nobody's.
    pub const UNKNOWN_FLOW: u32 = 6;
}

/// Longest frame on rung `tcp` after its length.
const FRAME_BYTES: usize = PACKET_BYTES + 8;

/// Bytes that are no frame. On a stream nothing after them can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It ends inside the flow id, or the packet is empty.
    #[error("the frame is cut short")]
    Short,
    /// The packet is longer than [`PACKET_BYTES`].
    #[error("the packet is longer than {PACKET_BYTES} bytes")]
    Long,
    /// Flow id 0 is not used.
    #[error("flow id 0 is not used")]
    FlowZero,
}

/// The bytes of one packet on rungs `udp` and `tls`.
#[must_use]
pub fn encode_datagram(flow: FlowId, packet: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(varint::len(flow.value()) + packet.len());
    put_datagram(flow, packet, &mut out);
    out.freeze()
}

/// Writes what [`encode_datagram`] gives where the caller has room.
pub fn put_datagram(flow: FlowId, packet: &[u8], out: &mut BytesMut) {
    varint::put(flow.value(), out);
    out.put_slice(packet);
}

/// Reads what [`encode_datagram`] wrote.
pub fn decode_datagram(bytes: &[u8]) -> Result<(FlowId, &[u8]), FrameError> {
    let (flow, packet) = varint::take(bytes).ok_or(FrameError::Short)?;
    if packet.is_empty() {
        return Err(FrameError::Short);
    }
    if packet.len() > PACKET_BYTES {
        return Err(FrameError::Long);
    }
    Ok((FlowId::new(flow).ok_or(FrameError::FlowZero)?, packet))
}

/// Appends one packet as it goes over rung `tcp`. `packet` has at most [`PACKET_BYTES`].
pub fn encode_stream(flow: FlowId, packet: &[u8], out: &mut BytesMut) {
    let length = varint::len(flow.value()) + packet.len();
    out.put_u16(u16::try_from(length).expect("a packet fits PACKET_BYTES"));
    varint::put(flow.value(), out);
    out.put_slice(packet);
}

/// Takes the next whole packet off the front of what was received on rung `tcp`;
/// `None` while it is incomplete.
pub fn decode_stream(received: &mut BytesMut) -> Result<Option<(FlowId, Bytes)>, FrameError> {
    let Some((length, rest)) = received.split_at_checked(2) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length > FRAME_BYTES {
        return Err(FrameError::Long);
    }
    if rest.len() < length {
        return Ok(None);
    }
    received.advance(2);
    let frame = received.split_to(length).freeze();
    let (flow, packet) = decode_datagram(&frame)?;
    Ok(Some((flow, frame.slice_ref(packet))))
}
