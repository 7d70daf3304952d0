//! When a meeting takes place.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{InvalidRecurrence, Recurrence};

/// Shortest and longest meeting, in minutes.
const MINUTES: std::ops::RangeInclusive<u16> = 1..=1_440;
/// In which years meetings begin: beyond, a mistake is likelier than a meeting.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;
/// Occurrences that are listed at once, at most.
const LISTED: usize = 500;
/// People that a meeting may expect: a meeting is on one router, which takes no more.
const EXPECTED: std::ops::RangeInclusive<u16> = 1..=5_000;

/// Why this is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// An impossible or unlikely start.
    #[error("a meeting begins in the years 2000 to 2199, at a whole second")]
    Start,
    /// Too short or too long.
    #[error("a meeting lasts 1 to 1440 minutes")]
    Duration,
    /// Nobody, or more than fit.
    #[error("a meeting expects 1 to 5000 people; leave \"expected\" out where nobody knows")]
    Expected,
    /// Not in the IANA database.
    #[error("{zone:?} is no time zone; write a name of the IANA database such as Europe/Berlin")]
    Zone {
        /// What was written.
        zone: String,
    },
    /// The rule is wrong.
    #[error(transparent)]
    Recurrence(#[from] InvalidRecurrence),
}

/// A first start in local time, a length, when it comes back, and how many are expected to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Schedule {
    start: DateTime,
    zone: TimeZone,
    minutes: u16,
    recurrence: Option<Recurrence>,
    expected: Option<u16>,
}

/// As it is kept and sent.
#[derive(Serialize, Deserialize)]
struct Written {
    start: DateTime,
    zone: String,
    minutes: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recurrence: Option<Recurrence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<u16>,
}

impl TryFrom<Written> for Schedule {
    type Error = InvalidSchedule;
    fn try_from(written: Written) -> Result<Self, InvalidSchedule> {
        let Written {
            start,
            zone,
            minutes,
            recurrence,
            expected,
        } = written;
        Self::new(start, &zone, minutes, recurrence)?.expecting(expected)
    }
}

impl From<Schedule> for Written {
    fn from(schedule: Schedule) -> Self {
        Self {
            zone: schedule.zone().to_owned(),
            start: schedule.start,
            minutes: schedule.minutes,
            recurrence: schedule.recurrence,
            expected: schedule.expected,
        }
    }
}

/// One time that a meeting takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// It begins.
    pub start: Timestamp,
    /// It ends.
    pub end: Timestamp,
}

/// Where a moment lies in a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// What takes place at that moment.
    pub current: Option<Occurrence>,
    /// What begins next after that moment.
    pub next: Option<Occurrence>,
}

impl Timing {
    /// Whether all of it lies in the past.
    #[must_use]
    pub const fn over(&self) -> bool {
        self.current.is_none() && self.next.is_none()
    }
}

impl Schedule {
    /// A first start in the local time of an IANA time zone, a length in minutes, and a rule.
    pub fn new(
        start: DateTime,
        zone: &str,
        minutes: u16,
        recurrence: Option<Recurrence>,
    ) -> Result<Self, InvalidSchedule> {
        if !YEARS.contains(&start.year()) || start.subsec_nanosecond() != 0 {
            return Err(InvalidSchedule::Start);
        }
        if !MINUTES.contains(&minutes) {
            return Err(InvalidSchedule::Duration);
        }
        let unknown = || InvalidSchedule::Zone {
            zone: zone.to_owned(),
        };
        let zone = TimeZone::get(zone).map_err(|_| unknown())?;
        if zone.iana_name().is_none() {
            return Err(unknown());
        }
        if let Some(recurrence) = &recurrence {
            recurrence.check(start, &zone)?;
        }
        Ok(Self {
            start,
            zone,
            minutes,
            recurrence,
            expected: None,
        })
    }

    /// The same with so many people expected each time, 1 to 5000; `None` where nobody knows.
    pub fn expecting(mut self, people: Option<u16>) -> Result<Self, InvalidSchedule> {
        if people.is_some_and(|people| !EXPECTED.contains(&people)) {
            return Err(InvalidSchedule::Expected);
        }
        self.expected = people;
        Ok(self)
    }

    /// How many people are expected each time, where somebody said so.
    #[must_use]
    pub const fn expected(&self) -> Option<u16> {
        self.expected
    }

    /// The first start, in local time.
    #[must_use]
    pub const fn start(&self) -> DateTime {
        self.start
    }

    /// The name of the time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// How long it lasts.
    #[must_use]
    pub const fn minutes(&self) -> u16 {
        self.minutes
    }

    /// When it comes back.
    #[must_use]
    pub const fn recurrence(&self) -> Option<&Recurrence> {
        self.recurrence.as_ref()
    }

    /// What takes place at a moment, and what comes next.
    #[must_use]
    pub fn timing(&self, now: Timestamp) -> Timing {
        let mut timing = Timing {
            current: None,
            next: None,
        };
        for occurrence in self.after(now) {
            if occurrence.start > now {
                timing.next = Some(occurrence);
                break;
            }
            timing.current = Some(occurrence);
        }
        timing
    }

    /// What has not ended at a moment, in order, at most so many and never more than 500.
    #[must_use]
    pub fn occurrences(&self, from: Timestamp, limit: usize) -> Vec<Occurrence> {
        self.after(from).take(limit.min(LISTED)).collect()
    }

    fn after(&self, now: Timestamp) -> impl Iterator<Item = Occurrence> {
        // Local clocks are set by less than a day, and nothing lasts longer than one.
        let from = self.zone.to_datetime(now).saturating_sub(2.days());
        let once = self.recurrence.is_none().then_some(self.start);
        let series = self.recurrence.iter();
        let series = series.flat_map(move |rule| rule.starts(self.start, from, &self.zone));
        once.into_iter()
            .chain(series)
            .filter_map(|start| self.at(start))
            .filter(move |occurrence| occurrence.end > now)
    }

    /// A local time that the clocks skip is taken by the clock before the change, one that
    /// comes twice is the first (RFC 5545, section 3.3.5): what `jiff` calls compatible.
    fn at(&self, start: DateTime) -> Option<Occurrence> {
        let start = self.zone.to_timestamp(start).ok()?;
        let end = start
            .checked_add(SignedDuration::from_mins(self.minutes.into()))
            .ok()?;
        Some(Occurrence { start, end })
    }
}
