//! What the directory is told about the zone, and when.

mod support;

use std::time::Duration;

use plenum_wire::directory::RunningMeeting;
use plenum_zone::outward::{Reporting, Summary};
use proptest::prelude::*;
use support::{Zone, at, meeting, origin, seconds};

fn running(name: &str, participants: u32) -> RunningMeeting {
    RunningMeeting {
        meeting: meeting(name),
        participants,
    }
}

#[test]
fn a_meeting_on_two_routers_is_one_meeting() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3), at("retro", 4)]);
    zone.hosts("b", 100, vec![at("standup", 2)]);
    let expected = Summary {
        routers: 2,
        capacity: 200,
        participants: 9,
        meetings: vec![running("retro", 4), running("standup", 5)],
    };
    assert_eq!(zone.broker.summary(), expected);
}

#[test]
fn a_router_out_of_touch_counts_for_nothing() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.lose("a");
    let expected = Summary {
        routers: 0,
        capacity: 0,
        participants: 0,
        meetings: vec![],
    };
    assert_eq!(zone.broker.summary(), expected);
}

#[test]
fn a_burst_of_changes_is_a_report_a_second() {
    let start = origin();
    let mut reporting = Reporting::new(start);
    let (mut reports, mut now) = (0, start);
    while now < start + seconds(10) {
        reporting.changed(now);
        if reporting.next_timeout().is_some_and(|due| due <= now) {
            reporting.sent(now);
            reporting.answered(seconds(5), now);
            reports += 1;
        }
        now += Duration::from_millis(100);
    }
    assert_eq!(reports, 10);
}

#[test]
fn without_changes_the_directory_says_how_often() {
    let now = origin();
    let mut reporting = Reporting::new(now);
    reporting.sent(now);
    assert_eq!(reporting.next_timeout(), None, "one at a time");
    reporting.answered(seconds(20), now);
    assert_eq!(reporting.next_timeout(), Some(now + seconds(20)));
    reporting.sent(now + seconds(20));
    reporting.answered(seconds(100_000), now + seconds(20));
    assert_eq!(
        reporting.next_timeout(),
        Some(now + seconds(80)),
        "within reason"
    );
}

#[test]
fn a_change_while_a_report_is_on_its_way_waits_for_the_next() {
    let now = origin();
    let mut reporting = Reporting::new(now);
    reporting.sent(now);
    reporting.changed(now);
    assert_eq!(reporting.next_timeout(), None);
    reporting.answered(seconds(5), now);
    reporting.changed(now + Duration::from_millis(10));
    assert_eq!(reporting.next_timeout(), Some(now + seconds(1)));
}

proptest! {
    /// However long the directory is away: a report is always due, never sooner than half a
    /// second after a failure, and never later than 15 s unless the directory itself asked.
    #[test]
    fn a_directory_that_is_away_is_asked_again_and_again(
        shares in prop::collection::vec(0.0..=1.0f64, 1..200)
    ) {
        let mut now = origin();
        let mut reporting = Reporting::new(now);
        for share in shares {
            reporting.sent(now);
            reporting.changed(now);
            reporting.failed(share, None, now);
            reporting.changed(now);
            let due = reporting.next_timeout().expect("nothing is on its way");
            prop_assert!(due >= now + Duration::from_millis(500));
            prop_assert!(due <= now + seconds(15));
            now = due;
        }
    }
}
