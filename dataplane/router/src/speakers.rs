//! Audio by the loudest speakers: which few of a meeting's voices are forwarded, and who of
//! them is the active speaker.
//!
//! | file | idea |
//! |---|---|
//! | `voice` | pure: how loud one participant is, smoothed |
//! | `stage` | pure: who has the slots of one meeting, and who is active |
//! | `here` | what a packet, a new track and a track's end do to both |
//!
//! Levels come with the packets (RFC 6464); nothing is decoded, and packets are forwarded as
//! they came. Where a meeting has no more audio tracks than [`SLOTS`] all are forwarded,
//! always. Otherwise slots are stable: who has one keeps it, also in silence, until somebody
//! outside is clearly louder for a while than the one who can be missed most. That others
//! wait for a margin and for some time is how Jitsi Videobridge ranks speakers too; that the
//! active speaker is judged over a longer time than the slots follows Volfin and Cohen,
//! "Dominant speaker identification for multipoint videoconferencing" (2013), of which this
//! is a simple form: two time spans instead of three, and decibels instead of likelihoods.
//!
//! Nothing here has a timer: without packets nobody's turn comes, and nothing is to be said.

mod here;
mod stage;
#[cfg(test)]
mod tests;
mod voice;

use std::time::Duration;

pub(crate) use stage::Stage;
pub(crate) use voice::Voice;

/// How many of a meeting's voices are forwarded. More than five at once nobody understands,
/// and five leave room for those who interrupt and those who laugh.
pub const SLOTS: usize = 5;
/// Louder by so much is clearly louder, in dB: twice the amplitude.
pub const CLEARLY_DB: f32 = 6.0;
/// How long somebody is clearly louder before taking a slot from a speaker.
pub const TAKES_SLOT: Duration = Duration::from_millis(200);
/// How long somebody is clearly louder before being the active speaker instead of another.
pub const TAKES_TURN: Duration = Duration::from_millis(500);
/// How often a meeting's slots are looked at, and the most often that it is told of them.
pub const REVIEW: Duration = Duration::from_millis(100);
