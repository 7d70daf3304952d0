//! What happens to a participant, and what is to be done about it: the words in which
//! [`Moving`](super::Moving) is spoken to.

use std::fmt;
use std::time::Instant;

use plenum_wire::control::{ErrorCode, FromClient};
use plenum_wire::join::{JoinRequest, Offer};
use plenum_wire::{MeetingId, ParticipantId, RouterId};

use crate::error::JoinError;

/// One leg, numbered through the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u32);

/// Why a leg is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The router said why.
    Said(ErrorCode, String),
    /// The control channel ended, could not be opened, or no media connection works.
    Broke(String),
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The zone's answer to [`Output::Ask`].
    Answer(Result<Box<Offer>, JoinError>),
    /// The leg's router let us in.
    Welcomed(LegId),
    /// The leg can carry everything both ways.
    Complete(LegId),
    /// The leg is no more.
    Died(LegId, Cause),
    /// The leg's router wants the participant elsewhere.
    Migrate(LegId, Box<Offer>),
    /// Everybody is over there.
    Release(LegId, RouterId),
    /// The move is off.
    Stay(LegId, RouterId),
    /// Packets leave this machine from another address than before.
    NetworkChanged {
        /// Somebody else had to be waited for with what was asked last, whether or not there is
        /// an answer by now: that took time which was not this participant's.
        waits: bool,
    },
    /// The user leaves.
    Leave,
}

/// What the caller is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the zone, not before `at`, trying until `deadline`.
    Ask {
        /// The request, without the name.
        request: Box<JoinRequest>,
        /// Not before.
        at: Instant,
        /// Not after.
        deadline: Instant,
    },
    /// Open a leg.
    Open {
        /// Its number.
        leg: LegId,
        /// Where.
        offer: Box<Offer>,
        /// For the hello.
        moved_from: Option<RouterId>,
    },
    /// Say something on a leg's control channel.
    Say(LegId, FromClient),
    /// Close a leg; saying goodbye where `bye`.
    Close {
        /// Which.
        leg: LegId,
        /// The router still listens.
        bye: bool,
    },
    /// Tell the user.
    Tell(News),
}

/// What the user hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// In the meeting.
    Joined {
        /// As whom.
        participant: ParticipantId,
        /// Where.
        router: RouterId,
    },
    /// A second router is being connected.
    MoveStarted {
        /// Which.
        to: RouterId,
    },
    /// On one router again: the new one if `ok`.
    MoveEnded {
        /// Whether the new one carries.
        ok: bool,
        /// Where the participant is now.
        router: RouterId,
    },
    /// The router was lost; coming back.
    Reconnecting {
        /// Why, for the log.
        reason: String,
    },
    /// Back.
    Reconnected {
        /// Where.
        router: RouterId,
    },
    /// Over.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The user left.
    #[error("left")]
    Left,
    /// The same participant joined again elsewhere.
    #[error("the same participant joined again elsewhere, which ended this session")]
    Replaced,
    /// The meeting is over: somebody ended it, or its time has passed.
    #[error("the meeting was ended")]
    MeetingEnded,
    /// It could not go on.
    #[error("{0}")]
    Failed(#[from] JoinError),
}

impl Ending {
    /// What kept somebody out whose session ended before they were in.
    pub(crate) fn of_join(self, meeting: &MeetingId) -> JoinError {
        match self {
            Self::Failed(error) => error,
            Self::MeetingEnded => JoinError::meeting_ended(meeting),
            Self::Left | Self::Replaced => JoinError::Configuration(self.to_string()),
        }
    }
}

impl Cause {
    /// Whether the router can be reached and just takes nobody now, as the zone will say too.
    pub(super) const fn is_for_lack_of_room(&self) -> bool {
        matches!(
            self,
            Self::Said(
                ErrorCode::RouterFull
                    | ErrorCode::RouterDraining
                    | ErrorCode::RouterOverloaded
                    | ErrorCode::GoingAway,
                _
            )
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(_, message) | Self::Broke(message) => f.write_str(message),
        }
    }
}
