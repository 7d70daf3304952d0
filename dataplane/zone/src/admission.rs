//! Who may join at all, before anybody asks where.

use std::collections::BTreeSet;

use plenum_wire::directory::TokenClaims;
use plenum_wire::join::Refusal;
use plenum_wire::{MeetingId, ZoneName};

/// How a zone admits participants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Everybody who can reach it.
    Open {
        /// Only to these meetings; to any when `None`.
        meetings: Option<BTreeSet<MeetingId>>,
    },
    /// Who brings a token of the directory for this zone.
    Directory {
        /// This zone.
        zone: ZoneName,
    },
}

/// What somebody shows who wants to join. The shell has checked the signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// Nothing.
    None,
    /// A token of the directory.
    Token(&'a TokenClaims),
    /// This zone's own ticket for this meeting: its holder was let in before and comes back,
    /// perhaps long after the token that let them in has expired, but within
    /// [`plenum_wire::ticket::IDENTITY_S`] of being let in with it.
    Ticket(&'a MeetingId),
    /// Something whose signature does not fit.
    Forged,
}

impl Admission {
    /// Whether somebody with this proof may join `meeting` at `now`, Unix time in seconds.
    pub fn admit(&self, meeting: &MeetingId, proof: Proof<'_>, now: u64) -> Result<(), Refusal> {
        match self {
            Self::Open { meetings: None } => Ok(()),
            Self::Open {
                meetings: Some(known),
            } => known
                .contains(meeting)
                .then_some(())
                .ok_or(Refusal::UnknownMeeting),
            Self::Directory { zone } => match proof {
                Proof::None => Err(Refusal::TokenRequired),
                Proof::Token(token)
                    if token.meeting == *meeting && token.aud.contains(zone) && token.exp > now =>
                {
                    Ok(())
                }
                Proof::Ticket(of) if of == meeting => Ok(()),
                Proof::Token(_) | Proof::Ticket(_) | Proof::Forged => Err(Refusal::Forbidden),
            },
        }
    }

    /// What the ticket of somebody new says of when they were vouched for: where a token lets them
    /// in it is the directory's word and clock, by which it is told from the end of a meeting.
    #[must_use]
    pub const fn vouched(&self, proof: Proof<'_>, now: u64) -> u64 {
        match (self, proof) {
            (Self::Directory { .. }, Proof::Token(token)) => token.iat,
            _ => now,
        }
    }
}
