//! What waits for another thread, the oldest first. Pure.
//!
//! A thread takes all that waits at once, so what waits is what came while it was busy with what
//! it took before: if it does not keep up, each time is longer than the last. So what is too old
//! is dropped as it is taken, and a thread that comes back is at once where the others are. That
//! bounds the time; only if a thread does not come at all do the packets become so many that some
//! make room for others, what is missed least first, and of that the oldest.
//!
//! | freight | as old as |
//! |---|---|
//! | a voice, a screen | a voice may get in the queues in front of QUIC: 400 ms |
//! | a camera | a third of that: a thread that has twice as much to do as time, a fifth of it voices, then comes back within 360 ms, and no voice has become too old because of cameras |
//! | a datagram that nobody has read | as a voice, which it may be |
//! | a word, which is no packet | it always arrives |

use std::time::{Duration, Instant};

use plenum_wire::Kind;

use crate::media::max_age;

/// What something is that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media) enum Freight {
    /// A datagram that nobody has read.
    Unread,
    /// A packet of this kind.
    Packet(Kind),
    /// No packet: that a connection opens, what it carries, that it ends. They are few.
    Word,
}

/// Something that goes from one thread to another.
pub(in crate::media) trait Carried {
    /// What it is.
    fn freight(&self) -> Freight;
}

/// In which order packets make room. What nobody has read may be nothing at all.
const LEAST_FIRST: [Freight; 4] = [
    Freight::Unread,
    Freight::Packet(Kind::Video),
    Freight::Packet(Kind::Content),
    Freight::Packet(Kind::Audio),
];

/// So many times as old as a camera's packet a voice may get. With `f` times as much to do as
/// time, of which voices are the share `v`, a thread comes back after `f (1 - v) / (1 - f v)`
/// times the age that cameras reach.
const VOICES_LAST: u32 = 3;
/// Of a full backlog this share makes room at once, so that not every batch looks for some.
const MAKES_ROOM: usize = 4;
/// Places that an empty list keeps: 8 ms, the longest that a busy core gathers, at 500,000
/// packets/s, several times over. A longer one was needed once.
const KEPT: usize = 16_384;

impl Freight {
    /// How old it gets here before it is useless, if it ever is.
    fn max_age(self) -> Option<Duration> {
        let voice = max_age(Kind::Audio);
        match self {
            Self::Packet(Kind::Video) => Some(voice / VOICES_LAST),
            Self::Packet(Kind::Audio | Kind::Content) | Self::Unread => Some(voice),
            Self::Word => None,
        }
    }

    fn is_stale(self, age: Duration) -> bool {
        self.max_age().is_some_and(|most| age > most)
    }
}

/// See the [module's documentation](self).
#[derive(Debug)]
pub(super) struct Backlog<T> {
    /// The oldest first.
    waiting: Vec<T>,
    /// What of it came together: all of it is in one.
    batches: Vec<Batch>,
    most: usize,
}

#[derive(Debug, Clone, Copy)]
struct Batch {
    since: Instant,
    length: usize,
}

impl<T> Backlog<T> {
    /// With room for so many.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            waiting: Vec::new(),
            batches: Vec::new(),
            most,
        }
    }

    /// Takes the place of the other, which is empty.
    pub(super) const fn exchange(&mut self, empty: &mut Self) {
        std::mem::swap(self, empty);
    }

    /// Gives back the memory that an empty one does not need every day.
    pub(super) fn give_back(&mut self) {
        self.waiting.shrink_to(KEPT);
        self.batches.shrink_to(KEPT);
    }

    /// Empties it, from the oldest on; with each since when it is here.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Instant, T)> {
        let batches = self.batches.drain(..);
        let times = batches.flat_map(|batch| std::iter::repeat_n(batch.since, batch.length));
        times.zip(self.waiting.drain(..))
    }
}

impl<T: Carried> Backlog<T> {
    /// Adds a batch that is here since then, and leaves it empty; how many had to make room.
    pub(super) fn push(&mut self, batch: &mut Vec<T>, since: Instant) -> u64 {
        if batch.is_empty() {
            return 0;
        }
        let length = batch.len();
        self.batches.push(Batch { since, length });
        if self.waiting.is_empty() {
            std::mem::swap(&mut self.waiting, batch);
        } else {
            self.waiting.append(batch);
        }
        if self.waiting.len() > self.most {
            self.make_room()
        } else {
            0
        }
    }

    /// Drops what is too old; how many that were.
    pub(super) fn drop_stale(&mut self, now: Instant) -> u64 {
        let age = |since| now.saturating_duration_since(since);
        let oldest = self.batches.first().map(|batch| age(batch.since));
        let is_young = |age| LEAST_FIRST.iter().all(|freight| !freight.is_stale(age));
        if oldest.is_none_or(is_young) {
            return 0;
        }
        self.drop_where(|since, it| it.freight().is_stale(age(since)))
    }

    fn make_room(&mut self) -> u64 {
        let fill = self.most - self.most / MAKES_ROOM;
        let mut dropped = 0;
        for least in LEAST_FIRST {
            let mut excess = self.waiting.len().saturating_sub(fill);
            if excess == 0 {
                break;
            }
            dropped += self.drop_where(|_, it| {
                let goes = excess > 0 && it.freight() == least;
                excess -= usize::from(goes);
                goes
            });
        }
        dropped
    }

    /// Drops what `goes` says, asked from the oldest on; how many that were.
    fn drop_where(&mut self, mut goes: impl FnMut(Instant, &T) -> bool) -> u64 {
        let before = self.waiting.len();
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        for batch in &mut self.batches {
            let kept = self.waiting.len();
            let of_batch = waiting.by_ref().take(batch.length);
            let stay = of_batch.filter(|it| !goes(batch.since, it));
            self.waiting.extend(stay);
            batch.length = self.waiting.len() - kept;
        }
        self.batches.retain(|batch| batch.length > 0);
        (before - self.waiting.len()) as u64
    }
}
