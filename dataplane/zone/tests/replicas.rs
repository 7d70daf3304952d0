//! Replicas that hear the same decide the same, and one that starts anew learns it all.

mod support;

use plenum_wire::link::{Load, MeetingLoad};
use support::{Zone, at, idle, moves, moving, seconds};

const ROUTERS: [(&str, u32); 4] = [("a", 100), ("b", 80), ("c", 100), ("d", 60)];

fn pair(hear: impl Fn(&mut Zone)) -> [Zone; 2] {
    let start = support::origin();
    [(); 2].map(|()| {
        let mut zone = Zone::with(&ROUTERS);
        zone.now = start;
        hear(&mut zone);
        zone
    })
}

fn meetings(count: usize, offset: usize) -> Vec<MeetingLoad> {
    let sizes = (0..count).zip((1..=5).cycle());
    sizes
        .map(|(index, size)| at(&format!("m{}", index + offset), size))
        .collect()
}

#[test]
fn a_new_meeting_goes_to_the_same_router() {
    let [mut one, mut two] = pair(|_| {});
    for index in 0..100 {
        let name = format!("m{index}");
        // Each of its participants asks another replica.
        assert_eq!(one.join(&name, "ada"), two.join(&name, "bob"));
    }
}

#[test]
fn a_drain_is_ordered_alike() {
    let [mut one, mut two] = pair(|zone| {
        zone.hosts("a", 100, meetings(12, 0));
        zone.hosts("b", 80, meetings(5, 20));
        zone.operator(&["a"]);
    });
    let orders = one.orders();
    assert_eq!(orders.len(), 5);
    assert_eq!(orders, two.orders());
}

#[test]
fn a_split_meeting_is_merged_alike() {
    let [mut one, mut two] = pair(|zone| {
        // The two hear the halves in any order.
        zone.hosts("c", 100, vec![at("standup", 4)]);
        zone.hosts("b", 80, vec![at("standup", 4)]);
        zone.pass(seconds(1));
    });
    assert_eq!(one.orders(), [moves("standup", "c", "b")]);
    assert_eq!(two.orders(), [moves("standup", "c", "b")]);
}

#[test]
fn a_replica_follows_a_move_that_another_ordered() {
    let mut zone = Zone::with(&ROUTERS);
    zone.hosts("a", 100, vec![moving("standup", 4, "d")]);
    assert_eq!(zone.join("standup", "ada"), Ok("d".to_owned()));
    zone.operator(&["a"]);
    let orders = zone.orders();
    assert!(
        !orders
            .iter()
            .any(|(_, order)| matches!(order, plenum_zone::Order::Move { .. }))
    );
}

#[test]
fn a_replica_that_starts_anew_knows_all_from_the_first_reports() {
    let tell = |zone: &mut Zone| {
        zone.hosts("a", 100, meetings(12, 0));
        zone.hosts("b", 80, meetings(5, 20));
        zone.hosts("c", 100, vec![moving("standup", 4, "d")]);
    };
    let mut old = Zone::with(&ROUTERS);
    tell(&mut old);
    let mut new = Zone::new();
    for (name, _) in ROUTERS.iter().rev() {
        new.connect(name);
    }
    new.report("d", idle(60), vec![]);
    tell(&mut new);
    let names = (0..30).map(|index| format!("m{index}"));
    for name in names.chain(["standup".to_owned()]) {
        assert_eq!(old.join(&name, "ada"), new.join(&name, "ada"), "{name}");
    }
    assert_eq!(old.broker.report(old.now), new.broker.report(new.now));
}

#[test]
fn a_replica_that_starts_anew_goes_on_with_a_drain_without_an_operator() {
    let mut zone = Zone::new();
    for (name, capacity) in ROUTERS {
        zone.connect(name);
        let load = Load {
            draining: name == "a",
            ..idle(capacity)
        };
        let meetings = if name == "a" {
            vec![at("standup", 4)]
        } else {
            vec![]
        };
        zone.report(name, load, meetings);
    }
    zone.pass(seconds(1));
    assert_eq!(zone.orders(), [moves("standup", "a", "d")]);
}
