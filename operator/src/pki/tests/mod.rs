//! What a zone's certificates promise, by behaviour.

mod damage;
mod lives;
mod names;
mod provided;
mod succession;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::RootCertStore;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;

use super::certificate::{Certificate, Pair};
use super::leaf::{Held, Role, ZoneNames};
use super::renew::{Renewed, Seen, renew};
use super::{BUNDLE, CERTIFICATE, Data, KEY};

const ROLES: [Role; 5] = [
    Role::Public,
    Role::Controller,
    Role::Router,
    Role::Operator,
    Role::Tunnel,
];

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

fn zone() -> ZoneNames {
    ZoneNames {
        namespace: "meetings".into(),
        name: "berlin".into(),
        hostnames: vec!["meet.example.org".into(), "192.0.2.7".into()],
    }
}

fn pass(seen: &Seen, now: Timestamp) -> Renewed {
    renew(seen, &zone(), &ROLES, now).unwrap()
}

/// The Secrets after `renewed` was written.
fn written(renewed: &Renewed) -> Seen {
    Seen {
        authority: Some(renewed.authority.clone()),
        leaves: renewed.leaves.clone(),
        signing_key: Some(renewed.signing_key.clone()),
    }
}

fn leaf_pair(data: &Data) -> Pair {
    Pair::parse(&data[CERTIFICATE], &data[KEY]).unwrap()
}

fn certificates(renewed: &Renewed) -> BTreeMap<Role, Certificate> {
    renewed
        .leaves
        .iter()
        .map(|(role, leaf)| (*role, leaf.pair.as_ref().unwrap().certificate().clone()))
        .collect()
}

/// Whether a peer that holds `bundle` accepts `leaf`, by rustls' own verifiers.
fn accepts(bundle: &[u8], leaf: &Certificate, now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    for certificate in Certificate::read_all(bundle).unwrap() {
        roots.add(certificate.der().clone()).unwrap();
    }
    let (roots, provider) = (Arc::new(roots), Arc::new(aws_lc_rs::default_provider()));
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        now.as_second().try_into().unwrap(),
    ));
    let as_client = || {
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .unwrap()
            .verify_client_cert(leaf.der(), &[], time)
            .is_ok()
    };
    let as_server = || {
        let name = if leaf.client {
            "berlin-zc-0.berlin-zc-link.meetings.svc"
        } else {
            "meet.example.org"
        };
        rustls::client::WebPkiServerVerifier::builder_with_provider(
            Arc::clone(&roots),
            Arc::clone(&provider),
        )
        .build()
        .unwrap()
        .verify_server_cert(
            leaf.der(),
            &[],
            &ServerName::try_from(name).unwrap(),
            &[],
            time,
        )
        .is_ok()
    };
    (!leaf.client || as_client()) && (!leaf.server || as_server())
}

/// Everybody who holds a bundle in `holders` accepts every certificate in `leaves`.
fn assert_all_accept(holders: &Renewed, leaves: &Renewed, now: Timestamp) {
    for (role, certificate) in certificates(leaves) {
        for (holder, held) in &holders.leaves {
            assert!(
                accepts(&held.write()[BUNDLE], &certificate, now),
                "at {now} {holder:?} refuses {role:?}: {certificate:?}",
            );
        }
    }
}
