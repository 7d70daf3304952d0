//! Who waits for a host.

use std::net::IpAddr;

use jiff::Timestamp;
use plenum_wire::DisplayName;
use serde::{Deserialize, Serialize};

use super::{AccountId, MeetingNumber, SecretHash, WaitingId};

/// How far somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingState {
    /// No host has decided.
    Waiting,
    /// A host let them in.
    Admitted,
    /// A host said no.
    Refused,
}

/// Somebody in a waiting room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which; the host decides by it.
    pub id: WaitingId,
    /// Where.
    pub meeting: MeetingNumber,
    /// What they call themselves.
    pub name: DisplayName,
    /// Who they are, if they signed in.
    pub account: Option<AccountId>,
    /// What the host decided.
    pub state: WaitingState,
    /// Since when.
    pub asked: Timestamp,
    /// When they are forgotten, unless they ask again.
    pub expires: Timestamp,
}

/// Somebody who begins to wait.
#[derive(Debug, Clone)]
pub struct NewWaiting {
    /// Where.
    pub meeting: MeetingNumber,
    /// What they call themselves.
    pub name: DisplayName,
    /// Who they are, if they signed in.
    pub account: Option<AccountId>,
    /// From where: an address, or a /64 of IPv6.
    pub household: IpAddr,
    /// Of the secret that proves who asks again.
    pub secret: SecretHash,
    /// When they are forgotten, unless they ask again.
    pub expires: Timestamp,
}
