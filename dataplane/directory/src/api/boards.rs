//! The board in use. What is changed here is not believed of a board that was read before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use plenum_wire::ZoneName;

use super::board::Board;
use crate::model::{Revision, Zone};

/// The board, and of which zones it may be out of date.
#[derive(Default)]
pub struct Boards {
    current: RwLock<Arc<Board>>,
    /// Zones that were changed or removed here, until a board knows of it. As many as there are
    /// zones.
    changed: Mutex<BTreeMap<ZoneName, Revision>>,
}

impl Boards {
    /// The board as it was read last.
    pub fn current(&self) -> Arc<Board> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another board was read. One that does not have a zone misleads nobody about it.
    pub fn show(&self, board: Board) {
        self.changed().retain(|name, revision| {
            board
                .zone(name)
                .is_some_and(|zone| zone.revision < *revision)
        });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(board);
    }

    /// This process has changed or removed the zone: that was the change of this number. Two
    /// changes may be told of in the other order.
    pub fn has_changed(&self, zone: &ZoneName, revision: Revision) {
        let mut changed = self.changed();
        let latest = changed.entry(zone.clone()).or_insert(revision);
        *latest = revision.max(*latest);
    }

    /// A zone, unless it is not on the board or was changed here since.
    pub fn zone(&self, name: &ZoneName) -> Option<Zone> {
        let board = self.current();
        let changed = self.changed().get(name).copied();
        let zone = board.zone(name)?;
        let current = changed.is_none_or(|revision| zone.revision >= revision);
        current.then(|| zone.clone())
    }

    fn changed(&self) -> MutexGuard<'_, BTreeMap<ZoneName, Revision>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::random;

    fn zone(revision: u64) -> Zone {
        Zone {
            name: "eu.main".parse().unwrap(),
            credential: random::secret().hash(),
            networks: Vec::new(),
            location: None,
            weight: 100,
            enabled: true,
            created: Timestamp::UNIX_EPOCH,
            revision: Revision(revision),
        }
    }

    fn board(zone: &Zone) -> Board {
        Board::new(vec![zone.clone()], &[], Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_older_board_is_not_believed_of_what_was_changed_here() {
        let (boards, old, new) = (Boards::default(), zone(3), zone(7));
        let name = old.name.clone();
        boards.show(board(&old));
        assert_eq!(boards.zone(&name), Some(old.clone()));
        boards.has_changed(&name, new.revision);
        assert_eq!(boards.zone(&name), None);
        // It was being read when the change was made.
        boards.show(board(&old));
        assert_eq!(boards.zone(&name), None);
        boards.show(board(&new));
        assert_eq!(boards.zone(&name), Some(new));
        assert!(boards.changed().is_empty());
    }

    #[test]
    fn of_two_changes_the_later_counts_in_whatever_order_they_are_told() {
        let (boards, first, later) = (Boards::default(), zone(10), zone(11));
        boards.has_changed(&later.name, later.revision);
        boards.has_changed(&first.name, first.revision);
        boards.show(board(&first));
        assert_eq!(boards.zone(&first.name), None);
    }

    #[test]
    fn nor_of_what_was_removed_here_and_made_anew() {
        let (boards, old, new) = (Boards::default(), zone(3), zone(9));
        let name = old.name.clone();
        boards.show(board(&old));
        boards.has_changed(&name, Revision(8));
        assert_eq!(boards.zone(&name), None);
        boards.has_changed(&name, new.revision);
        boards.show(board(&old));
        assert_eq!(boards.zone(&name), None);
        boards.show(Board::new(vec![], &[], Timestamp::UNIX_EPOCH));
        assert!(boards.changed().is_empty());
        boards.show(board(&new));
        assert_eq!(boards.zone(&name), Some(new));
    }
}
