//! The authority is replaced without a moment in which somebody is refused.

use std::collections::VecDeque;

use super::super::{AUTHORITY_LIFE, BUNDLE, NOTICE, OVERLAP};
use super::*;

fn bundle_size(renewed: &Renewed) -> usize {
    Certificate::read_all(&renewed.authority[BUNDLE])
        .unwrap()
        .len()
}

fn signer(renewed: &Renewed) -> Certificate {
    leaf_pair(&renewed.authority).certificate().clone()
}

#[test]
fn over_twelve_years_nobody_ever_refuses_anybody() {
    let mut now = start();
    let mut seen = Seen::default();
    let mut signers = Vec::new();
    // What a pod may still hold: what was written up to two days ago.
    let mut past: VecDeque<Renewed> = VecDeque::new();
    for day in 0..12 * 365 {
        now = start() + days(day);
        let renewed = pass(&seen, now);
        for certificate in certificates(&renewed).values() {
            assert!(certificate.is_valid(now));
        }
        for earlier in past
            .iter()
            .filter(|earlier| earlier.leaves != renewed.leaves)
        {
            // Old bundles against new certificates, and the other way round.
            assert_all_accept(earlier, &renewed, now);
            assert_all_accept(&renewed, earlier, now);
            assert_all_accept(&renewed, &renewed, now);
        }
        if signers.last() != Some(&signer(&renewed)) {
            signers.push(signer(&renewed));
        }
        seen = written(&renewed);
        past.push_back(renewed);
        if past.len() > 2 {
            past.pop_front();
        }
    }
    assert_eq!(
        signers.len(),
        2,
        "one succession at two thirds of ten years"
    );
    assert_eq!(
        bundle_size(past.back().unwrap()),
        1,
        "the first one is over at {now}"
    );
}

#[test]
fn a_successor_is_announced_to_all_before_it_signs() {
    let first = pass(&Seen::default(), start());
    let due = start() + AUTHORITY_LIFE * 2 / 3 + days(1);
    // Leaves are long over by then; this is a zone that was looked after until now.
    let tended = pass(&written(&first), due - days(2));
    let announced = pass(&written(&tended), due);
    assert_eq!(signer(&announced), signer(&first));
    assert_eq!(bundle_size(&announced), 2);
    assert!(announced.look_again <= due + NOTICE);

    let waiting = pass(
        &written(&announced),
        due + NOTICE - SignedDuration::from_secs(1),
    );
    assert_eq!(signer(&waiting), signer(&first));
    let promoted = pass(&written(&waiting), due + NOTICE);
    assert_ne!(signer(&promoted), signer(&first));
    for certificate in certificates(&promoted).values() {
        assert!(certificate.is_signed_by(&signer(&promoted)));
    }
    assert_eq!(
        bundle_size(&promoted),
        2,
        "the old one is believed to its end"
    );
    assert!(!promoted.authority.contains_key("next.key"));
}

#[test]
fn one_bundle_that_does_not_have_the_successor_holds_it_back() {
    let first = pass(&Seen::default(), start());
    let due = start() + AUTHORITY_LIFE * 2 / 3 + days(1);
    let tended = pass(&written(&first), due - days(2));
    let announced = pass(&written(&tended), due);
    // A crash after the authority's Secret: one leaf still has the bundle from before.
    let mut seen = written(&announced);
    seen.leaves
        .insert(Role::Router, written(&tended).leaves[&Role::Router].clone());
    let late = due + NOTICE;
    let after = pass(&seen, late);
    assert_eq!(signer(&after), signer(&first));
    assert_eq!(
        after.leaves[&Role::Router].since,
        Some(late),
        "its waiting begins now"
    );
}

#[test]
fn near_its_end_the_signer_does_not_wait_for_people() {
    let first = pass(&Seen::default(), start());
    // An operator that comes back after nine years and eleven months.
    let late = start() + AUTHORITY_LIFE - days(20);
    let announced = pass(&written(&first), late);
    assert_eq!(signer(&announced), signer(&first));
    let hours = late + OVERLAP;
    let promoted = pass(&written(&announced), hours);
    assert_ne!(signer(&promoted), signer(&first));
    assert_all_accept(&announced, &promoted, hours);
    assert_all_accept(&promoted, &announced, hours);
}

#[test]
fn after_everything_ran_out_the_zone_starts_anew() {
    let first = pass(&Seen::default(), start());
    let later = start() + AUTHORITY_LIFE + days(1);
    let anew = pass(&written(&first), later);
    assert_eq!(bundle_size(&anew), 1);
    assert_all_accept(&anew, &anew, later);
}

#[test]
fn certificates_end_with_their_authority_at_the_latest() {
    let first = pass(&Seen::default(), start());
    let late = start() + AUTHORITY_LIFE - days(20);
    let renewed = pass(&written(&first), late);
    for certificate in certificates(&renewed).values() {
        assert!(certificate.not_after <= signer(&first).not_after);
    }
}
