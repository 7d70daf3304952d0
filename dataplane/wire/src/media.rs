//! Kinds of media, the rungs that carry them, and what is in their packets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::FlowId;

/// A media type. Each has its own media connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Voices.
    Audio,
    /// Cameras.
    Video,
    /// A shared screen.
    Content,
}

impl Kind {
    /// Every kind, the most important first.
    pub const ALL: [Self; 3] = [Self::Audio, Self::Video, Self::Content];

    /// The name on the wire and in file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One way of carrying media. The order is the order of preference, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// QUIC datagrams on the media port.
    Udp,
    /// TLS over TCP on the media port.
    Tcp,
    /// WebSocket on the HTTPS port.
    Tls,
}

impl Rung {
    /// Every rung, the best first.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// The name on the wire and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rung {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|rung| rung.as_str() == text)
            .ok_or_else(|| format!("write udp, tcp or tls, not {text:?}"))
    }
}

/// One flow id for each kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// The flow of voices.
    pub audio: FlowId,
    /// The flow of cameras.
    pub video: FlowId,
    /// The flow of shared screens.
    pub content: FlowId,
}

impl Flows {
    /// The flow of one kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> FlowId {
        match kind {
            Kind::Audio => self.audio,
            Kind::Video => self.video,
            Kind::Content => self.content,
        }
    }
}

/// What a track's RTP payload is. Routers pass it on unread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codec {
    /// The name registered for RTP: `opus`, `VP8`, `VP9`, `AV1`, `H264`.
    pub name: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// RTP payload type in the track's packets.
    pub payload_type: u8,
    /// Width in pixels; 0 for audio.
    #[serde(default)]
    pub width: u16,
    /// Height in pixels; 0 for audio.
    #[serde(default)]
    pub height: u16,
    /// Channels; 0 for video.
    #[serde(default)]
    pub channels: u8,
}
