//! What goes into a broker and what comes out of it.

use std::collections::BTreeSet;

use plenum_wire::directory::EndedMeeting;
use plenum_wire::join::{Endpoint, Refusal};
use plenum_wire::link::{Load, MeetingLoad, Member};
use plenum_wire::{Boot, MeetingId, ParticipantId, PoolName, RouterId};

/// One connection of a router or an operator. The shell numbers them upwards in the order
/// in which they opened, so that of two links of one router the newer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link(pub u64);

/// One join that waits for its answer; the shell's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request(pub u64);

/// Somebody wants to join a meeting. The shell has admitted them already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Named in the answer.
    pub request: Request,
    /// Which meeting.
    pub meeting: MeetingId,
    /// Who: the same as before for somebody who comes back.
    pub participant: ParticipantId,
    /// The router that somebody who comes back was on, proven by the last ticket. It may
    /// still count them, so it is offered to them even when it is full.
    pub from: Option<RouterId>,
    /// Routers that refused them or did not answer just now.
    pub exclude: Vec<RouterId>,
    /// What their ticket says, or will say: see
    /// [`Claims::vouched`](plenum_wire::ticket::Claims::vouched).
    pub vouched: u64,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants to join; answered by exactly one [`Action::Answer`].
    Join(Join),
    /// A router connected and said who it is.
    RouterHello {
        /// Its link. An older one of the same router counts no longer.
        link: Link,
        /// Who.
        router: RouterId,
        /// Which pool.
        pool: PoolName,
        /// Which run of it.
        boot: Boot,
        /// Where clients reach it.
        endpoint: Endpoint,
    },
    /// A router said what it hosts.
    RouterReport {
        /// Its link.
        link: Link,
        /// The whole router.
        load: Load,
        /// New and changed meetings; in a link's first report all of them.
        meetings: Vec<MeetingLoad>,
        /// Meetings that are no longer there.
        ended: Vec<MeetingId>,
    },
    /// A router's link closed.
    RouterLost {
        /// The link.
        link: Link,
    },
    /// A router is ready to move a meeting.
    TicketsWanted {
        /// Its link.
        link: Link,
        /// The meeting.
        meeting: MeetingId,
        /// Where it shall go.
        to: RouterId,
        /// Who is in it.
        participants: Vec<Member>,
    },
    /// A move ended, one way or the other.
    MoveEnded {
        /// The link of the router that the meeting was on.
        link: Link,
        /// The meeting.
        meeting: MeetingId,
        /// Where it should have gone.
        to: RouterId,
        /// How many are over there.
        moved: u32,
        /// How many could not go; above 0 it stayed.
        failed: u32,
    },
    /// The operator said which routers of a pool shall be empty.
    OperatorWord {
        /// Its link; its words count for as long as it is open.
        link: Link,
        /// The pool.
        pool: PoolName,
        /// All of them; those not named shall not be emptied.
        draining: BTreeSet<RouterId>,
    },
    /// An operator's link closed.
    OperatorGone {
        /// The link.
        link: Link,
    },
    /// A directory said which meetings were ended; usually it has said so before.
    MeetingsEnded(Vec<EndedMeeting>),
}

/// Something is to be done by the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Answer a join.
    Answer {
        /// Which.
        request: Request,
        /// With what.
        answer: Answer,
    },
    /// Say something to a router.
    Tell {
        /// Its link.
        link: Link,
        /// What.
        order: Order,
    },
    /// Close a link: it is silent, or its router has a newer one. What it says from here on
    /// is ignored; the router connects again and reports everything.
    Close {
        /// Which.
        link: Link,
    },
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go there; the shell makes a ticket.
    Placed {
        /// The router.
        router: RouterId,
        /// How to reach it.
        endpoint: Endpoint,
    },
    /// Not now.
    Refused(Refusal),
}

/// What a router is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Whether it shall be empty.
    Drain(bool),
    /// Move a meeting.
    Move {
        /// Which.
        meeting: MeetingId,
        /// Where.
        to: RouterId,
    },
    /// The shell makes a ticket for each.
    Tickets {
        /// The meeting.
        meeting: MeetingId,
        /// The new router.
        to: RouterId,
        /// How to reach it.
        endpoint: Endpoint,
        /// Who is moving.
        participants: Vec<Member>,
    },
    /// Put out whoever was vouched for in a meeting until then, Unix time in seconds.
    End {
        /// Which.
        meeting: MeetingId,
        /// When it was ended.
        at: u64,
    },
}
