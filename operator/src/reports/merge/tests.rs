use plenum_wire::Boot;
use plenum_wire::link::Load;

use super::*;
use crate::pool::observed::Word;

fn pool() -> PoolName {
    "n.p".parse().unwrap()
}

fn report(participants: u32, draining: bool, age_ms: u64) -> RouterReport {
    RouterReport {
        router: "r1".parse().unwrap(),
        pool: pool(),
        boot: Boot(1),
        load: Load {
            participants,
            capacity: 200,
            accepting: !draining,
            draining,
        },
        meetings: 0,
        age_ms,
        connected: true,
        received_ms: None,
        unplaced: None,
    }
}

/// A view of `zc-0` and `zc-1`, each with the time since its report and what it said.
fn view(said: [Option<(u64, RouterReport)>; 2]) -> View {
    let start = Instant::now();
    let later = |ms| start + Duration::from_millis(ms);
    let now = later(600_000);
    let names = ["zc-0".to_owned(), "zc-1".to_owned()];
    let heard = names
        .iter()
        .zip(said)
        .filter_map(|(name, said)| {
            let (ago, report) = said?;
            let at = later(600_000 - ago);
            Some((name.clone(), Heard::new(at, vec![report])))
        })
        .collect();
    merge(&BTreeSet::from(names), &heard, &pool(), now)
}

fn r1(view: &View) -> Word {
    view.routers[&"r1".parse().unwrap()]
}

#[test]
fn people_are_as_many_as_the_newest_word_says_and_of_equally_old_ones_the_most() {
    let people = |first, second| r1(&view([first, second])).participants;
    let (five, seven) = (|| report(5, false, 0), || report(7, false, 0));
    assert_eq!(people(Some((2_000, five())), Some((100, seven()))), 7);
    assert_eq!(people(Some((2_000, seven())), Some((100, five()))), 5);
    assert_eq!(people(Some((100, five())), Some((100, seven()))), 7);
    assert_eq!(people(Some((100, seven())), Some((100, five()))), 7);
}

#[test]
fn people_are_at_most_as_many_as_anybody_says_now_of_this_run() {
    let at_most = |older, newer| {
        let merged = view([Some((2_000, older)), Some((100, newer))]);
        r1(&merged).participants_at_most
    };
    assert_eq!(at_most(report(5, false, 0), report(7, false, 0)), 7);
    assert_eq!(at_most(report(7, false, 0), report(0, false, 0)), 7);
    let long_ago = report(7, false, 1_001);
    assert_eq!(at_most(long_ago, report(0, false, 0)), 0);
    let mut earlier = report(7, false, 0);
    earlier.boot = Boot(9);
    assert_eq!(at_most(earlier, report(0, false, 0)), 0);
    // Where nobody has heard it for long, what was heard last.
    let all_long_ago = at_most(report(7, false, 9_000), report(5, false, 9_000));
    assert_eq!(all_long_ago, 5);
}

#[test]
fn the_age_of_a_report_and_of_its_words_add_up() {
    let merged = view([
        Some((2_000, report(5, false, 0))),
        Some((100, report(7, false, 300))),
    ]);
    assert_eq!(merged.coverage, Coverage::Complete);
    assert!(r1(&merged).fresh_everywhere);
    assert_eq!(merged.age, Some(Duration::from_secs(2)));
    let late = view([None, Some((2_800, report(7, false, 300)))]);
    assert!(!r1(&late).fresh);
}

#[test]
fn empty_only_when_every_controller_has_heard_so() {
    let empty = |ago| Some((ago, report(0, true, 0)));
    let oldest = Some(Duration::from_millis(100));
    assert_eq!(r1(&view([empty(0), empty(100)])).empty_everywhere, oldest);
    let one_sees_people = view([empty(0), Some((10, report(1, true, 0)))]);
    assert!(r1(&one_sees_people).empty_everywhere.is_none());
    let one_sees_no_drain = view([empty(0), Some((10, report(0, false, 0)))]);
    assert!(r1(&one_sees_no_drain).empty_everywhere.is_none());
    assert!(
        r1(&view([empty(0), empty(3_001)]))
            .empty_everywhere
            .is_none()
    );
    // A controller never heard is no voice, but then the view is not complete.
    assert_eq!(view([empty(0), None]).coverage, Coverage::Stale);
}

#[test]
fn an_old_word_carried_by_a_fresh_report_is_old() {
    let merged = view([
        Some((0, report(3, false, 9_000))),
        Some((0, report(3, false, 9_000))),
    ]);
    assert_eq!(merged.coverage, Coverage::Complete);
    assert!(!r1(&merged).fresh && !r1(&merged).fresh_everywhere);
    assert_eq!(r1(&merged).participants, 3);
}

#[test]
fn another_run_of_the_router_is_no_confirmation() {
    let mut older = report(0, true, 500);
    older.boot = Boot(9);
    let merged = view([Some((0, report(0, true, 0))), Some((0, older))]);
    assert!(r1(&merged).empty_everywhere.is_none());
}

#[test]
fn a_router_lost_to_one_controller_is_in_touch_by_the_other_and_lost_to_both_by_none() {
    let gone = |age_ms| RouterReport {
        connected: false,
        ..report(5, false, age_ms)
    };
    let by_the_other = view([Some((0, gone(100))), Some((0, report(5, false, 400)))]);
    assert!(r1(&by_the_other).connected && !r1(&by_the_other).fresh_everywhere);
    let by_none = view([Some((0, gone(100))), Some((0, gone(400)))]);
    assert!(r1(&by_none).fresh && !r1(&by_none).connected);
    // A link that is said to be up, by a word of long ago or about an earlier run.
    let old = view([Some((0, gone(100))), Some((3_001, report(5, false, 0)))]);
    assert!(!r1(&old).connected);
    let mut earlier = report(5, false, 400);
    earlier.boot = Boot(9);
    assert!(!r1(&view([Some((0, gone(100))), Some((0, earlier))])).connected);
}

#[test]
fn a_router_says_itself_how_many_it_takes() {
    let mut newer = report(5, false, 0);
    newer.load.capacity = 70;
    let merged = view([Some((500, report(5, false, 0))), Some((0, newer))]);
    assert_eq!(r1(&merged).capacity, 70);
}

#[test]
fn coverage_says_what_is_missing() {
    assert_eq!(view([None, None]).coverage, Coverage::Missing);
    let fine = || Some((0, report(0, false, 0)));
    assert_eq!(view([fine(), None]).coverage, Coverage::Stale);
    assert_eq!(
        view([fine(), Some((3_001, report(0, false, 0)))]).coverage,
        Coverage::Stale
    );
    assert_eq!(view([fine(), fine()]).coverage, Coverage::Complete);
    let nobody_ready = merge(&BTreeSet::new(), &BTreeMap::new(), &pool(), Instant::now());
    assert_eq!(nobody_ready.coverage, Coverage::Missing);
}

#[test]
fn people_came_to_it_when_any_controller_says_so_of_this_run() {
    let received = |received_ms| RouterReport {
        received_ms,
        ..report(5, false, 0)
    };
    let none = view([Some((0, received(None))), Some((0, received(None)))]);
    assert_eq!(r1(&none).received, None);
    let by_both = view([
        Some((500, received(Some(100)))),
        Some((0, received(Some(800)))),
    ]);
    assert_eq!(r1(&by_both).received, Some(Duration::from_millis(600)));
    let mut earlier = received(Some(100));
    earlier.boot = Boot(9);
    let of_another_run = view([Some((0, received(None))), Some((10, earlier))]);
    assert_eq!(r1(&of_another_run).received, None);
}

#[test]
fn meetings_that_fit_nowhere_need_what_any_controller_says_now_of_this_run() {
    let needs = |unplaced| RouterReport {
        unplaced,
        ..report(5, false, 0)
    };
    let one = view([Some((0, needs(None))), Some((0, needs(Some(61))))]);
    assert_eq!(r1(&one).unplaced, Some(61));
    let both = view([Some((0, needs(Some(70)))), Some((0, needs(Some(61))))]);
    assert_eq!(r1(&both).unplaced, Some(70));
    let long_ago = view([Some((0, needs(None))), Some((3_001, needs(Some(61))))]);
    assert_eq!(r1(&long_ago).unplaced, None);
    let mut earlier = needs(Some(61));
    earlier.boot = Boot(9);
    let of_another_run = view([Some((0, needs(None))), Some((10, earlier))]);
    assert_eq!(r1(&of_another_run).unplaced, None);
}

#[test]
fn meetings_that_fitted_nowhere_before_a_drain_was_called_back_need_nothing() {
    let drains = RouterReport {
        unplaced: Some(40),
        ..report(40, true, 0)
    };
    let newest = |draining| Some((10, report(40, draining, 0)));
    let still = view([newest(true), Some((500, drains.clone()))]);
    assert_eq!(r1(&still).unplaced, Some(40));
    let called_back = view([newest(false), Some((500, drains))]);
    assert_eq!(r1(&called_back).unplaced, None);
}

#[test]
fn of_what_controllers_were_told_to_expect_the_most_counts() {
    let (now, names) = (Instant::now(), ["zc-0", "zc-1"].map(str::to_owned));
    let said = [[(60, 200), (120, 5)], [(60, 180), (180, 7)]].map(|minutes| {
        let expected = minutes.map(|(at, people)| Expected { at, people });
        Heard::new(now, Vec::new()).expecting(&expected, Timestamp::UNIX_EPOCH)
    });
    let heard = names.clone().into_iter().zip(said).collect();
    let merged = merge(&BTreeSet::from(names), &heard, &pool(), now);
    let minute = |second| Timestamp::from_second(second).unwrap();
    let all = [(60, 200), (120, 5), (180, 7)].map(|(at, people)| (minute(at), people));
    assert_eq!(merged.expected, all.into());
}

#[test]
fn who_is_expected_is_what_is_said_now_and_while_all_are_silent_what_was_said_last() {
    let now = Instant::now();
    let (later, minute) = (now + FRESH, Timestamp::UNIX_EPOCH);
    let said = |at, people| {
        let expected = [Expected { at: 0, people }];
        Heard::new(at, Vec::new()).expecting(&expected, minute)
    };
    let heard = [("zc-0", said(now, 200)), ("zc-1", said(later, 180))];
    let heard = heard.map(|(name, said)| (name.to_owned(), said)).into();
    let seconds = |n| later + Duration::from_secs(n);
    for (at, people) in [(later, 200), (seconds(1), 180), (seconds(4), 200)] {
        assert_eq!(to_come(&heard, at), [(minute, people)].into());
    }
}

#[test]
fn whatever_a_report_says_of_those_who_are_expected_is_minutes_of_this_hour() {
    let noon = 1_800_014_400;
    let now = Timestamp::from_second(noon).unwrap();
    let ends = [i64::MIN, -377_705_023_201, 253_402_207_200, i64::MAX];
    let around = noon - 10_000..noon + 10_000;
    let said = ends.into_iter().chain(around);
    let said: Vec<_> = said.map(|at| Expected { at, people: 1 }).collect();
    let known = Heard::new(Instant::now(), Vec::new()).expecting(&said, now);
    let minutes = (-5_i64..=60).map(|n| (Timestamp::from_second(noon + n * 60).unwrap(), 60));
    assert_eq!(known.expected, minutes.collect());
}

#[test]
fn other_pools_are_not_mixed_in() {
    let mut other = report(5, false, 0);
    other.pool = "n.other".parse().unwrap();
    assert!(view([Some((0, other)), None]).routers.is_empty());
}
