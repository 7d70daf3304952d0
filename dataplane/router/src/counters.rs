//! What a shard has seen since its start; only ever grows.

use plenum_wire::Kind;
use plenum_wire::control::ErrorCode;

/// Totals since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Media by kind, in the order of [`Kind::ALL`].
    pub media: [Media; 3],
    /// Packets that went nowhere, by reason.
    pub dropped: Dropped,
    /// Control channels refused or ended, by error code.
    pub refused: Refused,
    /// Control messages that were no messages.
    pub bad_messages: u64,
    /// Participants admitted.
    pub joined: u64,
    /// Of those, participants that came by a move from another router.
    pub moved_in: u64,
    /// Moves of meetings away from here.
    pub moves: Moves,
    /// What was done about too much to do.
    pub overload: Overloads,
}

impl Counters {
    /// The media counters of one kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> &Media {
        &self.media[kind as usize]
    }

    pub(crate) const fn of_mut(&mut self, kind: Kind) -> &mut Media {
        &mut self.media[kind as usize]
    }
}

/// Media of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Media {
    /// Packets with a known flow id, RTCP too.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Of those, RTCP packets; they are not forwarded.
    pub rtcp_in: u64,
    /// Requests of receivers for packets again.
    pub nacks_in: u64,
    /// Packets sent again for them; counted in `packets_out` too.
    pub repaired: u64,
    /// Requests to publishers for packets that did not come.
    pub nacks_out: u64,
    /// Wishes of receivers for a key frame.
    pub key_frames_in: u64,
    /// Of those, passed on to the publisher.
    pub key_frames_out: u64,
    /// Times that a receiver got another layer of a track, or its first.
    pub cuts: u64,
    /// Copies sent to learn whether there is room for more; counted in `packets_out` too.
    pub probes: u64,
    /// Packets sent, once for each receiver.
    pub packets_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
}

/// Why packets were dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// On a flow id that is nobody's; the connection was closed.
    pub unknown_flow: u64,
    /// On a connection that the shard had closed already.
    pub closed_connection: u64,
    /// Neither RTP nor RTCP.
    pub malformed: u64,
    /// The participant publishes no track of this kind.
    pub unpublished: u64,
    /// Not an SSRC that was published.
    pub wrong_ssrc: u64,
    /// Audio of somebody who is not among the loudest; once, whoever wanted it.
    pub not_among_loudest: u64,
    /// Of a layer that nobody gets; its publisher was told, or will be.
    pub not_wanted: u64,
    /// Of a camera that the router had no time for; once, whoever wanted it.
    pub shed: u64,
}

/// Why control channels were refused or ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// [`ErrorCode::HelloExpected`].
    pub hello_expected: u64,
    /// [`ErrorCode::TicketForged`].
    pub ticket_forged: u64,
    /// [`ErrorCode::TicketExpired`].
    pub ticket_expired: u64,
    /// [`ErrorCode::TicketForeign`].
    pub ticket_foreign: u64,
    /// [`ErrorCode::RouterFull`].
    pub router_full: u64,
    /// [`ErrorCode::RouterDraining`].
    pub router_draining: u64,
    /// [`ErrorCode::RouterOverloaded`].
    pub router_overloaded: u64,
    /// [`ErrorCode::Replaced`].
    pub replaced: u64,
    /// [`ErrorCode::MeetingEnded`].
    pub meeting_ended: u64,
    /// [`ErrorCode::TooFast`].
    pub too_fast: u64,
}

impl Refused {
    pub(crate) const fn count(&mut self, code: ErrorCode) {
        let counter = match code {
            ErrorCode::HelloExpected => &mut self.hello_expected,
            ErrorCode::TicketForged => &mut self.ticket_forged,
            ErrorCode::TicketExpired => &mut self.ticket_expired,
            ErrorCode::TicketForeign => &mut self.ticket_foreign,
            ErrorCode::RouterFull => &mut self.router_full,
            ErrorCode::RouterDraining => &mut self.router_draining,
            ErrorCode::RouterOverloaded => &mut self.router_overloaded,
            ErrorCode::Replaced => &mut self.replaced,
            ErrorCode::MeetingEnded => &mut self.meeting_ended,
            ErrorCode::TooFast => &mut self.too_fast,
            ErrorCode::BadMessage
            | ErrorCode::SsrcTaken
            | ErrorCode::UnknownTrack
            | ErrorCode::GoingAway => return,
        };
        *counter += 1;
    }
}

/// What was done about too much to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overloads {
    /// Times that each step was begun, in the order of [`OverloadStep::ALL`](crate::OverloadStep::ALL).
    pub entered: [u64; 4],
    /// Packets that the kernel dropped before anybody saw them.
    pub dropped_by_kernel: u64,
}

/// Moves of meetings to other routers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moves {
    /// Orders taken on.
    pub started: u64,
    /// Everybody who was still there went.
    pub succeeded: u64,
    /// The meeting stayed.
    pub failed: u64,
    /// Participants that went, in moves that succeeded.
    pub participants: u64,
}
