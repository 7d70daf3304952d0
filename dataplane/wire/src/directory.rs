//! The directory: what clients ask it before they join, and what zones tell it.
//!
//! `POST /v1/lookup` starts every join with `admission: directory`. `PUT
//! /v1/zones/{zone}/report` comes from every controller of every zone, outward only: a
//! directory connects to nobody.

use serde::{Deserialize, Serialize};

use crate::{DisplayName, MeetingId, ZoneName};

/// Where clients ask.
pub const LOOKUP_PATH: &str = "/v1/lookup";
/// Where the public keys are (RFC 7517).
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// Meetings of one report at most: as many as the people of the largest zone have in pairs.
pub const MEETINGS: usize = 100_000;
/// Ended meetings of one answer at most, some 42 bytes each.
pub const ENDED: usize = 1_000;
/// How long a token opens a zone's door, in seconds. Who is inside stays.
pub const TOKEN_LIFETIME_S: u64 = 600;

/// Which meeting. Who signed in sends the session or API token as `Authorization: Bearer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupRequest {
    /// The meeting's number, or the name of a personal meeting.
    pub meeting: MeetingId,
    /// Where the meeting has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<String>,
    /// The name to show to others, for the host who lets people in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// From an earlier answer: proves who asks again from the waiting room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// To be sent where an earlier answer said `nowhere`: which of its zones the caller has chosen.
    /// The meeting begins there, unless another one was named before; `hosts` of the answer says
    /// where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_in: Option<ZoneName>,
}

/// The answer to a lookup: a permission, and where to use it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lookup {
    /// The meeting.
    pub meeting: MeetingId,
    /// What its topic is, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the caller may do there.
    pub role: Role,
    /// A JWT that says [`TokenClaims`], for the zones below.
    pub token: String,
    /// Seconds until it has to be asked for again.
    pub expires_in_s: u64,
    /// Preferred first; never empty.
    pub zones: Vec<ZoneOffer>,
    /// The meeting is in none of the zones yet, and there are several: who has chosen one of them
    /// asks once more with `begin_in` before going there, so that all who begin a meeting at once
    /// come to one zone. Who does not may find nobody there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nowhere: bool,
}

/// A zone that may host the meeting for the caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ZoneOffer {
    /// Its name.
    pub zone: ZoneName,
    /// Its controllers, `https://HOST[:PORT]` each.
    pub controllers: Vec<String>,
    /// Its tunnels, `https://HOST[:PORT]` each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<String>,
    /// Who vouches for both, in PEM; the public web's authorities otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// How much of its room is in use, 0 to 1 as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// Whether the meeting is there already, or begins there: the others of it go there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hosts: bool,
}

/// What somebody may do in a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Take part.
    Participant,
    /// Let people in, and end the meeting.
    Host,
}

/// What a directory's token says: a JWT (RFC 7519) signed with `EdDSA`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenClaims {
    /// The directory, by its URL or name.
    pub iss: String,
    /// The account, or a name made up for a guest.
    pub sub: String,
    /// The zones it is good for.
    pub aud: Vec<ZoneName>,
    /// The meeting.
    pub meeting: MeetingId,
    /// What its holder may do there.
    pub role: Role,
    /// Unix time in seconds at which it was made.
    pub iat: u64,
    /// Unix time in seconds from which it is no longer good.
    pub exp: u64,
    /// A random name, so that no two are alike.
    pub jti: String,
}

/// Why the directory said no. Sent as `code` of RFC 9457 `application/problem+json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// 404: there is no such meeting.
    #[error("there is no such meeting")]
    UnknownMeeting,
    /// 401: the meeting has a passcode.
    #[error("the meeting asks for a passcode")]
    PasscodeRequired,
    /// 403: that is not the passcode.
    #[error("that is not the meeting's passcode")]
    WrongPasscode,
    /// 401: only for those who sign in, or the session has ended.
    #[error("sign in first")]
    SignInRequired,
    /// 403: signed in, but not allowed.
    #[error("that is not allowed")]
    Forbidden,
    /// 403, retry: in the waiting room until a host lets the caller in. `waiting` of the
    /// problem is to be sent with the next lookup.
    #[error("a host has to let you in")]
    WaitingForHost,
    /// 403: a host said no.
    #[error("the host did not let you in")]
    Refused,
    /// 403, retry: the meeting has not begun.
    #[error("the meeting has not begun")]
    NotYet,
    /// 410: the meeting is over.
    #[error("the meeting is over")]
    Over,
    /// 503, retry: no zone that could host the meeting is healthy.
    #[error("no zone is ready to host the meeting")]
    NoZone,
    /// 404: there is no such thing.
    #[error("there is no such thing")]
    NotFound,
    /// 409: something else has that name, it was changed meanwhile, or there are as many as
    /// there may be.
    #[error("it does not fit to what is there")]
    Conflict,
    /// 429, retry: too many requests, or too many wrong guesses.
    #[error("too many requests")]
    TooManyRequests,
    /// 400: the request could not be read.
    #[error("the request could not be understood")]
    BadRequest,
    /// 503, retry: the directory's database is away.
    #[error("the directory cannot answer for the moment")]
    Unavailable,
    /// 503, retry: a replica changes nothing, and the directory that could is away.
    #[error("this is a replica: it answers, and changes nothing")]
    ReadOnly,
}

impl Denial {
    /// The HTTP status that carries it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::PasscodeRequired | Self::SignInRequired => 401,
            Self::WrongPasscode
            | Self::Forbidden
            | Self::WaitingForHost
            | Self::Refused
            | Self::NotYet => 403,
            Self::UnknownMeeting | Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Over => 410,
            Self::TooManyRequests => 429,
            Self::NoZone | Self::Unavailable | Self::ReadOnly => 503,
        }
    }

    /// As it is written in JSON: for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownMeeting => "unknown_meeting",
            Self::PasscodeRequired => "passcode_required",
            Self::WrongPasscode => "wrong_passcode",
            Self::SignInRequired => "sign_in_required",
            Self::Forbidden => "forbidden",
            Self::WaitingForHost => "waiting_for_host",
            Self::Refused => "refused",
            Self::NotYet => "not_yet",
            Self::Over => "over",
            Self::NoZone => "no_zone",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooManyRequests => "too_many_requests",
            Self::BadRequest => "bad_request",
            Self::Unavailable => "unavailable",
            Self::ReadOnly => "read_only",
        }
    }

    /// Whether the same request can succeed a moment later.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(
            self,
            Self::WaitingForHost
                | Self::NotYet
                | Self::NoZone
                | Self::TooManyRequests
                | Self::Unavailable
                | Self::ReadOnly
        )
    }
}

/// RFC 9457 body of every error answer of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DirectoryProblem {
    /// The kind of problem, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What programs go by.
    pub code: Denial,
    /// What to do next.
    pub detail: String,
    /// With [`Denial::WaitingForHost`]: to be sent with the next lookup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
}

impl DirectoryProblem {
    /// Of this kind, with the title and the status that belong to it.
    #[must_use]
    pub fn new(code: Denial, detail: impl Into<String>) -> Self {
        Self {
            title: code.to_string(),
            status: code.status(),
            code,
            detail: detail.into(),
            waiting: None,
        }
    }
}

/// What one controller tells the directory about its zone. Level-triggered: each says all,
/// and any may be lost. The caller proves itself with the zone's credential as `Bearer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ZoneReport {
    /// Which controller speaks.
    pub controller: String,
    /// The controllers' public addresses, `https://HOST[:PORT]`.
    pub controllers: Vec<String>,
    /// The tunnels' public addresses.
    #[serde(default)]
    pub tunnels: Vec<String>,
    /// Who vouches for them, in PEM, where it is not a public authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Routers that take people.
    pub routers: u32,
    /// People there is room for, those inside included.
    pub capacity: u32,
    /// People inside.
    pub participants: u32,
    /// Every meeting that runs; of more than [`MEETINGS`] those with most people.
    #[serde(default)]
    pub meetings: Vec<RunningMeeting>,
}

/// A meeting that runs in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunningMeeting {
    /// Which.
    pub meeting: MeetingId,
    /// People in it.
    pub participants: u32,
}

/// What the directory answers to a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportAnswer {
    /// The public keys to verify tokens with (RFC 7517); they stay good until newer ones come.
    pub jwks: serde_json::Value,
    /// Seconds after which to report again though nothing has changed.
    pub report_every_s: u64,
    /// Meetings that were ended or deleted, [`ENDED`] at most: those first that the report says run,
    /// then others that tokens may still be good for. To be told again is no news.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<EndedMeeting>,
    /// Who is still to come to this zone for meetings that are known ahead: those that begin within
    /// twenty minutes or began within the last five, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Expected>,
}

/// A meeting that was ended in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedMeeting {
    /// Which.
    pub meeting: MeetingId,
    /// Unix time in seconds, by the clock of [`TokenClaims::iat`]: whoever was let in by what was
    /// made until then is to go.
    pub at: u64,
}

/// Who is still to come for the meetings that begin within one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Expected {
    /// When that minute begins, in seconds of Unix time. It counts for five minutes, as people are
    /// late.
    pub at: i64,
    /// How many.
    pub people: u32,
}
