//! Any rule, in any zone, at any moment: the same as looking at every day by itself.

use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use plenum_directory::model::{Recurrence, Schedule};
use proptest::prelude::*;

use super::expectation::{Every, Wanted, moments};

/// With clocks that change by an hour, by half an hour, by a day, in the south, and never.
const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Santiago",
    "UTC",
];
/// How far the plain expectation looks.
const YEARS: i64 = 6;

fn weekdays() -> impl Strategy<Value = Weekday> {
    (1..=7_i8).prop_map(|day| Weekday::from_monday_one_offset(day).unwrap())
}

fn distinct<T: PartialEq>(mut values: Vec<T>) -> Vec<T> {
    let mut seen: Vec<T> = Vec::new();
    while let Some(value) = values.pop() {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

prop_compose! {
    fn wanted()(
        every in prop_oneof![
            Just(Every::Day), Just(Every::Week), Just(Every::Month), Just(Every::Year)
        ],
        interval in 1..5_i64,
        months in prop::collection::vec(1..=12_i8, 0..3),
        month_days in prop::collection::vec(prop_oneof![1..=31_i8, -31..=-1_i8], 0..3),
        nth in prop::option::of(prop_oneof![1..=5_i8, -4..=-1_i8]),
        days in prop::collection::vec(weekdays(), 0..3),
        end in 0..3,
        count in 1..200_usize,
        until in 0..2000_i64,
    ) -> Wanted {
        // Which parts go together (RFC 5545, section 3.3.10). "The 20th Monday of the year"
        // is among the examples of the standard; here a number means a month's.
        let numbered = every == Every::Month;
        let with_month_days = matches!(every, Every::Day | Every::Month);
        Wanted {
            every,
            interval,
            months: distinct(months),
            month_days: if with_month_days { distinct(month_days) } else { vec![] },
            weekdays: distinct(days)
                .into_iter()
                .map(|day| (nth.filter(|_| numbered), day))
                .collect(),
            count: (end == 1).then_some(count),
            until: (end == 2).then(|| date(2024, 1, 1) + until.days()),
        }
    }
}

prop_compose! {
    fn starts()(day in 0..700_i64, minute in 0..1440_i64) -> DateTime {
        date(2024, 1, 1).at(0, 0, 0, 0) + day.days() + minute.minutes()
    }
}

/// The schedule, or nothing where the rule names no day at all.
fn schedule(
    wanted: &Wanted,
    start: DateTime,
    zone: &str,
    minutes: u16,
    except: Vec<DateTime>,
) -> Option<Schedule> {
    let recurrence = Recurrence::new(&wanted.rule(), except).unwrap();
    Schedule::new(start, zone, minutes, Some(recurrence)).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn now_and_next_are_what_looking_at_every_day_gives(
        wanted in wanted(),
        start in starts(),
        zone in prop::sample::select(&ZONES[..]),
        minutes in 1..=1440_u16,
        left_out in prop::collection::vec(0..20_usize, 0..4),
        asked in prop::collection::vec(0..(YEARS * 365 * 24 * 60), 1..8),
    ) {
        let end: Date = start.date() + YEARS.years();
        let days = wanted.days(start.date(), end);
        let mut starts: Vec<DateTime> =
            days.iter().map(|day| day.to_datetime(start.time())).collect();
        let except: Vec<DateTime> =
            left_out.iter().filter_map(|at| starts.get(*at).copied()).collect();
        let Some(schedule) = schedule(&wanted, start, zone, minutes, except.clone()) else {
            prop_assert!(starts.is_empty(), "refused, but takes place on {starts:?}");
            return Ok(());
        };
        starts.retain(|start| !except.contains(start));
        let tz = TimeZone::get(zone).unwrap();
        let all = moments(&starts, &tz, minutes.into());
        let horizon = tz.to_timestamp(end.to_datetime(start.time())).unwrap() - 48.hours();
        for minute in asked {
            let now = tz.to_timestamp(start).unwrap() + (minute - 3 * 24 * 60).minutes();
            if now < horizon {
                check(&schedule, &all, now, horizon)?;
            }
        }
    }
}

fn check(
    schedule: &Schedule,
    all: &[(Timestamp, Timestamp)],
    now: Timestamp,
    horizon: Timestamp,
) -> Result<(), TestCaseError> {
    let timing = schedule.timing(now);
    let pair = |o: plenum_directory::model::Occurrence| (o.start, o.end);
    let current = all
        .iter()
        .rev()
        .find(|(start, end)| *start <= now && now < *end)
        .copied();
    prop_assert_eq!(timing.current.map(pair), current, "at {}", now);
    let next = all
        .iter()
        .find(|(start, _)| *start > now && *start < horizon)
        .copied();
    let told = timing.next.map(pair).filter(|(start, _)| *start < horizon);
    prop_assert_eq!(told, next, "after {}", now);
    let listed: Vec<_> = schedule
        .occurrences(now, 20)
        .into_iter()
        .map(pair)
        .collect();
    let expected: Vec<_> = all
        .iter()
        .filter(|(_, end)| *end > now)
        .take(20)
        .copied()
        .collect();
    let seen = |list: Vec<(Timestamp, Timestamp)>| -> Vec<_> {
        list.into_iter()
            .filter(|(start, _)| *start < horizon)
            .collect()
    };
    prop_assert_eq!(seen(listed), seen(expected), "from {}", now);
    Ok(())
}
