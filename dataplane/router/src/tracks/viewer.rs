//! One receiver of a track with layers: which layer it gets, which it shall get, and the one
//! stream that it sees of them all.

use std::time::{Duration, Instant};

use bytes::Bytes;
use plenum_layers::{Choice, FrameInfo, Splice};
use plenum_repair::Budget;
use plenum_wire::limits::LAYERS;
use plenum_wire::rtp::{Header, Rewrite};

use super::{Receiver, Shown};
use crate::Output;

/// A layer that is more than there is room for goes on for so long while the key frame of a
/// lower one is on its way; then it stops: a frozen picture is better than late audio.
pub const DOWN_WITHIN: Duration = Duration::from_millis(500);

/// A key frame that came so much later than what is shown is no way up: pictures would go back.
/// Two frames, in ticks of the 90 kHz that all codecs with layers count in.
const TOO_LATE: i32 = 9_000;

/// A set of layers, one bit for each.
pub(super) type Set = u8;

#[derive(Debug)]
pub(crate) struct Viewer {
    pub receiver: Receiver,
    pub shown: Shown,
    /// Who receives the track no longer, for a while perhaps, keeps the numbers of its stream.
    here: bool,
    splice: Splice,
    /// Of a scalable track: which of its frames.
    choice: Choice,
    /// The layer passed on now.
    on: Option<u8>,
    /// The layer it shall get.
    target: Option<u8>,
    /// Since when they differ.
    waits: Option<Instant>,
    /// Since when `on` is above `target`.
    over: Option<Instant>,
    /// Layers to cut over to at their next key frame.
    accepts: Set,
    /// The last number sent.
    newest: Option<u16>,
    /// The timestamp that went out with it, and whether it ended its picture.
    last: Option<(u32, bool)>,
    /// Packets of the current layer with this timestamp go out one tick later: their picture
    /// began inside another of the same moment.
    later: Option<u32>,
    sent: u64,
    budget: Budget,
}

impl Viewer {
    pub(super) fn new(receiver: Receiver, shown: Shown) -> Self {
        Self {
            receiver,
            shown,
            here: true,
            splice: Splice::new(),
            choice: Choice::new(),
            on: None,
            target: None,
            waits: None,
            over: None,
            accepts: 0,
            newest: None,
            last: None,
            later: None,
            sent: 0,
            budget: Budget::new(0),
        }
    }

    pub(super) const fn is_here(&self) -> bool {
        self.here
    }

    /// It receives the track over this connection, and shows it so.
    pub(super) const fn comes(&mut self, receiver: Receiver, shown: Shown) {
        self.receiver = receiver;
        self.shown = shown;
        self.here = true;
    }

    pub(super) fn goes(&mut self) {
        self.here = false;
        self.target = None;
        self.accepts = 0;
        self.waits = None;
        self.stop();
    }

    pub(crate) const fn on(&self) -> Option<u8> {
        self.on
    }

    pub(super) const fn target(&self) -> Option<u8> {
        self.target
    }

    /// The number that the receiver saw last, and how many before it are its stream's.
    pub(crate) const fn newest(&self) -> Option<(u16, u64)> {
        match self.newest {
            Some(number) => Some((number, self.sent)),
            None => None,
        }
    }

    /// What it shall get from now on; `lives` are the layers that come.
    pub(super) fn aim(&mut self, target: Option<u8>, lives: Set, now: Instant) {
        self.target = target;
        let Some(target) = target else {
            self.accepts = 0;
            self.waits = None;
            return self.stop();
        };
        if self.on == Some(target) {
            self.waits = None;
        } else {
            self.waits.get_or_insert(now);
        }
        if self.on.is_some_and(|on| on > target) {
            let since = *self.over.get_or_insert(now);
            if now >= since + DOWN_WITHIN {
                self.stop();
            }
        } else {
            self.over = None;
        }
        self.accepts = self.acceptable(target, lives);
    }

    /// Nothing goes on until the next key frame.
    fn stop(&mut self) {
        self.on = None;
        self.over = None;
        self.splice.stop();
        self.choice = Choice::new();
    }

    /// The encoder of what it gets began anew, and counts from another number: so does the
    /// picture, with the next key frame.
    pub(super) fn goes_with(&mut self, sequence: u16, now: Instant) {
        if let Some(target) = self.target
            && self.splice.counts_anew(sequence)
        {
            self.stop();
            self.waits.get_or_insert(now);
            self.accepts = up_to(target);
        }
    }

    /// Since when it waits for a key frame, or a frame that leads to its layer.
    pub(super) const fn waits(&self) -> Option<Instant> {
        self.waits
    }

    /// When it has to stop getting a layer that there is no room for.
    pub(super) fn stops_at(&self) -> Option<Instant> {
        self.over.map(|since| since + DOWN_WITHIN)
    }

    /// Any layer up to the target is better than none, or than one that no longer comes. From
    /// one that does come it goes up as far as it can, and down only to the target.
    fn acceptable(&self, target: u8, lives: Set) -> Set {
        let all = up_to(target);
        match self.on {
            None => all,
            Some(on) if on > target && has(lives, target) => 1 << target,
            Some(on) if on > target => all,
            Some(on) if !has(lives, on) => all & !(1 << on),
            Some(on) => all & !up_to(on),
        }
    }

    /// Whether a key frame of this layer, from this moment, is worth a cut.
    pub(super) fn accepts(&self, layer: u8, timestamp: u32) -> bool {
        let goes_up = self.on.is_some_and(|on| layer > on);
        let late = self
            .last
            .map_or(0, |(last, _)| last.wrapping_sub(timestamp));
        has(self.accepts, layer) && !(goes_up && late.cast_signed() > TOO_LATE)
    }

    /// From this packet on, the first of a key frame, it gets this layer of a simulcast track.
    pub(super) fn cut(&mut self, layer: u8, header: &Header) {
        let inside = self.last == Some((header.timestamp, false));
        self.later = inside.then_some(header.timestamp);
        self.splice.cut(layer, header.sequence);
        self.turn(layer);
        let above = |target| up_to(target) & !up_to(layer);
        self.accepts = self.target.map_or(0, above);
    }

    /// Whether it gets this packet of a scalable stream of so many layers. A frame that is not
    /// known goes on.
    pub(super) fn takes(&mut self, frame: Option<&FrameInfo>, layers: u8, sequence: u16) -> bool {
        let Some(target) = self.target else {
            return false;
        };
        let taken = frame.map_or(self.on.is_some(), |frame| {
            let goal = frame.targets.of_layer(target, layers);
            self.choice.take(frame, goal)
        });
        if taken && self.splice.source().is_none() {
            self.splice.cut(0, sequence);
        } else if !taken {
            self.splice.skip(sequence);
        }
        if let Some((frame, on)) = frame.zip(self.choice.target()) {
            self.turn(frame.targets.layer_of(on, layers));
        }
        taken
    }

    fn turn(&mut self, layer: u8) {
        self.on = Some(layer);
        self.waits = self.waits.filter(|_| self.target != Some(layer));
        let still_over = self.target.is_some_and(|target| layer > target);
        self.over = self.over.filter(|_| still_over);
    }

    /// A packet of the layer passed on, as it goes out.
    pub(super) fn pass(&mut self, header: &Header, packet: &Bytes, ssrc: u32) -> Option<Output> {
        let number = self.splice.pass(header.sequence)?;
        if self
            .newest
            .is_none_or(|newest| number.wrapping_sub(newest) < 1 << 15)
        {
            self.newest = Some(number);
            let later = u32::from(self.later == Some(header.timestamp));
            self.last = Some((header.timestamp.wrapping_add(later), header.marker));
        }
        self.sent += 1;
        Some(self.output(number, packet, ssrc))
    }

    /// Where a packet that went out with this number came from.
    pub(super) fn find(&self, number: u16) -> Option<(u8, u16)> {
        self.splice.find(number)
    }

    /// Whether what went out with this number still helps: with the last cut the picture began
    /// anew.
    pub(super) fn needs(&self, number: u16) -> bool {
        self.splice.is_current(number)
    }

    /// Whether it may have one more packet again.
    pub(super) fn may_ask(&mut self) -> bool {
        self.budget.take(self.sent)
    }

    pub(super) fn output(&self, number: u16, packet: &Bytes, ssrc: u32) -> Output {
        Output::Forward {
            to: self.receiver.connection,
            flow: self.receiver.flow,
            packet: packet.clone(),
            rewrite: Some(Rewrite {
                ssrc,
                sequence: number,
                later: self.goes_later(number, packet),
            }),
        }
    }

    fn goes_later(&self, number: u16, packet: &[u8]) -> bool {
        self.later.is_some_and(|later| {
            let header = Header::parse(packet);
            header.is_some_and(|it| it.timestamp == later) && self.splice.is_current(number)
        })
    }
}

/// This layer and those below.
const fn up_to(layer: u8) -> Set {
    debug_assert!((layer as usize) < LAYERS);
    (2 << layer) - 1
}

pub(super) const fn has(set: Set, layer: u8) -> bool {
    debug_assert!((layer as usize) < LAYERS);
    set >> layer & 1 == 1
}
