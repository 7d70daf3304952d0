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
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Frames of two packets at 25 a second, the first of 50 a key frame.
    struct Sender {
        start: Instant,
        /// Of the first frame.
        ticks: u32,
        picture: Picture,
    }

    impl Sender {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                ticks: 0,
                picture: Picture::new(90_000, None),
            }
        }

        /// Packet `number` comes `late` after it was sent.
        fn comes(&mut self, number: u16, late: Duration) {
            let frame = u32::from(number / 2);
            let header = Header {
                payload_type: 96,
                marker: number % 2 == 1,
                sequence: number.wrapping_add(65_530),
                timestamp: self.ticks + frame * 3_600,
                ssrc: 1,
                payload_offset: 12,
            };
            let at = self.start + 40 * MS * frame + late;
            let height = Some(360);
            let key = number.is_multiple_of(100).then_some(KeyFrame { height });
            self.picture.receive(&header, key, at);
        }

        fn figures(&self, frame: u32) -> PictureFigures {
            self.picture.figures(self.start + 40 * MS * frame)
        }
    }

    #[test]
    fn what_comes_is_shown_and_a_late_packet_delays_it() {
        let mut sender = Sender::new();
        for number in 0..20 {
            sender.comes(number, 30 * MS);
        }
        for number in 21..28 {
            sender.comes(number, 30 * MS);
        }
        assert_eq!(sender.figures(13).frames, 10);
        // Number 20 was due with frame 10; it comes 150 ms later.
        sender.comes(20, 180 * MS);
        let figures = sender.figures(14);
        assert_eq!((figures.frames, figures.freezes), (14, 0), "{figures:?}");
    }

    #[test]
    fn a_frame_that_is_late_is_a_freeze() {
        let mut sender = Sender::new();
        for number in (0..20).chain(21..40) {
            sender.comes(number, 30 * MS);
        }
        sender.comes(20, 430 * MS);
        let figures = sender.figures(20);
        assert_eq!((figures.frames, figures.freezes), (20, 1), "{figures:?}");
        assert_eq!(figures.longest, 440 * MS);
    }

    #[test]
    fn what_never_comes_freezes_until_a_key_frame() {
        let mut sender = Sender::new();
        for number in (0..20).chain(21..100) {
            sender.comes(number, 30 * MS);
        }
        assert!(sender.picture.wants_key_frame());
        assert_eq!(sender.figures(49).freezes, 1, "it stands");
        for number in 100..110 {
            sender.comes(number, 30 * MS);
        }
        let figures = sender.figures(55);
        assert_eq!((figures.frames, figures.freezes), (15, 1), "{figures:?}");
        // From frame 9 to frame 50.
        assert_eq!(figures.longest, 41 * 40 * MS);
    }

    #[test]
    fn a_whole_key_frame_is_not_kept_waiting() {
        // The end of the frame before it is missing, or its beginning.
        for missing in [99, 96] {
            let mut sender = Sender::new();
            for number in (0..missing).chain(missing + 1..102) {
                sender.comes(number, 30 * MS);
            }
            let figures = sender.figures(52);
            let before = u64::from(missing / 2);
            assert_eq!(figures.frames, before + 1, "{figures:?}");
            assert_eq!(figures.freezes, 0, "{figures:?}");
        }
    }

    #[test]
    fn of_a_steady_picture_every_pause_is_a_freeze_whatever_the_numbers_say() {
        let paused = |steady: bool, goes_on: bool| {
            let mut sender = Sender::new();
            if steady {
                sender.picture = sender.picture.steady(40 * MS);
            }
            (0..100).for_each(|number| sender.comes(number, 30 * MS));
            // 3 s later numbers go on as if nothing had been, with a key frame.
            sender.start += 3_000 * MS;
            sender.ticks = 270_000;
            if goes_on {
                (100..200).for_each(|number| sender.comes(number, 30 * MS));
                assert_eq!(sender.figures(100).frames, 100);
            }
            let figures = sender.figures(100);
            (figures.freezes, figures.longest)
        };
        assert_eq!(paused(true, true), (1, 3_040 * MS));
        assert_eq!(paused(true, false), (1, 5_010 * MS));
        assert_eq!(paused(false, true).0, 0, "its publisher may have paused");
    }

    /// Packets without a hole: of which moment, whether they end a frame or begin a key frame.
    fn shown(packets: &[(u32, bool, bool)]) -> u64 {
        let start = Instant::now();
        let mut picture = Picture::new(90_000, None);
        for (sequence, &(timestamp, marker, key)) in (0..).zip(packets) {
            let header = Header {
                payload_type: 96,
                marker,
                sequence,
                timestamp,
                ssrc: 1,
                payload_offset: 12,
            };
            let key = key.then_some(KeyFrame { height: None });
            picture.receive(&header, key, start);
        }
        picture.figures(start).frames
    }

    #[test]
    fn a_frame_that_is_left_for_a_key_frame_is_not_shown_and_the_key_frame_is() {
        let whole = [(0, false, true), (0, true, false)];
        let left = (3_600, false, false);
        let key = [(3_601, false, true), (3_601, true, false)];
        let all = [&whole[..], &[left], &key].concat();
        assert_eq!(shown(&all), 2);
        assert_eq!(shown(&all[..4]), 1);
    }

    #[test]
    fn a_frame_whose_higher_layer_is_left_out_ends_where_the_next_begins() {
        let frame = |number: u32| (number * 3_600, false, number == 0);
        let frames: Vec<_> = (0..10).map(frame).collect();
        assert_eq!(shown(&frames), 9);
    }
}
