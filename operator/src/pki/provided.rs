//! A certificate that the user gives in a Secret: checked before anything uses it.

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;

use super::certificate::{Certificate, Pair, PairError};
use super::{BUNDLE, CERTIFICATE, Data, KEY};

/// A certificate of the user's that can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    pair: Pair,
    bundle: Option<Vec<u8>>,
}

/// Why the Secret cannot be used, as sentences that say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvidedError {
    /// A key is missing from the Secret.
    #[error(
        "it has no {0}; write the certificate with its chain as tls.crt and the key as tls.key \
         (kubectl create secret tls does so)"
    )]
    Missing(&'static str),
    /// Something in it cannot be read, or does not belong together.
    #[error("{0}")]
    Unreadable(#[from] PairError),
    /// The authorities in it cannot be read.
    #[error("ca.crt is not a list of certificates in PEM; remove it or repair it")]
    Bundle,
    /// An authority's own certificate.
    #[error(
        "it is the certificate of an authority (CA:TRUE), which clients refuse from a server; \
         sign one for the server with it (openssl req -x509 makes one with \
         -addext basicConstraints=critical,CA:FALSE)"
    )]
    Authority,
    /// The certificate is over.
    #[error("the certificate ran out at {0}; renew it")]
    Expired(Timestamp),
    /// The certificate does not hold yet.
    #[error("the certificate holds only from {0}")]
    NotYet(Timestamp),
    /// Clients would refuse it.
    #[error(
        "the certificate does not cover {name}, which is in {field}; add it to the certificate's \
         alternative names or remove the hostname"
    )]
    Hostname {
        /// What clients would call the server.
        name: String,
        /// Where that is written.
        field: &'static str,
    },
}

/// What a certificate has to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hostname<'a> {
    /// A name or an address.
    pub name: &'a str,
    /// Where it is written, for people.
    pub field: &'static str,
}

impl Provided {
    /// Reads and checks the Secret.
    pub fn read(
        data: &Data,
        hostnames: &[Hostname<'_>],
        now: Timestamp,
    ) -> Result<Self, ProvidedError> {
        let get = |key: &'static str| data.get(key).ok_or(ProvidedError::Missing(key));
        let pair = Pair::parse(get(CERTIFICATE)?, get(KEY)?)?;
        let certificate = pair.certificate();
        if certificate.authority {
            return Err(ProvidedError::Authority);
        }
        if certificate.not_after <= now {
            return Err(ProvidedError::Expired(certificate.not_after));
        }
        if now < certificate.not_before {
            return Err(ProvidedError::NotYet(certificate.not_before));
        }
        let mut hostnames = hostnames.iter();
        if let Some(missing) = hostnames.find(|host| !covers(certificate, host.name)) {
            return Err(ProvidedError::Hostname {
                name: missing.name.to_owned(),
                field: missing.field,
            });
        }
        // cert-manager writes an empty ca.crt where it knows none.
        let bundle = data.get(BUNDLE).filter(|pem| !pem.is_empty()).cloned();
        if let Some(pem) = &bundle
            && Certificate::read_all(pem).map_or(true, |all| all.is_empty())
        {
            return Err(ProvidedError::Bundle);
        }
        Ok(Self { pair, bundle })
    }

    /// When the certificate runs out.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.pair.certificate().not_after
    }

    /// What the zone controllers are given: the pair and, as `ca.crt`, what verifies it: the
    /// user's own where there is one, otherwise the top of the chain.
    #[must_use]
    pub fn write(&self) -> Data {
        let top = || self.pair.chain().last().map(Certificate::pem);
        let bundle = self
            .bundle
            .clone()
            .or_else(|| top().map(String::into_bytes))
            .unwrap_or_default();
        Data::from([
            (CERTIFICATE.to_owned(), self.pair.certificate_pem().to_vec()),
            (KEY.to_owned(), self.pair.key_pem().to_vec()),
            (BUNDLE.to_owned(), bundle),
        ])
    }
}

/// By the very code that clients of ours verify with.
fn covers(certificate: &Certificate, hostname: &str) -> bool {
    let (Ok(parsed), Ok(name)) = (
        ParsedCertificate::try_from(certificate.der()),
        ServerName::try_from(hostname),
    ) else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}
