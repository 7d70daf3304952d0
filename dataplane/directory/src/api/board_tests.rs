use std::slice::from_ref;

use jiff::SignedDuration;
use plenum_wire::directory::{RunningMeeting, ZoneReport};

use super::*;
use crate::model::{Revision, SecretHash};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
}

fn zone(name: &str) -> Zone {
    Zone {
        name: name.parse().unwrap(),
        credential: SecretHash::of("secret").unwrap(),
        networks: Vec::new(),
        location: None,
        weight: 100,
        enabled: true,
        created: at(0),
        revision: Revision(1),
    }
}

fn report(zone: &str, controller: &str, heard: i64, routers: u32) -> StoredReport {
    StoredReport {
        zone: zone.parse().unwrap(),
        heard: at(heard),
        report: ZoneReport {
            controller: controller.to_owned(),
            controllers: vec![format!("https://{controller}.example.org")],
            tunnels: Vec::new(),
            authority: None,
            routers,
            capacity: routers * 100,
            participants: 50,
            meetings: Vec::new(),
        },
    }
}

fn running(mut report: StoredReport, meeting: &str, participants: u32) -> StoredReport {
    report.report.meetings.push(RunningMeeting {
        meeting: meeting.parse().unwrap(),
        participants,
    });
    report
}

fn board(zones: &[&str], reports: &[StoredReport], listening: i64) -> Board {
    let zones = zones.iter().map(|name| zone(name)).collect();
    let reports: Vec<_> = reports.iter().collect();
    Board::new(zones, &reports, at(listening))
}

fn state(board: &Board, zone: &str, now: i64) -> State {
    board.health(&zone.parse().unwrap(), at(now)).unwrap().state
}

#[test]
fn a_controller_that_has_just_started_makes_its_zone_no_smaller() {
    let reports = [report("a", "zc-0", 10, 4), report("a", "zc-1", 11, 0)];
    let board = board(&["a"], &reports, 0);
    assert_eq!(state(&board, "a", 12), State::Healthy);
    let candidates = board.candidates(&"4711".parse().unwrap(), at(12));
    assert_eq!(candidates[0].load, Some(50.0 / 400.0));
}

#[test]
fn what_a_dead_controller_said_is_forgotten() {
    let reports = [report("a", "zc-0", 10, 4), report("a", "zc-1", 25, 0)];
    let board = board(&["a"], &reports, 0);
    assert_eq!(state(&board, "a", 26), State::NoRouters);
}

#[test]
fn the_newest_addresses_count() {
    let reports = [report("a", "zc-1", 11, 1), report("a", "zc-0", 10, 1)];
    let board = board(&["a"], &reports, 0);
    let candidates = board.candidates(&"4711".parse().unwrap(), at(12));
    let offer = board.offer(&candidates[0], false).unwrap();
    assert_eq!(offer.controllers, ["https://zc-1.example.org"]);
}

#[test]
fn after_a_restart_zones_are_offered_where_they_were() {
    let board = board(&["a", "new"], &[report("a", "zc-0", -300, 4)], 0);
    assert_eq!(state(&board, "a", 1), State::Unheard);
    assert_eq!(
        state(&board, "new", 1),
        State::NeverHeard,
        "no address to offer"
    );
    assert_eq!(
        state(&board, "a", 20),
        State::Silent(Duration::from_secs(320))
    );
}

#[test]
fn a_meeting_runs_where_somebody_is_and_the_zone_lives() {
    let reports = [
        running(report("a", "zc-0", 10, 4), "4711", 2),
        running(report("a", "zc-1", 10, 4), "4711", 3),
        running(report("b", "zc-0", 10, 4), "4712", 0),
        running(report("full", "zc-0", 10, 0), "4713", 9),
    ];
    let board = board(&["a", "b", "full"], &reports, 0);
    let [meeting, empty, full] = ["4711", "4712", "4713"].map(|it| it.parse().unwrap());
    assert!(board.runs(&meeting, at(12)));
    assert!(board.runs(&full, at(12)), "no router takes more people");
    assert!(!board.runs(&empty, at(12)));
    assert!(!board.runs(&meeting, at(30)), "the zone is silent");
    let there: Vec<_> = board
        .candidates(&meeting, at(12))
        .iter()
        .map(|candidate| candidate.there)
        .collect();
    assert_eq!(there, [Some(3), None, None]);
}

#[test]
fn a_meeting_goes_on_until_its_zone_could_have_been_heard() {
    let reports = [
        running(report("a", "zc-0", -60, 4), "4711", 2),
        report("b", "zc-0", 1, 4),
    ];
    let board = board(&["a", "b"], &reports, 0);
    let meeting = "4711".parse().unwrap();
    assert_eq!(state(&board, "a", 2), State::Unheard);
    assert!(board.runs(&meeting, at(2)));
    assert!(!board.runs(&meeting, at(20)), "it is silent");
}

#[test]
fn what_was_said_long_before_the_directory_was_back_is_not_believed() {
    let reports = [running(report("a", "zc-0", -600, 4), "4711", 2)];
    let board = board(&["a"], &reports, 0);
    let meeting = "4711".parse().unwrap();
    assert_eq!(state(&board, "a", 2), State::Unheard);
    assert!(!board.runs(&meeting, at(2)));
    assert_eq!(board.candidates(&meeting, at(2))[0].there, None);
}

#[test]
fn who_was_in_a_zone_that_is_dead_is_expected_where_meetings_begin() {
    let reports = [
        running(report("dead", "zc-0", 0, 4), "4711", 120),
        report("b", "zc-0", 90, 4),
    ];
    let lecture = Announced {
        meeting: "4711".parse().unwrap(),
        begins: at(0),
        people: 300,
    };
    let expected = |now: i64| {
        let board = board(&["dead", "b"], &reports, 0).expecting(from_ref(&lecture), at(now));
        let people = |zone: &str| {
            let expected = board.expected(&zone.parse().unwrap()).iter();
            expected.map(|it| it.people).sum::<u32>()
        };
        (people("dead"), people("b"))
    };
    assert_eq!(expected(10), (180, 0));
    assert_eq!(expected(91), (0, 300));
}

#[test]
fn reports_of_zones_that_are_gone_count_for_nothing() {
    let board = board(&["a"], &[report("gone", "zc-0", 10, 4)], 0);
    let never_heard = Counts {
        never_heard: 1,
        ..Counts::default()
    };
    assert_eq!(board.counts(at(30)), never_heard);
    assert!(board.zone(&"gone".parse().unwrap()).is_none());
}

#[test]
fn what_no_board_goes_by_is_forgotten() {
    let reports = [
        report("a", "zc-0", 100, 4),
        report("a", "zc-1", 86, 4),
        report("a", "zc-2", 85, 4),
        report("b", "zc-0", 10, 4),
        report("old", "zc-0", 0, 4),
        report("gone", "zc-0", 100, 4),
    ];
    let key = |it: &StoredReport| (it.zone.clone(), it.report.controller.clone());
    let mut kept = reports.iter().map(|it| (key(it), it.clone())).collect();
    let zones = ["a", "b", "old"].map(zone);
    lasting(&zones, &mut kept, at(0));
    let kept: Vec<_> = kept.into_keys().collect();
    let names: Vec<_> = kept
        .iter()
        .map(|(zone, it)| (zone.as_str(), it.as_str()))
        .collect();
    // What was heard of a zone last stays, however long ago that was.
    assert_eq!(names, [("a", "zc-0"), ("a", "zc-1"), ("b", "zc-0")]);
}

#[test]
fn nothing_is_missed_while_no_zone_is_silent() {
    let reports = [
        report("eu.main", "one", 90, 1),
        report("us.main", "two", 80, 1),
    ];
    let zones = board(&["eu.main", "us.main"], &reports, 0);
    assert!(zones.hears_all(at(94)));
    assert!(!zones.hears_all(at(95)), "us.main");
    let unheard = board(&["eu.main", "us.main"], &reports[..1], 0);
    assert!(!unheard.hears_all(at(94)));
    assert!(!board(&[], &[], 0).hears_all(at(94)), "no zone at all");
}
