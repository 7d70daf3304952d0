//! Real media in and out of files: Ogg Opus (RFC 7845) and IVF, to RTP packets and back.
//!
//! ```text
//! file -> Source -> frames -> Packetizer -> RTP ... RTP -> Recorder -> frames -> file
//! ```
//!
//! What a [`Recorder`] writes is what a [`Source`] read, frame for frame and bit for bit;
//! an H.264 file comes back with four-byte start codes throughout. No sockets, no clock:
//! a frame says when it is due.

mod assemble;
mod av1;
mod bounded;
mod ivf;
mod key;
mod ogg_opus;
mod packetize;
mod recorder;
mod source;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use key::{KeyFrame, key_frame};
pub use packetize::Packetizer;
pub use recorder::{Recorded, Recorder};
pub use source::{Frame, Source};

/// Larger than any frame of a conference. Neither a broken file nor a sender who never ends a
/// frame may ask for more memory.
const FRAME_BYTES: usize = 8 << 20;

/// Why a media file cannot be played or written.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what its name says, or is broken.
    #[error("{path}: {reason}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The codec is none that this client packs and unpacks.
    #[error("codec {0:?}: this client knows opus, VP8, VP9, AV1 and H264")]
    Codec(String),
}
