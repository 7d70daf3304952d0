//! What is known of the zones, as one picture that lookups read without asking the database.
//! Pure: it is made of values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plenum_wire::directory::{EndedMeeting, Expected, RunningMeeting, ZoneOffer};
use plenum_wire::{MeetingId, ZoneName};

use super::endings::Endings;
use super::expected::{Announced, by_zone};
use crate::lookup::{Candidate, Health, SILENT_AFTER, State};
use crate::model::{StoredReport, Zone};

/// What a zone said before the directory was away is believed for so long. Most are away for less;
/// a zone that died longer ago has no meetings.
const BELIEVED: Duration = Duration::from_mins(10);

/// The picture.
#[derive(Debug, Default)]
pub struct Board {
    zones: Vec<Known>,
    /// People of each meeting, by the place of the zone in `zones`.
    running: BTreeMap<MeetingId, BTreeMap<usize, u32>>,
    /// Since when nothing that zones say is missed.
    listening: Timestamp,
    /// Meetings that are over.
    endings: Arc<Endings>,
}

/// A zone, and what its controllers said last, taken together.
#[derive(Debug)]
struct Known {
    zone: Zone,
    heard: Option<Timestamp>,
    routers: u32,
    capacity: u32,
    participants: u32,
    controllers: Vec<String>,
    tunnels: Vec<String>,
    authority: Option<String>,
    expected: Vec<Expected>,
}

impl Board {
    /// `reports` in any order, of zones that may be gone too.
    pub fn new(zones: Vec<Zone>, reports: &[&StoredReport], listening: Timestamp) -> Self {
        let mut board = Self {
            zones: Vec::with_capacity(zones.len()),
            running: BTreeMap::new(),
            listening,
            endings: Arc::default(),
        };
        let mut by_zone: BTreeMap<&ZoneName, Vec<&StoredReport>> = BTreeMap::new();
        for report in reports {
            by_zone.entry(&report.zone).or_default().push(report);
        }
        for zone in zones {
            let reports = by_zone.remove(&zone.name).unwrap_or_default();
            board.add(zone, reports);
        }
        board
    }

    /// With meetings that were ended.
    pub fn ended(self, endings: &Arc<Endings>) -> Self {
        Self {
            endings: Arc::clone(endings),
            ..self
        }
    }

    /// Meetings that were ended, for a zone in which these run.
    pub fn told(&self, running: &[RunningMeeting], now: Timestamp) -> Vec<EndedMeeting> {
        self.endings.told(running, now)
    }

    /// All controllers of a zone hear the same routers, but one that has just started has not
    /// heard them all yet: of what they say the most counts. What was said long before the
    /// newest word is no longer so.
    fn add(&mut self, zone: Zone, mut reports: Vec<&StoredReport>) {
        reports.sort_by_key(|report| report.heard);
        let newest = reports.last().map(|report| report.heard);
        reports.retain(|report| newest.is_some_and(|it| age(report.heard, it) < SILENT_AFTER));
        let most = |count: fn(&StoredReport) -> u32| {
            let counts = reports.iter().map(|report| count(report));
            counts.max().unwrap_or(0)
        };
        let mut known = Known {
            zone,
            heard: newest,
            routers: most(|it| it.report.routers),
            capacity: most(|it| it.report.capacity),
            participants: most(|it| it.report.participants),
            controllers: Vec::new(),
            tunnels: Vec::new(),
            authority: None,
            expected: Vec::new(),
        };
        let place = self.zones.len();
        for StoredReport { report, .. } in reports {
            known.controllers.clone_from(&report.controllers);
            known.tunnels.clone_from(&report.tunnels);
            known.authority.clone_from(&report.authority);
            for running in &report.meetings {
                let zones = self.running.entry(running.meeting.clone()).or_default();
                let people = zones.entry(place).or_default();
                *people = running.participants.max(*people);
            }
        }
        self.zones.push(known);
    }

    /// The same, with who is expected in each zone for these meetings.
    #[must_use]
    pub fn expecting(mut self, announced: &[Announced], now: Timestamp) -> Self {
        let running = |meeting: &MeetingId| {
            let zones = self.running.get(meeting).into_iter().flatten();
            let believed = |place: usize| self.zones[place].is_believed(&self, now);
            let zones = zones.filter(|(place, _)| believed(**place));
            zones.map(|(place, people)| (*place, *people)).collect()
        };
        let weights = self.zones.iter().map(|known| {
            let begins_meetings = known.zone.enabled && known.answers(&self, now);
            begins_meetings.then_some(known.zone.weight)
        });
        let expected = by_zone(announced, running, &weights.collect::<Vec<_>>());
        for (known, expected) in self.zones.iter_mut().zip(expected) {
            known.expected = expected;
        }
        self
    }

    /// Who is expected in a zone.
    pub fn expected(&self, name: &ZoneName) -> &[Expected] {
        let known = self.zones.iter().find(|known| known.zone.name == *name);
        known.map_or(&[], |known| &known.expected)
    }

    /// The zone, if it is registered.
    pub fn zone(&self, name: &ZoneName) -> Option<&Zone> {
        let known = self.zones.iter().find(|known| known.zone.name == *name);
        known.map(|known| &known.zone)
    }

    /// Whether people are in the meeting, in a zone that is not known to be gone.
    pub fn runs(&self, meeting: &MeetingId, now: Timestamp) -> bool {
        let zones = self.running.get(meeting).into_iter().flatten();
        let mut people = zones.filter(|(_, people)| **people > 0);
        people.any(|(place, _)| self.zones[*place].is_believed(self, now))
    }

    /// Every meeting that people were in when its zone spoke last.
    pub fn running(&self) -> impl Iterator<Item = &MeetingId> {
        let people = |zones: &BTreeMap<usize, u32>| zones.values().any(|people| *people > 0);
        let running = self.running.iter().filter(move |(_, zones)| people(zones));
        running.map(|(meeting, _)| meeting)
    }

    /// Whether there are zones, and none of them is silent.
    pub fn hears_all(&self, now: Timestamp) -> bool {
        let speaks = |heard| age(heard, now) < SILENT_AFTER;
        let mut zones = self.zones.iter();
        !self.zones.is_empty() && zones.all(|known| known.heard.is_some_and(speaks))
    }

    /// Every zone, for `order`.
    pub fn candidates(&self, meeting: &MeetingId, now: Timestamp) -> Vec<Candidate<'_>> {
        let running = self.running.get(meeting);
        let zones = self.zones.iter().enumerate();
        zones
            .map(|(place, known)| Candidate {
                zone: &known.zone.name,
                enabled: known.zone.enabled,
                networks: &known.zone.networks,
                place: known.zone.location,
                state: known.state(self, now),
                load: known.load(),
                weight: known.zone.weight,
                there: running
                    .and_then(|zones| zones.get(&place).copied())
                    .filter(|_| known.is_believed(self, now)),
            })
            .collect()
    }

    /// What a client is told of a zone, and whether that is where the meeting is.
    pub fn offer(&self, candidate: &Candidate<'_>, hosts: bool) -> Option<ZoneOffer> {
        let mut zones = self.zones.iter();
        let known = zones.find(|known| known.zone.name == *candidate.zone)?;
        Some(ZoneOffer {
            zone: known.zone.name.clone(),
            controllers: known.controllers.clone(),
            tunnels: known.tunnels.clone(),
            authority: known.authority.clone(),
            load: candidate.load,
            hosts,
        })
    }

    /// How a zone is, for administrators.
    pub fn health(&self, name: &ZoneName, now: Timestamp) -> Option<ZoneHealth<'_>> {
        let known = self.zones.iter().find(|known| known.zone.name == *name)?;
        Some(ZoneHealth {
            state: known.state(self, now),
            heard: known.heard,
            routers: known.routers,
            capacity: known.capacity,
            participants: known.participants,
            controllers: &known.controllers,
            tunnels: &known.tunnels,
        })
    }

    /// How many zones there are in each state.
    pub fn counts(&self, now: Timestamp) -> Counts {
        let mut counts = Counts::default();
        for known in &self.zones {
            *match known.state(self, now) {
                State::Healthy => &mut counts.healthy,
                State::NeverHeard => &mut counts.never_heard,
                State::Unheard | State::NoRouters | State::Silent(_) => &mut counts.other,
            } += 1;
        }
        counts
    }
}

/// Forgets what no [`Board`] would go by: what was said of zones that are not registered, before
/// `oldest`, or long before the newest word of its zone.
pub fn lasting(
    zones: &[Zone],
    reports: &mut BTreeMap<(ZoneName, String), StoredReport>,
    oldest: Timestamp,
) {
    let mut newest: BTreeMap<&ZoneName, Timestamp> =
        zones.iter().map(|zone| (&zone.name, oldest)).collect();
    for report in reports.values() {
        if let Some(newest) = newest.get_mut(&report.zone) {
            *newest = report.heard.max(*newest);
        }
    }
    reports.retain(|_, report| {
        let newest = newest.get(&report.zone);
        report.heard > oldest && newest.is_some_and(|it| age(report.heard, *it) < SILENT_AFTER)
    });
}

/// Zones by their state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// They take people.
    pub healthy: usize,
    /// They do not, or are silent.
    pub other: usize,
    /// Nothing was heard of them within the last hour.
    pub never_heard: usize,
}

/// How a zone is.
pub struct ZoneHealth<'a> {
    pub state: State,
    pub heard: Option<Timestamp>,
    pub routers: u32,
    pub capacity: u32,
    pub participants: u32,
    pub controllers: &'a [String],
    pub tunnels: &'a [String],
}

impl Known {
    fn state(&self, board: &Board, now: Timestamp) -> State {
        // Without an address there is nothing to offer.
        let reachable = !self.controllers.is_empty();
        let health = Health {
            heard: self.heard.map(|heard| age(heard, now)),
            routers: self.routers,
            up: age(board.listening, now),
        };
        match health.state() {
            State::Unheard if !reachable => State::NeverHeard,
            state => state,
        }
    }

    /// Whether the meetings that it told of go on there, for all we know.
    fn is_believed(&self, board: &Board, now: Timestamp) -> bool {
        let heard = self.heard.map(|heard| age(heard, now));
        let is_recent = heard.is_some_and(|age| age < BELIEVED);
        is_recent && self.state(board, now).takes_latecomers()
    }

    /// Whether it was heard of lately.
    fn answers(&self, board: &Board, now: Timestamp) -> bool {
        matches!(self.state(board, now), State::Healthy | State::NoRouters)
    }

    fn load(&self) -> Option<f64> {
        (self.capacity > 0).then(|| f64::from(self.participants) / f64::from(self.capacity))
    }
}

/// Clocks of two directories may differ: what was heard in the future was heard just now.
fn age(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then)
        .try_into()
        .unwrap_or(Duration::ZERO)
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
