//! When the database is looked at, and for what. Pure: it is told the time, and decides nothing
//! else.

use std::time::{Duration, Instant};

use crate::store::PIECE;

/// How often everything is read again: another process may have changed it.
const REGULAR: Duration = Duration::from_secs(1);
/// Reports that are heard here are gathered for so long.
const GATHER: Duration = Duration::from_millis(250);
/// The least time between two looks.
const REST: Duration = Duration::from_millis(50);
/// Looking takes a fourth of the time at most, however much there is to read.
const RESTS: u32 = 3;
/// How often what is old is thrown away, and how soon again while there is more.
const SWEEP: Duration = Duration::from_mins(1);
const SWEEP_ON: Duration = Duration::from_secs(1);

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The clock, keys, zones, meetings that ended, and reports. Who is expected is read beside.
    All,
    /// Reports.
    Reports,
}

/// When to look. One look is under way at a time: between [`Looking::begin`] and
/// [`Looking::done`] or [`Looking::failed`] nothing is due.
#[derive(Debug)]
pub struct Looking {
    regular: Instant,
    changed: Option<Instant>,
    heard: Option<Instant>,
    not_before: Instant,
    began: Instant,
    under_way: bool,
}

impl Looking {
    /// The first look is due at once.
    pub const fn new(now: Instant) -> Self {
        Self {
            regular: now,
            changed: None,
            heard: None,
            not_before: now,
            began: now,
            under_way: false,
        }
    }

    /// When to look next; `None` while a look is under way.
    pub fn next_timeout(&self) -> Option<Instant> {
        let wishes = [self.changed, self.heard].into_iter().flatten();
        let soonest = wishes.fold(self.regular, Instant::min);
        (!self.under_way).then_some(soonest.max(self.not_before))
    }

    /// Zones, keys or endings are no longer as they were read.
    pub fn changed(&mut self, now: Instant) {
        self.changed.get_or_insert(now);
    }

    /// A zone has reported here.
    pub fn heard(&mut self, now: Instant) {
        let due = (self.began + GATHER).max(now);
        self.heard.get_or_insert(due);
    }

    /// A look begins. What is changed or heard from now on it may miss.
    pub fn begin(&mut self, now: Instant) -> Look {
        let all = self.regular <= now || self.changed.is_some();
        (self.under_way, self.began) = (true, now);
        self.heard = None;
        if !all {
            return Look::Reports;
        }
        self.changed = None;
        self.regular = now + REGULAR;
        Look::All
    }

    /// All of it was read.
    pub fn done(&mut self, now: Instant) {
        let took = now.saturating_duration_since(self.began);
        self.under_way = false;
        self.not_before = now + (took * RESTS).clamp(REST, REGULAR);
    }

    /// The database did not answer. That somebody wants to know more is no reason to hurry,
    /// and what was missed is read with everything.
    pub fn failed(&mut self, now: Instant) {
        self.under_way = false;
        self.changed = Some(now);
        self.not_before = now + REGULAR;
    }
}

/// When to throw away what is old.
#[derive(Debug)]
pub struct Sweeping {
    due: Instant,
}

impl Sweeping {
    /// The first time is a minute from now: there is enough to do at the start.
    pub fn new(now: Instant) -> Self {
        Self { due: now + SWEEP }
    }

    /// When to do it.
    pub const fn next_timeout(&self) -> Instant {
        self.due
    }

    /// So many rows are gone; `None` if the database did not answer.
    pub fn done(&mut self, rows: Option<u64>, now: Instant) {
        let more = rows.is_some_and(|rows| rows >= u64::from(PIECE));
        self.due = now + if more { SWEEP_ON } else { SWEEP };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Looks as soon as it is due, which takes so long: what was looked for, and when it began.
    fn look(looking: &mut Looking, took: Duration) -> (Look, Instant) {
        let due = looking.next_timeout().unwrap();
        let look = looking.begin(due);
        assert_eq!(looking.next_timeout(), None, "one at a time");
        looking.done(due + took);
        (look, due)
    }

    #[test]
    fn everything_is_read_once_a_second() {
        let start = Instant::now();
        let mut looking = Looking::new(start);
        for second in 0..5 {
            let due = start + REGULAR * second;
            assert_eq!(look(&mut looking, MS), (Look::All, due));
        }
    }

    #[test]
    fn reports_are_gathered() {
        let start = Instant::now();
        let mut looking = Looking::new(start);
        look(&mut looking, MS);
        let mut looks = Vec::new();
        // Two hundred reports a second, for ten seconds.
        for report in 1..=2_000 {
            let now = start + 5 * MS * report;
            while looking.next_timeout().unwrap() <= now {
                looks.push(look(&mut looking, MS).0);
            }
            looking.heard(now);
        }
        let all = looks.iter().filter(|look| **look == Look::All).count();
        assert!((9..=10).contains(&all), "{all} of {}", looks.len());
        assert!((36..=42).contains(&looks.len()), "{}", looks.len());
    }

    #[test]
    fn a_single_report_waits_for_nobody() {
        let start = Instant::now();
        let mut looking = Looking::new(start);
        look(&mut looking, MS);
        let heard = start + 500 * MS;
        looking.heard(heard);
        assert_eq!(look(&mut looking, MS), (Look::Reports, heard));
    }

    #[test]
    fn what_is_changed_during_a_look_is_read_by_the_next() {
        let start = Instant::now();
        let mut looking = Looking::new(start);
        assert_eq!(looking.begin(start), Look::All);
        looking.changed(start + MS);
        looking.done(start + 2 * MS);
        let next = start + 2 * MS + REST;
        assert_eq!(look(&mut looking, MS), (Look::All, next));
        let regular = next + REGULAR;
        assert_eq!(looking.next_timeout(), Some(regular), "and then no more");
    }

    #[test]
    fn long_looks_are_followed_by_long_rests() {
        let start = Instant::now();
        let mut looking = Looking::new(start);
        looking.begin(start);
        looking.heard(start + MS);
        let done = start + 200 * MS;
        looking.done(done);
        assert_eq!(looking.next_timeout(), Some(done + 600 * MS));
        looking.begin(done + 600 * MS);
        looking.changed(done + 600 * MS);
        let done = done + 4_000 * MS;
        looking.done(done);
        assert_eq!(
            looking.next_timeout(),
            Some(done + REGULAR),
            "up to a second"
        );
    }

    #[test]
    fn a_database_that_is_away_is_tried_once_a_second_for_everything() {
        let start = Instant::now();
        let mut looking = Looking::new(start);
        look(&mut looking, MS);
        looking.heard(start + 300 * MS);
        assert_eq!(looking.begin(start + 300 * MS), Look::Reports);
        looking.failed(start + 400 * MS);
        looking.heard(start + 410 * MS);
        looking.changed(start + 420 * MS);
        let again = start + 400 * MS + REGULAR;
        assert_eq!(look(&mut looking, MS), (Look::All, again));
    }

    #[test]
    fn sweeping_goes_on_while_there_is_much() {
        let start = Instant::now();
        let mut sweeping = Sweeping::new(start);
        for (rows, wait) in [
            (Some(3), SWEEP),
            (Some(u64::from(PIECE)), SWEEP_ON),
            (Some(0), SWEEP),
            (None, SWEEP),
        ] {
            let due = sweeping.next_timeout();
            sweeping.done(rows, due);
            assert_eq!(sweeping.next_timeout(), due + wait, "{rows:?}");
        }
    }
}
