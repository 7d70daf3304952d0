//! How much room is wanted for those who are about to come.
//!
//! Guarantees:
//! - Never less than the pool's own `spareParticipants`.
//! - What arrivals make it expect beyond that is never more than there are people: one burst of
//!   reports that were wrong cannot do more than double a pool.
//! - Nothing is learned from reports that are missing, stale or partial.
//! - What is remembered is bounded, whatever the number of people and routers. It is lost with
//!   the process; until it is learned again the pool's own numbers hold.
//!
//! | file | knows |
//! |---|---|
//! | `arrivals` | how fast people came of late |
//! | `startup` | how long a router takes from its label to its first participant |
//! | [`schedule`] | the hours that were announced |
//! | `meetings` | the meetings that a directory knows of beforehand |
//! | [`share`] | which part of those who come to these each pool of the zone expects |
//!
//! Those who are expected in such meetings come beside those whom nobody announced: there is room
//! for the former, and `spareParticipants` and meetings that grow are for the latter. Windows of the
//! schedule, and those who came of late, tell of the same people once more, by other signs: of these
//! and the sum the largest counts. Who was expected and is no more is not counted as an arrival;
//! who came while the word on them is old cannot be told from others.

mod arrivals;
mod meetings;
pub mod schedule;
pub mod share;
mod startup;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::SpareFrom;

use super::validate::ValidPool;
use arrivals::Arrivals;
pub use arrivals::Seen;
use meetings::Meetings;
use schedule::Asked;
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
    meetings: Meetings,
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
    /// When a window of the schedule begins or ends next, or people of a meeting begin or cease
    /// to be expected.
    pub look_again: Option<Timestamp>,
    /// People of meetings that are known ahead, as far as anybody told.
    pub known: u32,
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
    /// With what is seen now: people, `None` where the reports cannot be relied on, each node of
    /// the pool with what its router does, none while controllers are silent, and who is still
    /// to come for meetings that are known ahead.
    #[must_use]
    pub fn with<'a>(
        &self,
        people: Option<Seen>,
        nodes: impl Iterator<Item = (&'a str, Stage)>,
        meetings: &BTreeMap<Timestamp, u32>,
        now: Timestamp,
    ) -> Self {
        let startups = self.startups.with(nodes, now);
        let meetings = Meetings::new(meetings, now);
        let announced = meetings.came_since(&self.meetings, now);
        let horizon = startups.lead() + GATHERING;
        let arrivals = match people {
            Some(seen) => self.arrivals.with(seen, announced, horizon, now),
            None => Arrivals::interrupted(),
        };
        Self {
            arrivals,
            startups,
            meetings,
        }
    }

    /// What is expected of a pool with so many people.
    #[must_use]
    pub fn outlook(&self, pool: &ValidPool, people: u32, now: Timestamp) -> Outlook {
        let (growing, rising, meetings) = match pool.spec.spare_from {
            SpareFrom::Spec => (0, 0, &Meetings::default()),
            SpareFrom::Arrivals => (growing(people), self.rising(people), &self.meetings),
        };
        let asked = |lead, times: u32| {
            let (window, coming) = (pool.schedule.at(now, lead), meetings.at(now, lead));
            let unannounced = pool.spare.max(growing.saturating_mul(times));
            let known = unannounced.saturating_add(coming.spare);
            let rising = rising.saturating_mul(times);
            Asked {
                spare: known.max(rising).max(window.spare),
                min_routers: pool.min.max(window.min_routers).min(pool.max),
                changes: window.changes.into_iter().chain(coming.changes).min(),
            }
        };
        let lead = self.startups.lead();
        let first = asked(lead, 1);
        // Another as many, when those who arrive now have come.
        let later = asked(lead.max(NODE_LEAD), 2);
        Outlook {
            spare: first.spare,
            min: first.min_routers,
            soon: Soon {
                spare: later.spare,
                min: later.min_routers,
            },
            look_again: first.changes.into_iter().chain(later.changes).min(),
            known: self.meetings.people(),
        }
    }

    /// Who comes, as far as those tell who came of late.
    fn rising(&self, people: u32) -> u32 {
        self.arrivals.recent().saturating_mul(RISING).min(people)
    }
}

/// Who comes to the meetings of those who are there.
const fn growing(people: u32) -> u32 {
    people / 100 * GROWTH_PERCENT + people % 100 * GROWTH_PERCENT / 100
}
