//! What a session tells its user.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use plenum_wire::control::{ErrorCode, Present, Track};
use plenum_wire::{Kind, ParticipantId, RouterId, Rung};

use crate::moving::Ending;

/// Something that happened in the meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// First of all: in the meeting, on this router.
    Joined {
        /// As whom.
        participant: ParticipantId,
        /// Where.
        router: RouterId,
    },
    /// Somebody is there.
    ParticipantJoined(Present),
    /// Somebody is no longer there.
    ParticipantLeft(ParticipantId),
    /// There is a track. The same one on both routers of a move.
    TrackAdded(Arc<Track>),
    /// A track is over.
    TrackRemoved(Arc<Track>),
    /// An RTP packet of a track; each comes once, whichever routers carried it.
    Packet {
        /// Whose, and which.
        track: Arc<Track>,
        /// As it was sent. A track with layers comes as one stream, whichever layers it is
        /// made of.
        packet: Bytes,
        /// When it was received.
        at: Instant,
    },
    /// Who is heard changed; the audio of others is not sent to us.
    Speakers {
        /// Those heard, by slot: each keeps its place while it is heard. See
        /// [`is_heard`](crate::is_heard).
        slots: Vec<Option<ParticipantId>>,
        /// Who speaks, or spoke last.
        active: Option<ParticipantId>,
    },
    /// Somebody cannot go on without a key frame of our track: an encoder makes one now. What
    /// is played from a file has to wait for its next.
    KeyFrameWanted {
        /// Of which track.
        kind: Kind,
        /// Of which of its layers; 0 where there are none.
        layer: u8,
    },
    /// Which layers of our track are to be sent changed, as
    /// [`TrackSender::wants_layer`](crate::TrackSender::wants_layer) says: who watches, or
    /// the room on the way to the router. What comes back begins with a key frame.
    LayersWanted {
        /// Of which track.
        kind: Kind,
        /// The lowest first; one where there are none.
        layers: Vec<bool>,
    },
    /// A kind of media is carried by this rung from now on.
    Bound {
        /// Which.
        kind: Kind,
        /// By what.
        rung: Rung,
    },
    /// A move to another router began.
    MoveStarted {
        /// Which.
        to: RouterId,
    },
    /// It ended.
    MoveEnded {
        /// Whether the participant is on the new router.
        ok: bool,
        /// Where it is now.
        router: RouterId,
    },
    /// The router was lost; coming back.
    Reconnecting {
        /// Why.
        reason: String,
    },
    /// Back, with the same tracks.
    Reconnected {
        /// Where.
        router: RouterId,
    },
    /// The router objected to something.
    Objection {
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
    /// Last of all.
    Ended(Ending),
}
