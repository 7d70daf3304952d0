//! What connections of another core carry, as far as the deciding thread has said it. Pure.

use plenum_wire::Kind;

use super::ConnectionId;

/// By their place, each with whose it was: a place is used again.
#[derive(Debug, Default)]
pub(super) struct Kinds(Vec<Option<(ConnectionId, Kind)>>);

impl Kinds {
    /// From now on it carries this.
    pub(super) fn set(&mut self, connection: ConnectionId, kind: Kind) {
        let place = connection.place();
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some((connection, kind));
    }

    /// Pictures, until it is known.
    pub(super) fn of(&self, connection: ConnectionId) -> Kind {
        match self.0.get(connection.place()) {
            Some(&Some((whose, kind))) if whose == connection => kind,
            _ => Kind::Video,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quic::CoreNumber;

    fn connection(place: usize, number: u32) -> ConnectionId {
        ConnectionId::on_core(CoreNumber(1), place, number)
    }

    #[test]
    fn each_carries_what_was_said_last_and_pictures_before() {
        let mut kinds = Kinds::default();
        assert_eq!(kinds.of(connection(3, 1)), Kind::Video);
        kinds.set(connection(3, 1), Kind::Content);
        kinds.set(connection(1, 2), Kind::Audio);
        kinds.set(connection(3, 1), Kind::Audio);
        assert_eq!(kinds.of(connection(3, 1)), Kind::Audio);
        assert_eq!(kinds.of(connection(2, 3)), Kind::Video);
        assert_eq!(kinds.of(connection(4, 4)), Kind::Video);
    }

    #[test]
    fn who_has_a_place_next_is_not_taken_for_who_had_it() {
        let mut kinds = Kinds::default();
        kinds.set(connection(0, 1), Kind::Audio);
        assert_eq!(kinds.of(connection(0, 2)), Kind::Video);
    }
}
