//! A zone at a glance.

use kubectl_plenum::status::{State, report};
use serde_json::{Value, json};

use crate::world::{healthy, wait_for_room, with};

fn text(report: &impl std::fmt::Display) -> String {
    anstream::adapter::strip_str(&report.to_string()).to_string()
}

#[test]
fn a_ready_zone_shows_its_routers_with_people_and_room() {
    let report = report(&healthy(), Some("main"));
    assert!(report.healthy);
    let router = &report.zones[0].pools[0].routers[0];
    assert_eq!(router.node.as_deref(), Some("n1"));
    assert_eq!(router.state, State::Accepting);
    assert_eq!((router.participants, router.room), (Some(37), Some(163)));
    let text = text(&report);
    for line in [
        "Zone meetings/main: ready",
        "  people       37 of 200",
        "  reached at   https://meet.example.org",
        "  controllers  2 of 2  main-zc-0 (n2), main-zc-1 (n3)",
        "Pool main: Accepting, FollowingLoad; 1 wanted, 1 active, 1 accepting, 0 draining; people 37 of 200",
        "  n1     accepting   37       163    9",
        "  main-zc-tls   controllers, to clients   60d",
        "No problems.",
    ] {
        assert!(
            text.lines().any(|it| it.trim_end() == line),
            "no {line:?} in\n{text}"
        );
    }
}

#[test]
fn a_draining_router_says_since_when_and_why_and_has_no_room() {
    let mut seen = healthy();
    let annotations = [
        ("plenum.dev/draining-since", "2026-11-22T11:58:45.123Z"),
        ("plenum.dev/draining-reason", "NodeCordoned"),
    ];
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
    seen.nodes.items[0].metadata.annotations = Some(annotations.into());
    let report = report(&seen, None);
    let router = &report.zones[0].pools[0].routers[0];
    assert_eq!(router.state, State::Draining);
    assert_eq!(router.room, Some(0));
    assert!(
        text(&report).contains("74s, NodeCordoned"),
        "{}",
        text(&report)
    );
}

#[test]
fn a_router_that_waits_for_room_is_told_with_the_node_that_it_is_made_for() {
    let mut seen = healthy();
    let name = Some("main-mmr-x7k2p");
    let mut pods = seen.pods.items.iter_mut();
    let router = pods.find(|pod| pod.metadata.name.as_deref() == name);
    wait_for_room(router.unwrap());
    let report = report(&seen, None);
    let routers = &report.zones[0].pools[0].routers;
    assert_eq!(routers.len(), 1, "{routers:?}");
    assert_eq!(routers[0].pod.as_deref(), name);
    assert_eq!(routers[0].node.as_deref(), Some("n1"));
}

#[test]
fn a_router_that_does_not_answer_has_question_marks() {
    let mut seen = healthy();
    seen.figures.clear();
    let report = report(&seen, None);
    assert_eq!(report.zones[0].pools[0].routers[0].participants, None);
    assert!(text(&report).contains("accepting   ?"), "{}", text(&report));
}

#[test]
fn problems_are_told_with_what_to_do_and_the_zone_is_not_well() {
    let seen = with(
        "nodeSelector: {plenum.dev/routers: \"true\"}",
        "nodeSelector: {plenum.dev/router: \"true\"}",
    );
    let report = report(&seen, None);
    assert!(!report.healthy);
    let text = text(&report);
    assert!(
        text.contains("Problems\n  WRONG: MMRPool meetings/main: no node has the labels"),
        "{text}"
    );
    assert!(
        text.contains("    do:  kubectl label node n1 plenum.dev/router=true --overwrite"),
        "{text}"
    );
}

#[test]
fn a_zone_that_is_not_there_is_no_success() {
    assert!(!report(&healthy(), Some("elsewhere")).healthy);
}

/// Scripts rely on it: fields are added, never changed.
#[test]
fn the_shape_for_scripts_is_stable() {
    let value = serde_json::to_value(report(&healthy(), None)).unwrap();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&value), ["healthy", "notSeen", "schema", "zones"]);
    assert_eq!(
        keys(&value["zones"][0]),
        [
            "certificates",
            "controllers",
            "deleting",
            "message",
            "name",
            "namespace",
            "participants",
            "paused",
            "pools",
            "problems",
            "ready",
            "reason",
            "tunnelUrl",
            "tunnels",
            "url",
        ]
    );
    assert_eq!(
        value["zones"][0]["pools"][0]["routers"][0],
        json!({
            "node": "n1", "pod": "main-mmr-x7k2p", "state": "accepting", "participants": 37,
            "room": 163, "meetings": 9, "draining": null, "drainRequested": false,
        })
    );
    assert_eq!(
        value["zones"][0]["certificates"][0],
        json!({
            "secret": "main-zc-tls", "purpose": "controllers, to clients",
            "notAfter": "2027-01-21T12:00:00Z", "remainingSeconds": 60 * 86_400,
        })
    );
}
