//! Whether asking again can help: judged by each server that was tried, because one that is set
//! up wrongly says nothing about the others; and by each way to it, because a proxy that forbids
//! says nothing about the way straight ahead.

use std::time::{Duration, Instant};

use super::Connecting;
use crate::connect::words::{Fault, Server, Trouble};

/// So many looks in a row have to show nothing but a network that wants a sign-in until that is
/// believed: one that is only just coming up looks like it too.
const BELIEVED: u32 = 3;
/// How long the other ways to a server are hoped for when one is certain to fail: somebody whose
/// proxy wants a password waits for this answer, and a zone that starts again takes so long.
/// Silence takes 4 s to show in one look, so that counts as a second one.
const DOUBTED: Duration = Duration::from_secs(4);
/// Between two such looks at least.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// What a round without an answer has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prospect {
    /// Somebody may still come.
    Open,
    /// Every server is certain to fail by one way at least, and has only failed by another.
    Doubtful,
    /// Everything is certain to fail, if it is the network that answers in place of all.
    Portal,
    /// Everything is certain to fail.
    Lost,
}

/// How long there has been little to hope for.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The first of the looks in a row that showed little.
    since: Option<Instant>,
    /// The last so many of them showed nothing but a network that wants a sign-in.
    portals: u32,
}

impl Connecting {
    /// Whether there is nothing to hope for after a round with these troubles.
    pub(super) fn is_hopeless(&mut self, troubles: &[Trouble], now: Instant) -> bool {
        let prospect = prospect(troubles);
        if prospect == Prospect::Open {
            self.doubt = Doubt::default();
            return false;
        }
        let since = *self.doubt.since.get_or_insert(now);
        let portals = self.doubt.portals + 1;
        self.doubt.portals = if prospect == Prospect::Portal {
            portals
        } else {
            0
        };
        match prospect {
            Prospect::Open => false,
            Prospect::Doubtful => now.saturating_duration_since(since) >= DOUBTED,
            Prospect::Portal => self.doubt.portals >= BELIEVED,
            Prospect::Lost => true,
        }
    }

    /// How long to wait after a round that was in vain.
    pub(super) fn wait_after_round(&mut self) -> Duration {
        let doubts = self.doubt.since.map(|_| LOOK_AGAIN);
        self.backoff_after(Some(doubts.unwrap_or_default()))
    }
}

fn prospect(troubles: &[Trouble]) -> Prospect {
    let faults = || troubles.iter().map(|trouble| trouble.failure.fault);
    let may_come = |it: &Trouble| may_come(it.server, troubles);
    if troubles.is_empty() || troubles.iter().any(may_come) {
        Prospect::Open
    } else if faults().any(Fault::passes) {
        Prospect::Doubtful
    } else if faults().any(|fault| fault == Fault::Portal) {
        Prospect::Portal
    } else {
        Prospect::Lost
    }
}

/// Whether nothing that is certain stands in the way to a server, and not only the network
/// itself seems to answer in its place.
fn may_come(server: Server, troubles: &[Trouble]) -> bool {
    let own = troubles.iter().filter(|trouble| trouble.server == server);
    let mut faults = own.map(|trouble| trouble.failure.fault);
    let certain = |fault: Fault| fault != Fault::Portal && !fault.passes();
    !faults.clone().any(certain) && faults.any(Fault::passes)
}
