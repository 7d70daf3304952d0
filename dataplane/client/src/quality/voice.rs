//! A listener's jitter buffer, without the sound.
//!
//! Every packet has a time at which it is to be played: when it would have come by the
//! fastest way lately, and a delay. What is not there by then is concealed. The delay holds
//! the worst lateness of the last 5 to 10 s, so it grows at once and falls slowly; where
//! packets get lost it leaves time for repair from the first gap on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::rtp::Header;

use super::numbers::Numbers;

/// All in microseconds, because the fastest way may turn out faster than the first packet's.
type Micros = i64;

/// Shortest and longest playout delay: a frame, and what people who talk to each other bear.
const SHORTEST: Micros = 20_000;
const LONGEST: Micros = 400_000;
/// Above the worst lateness seen.
const MARGIN: Micros = 5_000;
/// What a repair may take: three requests at half of a round trip of 100 ms, and the answer.
const REPAIR: Micros = 260_000;
/// Lateness is remembered for one to two of these.
const MEMORY: Micros = 5_000_000;
/// Longer silences are pauses: the speaker was not forwarded, nothing was lost.
const PAUSE: Micros = 2_000_000;
/// A packet's length until two in a row told it.
const FRAME: Micros = 20_000;

/// What was heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VoiceFigures {
    /// Packets that were to be played.
    pub expected: u64,
    /// Of those, never there in time because they came too late.
    pub late: u64,
    /// Of those, never there at all.
    pub lost: u64,
    /// Times that something was concealed, a run of packets counted once.
    pub concealments: u64,
    /// Packets in the longest of these runs.
    pub longest_concealment: u64,
    /// The longest playout delay.
    pub delay_max: Duration,
}

impl VoiceFigures {
    /// Late and lost packets of a thousand.
    #[must_use]
    pub fn unrecovered_per_mille(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53 packets
        let share = (self.late + self.lost) as f64 * 1_000.0 / self.expected as f64;
        (self.expected > 0).then_some(share)
    }

    /// Adds another track's.
    pub fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.late += other.late;
        self.lost += other.lost;
        self.concealments += other.concealments;
        self.longest_concealment = self.longest_concealment.max(other.longest_concealment);
        self.delay_max = self.delay_max.max(other.delay_max);
    }
}

/// The largest value of the last one to two [`MEMORY`].
#[derive(Debug, Clone, Copy)]
struct Recent {
    since: Micros,
    now: Micros,
    before: Micros,
}

impl Recent {
    const fn new(value: Micros) -> Self {
        Self {
            since: 0,
            now: value,
            before: value,
        }
    }

    fn add(&mut self, at: Micros, value: Micros) {
        if at - self.since >= MEMORY {
            (self.since, self.before, self.now) = (at, self.now, value);
        }
        self.now = self.now.max(value);
    }

    fn max(&self) -> Micros {
        self.now.max(self.before)
    }
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    media: Micros,
    came: Micros,
}

/// One track at one listener.
#[derive(Debug)]
pub struct Voice {
    rate: u32,
    numbers: Numbers,
    /// When the first packet came, and its timestamp.
    origin: Option<(Instant, u64)>,
    /// How much faster than the first packet the fastest of late came.
    lead: Recent,
    lateness: Recent,
    /// The number that is played next.
    next: u64,
    highest: (u64, Waiting),
    frame: Micros,
    waiting: BTreeMap<u64, Waiting>,
    paused: bool,
    run: u64,
    figures: VoiceFigures,
}

impl Voice {
    /// A track whose timestamps count so many ticks a second.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        let nothing = Waiting { media: 0, came: 0 };
        Self {
            rate: clock_rate.max(1),
            numbers: Numbers::default(),
            origin: None,
            lead: Recent::new(0),
            lateness: Recent::new(SHORTEST),
            next: 0,
            highest: (0, nothing),
            frame: FRAME,
            waiting: BTreeMap::new(),
            paused: false,
            run: 0,
            figures: VoiceFigures::default(),
        }
    }

    /// Takes a packet; each comes once.
    pub fn receive(&mut self, header: &Header, at: Instant) {
        let number = self.numbers.sequence(header.sequence);
        let ticks = self.numbers.timestamp(header.timestamp);
        let Some((start, first)) = self.origin else {
            self.origin = Some((at, ticks));
            self.next = number;
            let first = Waiting { media: 0, came: 0 };
            self.highest = (number, first);
            self.waiting.insert(number, first);
            return;
        };
        let since = at.saturating_duration_since(start).as_micros();
        let came = Micros::try_from(since).unwrap_or(Micros::MAX / 4);
        let media = self.media(ticks, first);
        self.play(came);
        self.learn(number, Waiting { media, came });
        if number >= self.next {
            self.waiting.insert(number, Waiting { media, came });
        } else if self.figures.lost > 0 {
            // Its place was concealed.
            self.figures.lost -= 1;
            self.figures.late += 1;
        }
    }

    fn media(&self, ticks: u64, first: u64) -> Micros {
        let distance = i128::from(ticks) - i128::from(first);
        let micros = distance * 1_000_000 / i128::from(self.rate);
        Micros::try_from(micros).unwrap_or(0)
    }

    fn learn(&mut self, number: u64, packet: Waiting) {
        let (highest, last) = self.highest;
        let transit = packet.came - packet.media;
        self.lead.add(packet.came, -transit);
        let late = transit + self.lead.max();
        self.lateness.add(packet.came, late.min(LONGEST));
        if number <= highest {
            return;
        }
        let paused = std::mem::take(&mut self.paused) || packet.came - last.came > PAUSE;
        if number == highest + 1 && packet.media > last.media {
            self.frame = packet.media - last.media;
        } else if paused {
            self.resume(number);
        } else if number > highest + 1 {
            self.lateness.add(packet.came, REPAIR);
        }
        self.highest = (number, packet);
    }

    /// The speaker is not forwarded; the next packet ends the pause.
    pub const fn pause(&mut self) {
        self.paused = true;
    }

    /// After a pause: what came before it was played, what was not sent was not lost.
    fn resume(&mut self, number: u64) {
        self.figures.expected += self.waiting.len() as u64;
        self.waiting.clear();
        self.next = number;
        self.run = 0;
    }

    /// How long packets wait now.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.delay_micros()).unwrap_or(0))
    }

    fn delay_micros(&self) -> Micros {
        (self.lateness.max() + MARGIN).clamp(SHORTEST, LONGEST)
    }

    /// Plays everything that is due.
    fn play(&mut self, now: Micros) {
        let delay = self.delay_micros() - self.lead.max();
        while let Some((&number, &packet)) = self.waiting.first_key_value() {
            let ahead = Micros::try_from(number - self.next).unwrap_or(Micros::MAX);
            let media = packet.media - ahead.saturating_mul(self.frame);
            let due = media.saturating_add(delay);
            if now < due {
                return;
            }
            self.figures.expected += 1;
            self.figures.delay_max = self.figures.delay_max.max(self.delay());
            if number != self.next {
                self.figures.lost += 1;
                self.conceal();
            } else if packet.came > due {
                self.figures.late += 1;
                self.conceal();
            } else {
                self.run = 0;
            }
            self.waiting.remove(&self.next);
            self.next += 1;
        }
    }

    fn conceal(&mut self) {
        self.run += 1;
        self.figures.concealments += u64::from(self.run == 1);
        self.figures.longest_concealment = self.figures.longest_concealment.max(self.run);
    }

    /// What was heard so far. What still waits, or was not due yet, is not judged.
    #[must_use]
    pub const fn figures(&self) -> VoiceFigures {
        self.figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Both counts wrap on the way.
    fn header(number: u16) -> Header {
        Header {
            payload_type: 111,
            marker: false,
            sequence: number.wrapping_add(65_500),
            timestamp: (u32::from(number) * 960).wrapping_sub(48_000),
            ssrc: 1,
            payload_offset: 12,
        }
    }

    /// Packets by how long each took in ms, in the order of their coming; `None` is lost.
    fn heard(took: &[Option<u32>]) -> VoiceFigures {
        let start = Instant::now();
        let mut came: Vec<(Instant, u16)> = took
            .iter()
            .zip(0..)
            .filter_map(|(took, sequence): (_, u16)| {
                Some((
                    start + 20 * MS * u32::from(sequence) + MS * (*took)?,
                    sequence,
                ))
            })
            .collect();
        came.sort_unstable();
        let mut voice = Voice::new(48_000);
        for (at, sequence) in came {
            voice.receive(&header(sequence), at);
        }
        voice.figures()
    }

    #[test]
    fn on_a_good_network_everything_is_heard_with_little_delay() {
        let figures = heard(&[Some(30); 500]);
        assert!(figures.expected > 490, "{figures:?}");
        assert_eq!((figures.late, figures.lost), (0, 0));
        assert!(figures.delay_max <= 25 * MS, "{figures:?}");
    }

    #[test]
    fn what_is_repaired_in_time_is_heard() {
        let took: Vec<_> = (0..500)
            .map(|number| Some(if number % 10 == 5 { 210 } else { 30 }))
            .collect();
        let figures = heard(&took);
        assert_eq!((figures.late, figures.lost), (0, 0), "{figures:?}");
        assert!(figures.delay_max <= 300 * MS);
    }

    #[test]
    fn what_is_not_there_in_time_is_concealed() {
        let mut took = vec![Some(30); 500];
        took[100] = None;
        took[200..203].fill(None);
        took[300] = Some(700);
        let figures = heard(&took);
        assert_eq!((figures.late, figures.lost), (1, 4), "{figures:?}");
        assert_eq!((figures.concealments, figures.longest_concealment), (3, 3));
        let share = figures.unrecovered_per_mille().unwrap();
        assert!((10.0..10.5).contains(&share), "{share}");
    }

    #[test]
    fn a_pause_is_no_loss() {
        let mut took = vec![Some(30); 100];
        took.extend([None; 150]);
        took.extend([Some(30); 100]);
        let figures = heard(&took);
        assert_eq!((figures.late, figures.lost), (0, 0), "{figures:?}");
    }
}
