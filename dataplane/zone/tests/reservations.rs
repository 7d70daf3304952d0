//! Who was placed has room until reported, or until it is clear that they do not come.

mod support;

use plenum_wire::join::Refusal;
use plenum_zone::RESERVATION;
use support::{Zone, at, millis};

#[test]
fn two_who_come_at_once_do_not_get_the_same_place() {
    let mut zone = Zone::with(&[("a", 1)]);
    assert_eq!(zone.join("standup", "ada"), Ok("a".to_owned()));
    assert_eq!(zone.join("retro", "bob"), Err(Refusal::ZoneFull));
}

#[test]
fn a_place_that_nobody_takes_is_free_again() {
    let mut zone = Zone::with(&[("a", 1)]);
    zone.join("standup", "ada").unwrap();
    zone.pass(RESERVATION.saturating_sub(millis(1)));
    assert_eq!(zone.join("retro", "bob"), Err(Refusal::ZoneFull));
    zone.pass(millis(1));
    assert_eq!(zone.join("retro", "bob"), Ok("a".to_owned()));
}

#[test]
fn who_arrived_is_not_counted_twice() {
    let mut zone = Zone::with(&[("a", 2)]);
    zone.join("standup", "ada").unwrap();
    zone.hosts("a", 2, vec![at("standup", 1)]);
    assert_eq!(zone.join("standup", "bob"), Ok("a".to_owned()));
    assert_eq!(zone.join("standup", "eve"), Err(Refusal::ZoneFull));
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
