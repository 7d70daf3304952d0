//! A published track and who receives it.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use plenum_wire::control::Interest;
use plenum_wire::limits::LAYERS;
use plenum_wire::rtcp::Nack;
use plenum_wire::{FlowId, Kind};

use super::layered::Layered;
use super::plain::Plain;
use super::watch::Watch;
use super::{Publication, Shape, Shown, Source};
use crate::participant::Slot;
use crate::{ConnectionId, Output};

/// Where the packets of a track go for one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub subscriber: Slot,
    pub connection: ConnectionId,
    /// The subscriber's own flow of the track's kind.
    pub flow: FlowId,
}

impl Receiver {
    pub(super) fn send(&self, packet: &Bytes) -> Output {
        Output::Forward {
            to: self.connection,
            flow: self.flow,
            packet: packet.clone(),
            rewrite: None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Track {
    /// What receivers know it by.
    pub ssrc: u32,
    pub publication: Publication,
    pub watch: Watch,
    pub form: Form,
    /// Subscribers that asked for the opposite of their [`Interest`].
    exceptions: BTreeSet<Slot>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a packet of a plain track follows no pointer more than it has to"
)]
pub(crate) enum Form {
    Plain(Plain),
    Layered(Box<Layered>),
}

impl Track {
    pub(crate) fn new(kind: Kind, publication: Publication) -> Self {
        let ssrc = publication.ssrc;
        let form = match publication.shape {
            Shape::Plain => Form::Plain(Plain::new(Source::new(ssrc, kind))),
            Shape::Simulcast | Shape::Scalable => {
                Form::Layered(Box::new(Layered::new(kind, &publication)))
            }
        };
        Self {
            ssrc,
            watch: Watch::new(publication.layers.len().max(1)),
            publication,
            form,
            exceptions: BTreeSet::new(),
        }
    }

    pub(crate) const fn layered(&self) -> Option<&Layered> {
        match &self.form {
            Form::Plain(_) => None,
            Form::Layered(layered) => Some(layered),
        }
    }

    pub(crate) fn layered_mut(&mut self) -> Option<&mut Layered> {
        match &mut self.form {
            Form::Plain(_) => None,
            Form::Layered(layered) => Some(layered),
        }
    }

    /// Which of its sources has this SSRC.
    pub(crate) fn source(&self, ssrc: u32) -> Option<u8> {
        match &self.form {
            Form::Plain(_) => (ssrc == self.ssrc).then_some(0),
            Form::Layered(layered) => layered.source(ssrc),
        }
    }

    pub(crate) fn source_mut(&mut self, at: u8) -> Option<&mut Source> {
        match &mut self.form {
            Form::Plain(plain) => (at == 0).then_some(&mut plain.source),
            Form::Layered(layered) => layered.sources.get_mut(usize::from(at)),
        }
    }

    /// Whether somebody gets packets of this source.
    pub(crate) fn source_taken(&self, at: u8) -> bool {
        let at = usize::from(at);
        self.taken().get(at).is_some_and(|taken| *taken)
    }

    /// Layers that somebody receives or waits for; of a plain track the first.
    pub(crate) fn taken(&self) -> [bool; LAYERS] {
        match &self.form {
            Form::Plain(plain) => {
                let mut taken = [false; LAYERS];
                taken[0] = !plain.receivers().is_empty();
                taken
            }
            Form::Layered(layered) => layered.taken(),
        }
    }

    /// The subscriber asked for this track, or asked for it to stop.
    pub(crate) fn ask(&mut self, subscriber: Slot, interest: Interest, wanted: bool) {
        if wanted == (interest == Interest::All) {
            self.exceptions.remove(&subscriber);
        } else {
            self.exceptions.insert(subscriber);
        }
    }

    fn wanted(&self, subscriber: Slot, interest: Interest) -> bool {
        (interest == Interest::All) != self.exceptions.contains(&subscriber)
    }

    /// Brings one subscriber's entry up to date; `way` is its connection of this kind, if any.
    pub(crate) fn refresh(
        &mut self,
        subscriber: Slot,
        interest: Interest,
        shown: Shown,
        way: Option<(ConnectionId, FlowId)>,
    ) {
        let way = way.filter(|_| self.wanted(subscriber, interest));
        let receiver = way.map(|(connection, flow)| Receiver {
            subscriber,
            connection,
            flow,
        });
        match &mut self.form {
            Form::Plain(plain) => {
                plain.refresh(subscriber, receiver.filter(|_| !shown.is_paused()));
            }
            Form::Layered(layered) => layered.refresh(subscriber, receiver, shown),
        }
    }

    /// Forgets a subscriber that left.
    pub(crate) fn forget(&mut self, subscriber: Slot) {
        self.exceptions.remove(&subscriber);
        match &mut self.form {
            Form::Plain(plain) => plain.forget(subscriber),
            Form::Layered(layered) => layered.forget(subscriber),
        }
    }

    /// Whether a subscriber gets packets of it.
    pub(crate) fn receives(&self, subscriber: Slot) -> bool {
        match &self.form {
            Form::Plain(plain) => plain.receives(subscriber),
            Form::Layered(layered) => layered.viewer(subscriber).is_some(),
        }
    }

    /// What it takes, where it has no layers, in kbit/s.
    pub(crate) fn plain_kbps(&self, now: Instant) -> u32 {
        match &self.form {
            Form::Plain(plain) => plain.source.meter.kbps(now),
            Form::Layered(_) => 0,
        }
    }

    /// Whether the router has no time for it, of a track without layers. Whether this is new.
    pub(crate) fn hold(&mut self, held: bool) -> bool {
        match &mut self.form {
            Form::Plain(plain) => plain.hold(held),
            Form::Layered(_) => false,
        }
    }

    /// What a receiver misses, once more.
    pub(crate) fn again(
        &mut self,
        subscriber: Slot,
        nack: &Nack<'_>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        match &mut self.form {
            Form::Plain(plain) => plain.again(subscriber, nack.sequences(), now, out),
            Form::Layered(layered) => {
                layered.again((subscriber, self.ssrc), nack.sequences(), now, out);
            }
        }
    }

    /// A receiver wishes for a key frame: the SSRC to ask for one, if it is to be asked.
    pub(crate) fn wish(&mut self, subscriber: Slot, now: Instant) -> Option<u32> {
        match &mut self.form {
            Form::Plain(plain) => plain.source.key_frames.pass_on(now).then_some(self.ssrc),
            Form::Layered(layered) => layered.wish(subscriber, now),
        }
    }
}
