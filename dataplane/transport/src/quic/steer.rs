//! Which core a datagram is for: connection ids carry the core.
//!
//! The kernel spreads datagrams over the cores' sockets by addresses and ports. A client whose
//! address changes comes in on another core's socket; its connection id still says whose it is.

use std::time::Duration;

use quinn_proto::{ConnectionId, ConnectionIdGenerator};
use rand::RngExt as _;

/// Which core, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreNumber(pub u8);

const LENGTH: usize = 8;
/// RFC 9000 section 17.3: the header form is the first bit, 0 in the packets of a connection
/// that is set up.
const LONG: u8 = 0x80;

/// The core, then 7 random bytes: enough that nobody guesses one.
#[derive(Debug, Clone, Copy)]
pub(super) struct CoreIds(pub(super) CoreNumber);

impl ConnectionIdGenerator for CoreIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id: [u8; LENGTH] = rand::rng().random();
        id[0] = self.0.0;
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// The core that a datagram says it is for. A handshake says none: it is for whoever gets it,
/// and comes from one address for as long as it lasts.
pub(super) fn core_of(datagram: &[u8]) -> Option<CoreNumber> {
    match datagram {
        [first, core, ..] if first & LONG == 0 => Some(CoreNumber(*core)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_a_set_up_connection_names_its_core() {
        let id = CoreIds(CoreNumber(3)).generate_cid();
        let mut packet = vec![0x40];
        packet.extend_from_slice(&id);
        assert_eq!(core_of(&packet), Some(CoreNumber(3)));
        packet[0] |= LONG;
        assert_eq!(core_of(&packet), None);
        assert_eq!(core_of(&[0x40]), None);
    }
}
