//! A certificate chain and its private key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use plenum_wire::Fingerprint;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::TlsError;

/// Clocks of clients may be behind by this much.
const CLOCK_SKEW: Duration = Duration::days(1);
/// Longer than a router process lives. Clients pin the certificate and do not look at it.
const VALIDITY: Duration = Duration::days(365);

/// A certificate chain and its key. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Parts>);

struct Parts {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A new ECDSA P-256 certificate that vouches for itself: for peers that pin it.
    pub fn self_signed(names: &[String]) -> Result<Self, TlsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let now = OffsetDateTime::now_utc();
        let mut params = CertificateParams::new(names)?;
        params.not_before = now - CLOCK_SKEW;
        params.not_after = now + VALIDITY;
        let certificate = params.self_signed(&key)?;
        Ok(Self(Arc::new(Parts {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })))
    }

    /// A chain, its own certificate first, and the key, both in PEM.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates_from_pem(certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Pem {
            what: "private key",
            reason: error.to_string(),
        })?;
        let identity = Self(Arc::new(Parts { chain, key }));
        // A key of another certificate is found here, not at the first handshake.
        super::server_config(&identity, None, &[])?;
        Ok(identity)
    }

    /// SHA-256 of the identity's own certificate, by which clients pin it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.0.chain[0])
    }

    /// From when to when the identity's own certificate holds, in seconds since 1970; `None` where
    /// it cannot be read.
    #[must_use]
    pub fn validity(&self) -> Option<(i64, i64)> {
        let (_, certificate) = X509Certificate::from_der(&self.0.chain[0]).ok()?;
        let validity = certificate.validity();
        Some((
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        ))
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.chain.clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.0.key.clone_key()
    }
}

/// The key is never shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

/// SHA-256 of a certificate's DER.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    let hash = digest::digest(&digest::SHA256, certificate);
    Fingerprint(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Every certificate of a PEM text; at least one.
pub(crate) fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |reason: String| TlsError::Pem {
        what: "certificate",
        reason,
    };
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unreadable("there is none".to_owned()));
    }
    Ok(certificates)
}
