//! How much room is wanted for those who are about to come.
//!
//! Guarantees:
//! - Never less than the pool's own `spareParticipants`.
//! - What is expected beyond that is never more than there are people: one burst of reports
//!   that were wrong cannot do more than double a pool.
//! - Nothing is learned from reports that are missing, stale or partial.
//! - What is remembered is bounded, whatever the number of people and routers. It is lost with
//!   the process; until it is learned again the pool's own numbers hold.
//!
//! | file | knows |
//! |---|---|
//! | `arrivals` | how fast people came of late |
//! | `startup` | how long a router takes from its label to its first participant |
//! | [`schedule`] | the hours that were announced |
//!
//! Meetings that a directory knows of beforehand would come in beside the schedule: an
//! [`Asked`](schedule::Asked) of their own, taken up in [`Forecast::outlook`]. Nothing tells the
//! operator of them yet.

mod arrivals;
pub mod schedule;
mod startup;

use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::SpareFrom;

use super::validate::ValidPool;
use arrivals::Arrivals;
pub use arrivals::Seen;
pub use startup::Stage;
use startup::Startups;
pub(super) use startup::elapsed;

/// Of the people there are, this share is kept free: the zone controllers keep a tenth of each
/// router for meetings that grow (`SPARE_PERCENT` of `plenum-zone`), and what is kept free on
/// full routers helps nobody.
const GROWTH_PERCENT: u32 = 10;

/// A meeting has its router from its first participant on, and the others follow within about so
/// long: room for them has to be there when the first one comes.
const GATHERING: Duration = Duration::from_secs(90);

/// Arrivals that began are still becoming more: twice what came within the last such time and a
/// start of a router is expected in the next.
const RISING: u32 = 2;

/// How long before it is needed a node is asked for: what node autoscalers and clouds take to
/// bring one.
const NODE_LEAD: Duration = Duration::from_mins(5);

/// What was seen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    arrivals: Arrivals,
    startups: Startups,
}

/// What is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Room to keep free.
    pub spare: u32,
    /// Fewest routers.
    pub min: u32,
    /// The same by the time that a node takes to come that is asked for now.
    pub soon: Soon,
    /// When a window of the schedule begins or ends next.
    pub look_again: Option<Timestamp>,
}

/// What is expected by the time that a node takes to come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Soon {
    /// Room to keep free.
    pub spare: u32,
    /// Fewest routers.
    pub min: u32,
}

impl Forecast {
    /// With what is seen now: people, `None` where the reports cannot be relied on, and each node
    /// of the pool with what its router does, none while controllers are silent.
    #[must_use]
    pub fn with<'a>(
        &self,
        people: Option<Seen>,
        nodes: impl Iterator<Item = (&'a str, Stage)>,
        now: Timestamp,
    ) -> Self {
        let startups = self.startups.with(nodes, now);
        let arrivals = match people {
            Some(seen) => self.arrivals.with(seen, startups.lead() + GATHERING, now),
            None => Arrivals::interrupted(),
        };
        Self { arrivals, startups }
    }

    /// What is expected of a pool with so many people.
    #[must_use]
    pub fn outlook(&self, pool: &ValidPool, people: u32, now: Timestamp) -> Outlook {
        let expected = match pool.spec.spare_from {
            SpareFrom::Spec => 0,
            SpareFrom::Arrivals => self.expected(people),
        };
        let lead = self.startups.lead();
        let announced = pool.schedule.at(now, lead);
        let later = pool.schedule.at(now, lead.max(NODE_LEAD));
        let spare = pool.spare.max(expected);
        Outlook {
            spare: spare.max(announced.spare),
            min: pool.min.max(announced.min_routers).min(pool.max),
            soon: Soon {
                // Another as many, when those who are expected now have come.
                spare: spare.max(expected.saturating_mul(2)).max(later.spare),
                min: pool.min.max(later.min_routers).min(pool.max),
            },
            look_again: announced.changes.into_iter().chain(later.changes).min(),
        }
    }

    fn expected(&self, people: u32) -> u32 {
        let rising = self.arrivals.recent().saturating_mul(RISING);
        let growing = people / 100 * GROWTH_PERCENT + people % 100 * GROWTH_PERCENT / 100;
        rising.max(growing).min(people)
    }
}
