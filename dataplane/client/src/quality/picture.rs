//! A viewer's picture, without the picture.
//!
//! A frame is shown when all its packets are there and what it refers to was shown: the frame
//! before it, unless it is a key frame. While one is missing the picture stands; it goes on
//! with the missing packets, with a later key frame that is whole, or is broken after a second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::rtp::Header;

use super::heights::{Height, Heights};
use super::numbers::Numbers;
use crate::media::KeyFrame;

/// A new frame so much later than expected is a freeze that people see.
const FREEZE: Duration = Duration::from_millis(150);
/// What is missing for so long does not come.
const GIVE_UP: Duration = Duration::from_secs(1);
/// Packets that wait at most: more than a second of 10 Mbit/s.
const MOST: usize = 2_048;

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PictureFigures {
    /// Frames that were shown.
    pub frames: u64,
    /// Times that the picture stood for more than 150 ms longer than it should.
    pub freezes: u64,
    /// How long it stood at most in one of these.
    pub longest: Duration,
    /// How large it was, as far as that is known.
    pub heights: Heights,
}

impl PictureFigures {
    /// Adds another track's.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.freezes += other.freezes;
        self.longest = self.longest.max(other.longest);
        self.heights.add(&other.heights);
    }
}

#[derive(Debug, Clone, Copy)]
struct Part {
    ticks: u64,
    last: bool,
    key: Option<KeyFrame>,
}

/// One track at one viewer.
#[derive(Debug)]
pub struct Picture {
    rate: u32,
    numbers: Numbers,
    parts: BTreeMap<u64, Part>,
    /// The number with which the next frame begins; unknown before the end of one was seen.
    next: Option<u64>,
    hole_since: Option<Instant>,
    /// Nothing that refers to another frame can be decoded.
    broken: bool,
    /// When the last frame was shown, and its time.
    shown: Option<(Instant, u64)>,
    /// Whether every frame since was.
    unbroken: bool,
    /// Between two frames, in ticks.
    interval: Option<u64>,
    /// See [`Picture::steady`].
    steady: Option<Duration>,
    /// Of the last frame that was shown, if known.
    height: Option<u16>,
    heights: Height,
    /// Without heights.
    figures: PictureFigures,
}

impl Picture {
    /// A track whose timestamps count so many ticks a second. `height` of its frames in
    /// pixels, until a key frame says another.
    #[must_use]
    pub fn new(clock_rate: u32, height: Option<u16>) -> Self {
        Self {
            rate: clock_rate.max(1),
            numbers: Numbers::default(),
            parts: BTreeMap::new(),
            next: None,
            hole_since: None,
            broken: true,
            shown: None,
            unbroken: true,
            interval: None,
            steady: None,
            height,
            heights: Height::default(),
            figures: PictureFigures::default(),
        }
    }

    /// A frame is due every so often, as long as the picture is shown. Where routers number the
    /// packets only who knows this can tell a pause of theirs from one of the publisher: the
    /// numbers after it go on as if nothing had been.
    #[must_use]
    pub const fn steady(mut self, interval: Duration) -> Self {
        self.steady = Some(interval);
        self
    }

    /// Takes a packet; each comes once. `key`: the frame that begins with it, if one does,
    /// refers to none before.
    pub fn receive(&mut self, header: &Header, key: Option<KeyFrame>, at: Instant) {
        let number = self.numbers.sequence(header.sequence);
        let ticks = self.numbers.timestamp(header.timestamp);
        if self.next.is_some_and(|next| number < next) {
            return;
        }
        let part = Part {
            ticks,
            last: header.marker,
            key,
        };
        self.parts.insert(number, part);
        // A track begins with the first frame whose start is certain; a key frame's is.
        if self.next.is_none() {
            if key.is_some() {
                self.next = Some(number);
                self.parts = self.parts.split_off(&number);
            } else if self.parts.len() > MOST {
                self.parts.pop_first();
            }
        }
        while self.go_on(at) {}
    }

    /// The router no longer sends the track on; the next packet begins it anew, and what
    /// was seen last is no freeze.
    pub fn pause(&mut self, at: Instant) {
        self.heights.pause(at);
        self.parts.clear();
        (self.next, self.hole_since, self.shown) = (None, None, None);
        self.numbers = Numbers::default();
        self.broken = true;
    }

    /// How many frames were shown.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.figures.frames
    }

    /// How high the picture is that was shown last, in pixels, if known.
    #[must_use]
    pub const fn height(&self) -> Option<u16> {
        self.height
    }

    /// Whether a key frame would help.
    #[must_use]
    pub const fn wants_key_frame(&self) -> bool {
        self.broken
    }

    fn go_on(&mut self, at: Instant) -> bool {
        let Some(next) = self.next else {
            return false;
        };
        if let Some(last) = self.whole(next) {
            self.finish_frame(next, last, at);
            self.hole_since = None;
            return true;
        }
        if !self.has_hole(next) {
            return false;
        }
        let since = *self.hole_since.get_or_insert(at);
        let over = at.saturating_duration_since(since) >= GIVE_UP || self.parts.len() > MOST;
        let start = self.later_key_frame().or_else(|| {
            let mut ends = self.parts.iter().filter(|(_, part)| part.last);
            over.then(|| ends.next().map(|(number, _)| number + 1))?
        });
        let Some(start) = start else {
            return false;
        };
        self.parts = self.parts.split_off(&start);
        self.next = Some(start);
        self.hole_since = None;
        self.broken = true;
        self.unbroken = false;
        true
    }

    /// The last number of a frame that begins with this one, if all of it is there. One whose
    /// end says so, or is seen by the next one's time: of a frame that a router leaves for
    /// another layer, or of which it leaves out a layer, the end is not sent.
    fn whole(&self, first: u64) -> Option<u64> {
        let ticks = self.parts.get(&first)?.ticks;
        for (expected, (&number, part)) in (first..).zip(self.parts.range(first..)) {
            if number != expected {
                return None;
            }
            if part.ticks != ticks {
                return Some(number - 1);
            }
            if part.last {
                return Some(number);
            }
        }
        None
    }

    /// Whether something after a number that is missing has come.
    fn has_hole(&self, next: u64) -> bool {
        let last = self.parts.last_key_value().map(|(&last, _)| last);
        let there = self.parts.len() as u64;
        last.is_some_and(|last| last + 1 - next > there)
    }

    /// The start of a key frame is certain, whatever is missing before it.
    fn later_key_frame(&self) -> Option<u64> {
        let keys = self.parts.iter().filter(|(_, part)| part.key.is_some());
        let mut starts = keys.map(|(number, _)| *number);
        starts.find(|start| self.whole(*start).is_some())
    }

    /// Whether a frame was left for a key frame before its end.
    fn is_left(&self, last: u64) -> bool {
        let ended = self.parts.get(&last).is_some_and(|part| part.last);
        let next = self.parts.get(&(last + 1));
        !ended && next.is_some_and(|part| part.key.is_some())
    }

    fn finish_frame(&mut self, first: u64, last: u64, at: Instant) {
        let Some(part) = self.parts.get(&first).copied() else {
            return;
        };
        let left = self.is_left(last);
        self.parts = self.parts.split_off(&(last + 1));
        self.next = Some(last + 1);
        if left || (self.broken && part.key.is_none()) {
            self.unbroken = false;
            return;
        }
        self.broken = false;
        self.figures.frames += 1;
        self.height = part.key.and_then(|key| key.height).or(self.height);
        if let Some(height) = self.height {
            self.heights.show(height, at);
        }
        if let Some((before, ticks)) = self.shown.replace((at, part.ticks)) {
            self.stood(
                at.saturating_duration_since(before),
                part.ticks - ticks.min(part.ticks),
            );
        }
        self.unbroken = true;
    }

    /// The picture stood for so long, before a frame so many ticks later.
    fn stood(&mut self, stood: Duration, ticks: u64) {
        let learnt = self.duration(self.interval.unwrap_or(ticks));
        let usual = self.steady.unwrap_or(learnt);
        let mut expected = usual;
        if self.unbroken && self.steady.is_none() {
            // Whoever sends no frame for a while freezes nobody.
            expected = self.duration(ticks);
            self.interval = Some(self.interval.map_or(ticks, |known| (known * 7 + ticks) / 8));
        }
        if stood > expected + FREEZE {
            self.figures.freezes += 1;
            let length = usual + stood.saturating_sub(expected);
            self.figures.longest = self.figures.longest.max(length);
        }
    }

    fn duration(&self, ticks: u64) -> Duration {
        Duration::from_micros(ticks.saturating_mul(1_000_000) / u64::from(self.rate))
    }

    /// What was seen until `end`, a freeze that has not ended included.
    #[must_use]
    pub fn figures(&self, end: Instant) -> PictureFigures {
        let mut figures = self.figures.clone();
        figures.heights = self.heights.figures(end);
        let since = self.shown.map(|(at, _)| end.saturating_duration_since(at));
        let misses = self.broken || self.next.is_some_and(|next| self.has_hole(next));
        let late = FREEZE + self.steady.unwrap_or_default();
        if let Some(stands) = since.filter(|stands| *stands > late)
            && (misses || self.steady.is_some())
        {
            figures.freezes += 1;
            figures.longest = figures.longest.max(stands);
        }
        figures
    }
}

#[cfg(test)]
mod tests;
