//! The Ed25519 key by which the zone signs tickets: `<unix time>.pem` in its Secret. The name
//! is the key's id in tickets; of several, the last by name signs and all are believed.
//! A key is kept as long as it can be used: a new one would end every ticket that is out.

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::Timestamp;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::Data;

/// The usable keys among `data`, and the names of the entries that are none.
#[must_use]
pub fn read(data: &Data) -> (Data, Vec<String>) {
    let (usable, broken): (Data, Data) = data
        .clone()
        .into_iter()
        .partition(|(name, pem)| is_key_name(name) && is_key(pem));
    (usable, broken.into_keys().collect())
}

/// The entry under which a key made now is kept.
#[must_use]
pub fn name(now: Timestamp) -> String {
    format!("{}.pem", now.as_second())
}

fn is_key_name(name: &str) -> bool {
    name.strip_suffix(".pem").is_some_and(|kid| !kid.is_empty())
}

fn is_key(pem: &[u8]) -> bool {
    PrivatePkcs8KeyDer::from_pem_slice(pem)
        .is_ok_and(|key| Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).is_ok())
}
