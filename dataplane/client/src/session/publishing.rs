//! What is known of a track of ours.

use std::collections::BTreeSet;
use std::sync::Arc;

use plenum_wire::control::{FromClient, Layer};
use plenum_wire::{Codec, Kind, Rung};
use tokio::sync::watch;

use crate::moving::LegId;
use crate::repair::Kept;
use crate::track::Route;
use crate::uplink::Uplink;
use crate::wanted::{Layers, Wanted};

/// One size of a picture that is published in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSize {
    /// In pixels.
    pub width: u16,
    /// In pixels.
    pub height: u16,
    /// What it takes to send it, in kbit/s.
    pub kbps: u32,
}

pub(super) struct Publishing {
    /// The source by which the others know the track.
    pub ssrc: u32,
    codec: Codec,
    /// Empty where there is but one.
    layers: Vec<Layer>,
    pub route: watch::Sender<Route>,
    /// Why a router does not take it.
    pub refused: Option<String>,
    /// What was sent lately.
    pub kept: Kept,
    /// What the routers want of it.
    pub wanted: Wanted,
    /// Of tracks with layers.
    pub uplink: Option<Uplink>,
    /// What the route was made of.
    pub key: Vec<(LegId, Rung, u32)>,
}

impl Publishing {
    /// Not announced to anybody yet, and where it will go.
    pub fn new(kind: Kind, codec: Codec, sizes: &[LayerSize]) -> (Self, watch::Receiver<Route>) {
        let layer = |size: &LayerSize| Layer {
            ssrc: 0,
            width: size.width,
            height: size.height,
            kbps: size.kbps,
        };
        let count = sizes.len().max(1);
        let (route, receiver) = watch::channel(Route {
            sources: Arc::from([]),
            layers: Layers::lowest(count),
            outlets: Arc::from([]),
        });
        let kbps: Vec<u32> = sizes.iter().map(|size| size.kbps).collect();
        let mut publishing = Self {
            ssrc: 0,
            codec,
            layers: sizes.iter().map(layer).collect(),
            route,
            refused: None,
            kept: Kept::new(kind, count),
            wanted: Wanted::default(),
            uplink: (!kbps.is_empty()).then(|| Uplink::new(kbps)),
            key: Vec::new(),
        };
        publishing.choose_sources();
        (publishing, receiver)
    }

    /// One that the others know, and one for each layer, all different.
    pub fn choose_sources(&mut self) {
        let mut chosen = BTreeSet::new();
        while chosen.len() <= self.layers.len() {
            chosen.insert(rand::random::<u32>());
        }
        let mut chosen = chosen.into_iter();
        self.ssrc = chosen.next().unwrap_or_default();
        for (layer, ssrc) in self.layers.iter_mut().zip(chosen) {
            layer.ssrc = ssrc;
        }
    }

    /// The sources of what is sent, the lowest layer's first.
    pub fn sources(&self) -> Vec<u32> {
        match &self.layers[..] {
            [] => vec![self.ssrc],
            layers => layers.iter().map(|layer| layer.ssrc).collect(),
        }
    }

    /// The layer that has this source; the only one of a track without layers.
    pub fn layer_of(&self, source: u32) -> Option<u8> {
        let mut sources = (0..).zip(self.sources());
        sources.find_map(|(layer, one)| (one == source).then_some(layer))
    }

    /// What somebody wants.
    pub fn wanted_layers(&self) -> Layers {
        let legs = self.key.iter().map(|(leg, ..)| *leg);
        self.wanted.layers(legs, self.sources().len())
    }

    /// What is to be sent of it.
    pub fn layers(&mut self) -> Layers {
        let wanted = self.wanted_layers();
        let uplink = self.uplink.as_mut();
        uplink.map_or(wanted, |uplink| uplink.layers(wanted))
    }

    pub fn announcement(&self, kind: Kind) -> FromClient {
        FromClient::Publish {
            kind,
            ssrc: self.ssrc,
            codec: self.codec.clone(),
            layers: self.layers.clone(),
        }
    }
}
