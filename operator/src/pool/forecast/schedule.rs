//! The hours that were announced: `spec.schedule`.

use std::time::Duration;

use cronexpr::{Crontab, MakeTimestamp, parse_crontab};
use jiff::Timestamp;
use plenum_crds::Window;

/// The windows of a pool that can be read.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    windows: Vec<(Window, Crontab)>,
    problem: Option<String>,
}

/// What the windows ask for at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Room to keep free.
    pub spare: u32,
    /// Fewest routers.
    pub min_routers: u32,
    /// When that may change.
    pub changes: Option<Timestamp>,
}

impl PartialEq for Schedule {
    /// What cannot be read asks for nothing, whatever it is; else the text says all.
    fn eq(&self, other: &Self) -> bool {
        let texts = |it: &Self| {
            it.windows
                .iter()
                .map(|(w, _)| w.clone())
                .collect::<Vec<_>>()
        };
        texts(self) == texts(other) && self.problem == other.problem
    }
}

impl Schedule {
    /// Reads what a person wrote. What cannot be read is left out, and said.
    #[must_use]
    pub fn read(windows: &[Window]) -> Self {
        let mut schedule = Self::default();
        for (index, window) in windows.iter().enumerate() {
            match parse(window) {
                Ok(crontab) => schedule.windows.push((window.clone(), crontab)),
                Err(why) => {
                    schedule
                        .problem
                        .get_or_insert(format!("spec.schedule[{index}] is left out: {why}"));
                }
            }
        }
        schedule
    }

    /// What could not be read, and what to write instead.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// What is asked for at `now`, where each window begins `lead` before its time.
    #[must_use]
    pub fn at(&self, now: Timestamp, lead: Duration) -> Asked {
        let mut asked = Asked::default();
        for (window, crontab) in &self.windows {
            let lasts = Duration::from_secs(60 * u64::from(window.minutes));
            // The first that has not ended.
            let Some(begins) = first_after(crontab, now - lasts) else {
                continue;
            };
            let change = if begins <= now + lead {
                asked.spare = asked.spare.max(window.spare_participants);
                asked.min_routers = asked.min_routers.max(window.min_routers.unwrap_or(0));
                begins + lasts
            } else {
                begins - lead
            };
            asked.changes = asked.changes.into_iter().chain([change]).min();
        }
        asked
    }
}

/// `None` for what never comes, as the 30th of February.
fn first_after(crontab: &Crontab, at: Timestamp) -> Option<Timestamp> {
    let next = crontab.find_next(MakeTimestamp(at)).ok()?;
    Some(next.timestamp())
}

fn parse(window: &Window) -> Result<Crontab, String> {
    let Window {
        cron, time_zone, ..
    } = window;
    if jiff::tz::TimeZone::get(time_zone).is_err() {
        return Err(format!(
            "timeZone {time_zone:?} is not in the IANA database: write a name from it, such as \
             Europe/Berlin or UTC"
        ));
    }
    // A sixth field would be another time zone.
    if cron.split_ascii_whitespace().count() != 5 {
        return Err(format!("cron {cron:?} does not have five fields"));
    }
    parse_crontab(&format!("{cron} {time_zone}")).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim();
        format!(
            "cron {cron:?} cannot be read ({why}): write minute, hour, day of month, month and \
             day of week, for example 50 7 * * MON-FRI"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAD: Duration = Duration::from_secs(30);

    fn window(cron: &str, time_zone: &str, minutes: u32) -> Window {
        Window {
            cron: cron.to_owned(),
            time_zone: time_zone.to_owned(),
            minutes,
            spare_participants: 500,
            min_routers: Some(4),
        }
    }

    fn spare(schedule: &Schedule, at: &str) -> u32 {
        schedule.at(at.parse().unwrap(), LEAD).spare
    }

    #[test]
    fn a_window_begins_as_much_early_as_routers_take_and_ends_on_time() {
        let lectures = Schedule::read(&[window("50 7 * * MON-FRI", "Europe/Berlin", 30)]);
        assert_eq!(lectures.problem(), None);
        // Monday in winter, one hour before UTC.
        for (time, asked) in [
            ("2026-01-05T06:49:29Z", 0),
            ("2026-01-05T06:49:30Z", 500),
            ("2026-01-05T07:19:59Z", 500),
            ("2026-01-05T07:20:00Z", 0),
            // In summer two hours.
            ("2026-07-06T05:55:00Z", 500),
            ("2026-07-06T06:55:00Z", 0),
            // Sunday.
            ("2026-01-04T07:00:00Z", 0),
        ] {
            assert_eq!(spare(&lectures, time), asked, "{time}");
        }
    }

    #[test]
    fn it_says_when_to_look_again() {
        let lectures = Schedule::read(&[window("50 7 * * *", "UTC", 30)]);
        let changes = |time: &str| {
            let asked = lectures.at(time.parse().unwrap(), LEAD);
            asked.changes.unwrap().to_string()
        };
        assert_eq!(changes("2026-01-05T07:00:00Z"), "2026-01-05T07:49:30Z");
        assert_eq!(changes("2026-01-05T07:55:00Z"), "2026-01-05T08:20:00Z");
        assert_eq!(changes("2026-01-05T08:20:00Z"), "2026-01-06T07:49:30Z");
    }

    #[test]
    fn of_several_the_most_is_kept_free() {
        let mut more = window("*/15 * * * *", "UTC", 20);
        (more.spare_participants, more.min_routers) = (900, None);
        let both = Schedule::read(&[window("0 8 * * *", "UTC", 60), more]);
        let asked = both.at("2026-01-05T08:10:00Z".parse().unwrap(), LEAD);
        assert_eq!((asked.spare, asked.min_routers), (900, 4));
        let later = both.at("2026-01-05T09:10:00Z".parse().unwrap(), LEAD);
        assert_eq!((later.spare, later.min_routers), (900, 0));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_rest_holds() {
        let good = window("0 8 * * *", "UTC", 60);
        for (bad, says) in [
            (window("0 25 * * *", "UTC", 60), "50 7 * * MON-FRI"),
            (window("0 8 * * * Asia/Tokyo", "UTC", 60), "five fields"),
            (window("0 8 * * *", "Europe/Bonn", 60), "Europe/Berlin"),
        ] {
            let schedule = Schedule::read(&[bad, good.clone()]);
            let problem = schedule.problem().unwrap();
            assert!(
                problem.contains("schedule[0]") && problem.contains(says),
                "{problem}"
            );
            assert_eq!(spare(&schedule, "2026-01-05T08:10:00Z"), 500);
        }
    }

    #[test]
    fn a_day_that_never_comes_asks_for_nothing() {
        let never = Schedule::read(&[window("0 8 30 2 *", "UTC", 60)]);
        let asked = never.at("2026-01-05T08:10:00Z".parse().unwrap(), LEAD);
        assert_eq!(asked, Asked::default());
    }
}
