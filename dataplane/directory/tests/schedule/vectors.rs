//! The examples of RFC 5545, section 3.8.5.3, as far as meetings have them, and what
//! happens when clocks change.

use jiff::Timestamp;
use jiff::civil::DateTime;
use plenum_directory::model::{Occurrence, Recurrence, Schedule};

fn schedule(start: &str, zone: &str, rule: &str) -> Schedule {
    with_exceptions(start, zone, rule, &[])
}

fn with_exceptions(start: &str, zone: &str, rule: &str, except: &[&str]) -> Schedule {
    let except = except.iter().map(|start| start.parse().unwrap()).collect();
    let recurrence = Recurrence::new(rule, except).unwrap();
    Schedule::new(start.parse().unwrap(), zone, 60, Some(recurrence)).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first so many days, as New York writes them.
fn days(schedule: &Schedule, count: usize) -> Vec<String> {
    let from = at("2000-01-01T00:00:00Z");
    let zone = jiff::tz::TimeZone::get(schedule.zone()).unwrap();
    let local = |o: &Occurrence| zone.to_datetime(o.start).strftime("%Y-%m-%d").to_string();
    schedule
        .occurrences(from, count)
        .iter()
        .map(local)
        .collect()
}

#[test]
fn the_examples_of_the_standard() {
    // The standard begins in 1997; the years here are 28 later, which have the same days.
    let examples: [(&str, &str, &[&str]); 14] = [
        (
            "2025-09-02",
            "FREQ=DAILY;COUNT=3",
            &["2025-09-02", "2025-09-03", "2025-09-04"],
        ),
        (
            "2025-09-02",
            "FREQ=DAILY;INTERVAL=10;COUNT=3",
            &["2025-09-02", "2025-09-12", "2025-09-22"],
        ),
        (
            "2025-09-02",
            "FREQ=WEEKLY;COUNT=3",
            &["2025-09-02", "2025-09-09", "2025-09-16"],
        ),
        (
            "2025-09-01",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,WE,FR;COUNT=5",
            &[
                "2025-09-01",
                "2025-09-03",
                "2025-09-05",
                "2025-09-15",
                "2025-09-17",
            ],
        ),
        (
            "2025-09-05",
            "FREQ=MONTHLY;COUNT=3;BYDAY=1FR",
            &["2025-09-05", "2025-10-03", "2025-11-07"],
        ),
        (
            "2025-09-07",
            "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
            &["2025-09-07", "2025-09-28", "2025-11-02", "2025-11-30"],
        ),
        (
            "2025-09-22",
            "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO",
            &["2025-09-22", "2025-10-20", "2025-11-17"],
        ),
        (
            "2025-09-28",
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            &["2025-09-28", "2025-10-29", "2025-11-28"],
        ),
        (
            "2025-09-10",
            "FREQ=MONTHLY;INTERVAL=18;COUNT=4;BYMONTHDAY=10,11",
            &["2025-09-10", "2025-09-11", "2027-03-10", "2027-03-11"],
        ),
        (
            "2025-06-10",
            "FREQ=YEARLY;COUNT=3;BYMONTH=6,7",
            &["2025-06-10", "2025-07-10", "2026-06-10"],
        ),
        (
            "2025-05-19",
            "FREQ=YEARLY;BYDAY=20MO",
            &["2025-05-19", "2026-05-18", "2027-05-17"],
        ),
        (
            "2025-05-12",
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            &["2025-05-12", "2026-05-11", "2027-05-17"],
        ),
        (
            "2025-09-13",
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            &["2026-02-13", "2026-03-13", "2026-11-13"],
        ),
        (
            "2025-09-04",
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            &["2025-09-04", "2025-10-07", "2025-11-06"],
        ),
    ];
    for (start, rule, expected) in examples {
        let start = format!("{start}T09:00:00");
        let schedule = schedule(&start, "America/New_York", rule);
        assert_eq!(days(&schedule, expected.len()), expected, "{rule}");
    }
}

#[test]
fn nine_stays_nine_when_clocks_change() {
    let schedule = schedule("2026-03-27T09:00:00", "Europe/Berlin", "FREQ=DAILY");
    let starts: Vec<String> = schedule
        .occurrences(at("2026-03-27T00:00:00Z"), 4)
        .iter()
        .map(|o| o.start.to_string())
        .collect();
    assert_eq!(
        starts,
        [
            "2026-03-27T08:00:00Z",
            "2026-03-28T08:00:00Z",
            "2026-03-29T07:00:00Z",
            "2026-03-30T07:00:00Z"
        ]
    );
}

#[test]
fn an_hour_that_the_clocks_skip_is_taken_by_the_old_clock_and_one_that_comes_twice_is_the_first() {
    let spring = schedule("2026-03-28T02:30:00", "Europe/Berlin", "FREQ=DAILY;COUNT=2");
    let skipped = spring.occurrences(at("2026-03-28T12:00:00Z"), 9);
    // 02:30 by the clock of the day before, which is then called 03:30.
    assert_eq!(skipped[0].start, at("2026-03-29T01:30:00Z"));
    let autumn = schedule("2026-10-24T02:30:00", "Europe/Berlin", "FREQ=DAILY;COUNT=2");
    let twice = autumn.occurrences(at("2026-10-24T12:00:00Z"), 9);
    assert_eq!(twice.len(), 1);
    assert_eq!(twice[0].start, at("2026-10-25T00:30:00Z"));
}

#[test]
fn the_end_is_a_day_where_the_meeting_is_or_a_moment() {
    for (until, last) in [
        ("20260105", "2026-01-05"),
        ("20260105T080000", "2026-01-05"),
        ("20260105T075959", "2026-01-04"),
        // 08:00 in Auckland is 19:00 the day before in UTC.
        ("20260104T190000Z", "2026-01-05"),
        ("20260104T185959Z", "2026-01-04"),
    ] {
        let rule = format!("FREQ=DAILY;UNTIL={until}");
        let schedule = schedule("2026-01-01T08:00:00", "Pacific/Auckland", &rule);
        assert_eq!(days(&schedule, 100).last().unwrap(), last, "{until}");
    }
}

#[test]
fn exceptions_fall_out_and_still_count() {
    let schedule = with_exceptions(
        "2026-01-05T09:00:00",
        "UTC",
        "FREQ=WEEKLY;COUNT=4",
        &["2026-01-19T09:00:00", "2026-01-12T10:00:00"],
    );
    assert_eq!(
        days(&schedule, 9),
        ["2026-01-05", "2026-01-12", "2026-01-26"]
    );
}

#[test]
fn a_single_meeting_is_next_then_now_then_over() {
    let start: DateTime = "2026-07-01T09:00:00".parse().unwrap();
    let schedule = Schedule::new(start, "America/New_York", 30, None).unwrap();
    let before = schedule.timing(at("2026-07-01T12:59:59Z"));
    assert_eq!((before.current, before.next.is_some()), (None, true));
    let first = schedule.timing(at("2026-07-01T13:00:00Z"));
    assert_eq!(first.current.unwrap().end, at("2026-07-01T13:30:00Z"));
    assert_eq!(first.next, None);
    assert!(!first.over());
    assert!(schedule.timing(at("2026-07-01T13:30:00Z")).over());
}

#[test]
fn a_series_goes_on_for_decades() {
    for rule in [
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=YEARLY;BYMONTH=1",
    ] {
        let schedule = schedule("2001-01-01T09:00:00", "Europe/Berlin", rule);
        let next = schedule
            .timing(at("2190-06-01T00:00:00Z"))
            .next
            .expect(rule);
        assert!(next.start < at("2191-02-01T00:00:00Z"), "{rule}");
    }
}

#[test]
fn a_schedule_is_the_same_after_it_was_kept() {
    let schedule = with_exceptions(
        "2026-01-05T09:00:00",
        "Europe/Berlin",
        "rrule:freq=weekly;until=20271231",
        &["2026-01-19T09:00:00"],
    );
    let kept = serde_json::to_string(&schedule).unwrap();
    assert_eq!(
        kept,
        r#"{"start":"2026-01-05T09:00:00","zone":"Europe/Berlin","minutes":60,"recurrence":{"rule":"FREQ=WEEKLY;UNTIL=20271231","except":["2026-01-19T09:00:00"]}}"#
    );
    assert_eq!(serde_json::from_str::<Schedule>(&kept).unwrap(), schedule);
}
