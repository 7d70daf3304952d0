//! Who we are, whom we trust, and what a peer's certificate says it may do.
//!
//! Everything here builds TLS 1.3 configurations with the aws-lc-rs provider named
//! explicitly; nothing depends on a process-wide default.

mod files;
mod identity;
mod pin;
mod role;
mod trust;

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{ClientConfig, ConfigBuilder, ServerConfig};
use rustls_pki_types::UnixTime;

pub use files::{Files, Loaded};
pub use identity::Identity;
pub use role::{Member, Role};
pub use trust::Trust;

/// Why a certificate, key or trust anchor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The text holds no certificate or key in PEM.
    #[error("no {what} in PEM: {reason}")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// What was found instead.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("making a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// Certificate, key or protocol settings do not fit together.
    #[error("TLS settings: {0}")]
    Settings(#[from] rustls::Error),
    /// The trust anchors are not usable.
    #[error("trust anchors: {0}")]
    Anchors(String),
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn protocols(alpn: &[&[u8]]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.to_vec()).collect()
}

/// The client's side of a TLS 1.3 connection. Without `identity` no certificate is shown.
pub fn client_config(
    trust: &Trust,
    identity: Option<&Identity>,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = client(trust, Arc::new(DefaultTimeProvider))?;
    let mut config = match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain(), identity.key())?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}

/// The same without an identity, for whoever wants to know what the server says to a client whose
/// clock is right: certificates are judged as if it were `then`.
pub fn client_config_at(
    trust: &Trust,
    alpn: &[&[u8]],
    then: UnixTime,
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = client(trust, Arc::new(Stopped(then)))?.with_no_client_auth();
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}

fn client(
    trust: &Trust,
    time: Arc<dyn TimeProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let builder = ClientConfig::builder_with_details(provider(), time)
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(trust.server_verifier()?))
}

/// A clock that stands still.
#[derive(Debug)]
struct Stopped(UnixTime);

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// The server's side of a TLS 1.3 connection. With `clients` every client must show a
/// certificate that this trust, which must be [`Trust::Roots`], vouches for.
pub fn server_config(
    identity: &Identity,
    clients: Option<&Trust>,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(trust) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(trust.client_roots()?, provider())
                .build()
                .map_err(|error| TlsError::Anchors(error.to_string()))?,
        ),
    };
    let mut config = builder.with_single_cert(identity.chain(), identity.key())?;
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}
