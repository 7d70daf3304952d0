//! What the controllers said, put together.
//!
//! Every controller tells its own view of the zone, and each of them may be away or have just
//! begun to hear its routers. So what any of them registers counts, and what none of them
//! registers any more stays for a while: [`GRACE`], in which at least one of them is there to
//! say so. With all of them away nothing is forgotten.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::allowed::{Allowed, Kind};
use crate::target::Target;

/// How long a target stays that no controller registers. A controller that starts anew has
/// heard all its routers within two seconds.
pub const GRACE: Duration = Duration::from_secs(30);

/// The targets of a zone as its controllers tell them. Pure: it is told the time.
#[derive(Debug, Default)]
pub struct Known {
    told: BTreeMap<SocketAddr, Allowed>,
    targets: BTreeMap<Target, Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// Since when no controller registers it, though one is there.
    unnamed: Option<Instant>,
}

impl Known {
    /// A controller told everything it registers.
    pub fn heard(&mut self, controller: SocketAddr, registered: Allowed, now: Instant) {
        for (target, kind) in registered.iter() {
            let unnamed = None;
            // A router that starts anew has a new certificate: the last word counts.
            self.targets.insert(target.clone(), Entry { kind, unnamed });
        }
        self.told.insert(controller, registered);
        self.look(now);
    }

    /// A controller is away.
    pub fn lost(&mut self, controller: SocketAddr, now: Instant) {
        self.told.remove(&controller);
        self.look(now);
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.targets.retain(|_, entry| {
            entry
                .unnamed
                .is_none_or(|since| now.saturating_duration_since(since) < GRACE)
        });
    }

    /// When the next target is to be forgotten, if nothing changes.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let since = self.targets.values().filter_map(|entry| entry.unnamed);
        since.min().map(|since| since + GRACE)
    }

    /// What may be reached now.
    #[must_use]
    pub fn allowed(&self) -> Allowed {
        let targets = self.targets.iter();
        targets
            .map(|(target, entry)| (target.clone(), entry.kind))
            .collect()
    }

    /// How many controllers are there.
    #[must_use]
    pub fn controllers(&self) -> usize {
        self.told.len()
    }

    fn look(&mut self, now: Instant) {
        let nobody = self.told.is_empty();
        for (target, entry) in &mut self.targets {
            let named = self.told.values().any(|told| told.contains(target));
            entry.unnamed = match entry.unnamed {
                _ if nobody || named => None,
                Some(since) => Some(since),
                None => Some(now),
            };
        }
    }
}
