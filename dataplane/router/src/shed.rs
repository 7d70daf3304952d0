//! What a router that is out of time leaves out: cameras, the least important first. Audio and
//! content stay.

use plenum_wire::Kind;

use crate::Shard;
use crate::overload::Shed;
use crate::participant::Slot;

/// What may go on of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    Everything,
    /// A track without layers counts as more than that.
    LowestLayer,
    Nothing,
}

impl Leave {
    /// Of a track whose publisher is the active speaker or not.
    pub(crate) const fn of(shed: Shed, kind: Kind, active: bool) -> Self {
        match (kind, shed) {
            (Kind::Audio | Kind::Content, _) | (_, Shed::None) => Self::Everything,
            (Kind::Video, _) if active => Self::Everything,
            (Kind::Video, Shed::LowLayers) => Self::LowestLayer,
            (Kind::Video, Shed::ActiveOnly) => Self::Nothing,
        }
    }
}

impl Shard {
    /// The router leaves out more than before, or less.
    pub(crate) fn shed_changed(&mut self) {
        let everybody = self.participants.all();
        self.cameras_changed(&everybody);
    }

    /// Another one is the active speaker of these, or nobody any more.
    pub(crate) fn cameras_changed(&mut self, members: &[Slot]) {
        for &slot in members {
            self.hold(slot);
            self.touch(slot, Kind::Video);
        }
    }

    /// Whether somebody's camera without layers goes on.
    pub(crate) fn hold(&mut self, publisher: Slot) {
        let held = self.leaves(publisher, Kind::Video) != Leave::Everything;
        let track = self.participants[publisher].track_mut(Kind::Video);
        if track.is_some_and(|track| track.hold(held)) {
            self.touch_track(publisher, Kind::Video);
        }
    }

    /// What may go on of somebody's track.
    pub(crate) fn leaves(&self, publisher: Slot, kind: Kind) -> Leave {
        let meeting = self.meetings.get(&self.participants[publisher].meeting);
        let active = meeting.is_some_and(|it| it.stage.active() == Some(publisher));
        Leave::of(self.shed(), kind, active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_shrink_first_then_stop_and_audio_and_content_stay() {
        for kind in [Kind::Audio, Kind::Content] {
            assert_eq!(Leave::of(Shed::ActiveOnly, kind, false), Leave::Everything);
        }
        let camera = |shed: Shed, active| Leave::of(shed, Kind::Video, active);
        assert_eq!(camera(Shed::None, false), Leave::Everything);
        assert_eq!(camera(Shed::LowLayers, false), Leave::LowestLayer);
        assert_eq!(camera(Shed::ActiveOnly, false), Leave::Nothing);
        assert_eq!(camera(Shed::ActiveOnly, true), Leave::Everything);
    }
}
