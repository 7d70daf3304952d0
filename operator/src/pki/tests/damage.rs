//! Secrets that were deleted, damaged or mixed up are repaired, and people are told.

use super::super::renew::Note;
use super::super::{CERTIFICATE, KEY, OVERLAP};
use super::*;

fn repairs(renewed: &Renewed) -> usize {
    renewed
        .notes
        .iter()
        .filter(|note| matches!(note, Note::Repaired(_)))
        .count()
}

#[test]
fn a_deleted_authority_is_replaced_without_a_refusal() {
    let first = pass(&Seen::default(), start());
    let now = start() + days(1);
    let mut seen = written(&first);
    seen.authority = None;
    let announced = pass(&seen, now);
    assert_eq!(certificates(&announced), certificates(&first), "still good");
    assert_all_accept(&announced, &first, now);

    let later = now + OVERLAP;
    let promoted = pass(&written(&announced), later);
    assert_ne!(certificates(&promoted), certificates(&first));
    assert_all_accept(&announced, &promoted, later);
    assert_all_accept(&promoted, &announced, later);
}

#[test]
fn a_damaged_authority_is_told_of_and_replaced_likewise() {
    let first = pass(&Seen::default(), start());
    for (key, value) in [
        (
            CERTIFICATE,
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
        ),
        (
            CERTIFICATE,
            first.leaves[&Role::Router].write()[CERTIFICATE].clone(),
        ),
        (KEY, first.leaves[&Role::Router].write()[KEY].clone()),
        (KEY, Vec::new()),
    ] {
        let mut seen = written(&first);
        seen.authority
            .as_mut()
            .unwrap()
            .insert(key.to_owned(), value);
        let repaired = pass(&seen, start() + days(1));
        assert_eq!(repairs(&repaired), 1, "{:?}", repaired.notes);
        assert_eq!(certificates(&repaired), certificates(&first));
        assert_all_accept(&repaired, &first, start() + days(1));
        assert_eq!(repairs(&pass(&written(&repaired), start() + days(1))), 0);
    }
}

#[test]
fn a_bundle_that_lost_an_authority_gets_it_back() {
    let first = pass(&Seen::default(), start());
    let mut seen = written(&first);
    seen.authority.as_mut().unwrap().remove(BUNDLE);
    assert_eq!(pass(&seen, start()).authority, first.authority);

    let mut seen = written(&first);
    seen.leaves.get_mut(&Role::Router).unwrap().bundle.clear();
    assert_eq!(
        pass(&seen, start()).leaves[&Role::Router].write(),
        first.leaves[&Role::Router].write()
    );
}

#[test]
fn a_stranger_in_the_bundle_of_a_certificate_is_not_believed() {
    let first = pass(&Seen::default(), start());
    let stranger = pass(&Seen::default(), start() + days(1));
    let mut seen = written(&first);
    let foreign = Certificate::read_all(&stranger.authority[BUNDLE]).unwrap();
    seen.leaves
        .get_mut(&Role::Router)
        .unwrap()
        .bundle
        .extend(foreign);
    let repaired = pass(&seen, start());
    assert_eq!(repaired.authority, first.authority);
    assert_eq!(
        repaired.leaves[&Role::Router].write(),
        first.leaves[&Role::Router].write()
    );
}

#[test]
fn a_damaged_certificate_is_made_anew_and_the_others_stay() {
    let first = pass(&Seen::default(), start());
    let router = first.leaves[&Role::Router].write();
    let other = first.leaves[&Role::Operator].write();
    for damage in [
        Data::new(),
        Data::from([(CERTIFICATE.to_owned(), router[CERTIFICATE].clone())]),
        // Two Secrets half exchanged: both parse, they do not belong together.
        Data::from([
            (CERTIFICATE.to_owned(), router[CERTIFICATE].clone()),
            (KEY.to_owned(), other[KEY].clone()),
        ]),
        Data::from([
            (CERTIFICATE.to_owned(), vec![0xff; 4096]),
            (KEY.to_owned(), vec![0; 4096]),
        ]),
    ] {
        let mut seen = written(&first);
        seen.leaves.insert(Role::Router, Held::read(&damage, None));
        let repaired = pass(&seen, start());
        assert_eq!(repairs(&repaired), 1);
        assert_all_accept(&first, &repaired, start());
        assert_eq!(repaired.leaves[&Role::Public], first.leaves[&Role::Public]);
    }
}

#[test]
fn a_certificate_of_another_zone_is_made_anew() {
    let first = pass(&Seen::default(), start());
    let other = pass(&Seen::default(), start());
    let mut seen = written(&first);
    seen.leaves = written(&other).leaves;
    let repaired = pass(&seen, start());
    assert_all_accept(&first, &repaired, start());
}

#[test]
fn a_usable_signing_key_survives_its_broken_neighbours() {
    let first = pass(&Seen::default(), start());
    let mut seen = written(&first);
    let keys = seen.signing_key.as_mut().unwrap();
    keys.insert("9.pem".to_owned(), b"no key".to_vec());
    keys.insert("note".to_owned(), b"by hand".to_vec());
    let repaired = pass(&seen, start());
    assert_eq!(repaired.signing_key, first.signing_key);
    assert_eq!(repairs(&repaired), 2);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_content_of_a_secret_stops_the_zone(
        certificate: Vec<u8>, key: Vec<u8>, bundle: Vec<u8>, next: Vec<u8>,
    ) {
        let data = Data::from([
            (CERTIFICATE.to_owned(), certificate),
            (KEY.to_owned(), key),
            (BUNDLE.to_owned(), bundle),
            ("next.crt".to_owned(), next),
        ]);
        let seen = Seen {
            authority: Some(data.clone()),
            leaves: BTreeMap::from([(Role::Router, Held::read(&data, None))]),
            signing_key: Some(data),
        };
        let repaired = pass(&seen, start());
        assert_all_accept(&repaired, &repaired, start());
    }
}
