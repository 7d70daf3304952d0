//! Cameras with layers in the model. Which layer somebody gets is the router's affair; what
//! holds whichever it is, is checked here: one stream without a seam for each, never more than
//! is wanted, never more than fits for longer than it takes to come down.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_router::ConnectionId;
use plenum_router::tracks::DOWN_WITHIN;
use plenum_wire::rtp;

use crate::eye::Eye;
use crate::studio::{HEIGHTS, KBPS, Part, TICKS, vp8_part};

/// Of one publisher.
#[derive(Debug)]
pub struct Camera {
    pub ssrc: u32,
    layers: Vec<Layer>,
    /// What was lost on the way, and may come later.
    lost: Vec<Bytes>,
    timestamp: u32,
}

#[derive(Debug)]
struct Layer {
    ssrc: u32,
    sequence: u16,
    /// A key frame was asked for.
    asked: bool,
    /// What the publisher was told.
    wanted: bool,
}

/// How a picture is made, one bit for each layer; of `lost` the four higher bits are for the
/// packets that end pictures.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    /// Key frames that nobody asked for.
    pub keys: u8,
    pub lost: u8,
    /// Whether those that are asked for are made.
    pub obeys: bool,
}

impl Camera {
    pub fn new(ssrc: u32, layers: usize) -> Self {
        // Each layer counts for itself.
        let layer = |ssrc: u32| Layer {
            ssrc,
            sequence: 65_500_u16.wrapping_mul(u16::try_from(ssrc).unwrap()),
            asked: false,
            wanted: true,
        };
        Self {
            ssrc,
            layers: Self::ssrcs(ssrc, layers).into_iter().map(layer).collect(),
            lost: Vec::new(),
            timestamp: 0,
        }
    }

    /// Those of the layers.
    pub fn ssrcs(ssrc: u32, layers: usize) -> Vec<u32> {
        (1..=u32::try_from(layers).unwrap())
            .map(|layer| 10 * ssrc + layer)
            .collect()
    }

    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    pub fn asked(&mut self, ssrc: u32) {
        let layer = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc);
        layer.expect("one of its layers").asked = true;
    }

    pub fn told(&mut self, wanted: &[bool]) {
        assert_eq!(wanted.len(), self.layers.len());
        for (layer, wanted) in self.layers.iter_mut().zip(wanted) {
            layer.wanted = *wanted;
        }
    }

    pub fn is_wanted(&self, layer: usize) -> bool {
        self.layers[layer].wanted
    }

    /// Two packets of each layer, in turns, as far as they are not lost.
    pub fn picture(&mut self, fate: Fate) -> Vec<Bytes> {
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        let mut packets = Vec::new();
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let key = fate.keys >> at & 1 == 1 || (fate.obeys && layer.asked);
            layer.asked &= !key;
            for last in [false, true] {
                let part = Part {
                    timestamp: self.timestamp,
                    key,
                    first: !last,
                    last,
                };
                layer.sequence = layer.sequence.wrapping_add(1);
                let packet = vp8_part(layer.ssrc, layer.sequence, part, 9);
                let lost = fate.lost >> (at + 4 * usize::from(last)) & 1 == 1;
                packets.push((last, lost, packet));
            }
        }
        packets.sort_by_key(|(last, ..)| *last);
        let (lost, come): (Vec<_>, Vec<_>) = packets.into_iter().partition(|it| it.1);
        self.lost.extend(lost.into_iter().map(|it| it.2));
        come.into_iter().map(|it| it.2).collect()
    }

    /// What was lost comes after all.
    pub fn late(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.lost)
    }
}

/// What is known of a connection, in kbit/s: told of it, and of the one before it.
#[derive(Debug, Default)]
pub struct Known {
    pub own: Option<u32>,
    pub before: Option<u32>,
}

impl Known {
    pub fn estimate(&self) -> Option<u32> {
        self.own.max(self.before)
    }
}

/// What one person sees.
#[derive(Debug, Default)]
pub struct Viewer {
    /// By publisher.
    pub eyes: BTreeMap<usize, Eye>,
    /// What fits, in kbit/s, since an estimate was said.
    pub estimate: Option<u32>,
    /// The same, of each connection.
    pub known: BTreeMap<ConnectionId, Known>,
    /// Something happened that what is seen depends on.
    changed: Option<Instant>,
    /// More than fits is seen: of whom which layers, and since when.
    over: Option<(BTreeSet<(usize, usize)>, Instant)>,
}

/// The layer of a packet by its content.
pub fn layer_of(packet: &Bytes) -> usize {
    let header = rtp::Header::parse(packet).unwrap();
    let at = header.payload_offset + 7;
    let ssrc = u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    usize::try_from(ssrc % 10).unwrap() - 1
}

/// The highest layer that is not larger than wanted; the lowest where all are.
pub fn top(layers: usize, height: u16) -> usize {
    let fits = HEIGHTS[..layers].iter().rposition(|it| *it <= height);
    fits.unwrap_or(0)
}

impl Viewer {
    /// What is seen may be another from now on.
    pub fn changes(&mut self, now: Instant) {
        self.changed = Some(now);
        self.over = None;
    }

    /// Whether what was decided last is done by now, also where it was less.
    pub fn has_settled(&self, now: Instant) -> bool {
        self.changed.is_none_or(|at| now > at + DOWN_WITHIN)
    }

    /// What was seen at one moment, by publisher; whether it was more than fits.
    pub fn sees(&mut self, layers: &BTreeMap<usize, usize>, now: Instant) -> bool {
        let sum: u32 = layers.values().map(|layer| KBPS[*layer]).sum();
        let alone = layers.len() == 1 && layers.values().all(|layer| *layer == 0);
        if alone || self.estimate.is_none_or(|estimate| sum <= estimate) {
            self.over = None;
            return false;
        }
        let set: BTreeSet<_> = layers.iter().map(|(of, layer)| (*of, *layer)).collect();
        match &self.over {
            Some((same, since)) if *same == set => {
                let longest = DOWN_WITHIN + Duration::from_millis(1);
                assert!(now <= *since + longest, "{sum} of {:?}", self.estimate);
            }
            _ => self.over = Some((set, now)),
        }
        true
    }
}
