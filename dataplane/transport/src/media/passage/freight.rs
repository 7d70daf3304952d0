//! What waits for another thread, and for how long it is worth something. Pure.
//!
//! | freight | as old as |
//! |---|---|
//! | a voice, a screen | a voice may get in the queues in front of QUIC: 400 ms |
//! | a camera | a third of that: a thread that has twice as much to do as time, a fifth of it voices, then comes back within 360 ms, and no voice has become too old because of cameras |
//! | a datagram that nobody has read | as a voice, which it may be |
//! | an estimate, a word: no packets | it always arrives; of estimates at least the newest |

use std::time::Duration;

use plenum_wire::Kind;

use crate::media::{ConnectionId, max_age};

/// What something is that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media) enum Freight {
    /// A datagram that nobody has read.
    Unread,
    /// A packet of this kind.
    Packet(Kind),
    /// What the path to a peer carries: up to ten a second, of which each makes those before it
    /// worthless.
    Estimate(ConnectionId),
    /// That a connection opens, what it carries, that it ends. They are few.
    Word,
}

/// Something that goes from one thread to another.
pub(in crate::media) trait Carried {
    /// What it is.
    fn freight(&self) -> Freight;
}

/// In which order packets make room.
pub(super) const LEAST_FIRST: [Kind; 3] = [Kind::Video, Kind::Content, Kind::Audio];

/// So many times as old as a camera's packet a voice may get. With `f` times as much to do as
/// time, of which voices are the share `v`, a thread comes back after `f (1 - v) / (1 - f v)`
/// times the age that cameras reach.
const VOICES_LAST: u32 = 3;

impl Freight {
    /// How old it gets here before it is useless, if it ever is.
    fn max_age(self) -> Option<Duration> {
        let voice = max_age(Kind::Audio);
        match self {
            Self::Packet(Kind::Video) => Some(voice / VOICES_LAST),
            Self::Packet(Kind::Audio | Kind::Content) | Self::Unread => Some(voice),
            Self::Estimate(_) | Self::Word => None,
        }
    }

    pub(super) fn is_stale(self, age: Duration) -> bool {
        self.max_age().is_some_and(|most| age > most)
    }

    /// Whether something so old may be stale.
    pub(super) fn may_be_stale(age: Duration) -> bool {
        let packets = LEAST_FIRST.map(Self::Packet).into_iter();
        packets.chain([Self::Unread]).any(|it| it.is_stale(age))
    }
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) unread: usize,
    pub(super) cameras: usize,
    pub(super) screens: usize,
    pub(super) voices: usize,
    pub(super) estimates: usize,
    pub(super) words: usize,
}

impl Tally {
    pub(super) const fn part(&mut self, freight: Freight) -> &mut usize {
        match freight {
            Freight::Unread => &mut self.unread,
            Freight::Packet(Kind::Video) => &mut self.cameras,
            Freight::Packet(Kind::Content) => &mut self.screens,
            Freight::Packet(Kind::Audio) => &mut self.voices,
            Freight::Estimate(_) => &mut self.estimates,
            Freight::Word => &mut self.words,
        }
    }

    pub(super) const fn add(&mut self, more: Self) {
        self.unread += more.unread;
        self.cameras += more.cameras;
        self.screens += more.screens;
        self.voices += more.voices;
        self.estimates += more.estimates;
        self.words += more.words;
    }

    /// Packets of every kind.
    pub(super) const fn packets(&self) -> usize {
        self.cameras + self.screens + self.voices
    }
}
