//! What somebody at the other end would hear and see, as figures: packets are taken as they
//! come, and judged as a player would. Nothing is decoded. Pure.
//!
//! | type | what it judges |
//! |---|---|
//! | [`Voice`] | an adaptive playout delay, and what is late or lost at its end |
//! | [`Judge`] | either of these, by the track |
//! | [`Picture`] | frames that are whole and can be decoded, and how long the last one stood |
//! | [`Heights`] | how large they were, over time |

use std::time::{Duration, Instant};

use plenum_wire::Kind;
use plenum_wire::control::Track;
use plenum_wire::rtp::Header;

use crate::media::KeyFrame;

mod heights;
mod numbers;
mod picture;
mod voice;

pub use heights::Heights;
pub use picture::{Picture, PictureFigures};
pub use voice::{Voice, VoiceFigures};

/// What was heard or seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quality {
    /// Of audio tracks.
    pub voice: VoiceFigures,
    /// Of video and content.
    pub picture: PictureFigures,
}

impl Quality {
    /// Adds another track's.
    pub fn add(&mut self, other: &Self) {
        self.voice.add(&other.voice);
        self.picture.add(&other.picture);
    }
}

/// A listener's ear or eye for one track.
#[derive(Debug)]
pub enum Judge {
    /// Of audio.
    Voice(Box<Voice>),
    /// Of video and content.
    Picture(Box<Picture>),
}

impl Judge {
    /// The one that fits the track.
    #[must_use]
    pub fn of(track: &Track) -> Self {
        let rate = track.codec.clock_rate;
        match track.kind {
            Kind::Audio => Self::Voice(Box::new(Voice::new(rate))),
            Kind::Video | Kind::Content => {
                // What a track without layers says of itself holds until its frames say more.
                let says = track.layers.is_empty().then_some(track.codec.height);
                let height = says.filter(|height| *height > 0);
                Self::Picture(Box::new(Picture::new(rate, height)))
            }
        }
    }

    /// Of a picture: see [`Picture::steady`].
    #[must_use]
    pub fn steady(self, interval: Duration) -> Self {
        match self {
            Self::Voice(_) => self,
            Self::Picture(picture) => Self::Picture(Box::new(picture.steady(interval))),
        }
    }

    /// Takes a packet; each comes once. `key`: see [`Picture::receive`].
    pub fn receive(&mut self, header: &Header, key: Option<KeyFrame>, at: Instant) {
        match self {
            Self::Voice(voice) => voice.receive(header, at),
            Self::Picture(picture) => picture.receive(header, key, at),
        }
    }

    /// The router no longer sends the track on; the next packet begins it anew.
    pub fn pause(&mut self, at: Instant) {
        match self {
            Self::Voice(voice) => voice.pause(),
            Self::Picture(picture) => picture.pause(at),
        }
    }

    /// How many frames were shown; of a voice there are none.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        match self {
            Self::Voice(_) => 0,
            Self::Picture(picture) => picture.frames(),
        }
    }

    /// How high the picture is that was shown last, in pixels, if it is one and that is known.
    #[must_use]
    pub const fn height(&self) -> Option<u16> {
        match self {
            Self::Voice(_) => None,
            Self::Picture(picture) => picture.height(),
        }
    }

    /// Whether a key frame would help.
    #[must_use]
    pub fn wants_key_frame(&self) -> bool {
        matches!(self, Self::Picture(picture) if picture.wants_key_frame())
    }

    /// What was heard or seen until `end`.
    #[must_use]
    pub fn quality(&self, end: Instant) -> Quality {
        let mut quality = Quality::default();
        match self {
            Self::Voice(voice) => quality.voice = voice.figures(),
            Self::Picture(picture) => quality.picture = picture.figures(end),
        }
        quality
    }
}
