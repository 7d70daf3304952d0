//! The days a meeting comes back on: an RRULE of RFC 5545, section 3.3.10, and its EXDATEs.
//!
//! The rule is expanded in local time as if there were no time zones, and only then turned
//! into moments: so a meeting at nine stays at nine when the clocks change, and the library
//! that expands needs no second table of time zones.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rrule::RRuleSet;
use serde::{Deserialize, Serialize};

mod rule;

use rule::{Frequency, Rule};

/// Exceptions of one series at most.
const EXCEPTIONS: usize = 1_000;
/// Occurrences of one series that are looked at for one answer: two years of every day, and
/// as many exceptions as there may be.
const LOOKED_AT: usize = 3_000;

/// Why a rule is not one for meetings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecurrence {
    /// Longer than any sensible rule.
    #[error("a recurrence rule has at most {} characters", rule::RULE_BYTES)]
    Long,
    /// A part that is not understood.
    #[error(
        "recurrence rule: {part:?} is not understood; write parts like FREQ=WEEKLY;BYDAY=MO,WE"
    )]
    Part {
        /// The part.
        part: String,
    },
    /// A part twice.
    #[error("recurrence rule: {key} is there twice")]
    Twice {
        /// Its name.
        key: String,
    },
    /// More often than daily, or no FREQ.
    #[error("recurrence rule: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")]
    Frequency,
    /// Too long or without sense.
    #[error("recurrence rule: INTERVAL and COUNT are 1 to 1000")]
    Range,
    /// Both ends.
    #[error("recurrence rule: COUNT and UNTIL exclude each other")]
    TwoEnds,
    /// The library's own reasons.
    #[error("recurrence rule: {0}")]
    Rule(String),
    /// It names no day.
    #[error("recurrence rule: there is no such day")]
    Never,
    /// Too many exceptions.
    #[error("a series has at most {EXCEPTIONS} exceptions")]
    Exceptions,
}

/// A rule and its exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Recurrence {
    rule: Rule,
    except: Vec<DateTime>,
}

/// As it is kept and sent.
#[derive(Serialize, Deserialize)]
struct Written {
    rule: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<DateTime>,
}

impl TryFrom<Written> for Recurrence {
    type Error = InvalidRecurrence;
    fn try_from(written: Written) -> Result<Self, InvalidRecurrence> {
        Self::new(&written.rule, written.except)
    }
}

impl From<Recurrence> for Written {
    fn from(recurrence: Recurrence) -> Self {
        Self {
            rule: recurrence.rule.text().to_owned(),
            except: recurrence.except,
        }
    }
}

impl Recurrence {
    /// A rule such as `FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20271231T235959Z`, and the local
    /// starts that fall out.
    pub fn new(rule: &str, mut except: Vec<DateTime>) -> Result<Self, InvalidRecurrence> {
        if except.len() > EXCEPTIONS {
            return Err(InvalidRecurrence::Exceptions);
        }
        except.sort_unstable();
        except.dedup();
        Ok(Self {
            rule: Rule::parse(rule)?,
            except,
        })
    }

    /// The rule as text, without `RRULE:`.
    #[must_use]
    pub fn rule(&self) -> &str {
        self.rule.text()
    }

    /// The local starts that fall out, in order.
    #[must_use]
    pub fn except(&self) -> &[DateTime] {
        &self.except
    }

    /// Whether the rule names any day at all, counted from the first start.
    pub(super) fn check(&self, first: DateTime, zone: &TimeZone) -> Result<(), InvalidRecurrence> {
        let set = self.set(first, zone)?;
        if set.into_iter().next().is_none() {
            return Err(InvalidRecurrence::Never);
        }
        Ok(())
    }

    /// The local starts in order; those before `from` may be left out.
    pub(super) fn starts(
        &self,
        first: DateTime,
        from: DateTime,
        zone: &TimeZone,
    ) -> impl Iterator<Item = DateTime> {
        let begin = self.moved_on(first, from);
        // What `check` let through parses again; UNTIL may lie before the start moved on.
        let set = self.set(begin, zone).ok();
        set.into_iter()
            .flat_map(|set| set.into_iter().take(LOOKED_AT))
            .filter_map(|start| local(start.timestamp()))
            .filter(|start| self.except.binary_search(start).is_err())
    }

    /// The series from a later start of the same rhythm, at least one whole period before
    /// the time in question: so old series cost no more than new ones. Not where
    /// occurrences are counted, or where the first start says which day of a month it is:
    /// those are few.
    fn moved_on(&self, first: DateTime, from: DateTime) -> DateTime {
        let interval = i64::from(self.rule.interval());
        let period = match self.rule.frequency() {
            Frequency::Daily => interval.days(),
            Frequency::Weekly => interval.weeks(),
            Frequency::Monthly => interval.months(),
            Frequency::Yearly => interval.years(),
        };
        let begin = match self.rule.frequency() {
            _ if self.rule.counted() => return first,
            Frequency::Daily | Frequency::Weekly => first,
            Frequency::Monthly | Frequency::Yearly if !self.rule.names_days() => return first,
            Frequency::Monthly => first.with().day(1).build().unwrap_or(first),
            Frequency::Yearly => first.with().day_of_year(1).build().unwrap_or(first),
        };
        let periods = self.rule.frequency().between(begin, from) / interval - 1;
        if periods < 1 {
            return first;
        }
        let moved = period
            .checked_mul(periods)
            .and_then(|by| begin.checked_add(by));
        moved.unwrap_or(first)
    }

    /// `DTSTART` and the rule, read as UTC.
    fn set(&self, start: DateTime, zone: &TimeZone) -> Result<RRuleSet, InvalidRecurrence> {
        let text = format!(
            "DTSTART:{}Z\nRRULE:{}",
            start.strftime("%Y%m%dT%H%M%S"),
            self.rule.floating(zone)
        );
        let set: RRuleSet = text
            .parse()
            .map_err(|error: rrule::RRuleError| InvalidRecurrence::Rule(error.to_string()))?;
        // The library's own bound against rules that name no day.
        Ok(set.limit())
    }
}

/// The local time that was read as UTC.
fn local(second: i64) -> Option<DateTime> {
    let start = Timestamp::from_second(second).ok()?;
    Some(TimeZone::UTC.to_datetime(start))
}

/// The end of a day, for `UNTIL` without a time.
fn end_of(day: Date) -> DateTime {
    day.at(23, 59, 59, 0)
}
