//! Which meetings run where.

use kubectl_plenum::meetings::{Report, SCHEMA, zone};
use kubectl_plenum::snapshot::Trouble;

use crate::world::healthy;

#[test]
fn a_meeting_that_moves_is_one_meeting_on_two_routers() {
    let told = r#"{"meetings":[
        {"meeting":"4711","at":[{"router":"main-mmr-x7k2p","participants":5},{"router":"main-mmr-gone","participants":2}]},
        {"meeting":"retro","at":[{"router":"main-mmr-x7k2p","participants":3}]}
    ],"left_out":4}"#;
    let told = serde_json::from_str(told).unwrap();
    let answer = Ok(("main-zc-0".to_owned(), told));
    let zone = zone(&healthy(), "meetings", "main", answer);
    assert_eq!(zone.meetings[0].participants, 7);
    assert_eq!(zone.meetings[0].routers[0].node.as_deref(), Some("n1"));
    assert_eq!(zone.meetings[0].routers[1].node, None);
    let report = Report {
        schema: SCHEMA,
        zones: vec![zone],
    };
    let text = anstream::adapter::strip_str(&report.to_string()).to_string();
    let expected = "Zone meetings/main: 6 meetings, 10 people\n\
                    MEETING   PEOPLE   ROUTER           NODE\n\
                    4711      5        main-mmr-x7k2p   n1\n          \
                    2        main-mmr-gone    ?\n\
                    retro     3        main-mmr-x7k2p   n1\n\
                    and 4 more, which the controller does not tell\n";
    assert_eq!(text, expected);
}

#[test]
fn when_no_controller_answers_it_says_why() {
    let trouble = Trouble {
        what: "no zone controller answers".to_owned(),
        remedy: "kubectl plenum status".to_owned(),
    };
    let zone = zone(&healthy(), "meetings", "main", Err(trouble));
    assert!(zone.to_string().contains("do: kubectl plenum status"));
}
