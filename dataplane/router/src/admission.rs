//! Who may come in: a ticket and the state of the house, nothing else.

use std::time::Duration;

use plenum_wire::control::ErrorCode;
use plenum_wire::ticket::{Claims, Keys, TicketError};
use plenum_wire::{Fingerprint, Kind, RouterId};

/// Reads a ticket for this run of this router. `unix_s` is Unix time in seconds.
pub(crate) fn identify(
    keys: &Keys,
    (router, fingerprint): (&RouterId, Fingerprint),
    ticket: &str,
    unix_s: u64,
) -> Result<Claims, ErrorCode> {
    let claims = keys.verify(ticket, unix_s).map_err(|error| match error {
        TicketError::Forged => ErrorCode::TicketForged,
        TicketError::Expired => ErrorCode::TicketExpired,
    })?;
    // A router of the same name with another certificate is another run: that one's flow
    // ids and admissions are not known here.
    if claims.router != *router || claims.fingerprint != fingerprint {
        return Err(ErrorCode::TicketForeign);
    }
    let [audio, video, content] = Kind::ALL.map(|kind| claims.flows.of(kind));
    if audio == video || audio == content || video == content {
        return Err(ErrorCode::TicketForged);
    }
    Ok(claims)
}

/// The meeting that a ticket is for, as it is on this router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum House {
    /// Nobody is in it here.
    Empty,
    /// It is here.
    Open,
    /// It is being moved to another router, where newcomers go at once.
    Moving,
}

/// What else decides whether there is room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Participants on the router now, without an older self of the newcomer.
    pub participants: u32,
    pub capacity: u32,
    pub draining: bool,
    /// It has more to do than it can.
    pub overloaded: bool,
    /// The newcomer is here already, or the zone let them in before the router was overloaded:
    /// they come again, or in the middle of a move.
    pub expected: bool,
    pub house: House,
}

/// Whether one more may come in.
///
/// A draining router still lets people join those that are on it: the zone sends them here
/// until the meeting moves, and elsewhere they would sit alone.
pub(crate) const fn room(room: Room) -> Result<(), ErrorCode> {
    match room.house {
        House::Moving => return Err(ErrorCode::RouterDraining),
        House::Empty if room.draining => return Err(ErrorCode::RouterDraining),
        House::Empty | House::Open => {}
    }
    if room.participants >= room.capacity {
        return Err(ErrorCode::RouterFull);
    }
    if room.overloaded && !room.expected {
        return Err(ErrorCode::RouterOverloaded);
    }
    Ok(())
}

/// Whether the zone let somebody in before the router closed, `closed_for` ago. `admitted` and
/// `unix_s` are Unix times in full seconds, by clocks of the zone: who was admitted within a second or two after it
/// counts too, and may have been sent before the zone knew.
pub(crate) const fn admitted_before(admitted: u64, closed_for: Duration, unix_s: u64) -> bool {
    // A ticket that does not say proves nothing.
    admitted > 0 && admitted <= unix_s.saturating_sub(closed_for.as_secs())
}

/// What to tell people with a refusal.
pub(crate) const fn explain(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadMessage => "the message could not be understood",
        ErrorCode::HelloExpected => "say hello with a ticket first, within 5 seconds",
        ErrorCode::TicketForged => "the ticket is not signed by this router's zone",
        ErrorCode::TicketExpired => "the ticket has expired; ask the zone for a new one",
        ErrorCode::TicketForeign => "the ticket is for another router; ask the zone for a new one",
        ErrorCode::RouterFull => "the router is full; ask the zone for another",
        ErrorCode::RouterDraining => "the router is being emptied; ask the zone for another",
        ErrorCode::RouterOverloaded => {
            "the router is overloaded and takes nobody for now; ask the zone for another"
        }
        ErrorCode::Replaced => "the same participant joined again",
        ErrorCode::MeetingEnded => "the meeting was ended",
        ErrorCode::SsrcTaken => "another track of the meeting has this SSRC; choose another",
        ErrorCode::UnknownTrack => "there is no such track",
        ErrorCode::TooFast => "too many messages in a short time",
        ErrorCode::GoingAway => "the router stops; ask the zone for another",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        participants: 9,
        capacity: 10,
        draining: false,
        overloaded: false,
        expected: false,
        house: House::Empty,
    };

    #[test]
    fn the_last_place_is_given_and_no_more() {
        assert_eq!(room(ROOM), Ok(()));
        let full = Room {
            participants: 10,
            ..ROOM
        };
        assert_eq!(room(full), Err(ErrorCode::RouterFull));
    }

    #[test]
    fn a_draining_router_takes_no_new_meetings_but_lets_people_join_the_others() {
        let draining = Room {
            draining: true,
            ..ROOM
        };
        assert_eq!(room(draining), Err(ErrorCode::RouterDraining));
        let open = Room {
            house: House::Open,
            ..draining
        };
        assert_eq!(room(open), Ok(()));
    }

    #[test]
    fn an_overloaded_router_takes_who_is_expected_and_nobody_else() {
        for house in [House::Empty, House::Open] {
            let overloaded = Room {
                overloaded: true,
                house,
                ..ROOM
            };
            assert_eq!(room(overloaded), Err(ErrorCode::RouterOverloaded));
            let back = Room {
                expected: true,
                ..overloaded
            };
            assert_eq!(room(back), Ok(()));
        }
    }

    #[test]
    fn who_was_admitted_before_it_closed_is_told_from_who_was_after() {
        let closed_for = Duration::from_millis(3_900);
        for (admitted, before) in [(1, true), (96, true), (97, true), (98, false), (0, false)] {
            let found = admitted_before(admitted, closed_for, 100);
            assert_eq!(found, before, "{admitted}");
        }
    }

    #[test]
    fn nobody_joins_a_meeting_on_its_way_out() {
        let moving = Room {
            house: House::Moving,
            ..ROOM
        };
        assert_eq!(room(moving), Err(ErrorCode::RouterDraining));
    }
}
