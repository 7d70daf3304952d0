//! What stays reachable while controllers come and go.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenum_tunnel::allowed::Kind;
use plenum_tunnel::known::GRACE;
use plenum_tunnel::{Allowed, Known, Target};
use plenum_wire::Fingerprint;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn controller(index: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1_000 + index))
}

fn target(index: u16) -> Target {
    Target::of_address([192, 0, 2, 1].into(), 1 + index).unwrap()
}

fn list(targets: &[u16]) -> Allowed {
    targets
        .iter()
        .map(|index| (target(*index), Kind::Controller))
        .collect()
}

fn reached(known: &Known) -> Vec<u16> {
    (0..10)
        .filter(|index| known.allowed().contains(&target(*index)))
        .collect()
}

#[test]
fn what_any_controller_registers_is_reached() {
    let (mut known, start) = (Known::default(), Instant::now());
    known.heard(controller(0), list(&[1, 2]), start);
    known.heard(controller(1), list(&[2, 3]), start);
    assert_eq!(reached(&known), [1, 2, 3]);
    assert_eq!((known.controllers(), known.next_timeout()), (2, None));
}

#[test]
fn with_all_controllers_away_nothing_is_forgotten() {
    let (mut known, start) = (Known::default(), Instant::now());
    known.heard(controller(0), list(&[1]), start);
    known.lost(controller(0), start + SECOND);
    assert_eq!(known.next_timeout(), None);
    known.handle_timeout(start + 1_000 * GRACE);
    assert_eq!(reached(&known), [1]);
}

#[test]
fn a_controller_that_starts_anew_takes_nothing_away_before_it_has_heard_its_routers() {
    let (mut known, start) = (Known::default(), Instant::now());
    known.heard(controller(0), list(&[1]), start);
    known.lost(controller(0), start);
    known.heard(controller(0), list(&[]), start + SECOND);
    assert_eq!(reached(&known), [1]);
    known.heard(controller(0), list(&[1]), start + 2 * SECOND);
    assert_eq!(known.next_timeout(), None);
    known.handle_timeout(start + 10 * GRACE);
    assert_eq!(reached(&known), [1]);
}

#[test]
fn what_nobody_registers_any_more_is_forgotten_when_the_grace_is_over() {
    let (mut known, start) = (Known::default(), Instant::now());
    known.heard(controller(0), list(&[1, 2]), start);
    known.heard(controller(0), list(&[2]), start + SECOND);
    assert_eq!(known.next_timeout(), Some(start + SECOND + GRACE));
    known.handle_timeout(start + GRACE);
    assert_eq!(reached(&known), [1, 2]);
    known.handle_timeout(start + SECOND + GRACE);
    assert_eq!(reached(&known), [2]);
}

#[test]
fn the_grace_counts_only_while_a_controller_is_there() {
    let (mut known, start) = (Known::default(), Instant::now());
    known.heard(controller(0), list(&[1]), start);
    known.heard(controller(0), list(&[]), start);
    known.lost(controller(0), start + SECOND);
    known.handle_timeout(start + 2 * GRACE);
    assert_eq!(reached(&known), [1]);
    let back = start + 3 * GRACE;
    known.heard(controller(0), list(&[]), back);
    assert_eq!(known.next_timeout(), Some(back + GRACE));
}

#[test]
fn a_router_with_a_new_certificate_is_pinned_by_the_last_word() {
    let of = |byte| {
        let kind = Kind::Router(Fingerprint([byte; 32]));
        Allowed::from_iter([(target(1), kind)])
    };
    let (mut known, start) = (Known::default(), Instant::now());
    known.heard(controller(0), of(1), start);
    known.heard(controller(1), of(1), start);
    known.heard(controller(0), of(2), start + SECOND);
    let kind = known.allowed().kind(&target(1));
    assert_eq!(kind, Some(Kind::Router(Fingerprint([2; 32]))));
}

#[derive(Debug, Clone)]
enum Step {
    Heard(u16, Vec<u16>),
    Lost(u16),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u16, proptest::collection::vec(0..10_u16, 0..5))
            .prop_map(|(who, what)| Step::Heard(who, what)),
        (0..3_u16).prop_map(Step::Lost),
        (0..20_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Beside a model: for each target, how many seconds it has been missing in a row while
    /// somebody was there.
    #[test]
    fn a_target_is_there_until_it_was_missed_for_the_grace(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut known, mut now) = (Known::default(), Instant::now());
        let mut told: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
        let mut missed: BTreeMap<u16, u64> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Heard(who, what) => {
                    known.heard(controller(who), list(&what), now);
                    told.insert(who, what.into_iter().collect());
                }
                Step::Lost(who) => {
                    known.lost(controller(who), now);
                    told.remove(&who);
                }
                Step::Pass(seconds) => {
                    for _ in 0..seconds {
                        now += SECOND;
                        known.handle_timeout(now);
                        for missed in missed.values_mut() {
                            *missed += 1;
                        }
                        missed.retain(|_, missed| *missed < GRACE.as_secs());
                    }
                }
            }
            for named in told.values().flatten() {
                missed.insert(*named, 0);
            }
            if told.is_empty() {
                for missed in missed.values_mut() {
                    *missed = 0;
                }
            }
            // What is named is never missed; the model counts from each step on.
            let held: Vec<u16> = missed.keys().copied().collect();
            prop_assert_eq!(reached(&known), held);
            let timeout = known.next_timeout();
            prop_assert!(timeout.is_none_or(|at| at > now && !told.is_empty()));
        }
    }
}
