//! What Plenum's processes say to each other, and how it is written in bytes.
//!
//! Everything here is a value: no sockets, no clock, no randomness. A change to a
//! byte or a field name is a change of the protocol; `tests/vectors.rs` pins them and
//! `docs/protocol.md` describes them.
//!
//! | module | between whom |
//! |---|---|
//! | [`directory`] | client or zone controller and directory, HTTPS |
//! | [`join`] | client and zone controller, HTTPS |
//! | [`control`] | client and router, WebSocket `plenum.v1` |
//! | [`frame`], [`rtp`], [`rtcp`] | client and router, media on the three rungs |
//! | [`ticket`] | zone controller to router, carried by the client |
//! | [`link`] | router, tunnel or operator and zone controller, WebSocket over mTLS |
//! | [`whereabouts`] | zone controller and who looks after the zone, on its health port |
//!
//! ```
//! use plenum_wire::{FlowId, frame};
//!
//! let flow = FlowId::new(7).unwrap();
//! let datagram = frame::encode_datagram(flow, b"an RTP packet");
//! assert_eq!(frame::decode_datagram(&datagram).unwrap(), (flow, &b"an RTP packet"[..]));
//! ```

pub mod control;
pub mod directory;
pub mod frame;
mod id;
pub mod join;
pub mod limits;
pub mod link;
mod media;
mod message;
mod name;
pub mod rtcp;
pub mod rtp;
pub mod ticket;
mod varint;
pub mod whereabouts;

pub use id::{
    Boot, Fingerprint, FlowId, InvalidId, MeetingId, ParticipantId, PoolName, RouterId, TunnelId,
    ZoneName,
};
pub use media::{Codec, Flows, Kind, Rung};
pub use message::{BadMessage, decode, encode};
pub use name::{DisplayName, NameTooLong};
