//! The tracks of a participant as one router knows them.
//!
//! Pure. The router answers announcements in their order, and an objection does not say
//! which one it means: so the order is kept.

use std::collections::{BTreeMap, VecDeque};

use plenum_wire::Kind;

#[derive(Debug, Clone, Copy)]
struct Announced {
    ssrc: u32,
    acknowledged: bool,
}

#[derive(Debug, Default)]
pub(super) struct Announcements {
    tracks: BTreeMap<Kind, Announced>,
    unanswered: VecDeque<(Kind, u32)>,
}

impl Announcements {
    /// The router was told of a track, for the first time or with another source.
    pub fn announce(&mut self, kind: Kind, ssrc: u32) {
        let acknowledged = false;
        self.tracks.insert(kind, Announced { ssrc, acknowledged });
        self.unanswered.push_back((kind, ssrc));
    }

    /// The track is over; whether the router knew it.
    pub fn withdraw(&mut self, kind: Kind) -> bool {
        self.tracks.remove(&kind).is_some()
    }

    /// The router took a track.
    pub fn handle_published(&mut self, kind: Kind) {
        while let Some((answered, ssrc)) = self.unanswered.pop_front() {
            if answered != kind {
                continue;
            }
            if let Some(track) = self.tracks.get_mut(&kind) {
                track.acknowledged |= track.ssrc == ssrc;
            }
            return;
        }
    }

    /// The router objected to a track, because its source is taken for example: which kind's,
    /// unless that has been announced anew since.
    pub fn handle_objection(&mut self) -> Option<Kind> {
        let (kind, ssrc) = self.unanswered.pop_front()?;
        let track = self.tracks.get(&kind)?;
        (track.ssrc == ssrc).then_some(kind)
    }

    /// Whether the router forwards packets of this kind.
    pub fn is_acknowledged(&self, kind: Kind) -> bool {
        self.tracks
            .get(&kind)
            .is_some_and(|track| track.acknowledged)
    }

    /// Whether the router took every track.
    pub fn are_acknowledged(&self) -> bool {
        self.tracks.values().all(|track| track.acknowledged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Announcements {
        let mut tracks = Announcements::default();
        tracks.announce(Kind::Audio, 1);
        tracks.announce(Kind::Video, 2);
        tracks
    }

    #[test]
    fn an_objection_means_the_first_that_has_no_answer() {
        let mut tracks = two();
        tracks.handle_published(Kind::Audio);
        assert_eq!(tracks.handle_objection(), Some(Kind::Video));
        assert!(tracks.is_acknowledged(Kind::Audio));
        assert!(!tracks.are_acknowledged());
        tracks.announce(Kind::Video, 3);
        tracks.handle_published(Kind::Video);
        assert!(tracks.are_acknowledged());
    }

    #[test]
    fn an_answer_about_a_former_source_says_nothing_about_the_present_one() {
        let mut tracks = two();
        tracks.announce(Kind::Audio, 3);
        tracks.handle_published(Kind::Audio);
        assert!(!tracks.is_acknowledged(Kind::Audio));
        tracks.handle_published(Kind::Video);
        tracks.handle_published(Kind::Audio);
        assert!(tracks.are_acknowledged());

        let mut tracks = two();
        tracks.announce(Kind::Audio, 3);
        assert_eq!(tracks.handle_objection(), None);
    }

    #[test]
    fn what_is_said_before_the_answer_is_about_the_track_before() {
        let mut tracks = two();
        tracks.handle_published(Kind::Audio);
        tracks.handle_published(Kind::Video);
        tracks.withdraw(Kind::Video);
        assert!(!tracks.is_acknowledged(Kind::Video));
        tracks.announce(Kind::Video, 3);
        assert!(!tracks.is_acknowledged(Kind::Video));
        tracks.handle_published(Kind::Video);
        assert!(tracks.is_acknowledged(Kind::Video));
    }

    #[test]
    fn a_track_that_is_over_needs_no_answer() {
        let mut tracks = two();
        assert!(tracks.withdraw(Kind::Audio));
        assert!(!tracks.withdraw(Kind::Audio));
        assert_eq!(tracks.handle_objection(), None);
        tracks.handle_published(Kind::Video);
        assert!(tracks.are_acknowledged());
    }
}
