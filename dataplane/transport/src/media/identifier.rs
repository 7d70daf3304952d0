//! The number of a media connection says who has it.

use crate::quic::CoreNumber;

const STREAMS: u64 = 0xff;
const CORE_SHIFT: u32 = 56;
const PLACE_SHIFT: u32 = 32;
const PLACES: u64 = 1 << (CORE_SHIFT - PLACE_SHIFT);

/// One media connection for as long as the router runs; used again only after four thousand
/// million others.
///
/// From the top: 8 bits core, 24 bits place on it, 32 bits which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The port of a core.
    Core(CoreNumber),
    /// A task of the other rungs.
    Streams,
}

impl ConnectionId {
    pub(crate) fn on_core(core: CoreNumber, place: usize, number: u32) -> Self {
        let place = u64::try_from(place).unwrap_or(PLACES) % PLACES;
        Self(u64::from(core.0) << CORE_SHIFT | place << PLACE_SHIFT | u64::from(number))
    }

    pub(crate) const fn of_stream(number: u32) -> Self {
        Self(STREAMS << CORE_SHIFT | number as u64)
    }

    pub(crate) fn owner(self) -> Owner {
        match self.0 >> CORE_SHIFT {
            STREAMS => Owner::Streams,
            core => Owner::Core(CoreNumber(u8::try_from(core).expect("8 bits"))),
        }
    }

    pub(crate) fn place(self) -> usize {
        usize::try_from((self.0 >> PLACE_SHIFT) % PLACES).expect("24 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_who_has_the_connection() {
        let id = ConnectionId::on_core(CoreNumber(2), 77, u32::MAX);
        assert_eq!((id.owner(), id.place()), (Owner::Core(CoreNumber(2)), 77));
        assert_eq!(ConnectionId::of_stream(7).owner(), Owner::Streams);
        assert_ne!(ConnectionId::on_core(CoreNumber(2), 77, 1), id);
    }
}
