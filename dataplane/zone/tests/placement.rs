//! A new meeting gets a router by its name, and keeps it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod support;

use std::collections::BTreeMap;

use plenum_wire::RouterId;
use plenum_wire::join::Refusal;
use plenum_wire::link::Load;
use plenum_zone::placement::{Candidate, choose, hash, roomiest, snuggest};
use proptest::prelude::*;
use support::{Zone, at, idle, meeting, router};

fn candidates(routers: &[(RouterId, u32)]) -> Vec<Candidate<'_>> {
    routers
        .iter()
        .map(|(router, room)| Candidate {
            router,
            hash: hash(router.as_str()),
            room: *room,
            capacity: 100,
        })
        .collect()
}

fn named(rooms: &[u32]) -> Vec<(RouterId, u32)> {
    let named = rooms.iter().enumerate();
    named
        .map(|(index, room)| (router(&format!("router-{index}")), *room))
        .collect()
}

#[test]
fn the_choice_is_the_same_in_every_version() {
    let routers = named(&[100; 5]);
    let choice = |name| {
        choose(&meeting(name), candidates(&routers))
            .unwrap()
            .to_string()
    };
    let chosen: Vec<String> = ["standup", "retro", "1234567890", "all-hands"]
        .into_iter()
        .map(choice)
        .collect();
    assert_eq!(chosen, PINNED);
    assert_eq!(
        hash("foobar"),
        0x8594_4171_f739_67e8,
        "vector of the FNV authors"
    );
}

const PINNED: [&str; 4] = ["router-3", "router-3", "router-0", "router-3"];

#[test]
fn meetings_spread_evenly() {
    let routers = named(&[100; 10]);
    let mut counts = [0; 10];
    for index in 0..10_000 {
        let chosen = choose(&meeting(&format!("m{index}")), candidates(&routers)).unwrap();
        let chosen = routers
            .iter()
            .position(|(router, _)| router == chosen)
            .unwrap();
        counts[chosen] += 1;
    }
    assert!(
        counts.iter().all(|count| (900..1_100).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn each_router_gets_what_it_has_room_for() {
    let routers = named(&[20, 40, 100, 40]);
    let mut counts = [0; 4];
    for index in 0..10_000 {
        let chosen = choose(&meeting(&format!("m{index}")), candidates(&routers)).unwrap();
        let chosen = routers.iter().position(|(router, _)| router == chosen);
        counts[chosen.unwrap()] += 1;
    }
    // 10, 20, 50 and 20 in a hundred.
    for (count, share) in counts.into_iter().zip([10, 20, 50, 20]) {
        let right = share * 85..share * 115;
        assert!(right.contains(&count), "{counts:?}");
    }
}

#[test]
fn a_meeting_that_has_to_leave_fills_up_a_router_that_stays_comfortable() {
    let to = |rooms: &[u32], need| {
        let routers = named(rooms);
        snuggest(&meeting("standup"), need, candidates(&routers)).map(ToString::to_string)
    };
    assert_eq!(to(&[90, 30, 14], 5), Some("router-1".to_owned()));
    assert_eq!(to(&[90, 30, 15], 5), Some("router-2".to_owned()));
    // Where none would be comfortable, the one with most room.
    assert_eq!(to(&[12, 9, 8], 5), Some("router-0".to_owned()));
    assert_eq!(to(&[4, 3], 5), None);
}

proptest! {
    #[test]
    fn a_router_that_goes_moves_only_its_own_meetings(name in "[a-z]{1,12}", gone in 0_usize..8) {
        let mut routers = named(&[100; 8]);
        let before = choose(&meeting(&name), candidates(&routers)).unwrap().clone();
        let removed = routers.remove(gone).0;
        let after = choose(&meeting(&name), candidates(&routers)).unwrap();
        if before != removed {
            prop_assert_eq!(&before, after);
        }
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(
        name in "[a-z]{1,12}",
        rooms in prop::collection::vec(0_u32..100, 1..12),
    ) {
        let routers = named(&rooms);
        let mut reversed = routers.clone();
        reversed.reverse();
        let meeting = meeting(&name);
        prop_assert_eq!(
            choose(&meeting, candidates(&routers)),
            choose(&meeting, candidates(&reversed))
        );
        prop_assert_eq!(
            roomiest(&meeting, 5, candidates(&routers)),
            roomiest(&meeting, 5, candidates(&reversed))
        );
    }

    #[test]
    fn only_what_has_room_is_chosen_and_room_to_spare_goes_first(
        name in "[a-z]{1,12}",
        rooms in prop::collection::vec(0_u32..20, 1..12),
    ) {
        let routers = named(&rooms);
        let chosen = choose(&meeting(&name), candidates(&routers));
        let room = chosen.map_or(0, |chosen| {
            routers.iter().find(|(router, _)| router == chosen).unwrap().1
        });
        let most = rooms.iter().copied().max().unwrap();
        prop_assert_eq!(room == 0, most == 0);
        // 10 % of 100 is more than 8.
        prop_assert_eq!(room >= 10, most >= 10);
    }
}

#[test]
fn everybody_in_a_meeting_gets_the_same_router() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100), ("c", 100)]);
    let home = zone.join("standup", "ada").unwrap();
    for index in 0..50 {
        assert_eq!(zone.join("standup", &format!("p{index}")), Ok(home.clone()));
    }
}

#[test]
fn a_meeting_that_is_there_is_joined_where_it_is() {
    for home in ["a", "b", "c"] {
        let mut zone = Zone::with(&[("a", 100), ("b", 100), ("c", 100)]);
        zone.hosts(home, 100, vec![at("standup", 3)]);
        assert_eq!(zone.join("standup", "ada"), Ok(home.to_owned()));
    }
}

#[test]
fn a_router_counts_once_it_has_reported() {
    let mut zone = Zone::new();
    zone.connect("a");
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::NoRouter));
    zone.report("a", idle(10), vec![]);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
}

#[test]
fn a_router_that_does_not_accept_gets_nobody() {
    let mut zone = Zone::with(&[("a", 10)]);
    let closed = Load {
        accepting: false,
        ..idle(10)
    };
    zone.report("a", closed, vec![]);
    assert_eq!(zone.join("standup", "ada"), Err(Refusal::ZoneOverloaded));
}

#[test]
fn a_router_that_refused_is_not_offered_again() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    let first = zone.join("standup", "ada").unwrap();
    let second = zone.join_without("standup", "ada", &[&first]).unwrap();
    assert_ne!(first, second);
    let refusal = zone.join_without("standup", "ada", &["a", "b"]);
    assert_eq!(refusal, Err(Refusal::ZoneFull));
}

#[test]
fn a_new_meeting_leaves_room_for_those_that_are_there() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("long", 91)]);
    for index in 0..80 {
        let name = format!("m{index}");
        assert_eq!(zone.join(&name, "ada"), Ok("b".to_owned()), "{name}");
    }
    assert_eq!(zone.join("long", "bob"), Ok("a".to_owned()));
}

#[test]
fn the_spare_room_is_used_before_anybody_is_refused() {
    let mut zone = Zone::with(&[("a", 10), ("b", 10)]);
    let mut on: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for index in 0..20 {
        let name = format!("m{index}");
        on.entry(zone.join(&name, "ada").unwrap())
            .or_default()
            .push(name);
    }
    for router in ["a", "b"] {
        assert_eq!(on[router].len(), 10, "{router}");
        let meetings = on[router].iter().map(|name| at(name, 1)).collect();
        zone.hosts(router, 10, meetings);
    }
    assert_eq!(zone.join("one-more", "ada"), Err(Refusal::ZoneFull));
}

#[test]
fn an_empty_zone_says_so() {
    assert_eq!(Zone::new().join("standup", "ada"), Err(Refusal::NoRouter));
}
