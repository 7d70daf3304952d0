//! Reading certificates: what the operator needs to know of one, and pairs with their key.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A name that a certificate vouches for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A DNS name, perhaps with a leading `*.`, in lower case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A URI: here always a SPIFFE identity.
    Uri(String),
}

impl Name {
    /// A host as people write it: an address where it is one, otherwise a DNS name.
    #[must_use]
    pub fn host(host: &str) -> Self {
        host.parse()
            .map_or_else(|_| Self::Dns(host.to_ascii_lowercase()), Self::Ip)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Uri(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// Why bytes are no usable certificate or pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// No PEM block, or not X.509 inside it.
    #[error("the certificate (tls.crt) is not X.509 in PEM")]
    Certificate,
    /// No private key in the PEM text.
    #[error(
        "the key (tls.key) is not a private key in PEM that can be used (PKCS #8, SEC 1 or PKCS #1)"
    )]
    Key,
    /// Both are fine but do not belong together.
    #[error("the key (tls.key) does not belong to the certificate (tls.crt)")]
    Mismatch,
}

/// A certificate and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// The start of its life.
    pub not_before: Timestamp,
    /// Its end.
    pub not_after: Timestamp,
    /// The names that it vouches for.
    pub names: BTreeSet<Name>,
    /// May be shown by a server.
    pub server: bool,
    /// May be shown by a client.
    pub client: bool,
    /// May sign certificates.
    pub authority: bool,
}

impl Certificate {
    /// Reads one certificate.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, PairError> {
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|_| PairError::Certificate)?;
        if !rest.is_empty() {
            return Err(PairError::Certificate);
        }
        let second = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|_| PairError::Certificate)
        };
        let usage = parsed
            .extended_key_usage()
            .map_err(|_| PairError::Certificate)?
            .map(|usage| usage.value);
        let (server, client) = usage.map_or((false, false), |u| (u.server_auth, u.client_auth));
        let (not_before, not_after) = (
            second(parsed.validity().not_before)?,
            second(parsed.validity().not_after)?,
        );
        let (names, authority) = (names(&parsed)?, parsed.is_ca());
        Ok(Self {
            der,
            not_before,
            not_after,
            names,
            server,
            client,
            authority,
        })
    }

    /// Reads every certificate of a PEM text; one that cannot be read fails all.
    pub fn read_all(pem: &[u8]) -> Result<Vec<Self>, PairError> {
        CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::from_der(der.map_err(|_| PairError::Certificate)?))
            .collect()
    }

    /// The bytes.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// As a PEM block (RFC 7468).
    #[must_use]
    pub fn pem(&self) -> String {
        let encoded = STANDARD.encode(&self.der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(64) {
            // Base64 is ASCII, so every chunk of it is text.
            let _ = writeln!(pem, "{}", String::from_utf8_lossy(line));
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// Whether `now` is within its life.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether `authority`'s key signed this certificate.
    #[must_use]
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let (Ok((_, this)), Ok((_, signer))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&authority.der),
        ) else {
            return false;
        };
        authority.authority
            && this.issuer() == signer.subject()
            && this.verify_signature(Some(signer.public_key())).is_ok()
    }
}

fn names(parsed: &X509Certificate<'_>) -> Result<BTreeSet<Name>, PairError> {
    let Some(extension) = parsed
        .subject_alternative_name()
        .map_err(|_| PairError::Certificate)?
    else {
        return Ok(BTreeSet::new());
    };
    let read = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(Name::Dns(name.to_ascii_lowercase())),
        GeneralName::URI(uri) => Some(Name::Uri((*uri).to_owned())),
        GeneralName::IPAddress(bytes) => address(bytes).map(Name::Ip),
        _ => None,
    };
    Ok(extension
        .value
        .general_names
        .iter()
        .filter_map(read)
        .collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// A certificate, the chain above it, and its private key: known to belong together.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    chain: Vec<Certificate>,
    certificate_pem: Vec<u8>,
    key_pem: Vec<u8>,
}

impl Pair {
    /// Reads and checks both texts, with the same code that will serve them.
    pub fn parse(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Self, PairError> {
        let chain = Certificate::read_all(certificate_pem)?;
        if chain.is_empty() {
            return Err(PairError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| PairError::Key)?;
        let der = chain.iter().map(|c| c.der.clone()).collect();
        CertifiedKey::from_der(der, key, &aws_lc_rs::default_provider()).map_err(|error| {
            match error {
                rustls::Error::InconsistentKeys(_) => PairError::Mismatch,
                rustls::Error::InvalidCertificate(_) => PairError::Certificate,
                _ => PairError::Key,
            }
        })?;
        Ok(Self {
            chain,
            certificate_pem: certificate_pem.to_vec(),
            key_pem: key_pem.to_vec(),
        })
    }

    /// The certificate itself.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        self.chain.first().expect("a pair has a certificate")
    }

    /// The certificate and those above it.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The chain as it was read.
    #[must_use]
    pub fn certificate_pem(&self) -> &[u8] {
        &self.certificate_pem
    }

    /// The key as it was read.
    #[must_use]
    pub fn key_pem(&self) -> &[u8] {
        &self.key_pem
    }
}

/// Shows no key.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("certificate", self.certificate())
            .finish_non_exhaustive()
    }
}
