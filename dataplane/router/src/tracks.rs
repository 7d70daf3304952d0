//! Published tracks and who receives what of them.
//!
//! A track is one stream that is passed on as it came, or has layers: streams of their own
//! (simulcast) or one stream that can be taken in part (scalable). Of those each receiver gets
//! the one layer for which it has the room and the size, as one stream without a seam.
//!
//! | file | idea |
//! |---|---|
//! | `publication` | what may be published |
//! | `track` | one track, plain or with layers, and its receivers |
//! | `plain` | a track of one stream |
//! | `layered`, `pass` | a track with layers, and the way of a packet through it |
//! | `source` | one stream as it comes: its cache, its gaps, its key frames, its rate |
//! | `viewer` | pure: one receiver's way through the layers |
//! | `want` | pure: how large a client shows each track |
//! | `choice` | which layer each receiver gets |
//! | `beside` | pure: what cameras leave to content on the same path |
//! | `touch` | who has to be looked at after something happened |
//! | `probe` | pure: when to try whether there is room for more |
//! | `watch` | which layers the publisher need not send |

mod beside;
mod choice;
mod layered;
mod pass;
mod plain;
mod probe;
mod publication;
mod source;
mod touch;
mod track;
mod viewer;
mod want;
mod watch;

pub(crate) use choice::{Look, Reception};
pub(crate) use layered::Layered;
pub(crate) use pass::{Arrived, Passed};
pub(crate) use publication::{Publication, Shape};
pub(crate) use source::{Address, Source};
pub(crate) use track::{Form, Receiver, Track};
pub use viewer::DOWN_WITHIN;
pub(crate) use want::{Shown, Wants};
pub use watch::PAUSED_AFTER;
