use super::*;
use crate::matrix::scenario::Change;

fn report() -> Report {
    let track = |kind: &str| Track {
        kind: kind.to_owned(),
        packets: 100,
        lost: 0,
    };
    Report {
        joined_ms: Some(400),
        rungs: KINDS.map(|kind| (kind.to_owned(), "udp".to_owned())).into(),
        audio_gap_ms: [("bob".to_owned(), 40)].into(),
        tracks: KINDS.map(track).into(),
        ..Report::default()
    }
}

const STRAIGHT: &str = "client:media:udp8801";

fn outcome(client: Report, went: &str) -> Outcome {
    let guest = report();
    of(&Scenario::new("open", ""), &Call { client, guest }, went)
}

fn of(scenario: &Scenario, call: &Call, went: &str) -> Outcome {
    let bytes = [
        (went.to_owned(), 9_000),
        ("client:media:tcp443".to_owned(), 10),
    ];
    judge(scenario, call, bytes.into(), Duration::from_secs(9))
}

#[test]
fn what_is_as_it_should_be_passes() {
    let outcome = outcome(report(), STRAIGHT);
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert!(outcome.in_time);
}

#[test]
fn the_clients_word_on_its_rung_is_not_enough() {
    let outcome = outcome(report(), "proxy:media:tcp443");
    let says = "most bytes went proxy:media:tcp443, not client:media:udp8801";
    assert_eq!(outcome.failures, [says]);
}

#[test]
fn a_time_above_its_limit_is_told_and_far_above_fails() {
    let late = |joined_ms| Report {
        joined_ms: Some(joined_ms),
        ..report()
    };
    let slow = outcome(late(1_600), STRAIGHT);
    assert_eq!((slow.in_time, slow.failures.len()), (false, 0));
    let slower = outcome(late(4_600), STRAIGHT);
    assert_eq!((slower.in_time, slower.failures.len()), (false, 1));
}

#[test]
fn what_is_missing_is_named() {
    let mut silent = report();
    silent.tracks[0].packets = 0;
    silent.tracks[1].lost = 7;
    silent.rungs.insert("video".to_owned(), "tls".to_owned());
    let outcome = outcome(silent, STRAIGHT);
    let says = ["no audio reached the client", "video took tls, not udp"];
    assert_eq!(outcome.failures, says);
    assert_eq!(outcome.picture_lost, [7, 0]);
}

#[test]
fn who_says_nothing_of_a_gap_does_not_hide_the_others() {
    let mut deaf = report();
    deaf.audio_gap_ms.clear();
    let mut torn = report();
    torn.audio_gap_ms.insert("ada".to_owned(), 9_000);
    let says = "the client does not say how long it was without audio";
    let call = Call {
        client: deaf,
        guest: torn,
    };
    let outcome = of(&Scenario::new("open", ""), &call, STRAIGHT);
    assert_eq!(outcome.gap_ms, [None, Some(9_000)]);
    let torn = "without audio the guest was 9000 ms, far more than 200 ms";
    assert_eq!(outcome.failures, [says, torn]);
}

#[test]
fn pictures_may_be_lost_where_something_happens_and_only_so_many() {
    let verdict = |scenario: &Scenario, lost| {
        let mut guest = report();
        guest.tracks[1].lost = lost;
        let client = report();
        of(scenario, &Call { client, guest }, STRAIGHT).failures
    };
    let open = || Scenario::new("open", "");
    let moves = Change {
        after: Duration::from_secs(3),
        rules: &[],
        moves: true,
    };
    for (scenario, some, too_many) in [
        (open(), 0, 11),
        (open().mtu(1_280), 8, 41),
        (open().meanwhile(moves), 120, 301),
    ] {
        assert_eq!(verdict(&scenario, some), Vec::<String>::new());
        let says = verdict(&scenario, too_many);
        assert_eq!(says.len(), 1, "{says:?}");
        let text = format!("{too_many} picture packets did not reach the guest");
        assert!(says[0].starts_with(&text), "{says:?}");
    }
}
