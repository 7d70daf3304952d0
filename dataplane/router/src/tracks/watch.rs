//! Who watches: a publisher is told which layers somebody receives, so that it sends no others.

use std::time::{Duration, Instant};

use plenum_wire::Kind;
use plenum_wire::control::FromRouter;
use plenum_wire::limits::LAYERS;

use super::Form;
use crate::Shard;
use crate::participant::Slot;

/// A layer without a taker for so long is not wanted; who takes it again after less, after a
/// change of layout for example, waits for no publisher.
pub const PAUSED_AFTER: Duration = Duration::from_secs(2);

/// What a publisher was told of its track's layers.
#[derive(Debug)]
pub(crate) struct Watch {
    layers: usize,
    told: [bool; LAYERS],
    /// Since when a layer has no taker.
    idle: [Option<Instant>; LAYERS],
    /// When the shard looks again.
    armed: Option<Instant>,
}

impl Watch {
    /// A new track: all layers count as wanted.
    pub(crate) const fn new(layers: usize) -> Self {
        Self {
            layers,
            told: [true; LAYERS],
            idle: [None; LAYERS],
            armed: None,
        }
    }

    /// What to tell the publisher, if anything, `taken` being the layers with takers now.
    fn look(&mut self, taken: [bool; LAYERS], now: Instant) -> Option<&[bool]> {
        let before = self.told;
        for (layer, taken) in taken.into_iter().enumerate().take(self.layers) {
            if taken {
                self.idle[layer] = None;
                self.told[layer] = true;
            } else if self.told[layer] {
                let since = *self.idle[layer].get_or_insert(now);
                self.told[layer] = now < since + PAUSED_AFTER;
            }
        }
        (self.told != before).then_some(&self.told[..self.layers])
    }

    /// When a layer is without a taker for long enough.
    fn due(&self) -> Option<Instant> {
        let idle = self.idle.iter().zip(self.told);
        let waiting = idle.filter_map(|(since, told)| since.filter(|_| told));
        waiting.min().map(|since| since + PAUSED_AFTER)
    }
}

impl Shard {
    /// Who takes the layers of this track may have changed.
    pub(crate) fn watch(&mut self, publisher: Slot, kind: Kind, now: Instant) {
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        let channel = participant.channel;
        let Some(track) = participant.track_mut(kind) else {
            return;
        };
        let taken = track.taken();
        let paused = !track.watch.told[0];
        let released = match &mut track.form {
            Form::Plain(plain) => plain.goes_on(),
            Form::Layered(_) => false,
        };
        let resumed = taken[0] && (paused || released);
        let news = track.watch.look(taken, now).map(<[bool]>::to_vec);
        if let Some(at) = track.watch.due()
            && track.watch.armed.is_none_or(|armed| at < armed)
        {
            track.watch.armed = Some(at);
            self.watches.at(at, (publisher, kind));
        }
        if let Some(layers) = news {
            self.say(channel, FromRouter::Wanted { kind, layers });
        }
        if resumed {
            self.restart(publisher, kind, now);
        }
    }

    /// Somebody receives a plain track that was paused: it goes on with a key frame. Whoever
    /// gets a layer asks for its own.
    fn restart(&mut self, publisher: Slot, kind: Kind, now: Instant) {
        let track = self.participants[publisher].track_mut(kind);
        if let Some(Form::Plain(plain)) = track.map(|track| &mut track.form)
            && plain.source.key_frames.pass_on(now)
        {
            let ssrc = plain.source.ssrc;
            self.ask_key_frame(publisher, kind, ssrc);
        }
    }

    pub(crate) fn watches_due(&mut self, now: Instant) {
        while let Some((at, (publisher, kind))) = self.watches.take(now) {
            let participant = self.participants.get_mut(publisher);
            if let Some(track) = participant.and_then(|one| one.track_mut(kind))
                && track.watch.armed == Some(at)
            {
                track.watch.armed = None;
                self.watch(publisher, kind, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "any instant will do")]

    use super::*;

    #[test]
    fn a_layer_is_wanted_at_once_and_no_longer_wanted_after_a_while() {
        let start = Instant::now();
        let mut watch = Watch::new(2);
        let (low, both) = ([true, false, false, false], [true, true, false, false]);
        assert_eq!(watch.look(low, start), None);
        assert_eq!(watch.due(), Some(start + PAUSED_AFTER));
        let almost = start + Duration::from_millis(1_999);
        assert_eq!(watch.look(low, almost), None);
        assert_eq!(
            watch.look(low, start + PAUSED_AFTER),
            Some(&[true, false][..])
        );
        assert_eq!(watch.due(), None);
        assert_eq!(
            watch.look(both, start + PAUSED_AFTER),
            Some(&[true, true][..])
        );
        assert_eq!(watch.look(low, start + PAUSED_AFTER), None);
        assert_eq!(watch.look(both, start + PAUSED_AFTER), None);
        assert_eq!(watch.due(), None, "it was taken again in time");
    }
}
