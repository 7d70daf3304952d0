//! What is no schedule, and what is said about it.

use plenum_directory::model::{InvalidRecurrence, InvalidSchedule, Recurrence, Schedule};

fn refusal(rule: &str) -> String {
    let start = "2026-01-05T09:00:00".parse().unwrap();
    let refused = Recurrence::new(rule, vec![])
        .map_err(InvalidSchedule::from)
        .and_then(|recurrence| Schedule::new(start, "UTC", 60, Some(recurrence)));
    refused.expect_err(rule).to_string()
}

#[test]
fn nonsense_is_named() {
    for (rule, word) in [
        ("", "not understood"),
        ("MONDAYS", "not understood"),
        ("INTERVAL=2", "FREQ is DAILY"),
        ("FREQ=HOURLY", "FREQ is DAILY"),
        ("FREQ=SECONDLY;COUNT=3", "FREQ is DAILY"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is there twice"),
        ("FREQ=DAILY;INTERVAL=0", "1 to 1000"),
        ("FREQ=DAILY;INTERVAL=1001", "1 to 1000"),
        ("FREQ=DAILY;COUNT=100000", "1 to 1000"),
        ("FREQ=DAILY;COUNT=-1", "1 to 1000"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL=TOMORROW"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL=20260230"),
        ("FREQ=DAILY;BYHOUR=9,12", "BYHOUR"),
        ("FREQ=WEEKLY;BYDAY=XXMO", "XXMO"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY=6MO"),
        ("FREQ=MONTHLY;BYDAY=-5MO", "BYDAY=-5MO"),
        ("FREQ=YEARLY;BYDAY=-53MO", "BYDAY=-53MO"),
        ("FREQ=WEEKLY;BYDAY=", "BYDAY="),
        ("FREQ=WEEKLY;BYDAY=ä", "BYDAY="),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH=13"),
        ("FREQ=DAILY;X-OWN=1", "X-OWN"),
        ("FREQ=DAILY\nDTSTART:19700101T000000Z", "FREQ is DAILY"),
        ("FREQ=DAILY;WKST=MO\nEXRULE:FREQ=DAILY", "WKST"),
    ] {
        let said = refusal(rule);
        assert!(said.contains(word), "{rule:?} -> {said}");
    }
    assert!(refusal(&"FREQ=DAILY;".repeat(50)).contains("at most"));
}

#[test]
fn a_day_that_never_comes_is_no_series() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=MO;BYSETPOS=2",
        "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31",
    ] {
        assert!(refusal(rule).contains("no such day"), "{rule}");
    }
    assert!(refusal("FREQ=DAILY;UNTIL=20250101").contains("recurrence rule"));
}

#[test]
fn a_start_a_length_and_a_zone_are_real() {
    let start = |text: &str| text.parse().unwrap();
    let new = |text: &str, zone, minutes| Schedule::new(start(text), zone, minutes, None);
    new("2026-01-05T09:00:00", "Europe/Berlin", 1440).unwrap();
    for zone in ["", "Berlin", "Mars/Olympus", "+02:00", "../etc/passwd"] {
        let refused = new("2026-01-05T09:00:00", zone, 60);
        assert_eq!(
            refused,
            Err(InvalidSchedule::Zone {
                zone: zone.to_owned()
            })
        );
    }
    for minutes in [0, 1441] {
        let refused = new("2026-01-05T09:00:00", "UTC", minutes);
        assert_eq!(refused, Err(InvalidSchedule::Duration));
    }
    for at in [
        "1999-12-31T23:59:59",
        "2200-01-01T00:00:00",
        "2026-01-05T09:00:00.5",
    ] {
        assert_eq!(new(at, "UTC", 60), Err(InvalidSchedule::Start));
    }
}

#[test]
fn so_many_are_expected_as_fit_on_one_router() {
    let start = "2026-01-05T09:00:00".parse().unwrap();
    let expecting = |people| {
        let schedule = Schedule::new(start, "UTC", 60, None).unwrap();
        schedule.expecting(Some(people)).map(|it| it.expected())
    };
    for people in [1, 5_000] {
        assert_eq!(expecting(people), Ok(Some(people)));
    }
    for people in [0, 5_001] {
        assert_eq!(expecting(people), Err(InvalidSchedule::Expected));
    }
}

#[test]
fn a_series_has_so_many_exceptions_at_most() {
    let start: jiff::civil::DateTime = "2026-01-05T09:00:00".parse().unwrap();
    let except = vec![start; 1001];
    assert_eq!(
        Recurrence::new("FREQ=DAILY", except),
        Err(InvalidRecurrence::Exceptions)
    );
}
