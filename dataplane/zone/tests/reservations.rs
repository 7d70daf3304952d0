//! A seat is kept for whoever was placed, until reported or until it is clear that they do not
//! come. It steers those who come next, and refuses nobody.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod support;

use plenum_wire::join::Refusal;
use plenum_zone::RESERVATION;
use support::{Zone, at, millis, moves};

/// A meeting that chooses `router` in an empty zone of two.
fn choosing(router: &str) -> String {
    let mut names = (0..).map(|index| format!("m{index}"));
    let chooses = |name: &String| Zone::with(&[("a", 1), ("b", 1)]).join(name, "bob");
    names
        .find(|name| chooses(name) == Ok(router.to_owned()))
        .unwrap()
}

#[test]
fn who_comes_next_goes_where_no_seat_is_kept() {
    let mut zone = Zone::with(&[("a", 1), ("b", 1)]);
    let first = zone.join("standup", "ada").unwrap();
    assert_ne!(zone.join(&choosing(&first), "bob"), Ok(first));
}

#[test]
fn a_place_that_nobody_takes_is_free_again() {
    let mut zone = Zone::with(&[("a", 1), ("b", 1)]);
    let first = zone.join("standup", "ada").unwrap();
    let next = choosing(&first);
    zone.pass(RESERVATION.saturating_sub(millis(1)));
    assert_ne!(zone.join(&next, "bob").as_ref(), Ok(&first));
    // He does not go there.
    zone.join_without(&next, "bob", &["a", "b"]).unwrap_err();
    zone.pass(millis(1));
    assert_eq!(zone.join(&next, "bob"), Ok(first));
}

#[test]
fn one_who_asks_for_every_seat_and_never_comes_keeps_nobody_out() {
    let mut zone = Zone::with(&[("a", 20), ("b", 20)]);
    zone.hosts("a", 20, vec![at("standup", 12)]);
    for index in 0..200 {
        let who = format!("nobody{index}");
        zone.join(&format!("m{}", index % 7), &who).unwrap();
        zone.join("standup", &format!("{who}-too")).unwrap();
    }
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
    assert_eq!(zone.orders(), [], "what nobody sits on moves nobody");
    zone.join("retro", "bob").unwrap();
    // Nor does it keep a router from being emptied.
    zone.operator(&["a"]);
    assert!(zone.orders().contains(&moves("standup", "a", "b")));
}

#[test]
fn when_every_seat_is_taken_the_zone_is_full() {
    let mut zone = Zone::with(&[("a", 2)]);
    zone.join("standup", "ada").unwrap();
    zone.hosts("a", 2, vec![at("standup", 1)]);
    assert_eq!(zone.join("standup", "bob"), Ok("a".to_owned()));
    zone.hosts("a", 2, vec![at("standup", 2)]);
    assert_eq!(zone.join("standup", "eve"), Err(Refusal::ZoneFull));
    assert_eq!(zone.join("retro", "eve"), Err(Refusal::ZoneFull));
}

#[test]
fn who_arrived_is_not_counted_twice() {
    let mut zone = Zone::with(&[("a", 1), ("b", 2)]);
    zone.hosts("a", 1, vec![at("busy", 1)]);
    assert_eq!(zone.join("standup", "ada"), Ok("b".to_owned()));
    zone.hosts("b", 2, vec![at("standup", 1)]);
    zone.hosts("a", 1, vec![at("busy", 0)]);
    // Both have one seat, so the choice is by name, and not against the one with ada.
    let mut alone = Zone::with(&[("a", 1), ("b", 1)]);
    for meeting in ["m0", "m1", "m2", "m3"] {
        let placed = zone.join(meeting, "bob");
        assert_eq!(placed, alone.join(meeting, "bob"), "{meeting}");
        for zone in [&mut zone, &mut alone] {
            zone.join_without(meeting, "bob", &["a", "b"]).unwrap_err();
        }
    }
}

#[test]
fn who_asks_twice_has_one_place() {
    let mut zone = Zone::with(&[("a", 2)]);
    for _ in 0..5 {
        assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
    }
    assert_eq!(zone.join("standup", "bob"), Ok("a".to_owned()));
}

#[test]
fn who_asks_again_and_goes_elsewhere_leaves_their_place() {
    let mut zone = Zone::with(&[("a", 1), ("b", 1)]);
    let first = zone.join("standup", "ada").unwrap();
    let second = zone.join_without("standup", "ada", &[&first]).unwrap();
    assert_ne!(first, second);
    assert_eq!(zone.join("retro", "bob"), Ok(first));
}

#[test]
fn who_comes_back_to_a_full_router_takes_their_own_place() {
    let mut zone = Zone::with(&[("a", 2)]);
    zone.hosts("a", 2, vec![at("standup", 2)]);
    assert_eq!(zone.join("standup", "eve"), Err(Refusal::ZoneFull));
    let back = zone.rejoin("standup", "ada", Some("a"), &[]);
    assert_eq!(back, Ok("a".to_owned()));
}

#[test]
fn a_lost_router_keeps_no_places() {
    let mut zone = Zone::with(&[("a", 1)]);
    zone.join("standup", "ada").unwrap();
    zone.lose("a");
    zone.connect("a");
    zone.hosts("a", 1, vec![]);
    assert_eq!(zone.join("retro", "bob"), Ok("a".to_owned()));
}
