//! The transport's names of media connections and the shard's numbers for them.

use std::collections::HashMap;

use plenum_router::ConnectionId;
use plenum_transport::media;

/// Media connections that are open.
#[derive(Default)]
pub(super) struct Connections {
    numbers: HashMap<media::ConnectionId, ConnectionId>,
    names: HashMap<ConnectionId, media::ConnectionId>,
    next: u64,
}

impl Connections {
    pub(super) fn open(&mut self, name: media::ConnectionId) -> ConnectionId {
        self.next += 1;
        let number = ConnectionId(self.next);
        self.numbers.insert(name, number);
        self.names.insert(number, name);
        number
    }

    pub(super) fn number(&self, name: media::ConnectionId) -> Option<ConnectionId> {
        self.numbers.get(&name).copied()
    }

    pub(super) fn name(&self, number: ConnectionId) -> Option<media::ConnectionId> {
        self.names.get(&number).copied()
    }

    pub(super) fn close(&mut self, name: media::ConnectionId) -> Option<ConnectionId> {
        let number = self.numbers.remove(&name)?;
        self.names.remove(&number);
        Some(number)
    }
}
