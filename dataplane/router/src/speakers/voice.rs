//! How loud one participant is.

use std::time::{Duration, Instant};

use plenum_wire::rtp::AudioLevel;

/// Everything below is silence, in dB below full scale. Loudness counts up from here.
const SILENCE_DB: u8 = 80;
/// From here on it is speech, in dB above [`SILENCE_DB`]: -55 dBov. Rooms are below, after
/// the noise suppression that every client has.
const SPEECH: f32 = 25.0;
/// What a packet without a level counts as, in dB above [`SILENCE_DB`]: -40 dBov, above the
/// noise of a room, so that peers without levels are heard, and below who speaks up.
const UNKNOWN: f32 = 40.0;

/// How fast loudness follows a louder packet, in seconds: a syllable or two.
const RISES_IN: f32 = 0.06;
/// How fast it falls, in seconds: longer than the pauses between words.
const FALLS_IN: f32 = 0.4;
/// How fast the loudness by which turns are taken follows, in seconds: a few words.
const TURNS_IN: f32 = 0.5;

/// What a packet stands for at most, and how long it may take until the next one before
/// that is silence; discontinuous transmission sends one in 400 ms.
const LASTS: Duration = Duration::from_millis(100);
/// And at least: a batch of packets comes at once.
const LASTS_AT_LEAST: Duration = Duration::from_millis(5);

/// One participant's voice, as its audio packets tell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Voice {
    /// Whether it has a slot.
    pub heard: bool,
    /// When it asks next whether somebody's turn came.
    pub review_at: Option<Instant>,
    loudness: f32,
    slowly: f32,
    last: Option<Instant>,
    spoke: Option<Instant>,
}

/// A voice at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    /// In dB above silence, never below 0.
    pub loudness: f32,
    /// The same over a longer time.
    pub slowly: f32,
    /// When it last spoke; `None` when it never has.
    pub spoke: Option<Instant>,
}

impl Standing {
    /// Whether it is loud enough to be speech.
    pub(crate) fn speaks(&self) -> bool {
        self.loudness >= SPEECH
    }

    /// Whether it has been speaking for long enough to have its turn.
    pub(crate) fn holds_forth(&self) -> bool {
        self.slowly >= SPEECH
    }
}

impl Voice {
    /// Nothing came yet.
    pub(crate) fn new(heard: bool) -> Self {
        Self {
            heard,
            ..Self::default()
        }
    }

    /// A packet came; whether it is the first.
    pub(crate) fn hear(&mut self, level: Option<AudioLevel>, now: Instant) -> bool {
        let level = level.map_or(UNKNOWN, |level| {
            f32::from(SILENCE_DB.saturating_sub(level.below))
        });
        let standing = self.standing(now);
        let lasts = self.last.map_or(LASTS, |last| {
            now.saturating_duration_since(last)
                .clamp(LASTS_AT_LEAST, LASTS)
        });
        let follow = if level > standing.loudness {
            RISES_IN
        } else {
            FALLS_IN
        };
        self.loudness = towards(standing.loudness, level, lasts, follow);
        self.slowly = towards(standing.slowly, level, lasts, TURNS_IN);
        if self.loudness >= SPEECH {
            self.spoke = Some(now);
        }
        self.last.replace(now).is_none()
    }

    /// How loud it is now: who no longer sends becomes silent.
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        let since = self
            .last
            .map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let silent = since.saturating_sub(LASTS);
        Standing {
            loudness: towards(self.loudness, 0.0, silent, FALLS_IN),
            slowly: towards(self.slowly, 0.0, silent, TURNS_IN),
            spoke: self.spoke,
        }
    }

    /// The loudness at the last packet, for when there is no time to compare at.
    pub(crate) const fn last_loudness(&self) -> f32 {
        self.loudness
    }
}

/// Exponential smoothing, its weight by the backward difference.
fn towards(from: f32, to: f32, during: Duration, follow: f32) -> f32 {
    let during = during.as_secs_f32();
    from + (to - from) * during / (during + follow)
}
