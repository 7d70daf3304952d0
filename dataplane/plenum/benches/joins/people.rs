//! Who is in the zone, and who comes.

use plenum_wire::link::{Load, MeetingLoad};

pub const ROUTERS: usize = 2_000;
pub const MEETINGS: usize = 10_000;
/// Participants of each meeting.
pub const EACH: usize = 20;
/// Meetings that nobody is in before somebody asks for them. Asked for in turns, the first is
/// forgotten long before its turn comes again.
pub const NEW: usize = 16_384;
/// Every so many joins one asks for a meeting of these: as many as there are people in a meeting.
const ONE_NEW_IN: usize = EACH;
/// Of each router. Half of it is taken.
const CAPACITY: usize = 2 * MEETINGS * EACH / ROUTERS;

/// Tokens for each meeting that there is, shown in turn: whoever shows one again is the same person
/// again, and takes no second seat. At 10,000 joins a second each comes again after 8 s, when the
/// seat that nobody took was given back; those of new meetings later.
pub const TOKENS: usize = 8;

pub fn router(index: usize) -> String {
    format!("router-{index}")
}

/// The meetings that there are, and after them the new ones.
pub fn meeting(index: usize) -> String {
    format!("m{index:05}")
}

/// Which meeting somebody asks for. Neighbours in time are far apart in the table.
pub fn wanted(turn: usize) -> usize {
    if turn.is_multiple_of(ONE_NEW_IN) {
        MEETINGS + turn / ONE_NEW_IN % NEW
    } else {
        turn * 7_919 % MEETINGS
    }
}

pub fn load() -> Load {
    Load {
        participants: narrow(MEETINGS * EACH / ROUTERS),
        capacity: narrow(CAPACITY),
        accepting: true,
        draining: false,
    }
}

/// What is on a router.
pub fn meetings(router: usize) -> Vec<MeetingLoad> {
    let on_it = (0..MEETINGS).skip(router).step_by(ROUTERS);
    on_it
        .map(|index| MeetingLoad {
            meeting: meeting(index).parse().unwrap(),
            participants: narrow(EACH),
            moving_to: None,
        })
        .collect()
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}
