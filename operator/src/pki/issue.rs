//! Making keys and certificates: ECDSA P-256 (RFC 5480) signed by SHA-256, and Ed25519
//! for tickets. The only place of the PKI that draws randomness.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType,
};
use time::OffsetDateTime;

use super::certificate::{Name, Pair, PairError};
use super::leaf::Wanted;
use super::{AUTHORITY_LIFE, CLOCK_SKEW, LEAF_LIFE};

/// Why nothing could be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A name that no certificate can carry.
    #[error("{0:?} cannot stand in a certificate; use a DNS name in ASCII or an address")]
    Name(String),
    /// The library refused.
    #[error("making a certificate failed: {0}")]
    Library(#[from] rcgen::Error),
    /// What was made does not read back.
    #[error("a new certificate does not read back: {0}")]
    ReadBack(#[from] PairError),
}

/// A new authority for the zone named `<namespace>.<name>`.
pub fn authority(zone: &str, now: Timestamp) -> Result<Pair, IssueError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = params(now, at(now, AUTHORITY_LIFE));
    // Each generation has its own subject, so that a bundle of several is unambiguous.
    params.distinguished_name =
        common_name(&format!("Plenum authority {} of {zone}", now.as_second()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    Ok(Pair::parse(
        certificate.pem().as_bytes(),
        key.serialize_pem().as_bytes(),
    )?)
}

/// A new certificate with a new key for what is `wanted`, signed by `authority` and ending
/// with it at the latest.
pub fn leaf(authority: &Pair, wanted: &Wanted, now: Timestamp) -> Result<Pair, IssueError> {
    let signer = KeyPair::from_pem(&String::from_utf8_lossy(authority.key_pem()))?;
    let issuer = Issuer::from_ca_cert_der(authority.certificate().der(), signer)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let end = at(now, LEAF_LIFE).min(authority.certificate().not_after);
    let mut params = params(now, end);
    params.distinguished_name = common_name(&wanted.subject);
    params.subject_alt_names = wanted
        .names
        .iter()
        .map(alternative_name)
        .collect::<Result<_, _>>()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = [
        (wanted.server, ExtendedKeyUsagePurpose::ServerAuth),
        (wanted.client, ExtendedKeyUsagePurpose::ClientAuth),
    ]
    .into_iter()
    .filter_map(|(yes, usage)| yes.then_some(usage))
    .collect();
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Pair::parse(
        certificate.pem().as_bytes(),
        key.serialize_pem().as_bytes(),
    )?)
}

/// A new Ed25519 key in PKCS #8 PEM.
pub fn signing_key() -> Result<String, IssueError> {
    Ok(KeyPair::generate_for(&PKCS_ED25519)?.serialize_pem())
}

fn params(now: Timestamp, end: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = calendar(at(now, -CLOCK_SKEW));
    params.not_after = calendar(end);
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    // RFC 5280 bounds a common name at 64 characters; verifiers read the alternative names.
    subject.push(
        DnType::CommonName,
        name.chars().take(64).collect::<String>(),
    );
    subject
}

fn alternative_name(name: &Name) -> Result<SanType, IssueError> {
    let text = |text: &String| {
        text.as_str()
            .try_into()
            .map_err(|_| IssueError::Name(text.clone()))
    };
    Ok(match name {
        Name::Dns(name) => SanType::DnsName(text(name)?),
        Name::Uri(uri) => SanType::URI(text(uri)?),
        Name::Ip(address) => SanType::IpAddress(*address),
    })
}

fn at(now: Timestamp, after: SignedDuration) -> Timestamp {
    now.saturating_add(after).unwrap_or(Timestamp::MAX)
}

fn calendar(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_second())
        .expect("both types span the years -9999 to 9999")
}
