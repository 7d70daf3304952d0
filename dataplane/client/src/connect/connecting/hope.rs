//! Whether asking again can help: judged by each server that was tried, because one that is set
//! up wrongly says nothing about the others.

use std::time::Duration;

use super::Connecting;
use crate::connect::words::{Fault, Server, Trouble};

/// So many looks in a row have to show nothing but a network that wants a sign-in until that is
/// believed: one that is only just coming up looks like it too.
const BELIEVED: u32 = 3;
/// Between two such looks at least.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

impl Connecting {
    /// Whether there is nothing to hope for after a round with these troubles.
    pub(super) fn is_hopeless(&mut self, troubles: &[Trouble]) -> bool {
        let portal = troubles.iter().any(|it| it.failure.fault == Fault::Portal);
        let lost = troubles.iter().all(|it| is_lost(it.server, troubles));
        let hopeless = !troubles.is_empty() && lost;
        self.suspected = match (hopeless, portal) {
            (true, true) => self.suspected + 1,
            _ => 0,
        };
        hopeless && (!portal || self.suspected >= BELIEVED)
    }

    /// How long to wait after a round that was in vain.
    pub(super) fn wait_after_round(&mut self) -> Duration {
        let least = if self.suspected > 0 {
            LOOK_AGAIN
        } else {
            Duration::ZERO
        };
        self.backoff_after(Some(least))
    }
}

/// Whether a server cannot be reached however often it is tried: for a reason that is certain by
/// one of the ways, or because the network seems to answer in its place by each of them.
fn is_lost(server: Server, troubles: &[Trouble]) -> bool {
    let own = troubles.iter().filter(|trouble| trouble.server == server);
    let faults: Vec<Fault> = own.map(|trouble| trouble.failure.fault).collect();
    let certain = |fault: &Fault| *fault != Fault::Portal && !fault.passes();
    faults.iter().any(certain) || faults.iter().all(|fault| *fault == Fault::Portal)
}
