//! What the operator is told, and when there is news.

mod support;

use plenum_wire::Boot;
use plenum_wire::link::{Load, RouterReport};
use support::{Zone, at, idle, millis, pool, router};

#[test]
fn it_says_what_the_router_said_and_how_old_that_is() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3), at("retro", 4)]);
    zone.now += millis(200);
    let load = Load {
        participants: 7,
        ..idle(100)
    };
    let expected = RouterReport {
        router: router("a"),
        pool: pool(),
        boot: Boot(1),
        load,
        meetings: 2,
        age_ms: 200,
        connected: true,
        received_ms: None,
        unplaced: None,
    };
    assert_eq!(zone.broker.report(zone.now), [expected]);
}

#[test]
fn it_says_since_when_people_came_by_a_move() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.orders();
    zone.now += millis(400);
    let said: Vec<_> = zone.broker.report(zone.now);
    let received: Vec<_> = said.iter().map(|one| one.received_ms).collect();
    assert_eq!(received, [None, Some(400)]);
}

#[test]
fn a_heartbeat_is_no_news_and_a_change_is() {
    let mut zone = Zone::with(&[("a", 100)]);
    let before = zone.broker.version();
    zone.pass(support::seconds(5));
    assert_eq!(zone.broker.version(), before);
    zone.hosts("a", 100, vec![at("standup", 1)]);
    assert_ne!(zone.broker.version(), before);
}

#[test]
fn a_router_that_has_said_nothing_yet_is_not_in_it() {
    let mut zone = Zone::new();
    zone.connect("a");
    assert_eq!(zone.broker.report(zone.now), []);
}

#[test]
fn tunnels_hear_where_the_routers_in_touch_are() {
    let mut zone = Zone::new();
    assert_eq!(zone.broker.endpoints().count(), 0);
    let before = zone.broker.version();
    zone.connect("a");
    assert_eq!(zone.broker.endpoints().count(), 1, "before its report");
    assert_ne!(zone.broker.version(), before);
    let before = zone.broker.version();
    zone.pass_in_silence(support::seconds(5));
    assert_eq!(
        zone.broker.endpoints().count(),
        0,
        "silent, so out of touch"
    );
    assert_ne!(zone.broker.version(), before);
}
