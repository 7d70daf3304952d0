//! A packet on its way out.

use bytes::{Bytes, BytesMut};
use plenum_wire::rtp::Rewrite;
use plenum_wire::{FlowId, frame};

/// The bytes are shared by all who get the packet; what is different for this one is written
/// into the copy that framing makes anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// The receiver's own flow.
    pub flow: FlowId,
    /// As it came.
    pub packet: Bytes,
    /// What is different for this receiver.
    pub rewrite: Option<Rewrite>,
}

impl Outbound {
    /// Appends it as it goes over rungs `udp` and `tls`.
    pub(crate) fn put_datagram(&self, out: &mut BytesMut) {
        frame::put_datagram(self.flow, &self.packet, out);
        self.rewrite_last(out);
    }

    /// Appends it as it goes over rung `tcp`.
    pub(crate) fn put_stream(&self, out: &mut BytesMut) {
        frame::encode_stream(self.flow, &self.packet, out);
        self.rewrite_last(out);
    }

    /// By itself, as [`Outbound::put_datagram`] writes it.
    pub(crate) fn datagram(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.packet.len() + size_of::<FlowId>());
        self.put_datagram(&mut out);
        out.freeze()
    }

    /// The packet is what was written last.
    fn rewrite_last(&self, out: &mut [u8]) {
        if let Some(rewrite) = self.rewrite {
            let at = out.len() - self.packet.len();
            rewrite.apply(&mut out[at..]);
        }
    }
}
