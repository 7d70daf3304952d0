//! Why a connection could not be made, told apart by what to do next.

use std::io;

use quinn::ConnectionError;

use crate::route::RouteError;
use crate::tls::TlsError;

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// There is no address that this machine could try.
    #[error("no address to try")]
    NoAddress,
    /// No answer in 5 s: the network may block this rung.
    #[error("no answer within 5 s")]
    TimedOut,
    /// The network refused.
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    /// The peer's certificate is not the one we were told, or our own is refused.
    #[error("certificate: {0}")]
    Untrusted(String),
    /// The peer answered, but does not speak our protocol.
    #[error("the peer speaks another protocol: {0}")]
    Protocol(String),
    /// An HTTP server answered and said no.
    #[error("refused with HTTP status {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// What was asked for cannot be dialled.
    #[error("cannot be dialled: {0}")]
    Request(String),
    /// A proxy on the way is the end of it, or the way begins nowhere.
    #[error(transparent)]
    Route(RouteError),
    /// Proxies carry no UDP.
    #[error("the way is through a proxy, which carries no UDP")]
    NotOnRoute,
    /// Our own certificate or trust is not usable.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(tls) => Self::from_tls(tls),
            None => Self::Unreachable(error),
        }
    }
}

impl From<RouteError> for DialError {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::TimedOut { .. } => Self::TimedOut,
            RouteError::Unreachable { kind, reason, .. } => {
                Self::Unreachable(io::Error::new(kind, reason))
            }
            other => Self::Route(other),
        }
    }
}

impl DialError {
    fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Self::Untrusted(error.to_string())
            }
            rustls::Error::AlertReceived(alert) if about_certificates((*alert).into()) => {
                Self::Untrusted(error.to_string())
            }
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<ConnectionError> for DialError {
    fn from(error: ConnectionError) -> Self {
        let code = match &error {
            ConnectionError::TimedOut => return Self::TimedOut,
            ConnectionError::TransportError(error) => u64::from(error.code),
            ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
            _ => return Self::Protocol(error.to_string()),
        };
        // RFC 9001 section 4.8: TLS alerts are the codes from 0x100 on.
        match code.checked_sub(0x100).map(u8::try_from) {
            Some(Ok(alert)) if about_certificates(alert) => Self::Untrusted(error.to_string()),
            _ => Self::Protocol(error.to_string()),
        }
    }
}

/// Alerts of RFC 8446 section 6: `bad_certificate` to `unknown_ca`, `access_denied`,
/// `certificate_required`.
fn about_certificates(alert: u8) -> bool {
    matches!(alert, 42..=46 | 48 | 49 | 116)
}
