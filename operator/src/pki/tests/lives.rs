//! Certificates are renewed in time, and only then.

use super::super::{CLOCK_SKEW, LEAF_LIFE};
use super::*;

#[test]
fn what_is_good_is_kept_byte_for_byte() {
    let first = pass(&Seen::default(), start());
    let second = pass(&written(&first), start() + days(1));
    assert_eq!(second.authority, first.authority);
    assert_eq!(second.leaves, first.leaves);
    assert_eq!(second.signing_key, first.signing_key);
    assert_eq!(second.notes, []);
    assert_eq!(second.look_again, first.look_again);
}

#[test]
fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let first = pass(&Seen::default(), start());
    let life = (LEAF_LIFE + CLOCK_SKEW).as_secs();
    let due = start() - CLOCK_SKEW + SignedDuration::from_secs(life / 3 * 2);
    assert_eq!(first.look_again, due);
    let before = pass(&written(&first), due - SignedDuration::from_secs(1));
    assert_eq!(before.leaves, first.leaves);
    let after = pass(&written(&first), due);
    for (role, certificate) in certificates(&after) {
        assert_ne!(certificate, certificates(&first)[&role]);
        assert_eq!(certificate.not_after, due + LEAF_LIFE);
    }
    assert_eq!(after.authority, first.authority);
    assert_eq!(after.notes.len(), ROLES.len());
}

#[test]
fn a_certificate_from_the_future_is_replaced() {
    // The clock of the node was ahead when it was made; peers would refuse it for a year.
    let first = pass(&Seen::default(), start());
    let ahead = pass(
        &Seen {
            leaves: BTreeMap::new(),
            ..written(&first)
        },
        start() + days(365),
    );
    let now = start() + days(1);
    let repaired = pass(&written(&ahead), now);
    assert_all_accept(&repaired, &repaired, now);
}

#[test]
fn the_signing_key_is_read_by_those_who_sign_with_it() {
    let first = pass(&Seen::default(), start());
    let (name, pem) = first.signing_key.first_key_value().unwrap();
    assert_eq!(name, "1800000000.pem");
    plenum_wire::ticket::SigningKey::from_pem("1800000000", pem).unwrap();
}

#[test]
fn what_a_secret_holds_reads_back_as_it_was() {
    let first = pass(&Seen::default(), start());
    for leaf in first.leaves.values() {
        assert_eq!(&Held::read(&leaf.write(), leaf.since), leaf);
    }
}
