//! The control channel between a client and its router: `GET /v1/control`, WebSocket
//! subprotocol `plenum.v1`, one JSON object per text message.
//!
//! The client speaks first, [`FromClient::Hello`] within 5 s. Messages of a type that a
//! router does not know are answered with [`FromRouter::Error`]; the channel stays.

use serde::{Deserialize, Serialize};

use crate::join::Offer;
use crate::{Codec, DisplayName, Kind, MeetingId, ParticipantId, RouterId, Rung};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "plenum.v1";
/// Path of the control channel on a router's HTTPS port.
pub const CONTROL_PATH: &str = "/v1/control";
/// Path of rung `tls` on a router's HTTPS port.
pub const MEDIA_PATH: &str = "/v1/media";

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromClient {
    /// First message: the ticket opens the door.
    Hello {
        /// From the offer.
        ticket: String,
        /// Shown to the others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<DisplayName>,
        /// Which tracks to send without being asked for each.
        #[serde(default)]
        subscribe: Interest,
        /// Coming from this router by a `migrate`: its tracks are the same ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moved_from: Option<RouterId>,
    },
    /// From now on packets with this SSRC on this kind's flow are a track.
    Publish {
        /// The track's kind; one track of each kind per participant.
        kind: Kind,
        /// RTP synchronisation source, unique in the meeting.
        ssrc: u32,
        /// What is in the packets.
        codec: Codec,
        /// The sizes the picture comes in, see [`Layer`]; none for a track of one stream.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<Layer>,
    },
    /// The track ends.
    Unpublish {
        /// Which one.
        kind: Kind,
    },
    /// Send this track to me.
    Subscribe {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        kind: Kind,
    },
    /// No longer send this track to me.
    Unsubscribe {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        kind: Kind,
    },
    /// How large these tracks are shown; each holds until the next about the same track. What
    /// nothing was said about is wanted as large as it is. At most
    /// [`WANTS`](crate::limits::WANTS) in one message, and kept for one client.
    Want {
        /// One for each track.
        wants: Vec<Want>,
    },
    /// Answer to [`FromRouter::Migrate`], said to the old router: the new one carries
    /// everything, both ways.
    Moved {
        /// The new router.
        to: RouterId,
    },
    /// Answer to [`FromRouter::Migrate`]: it did not work, I stay.
    MoveFailed {
        /// The new router.
        to: RouterId,
        /// For the log.
        reason: String,
    },
    /// Leaving for good.
    Bye,
}

/// One size of a track's picture. The lowest comes first, at most
/// [`LAYERS`](crate::limits::LAYERS).
///
/// Simulcast: each layer is a stream of its own with its own SSRC, and one captured frame has
/// the same RTP timestamp in all. Scalable: all layers have the SSRC of the track, and the
/// packets say in their dependency descriptors (AV1 RTP specification, appendix A) to which
/// they belong; layer n is decode target n, or, of a stream with more targets than layers, one
/// of those at equal distances up to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// RTP synchronisation source of the layer's packets on their way to the router.
    pub ssrc: u32,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// What it takes to send it, in kbit/s; of scalable layers with those below.
    pub kbps: u32,
}

/// How large a client shows a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Whose.
    pub participant: ParticipantId,
    /// Which.
    pub kind: Kind,
    /// Height in pixels: no layer that is higher is sent, but for the lowest. 0 pauses the
    /// track.
    pub height: u16,
    /// Where there is no room for all, higher ones come first.
    #[serde(default)]
    pub priority: u8,
}

impl Want {
    /// As large as there is.
    pub const ANY_HEIGHT: u16 = u16::MAX;
}

/// Which tracks a router sends of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interest {
    /// Everything the others publish.
    #[default]
    All,
    /// Nothing until asked.
    None,
}

/// What a router says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRouter {
    /// Answer to [`FromClient::Hello`], with what is there already.
    Welcome {
        /// The meeting.
        meeting: MeetingId,
        /// Who the client is.
        participant: ParticipantId,
        /// The router.
        router: RouterId,
        /// The others.
        participants: Vec<Present>,
        /// Their tracks.
        tracks: Vec<Track>,
    },
    /// Somebody came.
    ParticipantJoined {
        /// Who.
        #[serde(flatten)]
        present: Present,
    },
    /// Somebody left.
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
    },
    /// Answer to [`FromClient::Publish`].
    Published {
        /// Which.
        kind: Kind,
    },
    /// Which layers of the client's own track somebody receives now; it need not send the
    /// others. Before the first of these all are wanted. A track without layers is one.
    Wanted {
        /// Which.
        kind: Kind,
        /// For each layer, the lowest first.
        layers: Vec<bool>,
    },
    /// A track began; by [`Interest::All`] its packets follow.
    TrackAdded {
        /// What.
        #[serde(flatten)]
        track: Track,
    },
    /// A track ended.
    TrackRemoved {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        kind: Kind,
    },
    /// Media of this kind now goes over this connection, both ways. A later one replaces it.
    MediaBound {
        /// Which.
        kind: Kind,
        /// The rung of the connection.
        rung: Rung,
    },
    /// Who is heard now, said when it changes, at most ten times a second. The audio of who
    /// is in no slot is not sent; where there are no more audio tracks than slots all are in
    /// one.
    Speakers {
        /// By slot: who gets one keeps its place until somebody clearly louder takes it.
        slots: Vec<Option<ParticipantId>>,
        /// Who speaks, or spoke last.
        active: Option<ParticipantId>,
    },
    /// Go to another router: connect there, publish there, then say [`FromClient::Moved`]
    /// here, and use both until [`FromRouter::Release`].
    Migrate {
        /// The new router.
        offer: Box<Offer>,
    },
    /// Everybody is over there: leave this router.
    Release {
        /// The new router.
        to: RouterId,
    },
    /// The move is off: leave the new router and stay.
    Stay {
        /// The router that did not work.
        to: RouterId,
    },
    /// Something the client said was not right.
    Error {
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
}

/// Somebody in a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// Who.
    pub participant: ParticipantId,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
}

/// A published track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Whose.
    pub participant: ParticipantId,
    /// Which.
    pub kind: Kind,
    /// RTP synchronisation source of its packets.
    pub ssrc: u32,
    /// What is in them.
    pub codec: Codec,
    /// The sizes to choose from; what is received is one stream with the SSRC above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// Why the router objected. [`ErrorCode::close`] tells whether the channel ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A message was no JSON, of an unknown type, or with wrong fields.
    BadMessage,
    /// The first message was no `hello`, or came too late.
    HelloExpected,
    /// The ticket is forged, or signed by another zone.
    TicketForged,
    /// The ticket is too old.
    TicketExpired,
    /// The ticket is for another router.
    TicketForeign,
    /// The router is full; ask the zone for another.
    RouterFull,
    /// The router is being drained; ask the zone for another.
    RouterDraining,
    /// The router has as much to do as it can; ask the zone for another.
    RouterOverloaded,
    /// The same participant joined again; this older channel ends.
    Replaced,
    /// The meeting was ended; do not come back.
    MeetingEnded,
    /// Another track of the meeting has this SSRC; choose another.
    SsrcTaken,
    /// No such track.
    UnknownTrack,
    /// Too many messages in a short time.
    TooFast,
    /// The router stops.
    GoingAway,
}

impl ErrorCode {
    /// The WebSocket close code when the error ends the channel.
    #[must_use]
    pub const fn close(self) -> Option<u16> {
        match self {
            Self::HelloExpected => Some(4400),
            Self::TicketForged => Some(4401),
            Self::TicketForeign => Some(4403),
            Self::TicketExpired => Some(4410),
            Self::MeetingEnded => Some(4411),
            Self::RouterFull => Some(4503),
            Self::RouterDraining => Some(4504),
            Self::RouterOverloaded => Some(4505),
            Self::Replaced => Some(4409),
            Self::TooFast => Some(4429),
            Self::GoingAway => Some(1001),
            Self::BadMessage | Self::SsrcTaken | Self::UnknownTrack => None,
        }
    }
}
