//! A certificate that the user gives is checked before anything uses it.

use super::super::LEAF_LIFE;
use super::super::provided::{Hostname, Provided, ProvidedError};
use super::*;

/// A Secret as `kubectl create secret tls` makes it, for the hostnames of [`zone`].
fn secret() -> Data {
    let mut data = pass(&Seen::default(), start()).leaves[&Role::Public].write();
    data.remove(BUNDLE);
    data
}

fn read(data: &Data, hostnames: &[&str], now: Timestamp) -> Result<Provided, ProvidedError> {
    let field = "spec.somewhere";
    let hostnames = hostnames.iter().map(|&name| Hostname { name, field });
    Provided::read(data, &hostnames.collect::<Vec<_>>(), now)
}

#[test]
fn a_good_secret_is_served_as_it_is() {
    let data = secret();
    let provided = read(&data, &["meet.example.org", "192.0.2.7"], start()).unwrap();
    let served = provided.write();
    assert_eq!(served[CERTIFICATE], data[CERTIFICATE]);
    assert_eq!(served[KEY], data[KEY]);
    assert!(!served[BUNDLE].is_empty());
}

#[test]
fn the_users_own_authorities_are_handed_on_and_an_empty_list_is_none() {
    let mut data = secret();
    let authorities = pass(&Seen::default(), start()).authority[BUNDLE].clone();
    data.insert(BUNDLE.to_owned(), authorities.clone());
    let provided = read(&data, &[], start()).unwrap();
    assert_eq!(provided.write()[BUNDLE], authorities);
    data.insert(BUNDLE.to_owned(), Vec::new());
    assert!(read(&data, &[], start()).is_ok());
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let good = secret();
    let with = |key: &str, value: &[u8]| {
        let mut data = good.clone();
        data.insert(key.to_owned(), value.to_vec());
        data
    };
    let without = |key: &str| {
        let mut data = good.clone();
        data.remove(key);
        data
    };
    let late = start() + LEAF_LIFE;
    let authority = pass(&Seen::default(), start()).authority;
    let cases = [
        (without(CERTIFICATE), start(), "no tls.crt"),
        (without(KEY), start(), "no tls.key"),
        (with(CERTIFICATE, b"hello"), start(), "tls.crt"),
        (with(KEY, b"hello"), start(), "tls.key"),
        (with(KEY, &secret()[KEY]), start(), "does not belong"),
        (with(BUNDLE, b"hello"), start(), "ca.crt"),
        (authority, start(), "CA:TRUE"),
        (good.clone(), late, "ran out"),
        (good.clone(), start() - days(1), "only from"),
    ];
    for (data, now, expected) in cases {
        let error = read(&data, &[], now).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_hostname_that_the_certificate_does_not_cover_is_named() {
    let error = read(
        &secret(),
        &["meet.example.org", "other.example.org"],
        start(),
    )
    .unwrap_err();
    let said = error.to_string();
    let words = "does not cover other.example.org, which is in spec.somewhere;";
    assert!(said.contains(words), "{said}");
}
