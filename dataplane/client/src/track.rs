//! The sending end of a published track.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use plenum_transport::dial::MediaSender;
use plenum_wire::rtp::Header;
use plenum_wire::{FlowId, Kind};
use tokio::sync::watch;

use crate::repair::Kept;
use crate::wanted::Layers;

/// One way out.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub sender: MediaSender,
    pub flow: FlowId,
}

/// Where a track goes now, and as what.
#[derive(Clone)]
pub(crate) struct Route {
    /// The sources that the routers know, of each layer; a track without layers has one.
    pub sources: Arc<[u32]>,
    /// The layers that are to be sent: see [`TrackSender::wants_layer`].
    pub layers: Layers,
    /// Every way out: two during a move.
    pub outlets: Arc<[Outlet]>,
}

/// Sends a track's packets. Kept through moves and reconnections; clones send the same track.
#[derive(Clone)]
pub struct TrackSender {
    pub(crate) kind: Kind,
    pub(crate) route: watch::Receiver<Route>,
    pub(crate) kept: Kept,
}

impl TrackSender {
    /// The source that the track's packets must name in their RTP header; of a track with
    /// layers, the lowest one's. Ask again for each frame: it changes when another router
    /// knows somebody with the same one.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.layer_ssrc(0)
    }

    /// The source of a layer, likewise; 0 for a layer that is not there.
    #[must_use]
    pub fn layer_ssrc(&self, layer: u8) -> u32 {
        let route = self.route.borrow();
        let source = route.sources.get(usize::from(layer));
        source.copied().unwrap_or(0)
    }

    /// How many layers there are; 1 of a track without.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.route.borrow().sources.len()
    }

    /// Whether the layer is to be sent: somebody watches it and the way to the router has room
    /// for it, or somebody watches a higher one that there is no room for. Ask before each
    /// frame; where the answer becomes yes a key frame comes first. Of a track without layers
    /// it is asked about layer 0.
    #[must_use]
    pub fn wants_layer(&self, layer: u8) -> bool {
        self.route.borrow().layers.has(layer.into())
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends one RTP packet, on both legs during a move. Never waits: a packet is dropped
    /// when it is too long or the connection is full, as any network may drop it. `false`
    /// only when no router is connected. Kept for a second, for who asks for it again.
    pub fn send(&self, packet: &Bytes) -> bool {
        let route = self.route.borrow();
        if let Some(header) = Header::parse(packet)
            && let Some(layer) = route.sources.iter().position(|it| *it == header.ssrc)
        {
            self.kept
                .keep(layer, header.sequence, packet, Instant::now());
        }
        let mut sent = false;
        for outlet in route.outlets.iter() {
            sent |= outlet.sender.send(outlet.flow, packet);
        }
        sent
    }
}
