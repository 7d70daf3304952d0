//! A track with layers: each receiver gets one of them, as one stream.
//!
//! Simulcast layers are streams of their own; a receiver is cut over to another at the first
//! packet of its key frame. A scalable track is one stream: a receiver gets the packets that
//! its layer needs, and changes layers at frames that say so in their dependency descriptor.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_layers::Descriptors;
use plenum_wire::limits::LAYERS;
use plenum_wire::{Kind, control};

use super::source::Meter;
use super::viewer::{Set, Viewer, has};
use super::{Publication, Receiver, Shape, Shown, Source};
use crate::Output;
use crate::participant::Slot;

/// In a scalable stream a frame that leads to another layer mostly comes soon; a receiver that
/// waits for longer needs a key frame. Ten frames, and half of what the old layer goes on.
const TURNS_WITHIN: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Layered {
    pub layers: Vec<control::Layer>,
    /// One for each layer, or one for all of a scalable track.
    pub sources: Vec<Source>,
    /// Of a scalable track: what its packets said of the frames before.
    pub(super) descriptors: Option<Descriptors>,
    /// Of a scalable track: what each layer takes with those below.
    pub(super) meters: Vec<Meter>,
    /// By subscriber.
    pub(super) viewers: Vec<Viewer>,
}

impl Layered {
    pub(super) fn new(kind: Kind, of: &Publication) -> Self {
        let mut ssrcs: Vec<u32> = of.layers.iter().map(|layer| layer.ssrc).collect();
        ssrcs.dedup();
        let sources = ssrcs.into_iter().map(|ssrc| Source::new(ssrc, kind));
        let scalable = of.shape == Shape::Scalable;
        let metered = of.layers.iter().filter(|_| scalable);
        Self {
            layers: of.layers.clone(),
            sources: sources.collect(),
            descriptors: scalable.then(Descriptors::new),
            meters: metered.map(|_| Meter::new()).collect(),
            viewers: Vec::new(),
        }
    }

    /// Which stream has this SSRC.
    pub(crate) fn source(&self, ssrc: u32) -> Option<u8> {
        let at = self.sources.iter().position(|source| source.ssrc == ssrc)?;
        u8::try_from(at).ok()
    }

    pub(super) const fn is_scalable(&self) -> bool {
        self.descriptors.is_some()
    }

    /// At most [`LAYERS`].
    pub(super) fn count(&self) -> u8 {
        u8::try_from(self.layers.len()).unwrap_or(u8::MAX)
    }

    /// The source that a layer's packets come from.
    const fn source_of(&self, layer: u8) -> u8 {
        if self.is_scalable() { 0 } else { layer }
    }

    /// The layers that come.
    pub(super) fn lives(&self, now: Instant) -> Set {
        let lives = |layer: &u8| {
            let source = usize::from(self.source_of(*layer));
            self.sources[source].meter.lives(now)
        };
        let layers = (0..).zip(&self.layers).map(|(layer, _)| layer);
        layers.filter(lives).fold(0, |set, layer| set | 1 << layer)
    }

    /// What each layer takes, in kbit/s: what the publisher said, or more where more comes. 0 of
    /// those for which there is no room to be kept, as they do not come.
    pub(super) fn kbps(&self, now: Instant) -> [u32; LAYERS] {
        let mut kbps = [0; LAYERS];
        let (mut below, mut some_lives) = (0, false);
        for (at, layer) in self.layers.iter().enumerate() {
            let source = &self.sources[if self.is_scalable() { 0 } else { at }];
            let meter = self.meters.get(at).unwrap_or(&source.meter);
            below = layer.kbps.max(meter.expected_kbps(now)).max(below);
            if !(some_lives && source.is_missing()) {
                kbps[at] = below;
            }
            some_lives |= source.meter.lives(now);
        }
        kbps
    }

    /// Layers that somebody gets or waits for, or would if they came.
    pub(super) fn taken(&self) -> [bool; LAYERS] {
        let mut taken = [false; LAYERS];
        for viewer in self.viewers.iter().filter(|it| it.target().is_some()) {
            let top = viewer.shown.top(&self.layers).map_or(0, usize::from);
            for (taken, source) in taken.iter_mut().zip(&self.sources).take(top + 1) {
                *taken |= source.is_missing();
            }
        }
        for viewer in &self.viewers {
            for layer in [viewer.on(), viewer.target()].into_iter().flatten() {
                let layer = usize::from(layer);
                let lowest = if self.is_scalable() { 0 } else { layer };
                taken[lowest..=layer].fill(true);
            }
        }
        taken
    }

    fn place(&self, subscriber: Slot) -> Result<usize, usize> {
        self.viewers
            .binary_search_by_key(&subscriber, |viewer| viewer.receiver.subscriber)
    }

    pub(super) fn viewer(&self, subscriber: Slot) -> Option<&Viewer> {
        let viewer = &self.viewers[self.place(subscriber).ok()?];
        viewer.is_here().then_some(viewer)
    }

    fn viewer_mut(&mut self, subscriber: Slot) -> Option<&mut Viewer> {
        let at = self.place(subscriber).ok()?;
        Some(&mut self.viewers[at]).filter(|viewer| viewer.is_here())
    }

    pub(crate) fn subscribers(&self) -> impl Iterator<Item = Slot> + '_ {
        self.viewers.iter().map(|viewer| viewer.receiver.subscriber)
    }

    pub(super) fn refresh(&mut self, subscriber: Slot, receiver: Option<Receiver>, shown: Shown) {
        match (self.place(subscriber), receiver) {
            (Ok(at), Some(receiver)) => {
                self.viewers[at].comes(receiver, shown);
            }
            (Ok(at), None) => self.viewers[at].goes(),
            (Err(at), Some(receiver)) => self.viewers.insert(at, Viewer::new(receiver, shown)),
            (Err(_), None) => {}
        }
    }

    pub(super) fn forget(&mut self, subscriber: Slot) {
        if let Ok(at) = self.place(subscriber) {
            self.viewers.remove(at);
        }
    }

    /// What a receiver shall get from now on. Whether who takes which layer changed.
    pub(super) fn aim(&mut self, subscriber: Slot, target: Option<u8>, now: Instant) -> bool {
        let lives = self.lives(now);
        let Some(viewer) = self.viewer_mut(subscriber) else {
            return false;
        };
        let before = (viewer.on(), viewer.target());
        viewer.aim(target, lives, now);
        (viewer.on(), viewer.target()) != before
    }

    /// Asks for the key frames that this receiver waits for, by the SSRC, as far as it is time.
    pub(super) fn insist(&mut self, subscriber: Slot, now: Instant, mut ask: impl FnMut(u32)) {
        let lives = self.lives(now);
        let Some(viewer) = self.viewer(subscriber) else {
            return;
        };
        let Some(target) = viewer.target() else {
            return;
        };
        let on = viewer.on();
        let shown = on.filter(|on| has(lives, *on));
        // Until the target comes, if it does not, the best that does.
        let instead = (0..target).rev().find(|layer| has(lives, *layer));
        let instead = instead.filter(|_| shown.is_none() && !has(lives, target));
        let patience = if self.is_scalable() && on.is_some() {
            TURNS_WITHIN
        } else {
            Duration::ZERO
        };
        let waits = viewer.waits().filter(|since| now >= *since + patience);
        let wanted = waits.map(|_| target);
        for layer in [wanted, instead].into_iter().flatten() {
            let source = usize::from(self.source_of(layer));
            let source = &mut self.sources[source];
            if source.key_frames.insist(has(lives, layer), now) {
                ask(source.ssrc);
            }
        }
    }

    /// A receiver's own wish for a key frame: the SSRC to ask for one, if it is to be asked.
    pub(super) fn wish(&mut self, subscriber: Slot, now: Instant) -> Option<u32> {
        let viewer = self.viewer(subscriber)?;
        let source = self.source_of(viewer.on().or(viewer.target())?);
        let source = &mut self.sources[usize::from(source)];
        source.key_frames.pass_on(now).then_some(source.ssrc)
    }

    /// The packets with these numbers once more, as far as they are kept, still of use and may
    /// be had.
    pub(super) fn again(
        &mut self,
        (subscriber, ssrc): (Slot, u32),
        numbers: impl Iterator<Item = u16>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Some(at) = self.place(subscriber).ok() else {
            return;
        };
        let scalable = self.is_scalable();
        let viewer = &mut self.viewers[at];
        // What there is no room for makes way for the smaller one that is awaited; of a
        // scalable stream that is made of the same packets.
        if !scalable && viewer.stops_at().is_some() {
            return;
        }
        for number in numbers {
            if !viewer.needs(number) {
                continue;
            }
            let Some(packet) = kept(&self.sources, viewer, number, now) else {
                continue;
            };
            if !viewer.may_ask() {
                return;
            }
            out.push(viewer.output(number, packet, ssrc));
        }
    }

    /// A copy of what a receiver got lately, `back` packets ago.
    pub(super) fn copy(
        &self,
        (subscriber, ssrc): (Slot, u32),
        back: u16,
        now: Instant,
    ) -> Option<Output> {
        let viewer = self.viewer(subscriber)?;
        viewer.on()?;
        let (newest, sent) = viewer.newest()?;
        if u64::from(back) >= sent {
            return None;
        }
        let number = newest.wrapping_sub(back);
        let packet = kept(&self.sources, viewer, number, now)?;
        Some(viewer.output(number, packet, ssrc))
    }
}

/// The packet that a receiver knows by this number, while it is kept.
fn kept<'a>(
    sources: &'a [Source],
    viewer: &Viewer,
    number: u16,
    now: Instant,
) -> Option<&'a Bytes> {
    let (source, sequence) = viewer.find(number)?;
    sources.get(usize::from(source))?.cache.get(sequence, now)
}
