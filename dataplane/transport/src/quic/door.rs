//! Who may come in: handshakes cost more than anything else a stranger can ask for.

use std::net::IpAddr;
use std::time::Instant;

use crate::media::ACCEPTS;
use crate::rate::RateLimit;

/// Handshakes at once that need no proof of address. Beyond, a peer must first show that it
/// receives what we send to it (RFC 9000 section 8.1.2), so that none can pose as many.
const UNPROVEN: usize = 256;

/// What a stranger is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    ComeIn,
    ProveYourAddress,
    GoAway,
}

/// Counts who is in the door.
#[derive(Debug)]
pub(super) struct Door {
    accepts: RateLimit,
    unproven: usize,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            accepts: RateLimit::new(ACCEPTS),
            unproven: 0,
        }
    }
}

impl Door {
    /// Somebody wants to come in; `proven`: who they say they are.
    pub(super) fn knock(&mut self, address: IpAddr, proven: bool, now: Instant) -> Answer {
        if proven {
            return match self.accepts.take(address, now) {
                Ok(()) => Answer::ComeIn,
                Err(_) => Answer::GoAway,
            };
        }
        if self.unproven >= UNPROVEN || self.accepts.is_exhausted(address, now) {
            return Answer::ProveYourAddress;
        }
        self.unproven += 1;
        Answer::ComeIn
    }

    /// A handshake went well, and so proved the address.
    pub(super) fn came_in(&mut self, address: IpAddr, proven: bool, now: Instant) {
        if !proven {
            self.unproven -= 1;
            // Charged only now: who poses as another must not use up what that one may do.
            let _ = self.accepts.take(address, now);
        }
    }

    /// A handshake led to nothing.
    pub(super) const fn gave_up(&mut self, proven: bool) {
        if !proven {
            self.unproven -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn many_handshakes_at_once_must_prove_their_addresses() {
        let (mut door, now) = (Door::default(), Instant::now());
        for number in 0..256 {
            assert_eq!(door.knock(address(number), false, now), Answer::ComeIn);
        }
        let next = address(999);
        assert_eq!(door.knock(next, false, now), Answer::ProveYourAddress);
        assert_eq!(door.knock(next, true, now), Answer::ComeIn);
        door.gave_up(false);
        assert_eq!(door.knock(next, false, now), Answer::ComeIn);
    }

    #[test]
    fn one_address_comes_in_so_often_and_no_more() {
        let (mut door, now) = (Door::default(), Instant::now());
        let busy = address(1);
        for _ in 0..ACCEPTS.burst {
            assert_eq!(door.knock(busy, false, now), Answer::ComeIn);
            door.came_in(busy, false, now);
        }
        assert_eq!(door.knock(busy, false, now), Answer::ProveYourAddress);
        assert_eq!(door.knock(busy, true, now), Answer::GoAway);
        assert_eq!(door.knock(address(2), false, now), Answer::ComeIn);
    }
}
