//! Whose certificates are believed.

use std::sync::Arc;

use plenum_wire::Fingerprint;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::CertificateDer;

use super::identity::certificates_from_pem;
use super::pin::PinVerifier;
use super::{TlsError, provider};

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Exactly this certificate, whatever its names and dates.
    Pinned(Fingerprint),
    /// Certificates that these authorities issued, for the name that is dialled.
    Roots(Vec<CertificateDer<'static>>),
    /// Certificates that the public web's authorities issued.
    WebPki,
}

impl Trust {
    /// One or more authorities' certificates in PEM.
    pub fn from_pem(authorities: &[u8]) -> Result<Self, TlsError> {
        let trust = Self::Roots(certificates_from_pem(authorities)?);
        trust.client_roots()?;
        Ok(trust)
    }

    pub(super) fn server_verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let roots = match self {
            Self::Pinned(pin) => {
                return Ok(Arc::new(PinVerifier {
                    pin: *pin,
                    provider: provider(),
                }));
            }
            Self::Roots(authorities) => store(authorities)?,
            Self::WebPki => Arc::new(RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            }),
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| TlsError::Anchors(error.to_string()))?;
        Ok(verifier)
    }

    /// The authorities that may vouch for clients: only those that were named one by one.
    pub(super) fn client_roots(&self) -> Result<Arc<RootCertStore>, TlsError> {
        match self {
            Self::Roots(authorities) => store(authorities),
            Self::Pinned(_) | Self::WebPki => Err(TlsError::Anchors(
                "clients are told by an authority of the zone: give its certificate".to_owned(),
            )),
        }
    }
}

fn store(authorities: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    for authority in authorities {
        store
            .add(authority.clone())
            .map_err(|error| TlsError::Anchors(error.to_string()))?;
    }
    Ok(Arc::new(store))
}
