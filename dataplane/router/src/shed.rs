//! What a router that is out of time leaves out: cameras, the least important first. Audio and
//! content stay.

use plenum_wire::Kind;

use crate::Shard;
use crate::overload::Shed;
use crate::participant::Slot;

/// What may go on of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    All,
    /// A track without layers counts as more than that.
    Lowest,
    None,
}

impl Share {
    /// Of a track whose publisher is the active speaker or not.
    pub(crate) const fn of(shed: Shed, kind: Kind, active: bool) -> Self {
        match (kind, shed) {
            (Kind::Audio | Kind::Content, _) | (_, Shed::None) => Self::All,
            (Kind::Video, _) if active => Self::All,
            (Kind::Video, Shed::LowLayers) => Self::Lowest,
            (Kind::Video, Shed::ActiveOnly) => Self::None,
        }
    }
}

impl Shard {
    /// The router leaves out more than before, or less.
    pub(crate) fn shed_changed(&mut self) {
        for slot in self.participants.all() {
            self.hold(slot);
            self.touch_chooser(slot, Kind::Video);
        }
    }

    /// Another one is the active speaker of a receiver's meeting. Where time is short that
    /// waits until the receiver is looked at anyway.
    pub(crate) fn speaker_changed(&mut self, subscriber: Slot) {
        let reception = &self.participants[subscriber].media(Kind::Video).reception;
        let matters = reception.as_ref().is_some_and(|it| it.wants_more());
        if matters && self.shed() == Shed::None {
            self.touch(subscriber, Kind::Video);
        }
    }

    /// Whether somebody's camera without layers goes on.
    pub(crate) fn hold(&mut self, publisher: Slot) {
        let held = self.share_of(publisher, Kind::Video) != Share::All;
        let track = self.participants[publisher].track_mut(Kind::Video);
        if track.is_some_and(|track| track.hold(held)) {
            self.touch_track(publisher, Kind::Video);
        }
    }

    /// What may go on of somebody's track.
    pub(crate) fn share_of(&self, publisher: Slot, kind: Kind) -> Share {
        let meeting = self.meetings.get(&self.participants[publisher].meeting);
        let active = meeting.is_some_and(|it| it.stage.active() == Some(publisher));
        Share::of(self.shed(), kind, active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_shrink_first_then_stop_and_audio_and_content_stay() {
        for kind in [Kind::Audio, Kind::Content] {
            assert_eq!(Share::of(Shed::ActiveOnly, kind, false), Share::All);
        }
        let camera = |shed: Shed, active| Share::of(shed, Kind::Video, active);
        assert_eq!(camera(Shed::None, false), Share::All);
        assert_eq!(camera(Shed::LowLayers, false), Share::Lowest);
        assert_eq!(camera(Shed::ActiveOnly, false), Share::None);
        assert_eq!(camera(Shed::ActiveOnly, true), Share::All);
    }
}
