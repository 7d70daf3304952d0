//! What the directory is told about the zone, and when.
//!
//! A zone speaks outward only: nobody connects to it for this, so it may be behind any NAT. A
//! directory that is away costs nothing but the reports it does not hear.

use std::time::{Duration, Instant};

use plenum_wire::directory::{MEETINGS, RunningMeeting};

use crate::Broker;

/// Reports after changes come no closer than this.
const CLOSEST: Duration = Duration::from_secs(1);
/// How often to report without a change, until the directory says otherwise.
const REGULAR: Duration = Duration::from_secs(5);
/// What the directory may ask for: often enough to be believed, seldom enough to be cheap.
const MAY_ASK: (Duration, Duration) = (CLOSEST, Duration::from_secs(60));
/// The longest wait after failures. A directory that comes back has its zones within this.
const LONGEST: Duration = Duration::from_secs(15);

/// The zone in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Routers that take people.
    pub routers: u32,
    /// People there is room for, those inside included.
    pub capacity: u32,
    /// People inside.
    pub participants: u32,
    /// Every meeting with somebody in it; of more than [`MEETINGS`] those with most people.
    pub meetings: Vec<RunningMeeting>,
}

impl Broker {
    /// The zone as it is known here. A router out of touch counts for nothing.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (mut routers, mut room, mut participants) = (0u32, 0u32, 0u32);
        for (_, router) in self.routers.iter() {
            let load = router.load.filter(|_| router.link.is_some());
            routers += u32::from(router.open());
            room = room.saturating_add(router.free());
            participants = participants.saturating_add(load.map_or(0, |load| load.participants));
        }
        let running = self.meetings.iter().filter_map(|(meeting, known)| {
            let participants = known.at.values().sum();
            (participants > 0).then(|| RunningMeeting {
                meeting: meeting.clone(),
                participants,
            })
        });
        Summary {
            routers,
            capacity: participants.saturating_add(room),
            participants,
            meetings: largest(running.collect(), MEETINGS),
        }
    }
}

/// A report with more would be refused, and the zone be taken for silent. Of the smallest
/// meetings the directory does not hear then.
fn largest(mut meetings: Vec<RunningMeeting>, most: usize) -> Vec<RunningMeeting> {
    if meetings.len() > most {
        meetings.select_nth_unstable_by_key(most, |it| std::cmp::Reverse(it.participants));
        meetings.truncate(most);
    }
    meetings
}

/// When to report. One report is on its way at a time: between [`Reporting::sent`] and
/// [`Reporting::answered`] or [`Reporting::failed`] nothing is due.
#[derive(Debug)]
pub struct Reporting {
    every: Duration,
    sent: Option<Instant>,
    flying: bool,
    failures: u32,
    due: Instant,
}

impl Reporting {
    /// The first report is due at once.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            every: REGULAR,
            sent: None,
            flying: false,
            failures: 0,
            due: now,
        }
    }

    /// When to report next; `None` while a report is on its way.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        (!self.flying).then_some(self.due)
    }

    /// The zone is no longer as reported. After failures that is no reason to hurry.
    pub fn changed(&mut self, now: Instant) {
        if self.failures == 0 {
            let soonest = self.sent.map_or(now, |sent| sent + CLOSEST);
            self.due = self.due.min(soonest.max(now));
        }
    }

    /// A report is on its way.
    pub const fn sent(&mut self, now: Instant) {
        self.flying = true;
        self.sent = Some(now);
    }

    /// The directory has heard it, and asks for the next after `every`.
    pub fn answered(&mut self, every: Duration, now: Instant) {
        self.every = every.clamp(MAY_ASK.0, MAY_ASK.1);
        (self.flying, self.failures) = (false, 0);
        self.due = now + self.every;
    }

    /// Nobody has heard it. `share`, 0 to 1 at random, keeps the controllers of many zones
    /// from coming back all at once; `after` is what the directory asked for, if it spoke.
    pub fn failed(&mut self, share: f64, after: Option<Duration>, now: Instant) {
        self.flying = false;
        let doubled = CLOSEST * 2u32.saturating_pow(self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled
            .min(LONGEST)
            .mul_f64(1.0 - share.clamp(0.0, 1.0) / 2.0);
        self.due = now + wait.max(after.unwrap_or_default().min(MAY_ASK.1));
    }

    /// How many reports nobody has heard since the last that was.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_meetings_the_largest_are_told() {
        let meeting = |participants: u32| RunningMeeting {
            meeting: participants.to_string().parse().expect("a name"),
            participants,
        };
        let all: Vec<_> = [3, 9, 1, 7, 2].map(meeting).into();
        assert_eq!(largest(all.clone(), 5), all);
        let mut told: Vec<_> = largest(all, 2).iter().map(|it| it.participants).collect();
        told.sort_unstable();
        assert_eq!(told, [7, 9]);
    }
}
