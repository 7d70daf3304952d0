//! The sending end of a published track.

use std::sync::Arc;

use bytes::Bytes;
use plenum_transport::dial::MediaSender;
use plenum_wire::{FlowId, Kind};
use tokio::sync::watch;

/// One way out.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub sender: MediaSender,
    pub flow: FlowId,
}

/// Every way out: two during a move.
pub(crate) type Route = Arc<[Outlet]>;

/// Sends a track's packets. Kept through moves and reconnections; clones send the same track.
#[derive(Clone)]
pub struct TrackSender {
    pub(crate) kind: Kind,
    pub(crate) ssrc: u32,
    pub(crate) route: watch::Receiver<Route>,
}

impl TrackSender {
    /// The source that the track's packets must name in their RTP header.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends one RTP packet, on both legs during a move. Never waits: `false` when no
    /// router is connected, or its connection is full, and the packet is dropped.
    pub fn send(&self, packet: &Bytes) -> bool {
        let route = self.route.borrow();
        let mut sent = false;
        for outlet in route.iter() {
            sent |= outlet.sender.send(outlet.flow, packet);
        }
        sent
    }
}
