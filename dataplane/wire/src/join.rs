//! `POST /v1/meetings/{id}/join` at a zone controller, and its answer.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{DisplayName, Fingerprint, Flows, MeetingId, ParticipantId, RouterId};

/// What a client asks. With `admission: directory` the directory's token goes in
/// `Authorization: Bearer`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The name to show to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// Kept when a participant comes back after losing its router; made by the zone otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// The renewal secret from the last offer; proves that `participant` is the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Routers that refused or did not answer just now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<RouterId>,
}

/// Where and how to reach one router for one meeting: the answer to a join, and the
/// body of a `migrate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The meeting.
    pub meeting: MeetingId,
    /// Who the caller is in it.
    pub participant: ParticipantId,
    /// The router.
    pub router: RouterId,
    /// How to reach it.
    pub endpoint: Endpoint,
    /// The media flows of this participant on this router.
    pub flows: Flows,
    /// To show to the router; see [`crate::ticket`].
    pub ticket: String,
}

/// A router's addresses and the certificate that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Addresses to try, preferred first.
    pub addresses: Vec<IpAddr>,
    /// TCP port of control channel and rung `tls`.
    pub https_port: u16,
    /// UDP and TCP port of rungs `udp` and `tcp`.
    pub media_port: u16,
    /// SHA-256 of the router's certificate.
    pub fingerprint: Fingerprint,
}

/// Why a join was refused. Sent as RFC 9457 `application/problem+json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 404: there is no such meeting here.
    #[error("this zone has no such meeting")]
    UnknownMeeting,
    /// 401: the zone wants a token of its directory.
    #[error("this zone asks for a token: look the meeting up at the directory first")]
    TokenRequired,
    /// 403: the token or ticket is for somebody or something else, or no longer good.
    #[error("the token does not allow this meeting")]
    Forbidden,
    /// 403: the meeting was ended after the token was made, or the ticket's holder was admitted.
    /// Clients that do not know this code take the status for [`Refusal::Forbidden`].
    #[error("the meeting was ended")]
    MeetingEnded,
    /// 503, retry: no router in the zone has room for another participant.
    #[error("every router of the zone is full")]
    ZoneFull,
    /// 503, retry: the meeting's router is full and no other could take the whole meeting.
    #[error("the meeting is full")]
    MeetingFull,
    /// 503, retry: no router of the zone takes anybody, some because they have as much to do
    /// as they can.
    #[error("the routers of the zone are overloaded")]
    ZoneOverloaded,
    /// 503, retry: no router is connected to this controller.
    #[error("no router of the zone is ready")]
    NoRouter,
    /// 429, retry: too many requests from one address.
    #[error("too many requests")]
    TooManyRequests,
    /// 400: the request could not be read.
    #[error("the request could not be understood")]
    BadRequest,
}

impl Refusal {
    /// The HTTP status that carries it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::UnknownMeeting => 404,
            Self::TokenRequired => 401,
            Self::Forbidden | Self::MeetingEnded => 403,
            Self::ZoneFull | Self::MeetingFull | Self::ZoneOverloaded | Self::NoRouter => 503,
            Self::TooManyRequests => 429,
            Self::BadRequest => 400,
        }
    }

    /// Whether the same request can succeed a moment later.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(
            self,
            Self::ZoneFull
                | Self::MeetingFull
                | Self::ZoneOverloaded
                | Self::NoRouter
                | Self::TooManyRequests
        )
    }
}

/// RFC 9457 body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank#` is not used: the `code` tells programs, the rest tells people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What programs go by.
    pub code: Refusal,
    /// What to do next.
    pub detail: String,
}
