//! The zone link: a router, a tunnel or the operator to one zone controller, `GET /v1/link`,
//! WebSocket over mTLS. Every one of them keeps one to EVERY controller.
//!
//! Everything is level-triggered: a report says what is, an order says what is wanted,
//! and either may be repeated or lost with its connection without harm.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::directory::Expected;
use crate::join::{Endpoint, Offer};
use crate::{Boot, Fingerprint, MeetingId, ParticipantId, PoolName, RouterId, TunnelId, ZoneName};

/// Path of the zone link on a controller's link port.
pub const LINK_PATH: &str = "/v1/link";
/// The WebSocket subprotocol of a router.
pub const ROUTER_SUBPROTOCOL: &str = "plenum.router.v1";
/// The WebSocket subprotocol of the operator.
pub const OPERATOR_SUBPROTOCOL: &str = "plenum.operator.v1";
/// The WebSocket subprotocol of a tunnel.
pub const TUNNEL_SUBPROTOCOL: &str = "plenum.tunnel.v1";
/// A report follows a change after this long, so that a burst is one report; milliseconds.
pub const COALESCE_MS: u64 = 50;
/// A report comes at least this often; milliseconds.
pub const HEARTBEAT_MS: u64 = 500;
/// A peer not heard for this long is gone; milliseconds: three heartbeats.
pub const SILENCE_MS: u64 = 1_500;

/// What a router says to a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRouter {
    /// First message of a link.
    Hello {
        /// Who.
        router: RouterId,
        /// Which pool.
        pool: PoolName,
        /// Which run of it.
        boot: Boot,
        /// Where clients reach it.
        endpoint: Endpoint,
    },
    /// What the router hosts. The first after `hello` has every meeting; later ones only
    /// those that changed.
    Report {
        /// The whole router.
        load: Load,
        /// Meetings that are new or changed.
        #[serde(default)]
        meetings: Vec<MeetingLoad>,
        /// Meetings that are no longer here.
        #[serde(default)]
        ended: Vec<MeetingId>,
    },
    /// The router is ready to move this meeting and asks for tickets for these people.
    TicketsWanted {
        /// The meeting.
        meeting: MeetingId,
        /// Where it shall go.
        to: RouterId,
        /// Who is in it.
        participants: Vec<Member>,
    },
    /// A move ended.
    MoveEnded {
        /// The meeting.
        meeting: MeetingId,
        /// Where it should have gone.
        to: RouterId,
        /// How many participants are there now.
        moved: u32,
        /// How many could not go; above 0 the meeting stayed where it was.
        failed: u32,
        /// How long it took in milliseconds.
        took_ms: u64,
    },
}

/// Somebody in a meeting that shall move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub participant: ParticipantId,
    /// From their ticket, and their next one says so too: see [`Claims`](crate::ticket::Claims).
    pub admitted: u64,
    /// As `admitted`. Former programs do not say it, and then their next ticket does not.
    #[serde(default)]
    pub vouched: u64,
}

/// A router's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Participants now.
    pub participants: u32,
    /// Participants it takes at most.
    pub capacity: u32,
    /// Takes new participants while there is room.
    pub accepting: bool,
    /// Was told to empty itself (or is stopping), and agreed.
    pub draining: bool,
}

/// One meeting on a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingLoad {
    /// Which.
    pub meeting: MeetingId,
    /// How many are in it here.
    pub participants: u32,
    /// It is on its way to this router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<RouterId>,
}

/// What a controller says to a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRouter {
    /// Answer to `hello`.
    Welcome {
        /// The controller, for the log.
        controller: String,
        /// The zone.
        zone: ZoneName,
        /// Public keys that tickets are signed with: base64url Ed25519, by key id.
        keys: Vec<TicketKey>,
    },
    /// Whether the router shall be empty. Repeating it changes nothing.
    SetDraining {
        /// What is wanted.
        draining: bool,
    },
    /// Move this meeting there; answered by `tickets_wanted`. Ignored while it moves already.
    MoveMeeting {
        /// The meeting.
        meeting: MeetingId,
        /// The new router.
        to: RouterId,
    },
    /// Answer to `tickets_wanted`; in several messages for a large meeting.
    Tickets {
        /// The meeting.
        meeting: MeetingId,
        /// The new router.
        to: RouterId,
        /// One for each participant; in all messages together.
        offers: Vec<Offer>,
    },
    /// The meeting was ended: whoever was vouched for until then leaves, and does not come in with a
    /// ticket of theirs. Repeating it changes nothing.
    EndMeeting {
        /// The meeting.
        meeting: MeetingId,
        /// Compared with [`Claims::vouched`](crate::ticket::Claims::vouched).
        at: u64,
    },
}

/// A public key for tickets or tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketKey {
    /// Named in the header of what it signed.
    pub kid: String,
    /// 32 bytes in base64url without padding (the `x` of RFC 8037).
    pub x: String,
}

/// What the operator says to a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromOperator {
    /// All routers of a pool that shall be empty; those not named shall not.
    SetDraining {
        /// The pool.
        pool: PoolName,
        /// The complete list.
        routers: Vec<RouterId>,
    },
}

/// What a controller says to the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToOperator {
    /// Everything this controller knows of its routers; on change and as a heartbeat.
    Report {
        /// The controller, for the log.
        controller: String,
        /// Every router heard of since the start, those out of touch with a growing age.
        routers: Vec<RouterReport>,
        /// Who is expected in the zone soon, as the directory said last.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        expected: Vec<Expected>,
    },
}

/// One router as a controller knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterReport {
    /// Who.
    pub router: RouterId,
    /// Which pool.
    pub pool: PoolName,
    /// Which run of it.
    pub boot: Boot,
    /// Its own words.
    pub load: Load,
    /// Meetings on it.
    pub meetings: u32,
    /// Since its last word, in milliseconds.
    pub age_ms: u64,
    /// Whether its link is up.
    pub connected: bool,
    /// Since people last were moved to it from another router, in milliseconds, where any were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_ms: Option<u64>,
    /// Seats on one other router that a meeting on it needs and for some seconds has found nowhere:
    /// it outgrew this router, or has to leave it. The most of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplaced: Option<u32>,
}

/// What a tunnel says to a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromTunnel {
    /// First and only message of a link.
    Hello {
        /// Who.
        tunnel: TunnelId,
    },
}

/// What a controller says to a tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToTunnel {
    /// Everything that clients may reach through the tunnel, as far as this controller knows.
    /// Comes after `hello` and with each change.
    Targets {
        /// The controller, for the log.
        controller: String,
        /// The zone.
        zone: ZoneName,
        /// The zone's controllers, `https://HOST[:PORT]` each.
        controllers: Vec<String>,
        /// Its routers that are in touch.
        routers: Vec<RouterTarget>,
        /// Public keys of the zone's tickets: who was let in before may come back by one.
        keys: Vec<TicketKey>,
        /// Public keys of the directory's tokens, as far as the controller knows them.
        #[serde(default)]
        directory_keys: Vec<TicketKey>,
    },
}

/// Where a tunnel reaches a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterTarget {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// TCP port of control channel and rung `tls`.
    pub https_port: u16,
    /// SHA-256 of its certificate.
    pub fingerprint: Fingerprint,
}
