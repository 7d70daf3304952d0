//! One proxy, and how we prove ourselves to it.

use std::fmt;
use std::sync::Arc;

use ::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use super::{ProxyProblem, RouteError, Stream, Target, tunnel};
use crate::tls::{Trust, client_config};

/// What a proxy over TLS is asked to speak.
const ALPN: &[u8] = b"http/1.1";

/// How we prove to a proxy that we may pass.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// A user name and a password (RFC 7617).
    Basic {
        /// The user's name, without a colon.
        user: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic",
            Self::Bearer(_) => "Bearer",
        })
    }
}

impl Credentials {
    /// The value of `Proxy-Authorization`.
    fn header(&self) -> Result<Option<HeaderValue>, RouteError> {
        let unfit = |what| RouteError::Request(format!("the proxy's {what}"));
        let text = match self {
            Self::None => return Ok(None),
            Self::Basic { user, .. } if user.contains(':') => {
                return Err(unfit("user name has a colon, which Basic cannot say"));
            }
            Self::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| unfit("token has characters it cannot have"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// An HTTP proxy.
#[derive(Clone)]
pub struct Hop {
    target: Target,
    tls: Option<Arc<ClientConfig>>,
    proof: Option<HeaderValue>,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.target)
    }
}

impl Hop {
    /// A proxy that is spoken to over plain TCP.
    pub fn plain(host: &str, port: u16) -> Result<Self, RouteError> {
        Ok(Self {
            target: Target::new(host, port)?,
            tls: None,
            proof: None,
        })
    }

    /// A proxy that is spoken to over TLS, with a certificate that `trust` vouches for.
    pub fn tls(host: &str, port: u16, trust: &Trust) -> Result<Self, RouteError> {
        let config = client_config(trust, None, &[ALPN])
            .map_err(|error| RouteError::Request(format!("trust in the proxy {host}: {error}")))?;
        Ok(Self {
            target: Target::new(host, port)?,
            tls: Some(config),
            proof: None,
        })
    }

    /// The same proxy, to which we prove ourselves so.
    pub fn with(mut self, credentials: &Credentials) -> Result<Self, RouteError> {
        self.proof = credentials.header()?;
        Ok(self)
    }

    /// Whether it is spoken to over TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether it is shown credentials.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.proof.is_some()
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    pub(super) const fn proof(&self) -> Option<&HeaderValue> {
        self.proof.as_ref()
    }

    /// Goes on to `next`, on a fresh connection to this proxy.
    pub(super) async fn pass(&self, stream: Stream, next: &Target) -> Result<Stream, ProxyProblem> {
        let stream = match &self.tls {
            None => stream,
            Some(config) => {
                let name = self.target.host().clone();
                let connecting = TlsConnector::from(Arc::clone(config)).connect(name, stream);
                connecting.await.map_err(|error| untrusted(&error))?.into()
            }
        };
        tunnel::open(stream, self.proof(), next).await
    }

    pub(super) fn failed(&self, problem: ProxyProblem) -> RouteError {
        RouteError::Proxy {
            proxy: self.target.to_string(),
            problem,
        }
    }
}

/// Sorts a failed TLS handshake with a proxy.
fn untrusted(error: &std::io::Error) -> ProxyProblem {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match tls {
        Some(
            tls @ (rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented),
        ) => ProxyProblem::Untrusted(tls.to_string()),
        Some(tls) => ProxyProblem::NotAProxy(format!("speaks no TLS 1.3 as we do ({tls})")),
        None => ProxyProblem::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_written_as_the_standards_say() {
        // The example of RFC 7617 section 2, and that of section 2.1 in UTF-8.
        for (user, password, expected) in [
            (
                "Aladdin",
                "open sesame",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("test", "123\u{a3}", "Basic dGVzdDoxMjPCow=="),
        ] {
            let credentials = Credentials::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            };
            assert_eq!(credentials.header().unwrap().unwrap(), expected);
        }
        let token = Credentials::Bearer("a.b.c".to_owned());
        assert_eq!(token.header().unwrap().unwrap(), "Bearer a.b.c");
        assert_eq!(Credentials::None.header(), Ok(None));
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused() {
        let colon = Credentials::Basic {
            user: "a:b".to_owned(),
            password: String::new(),
        };
        assert!(colon.header().is_err());
        let smuggled = Credentials::Bearer("t\r\nX-Other: 1".to_owned());
        assert!(smuggled.header().is_err());
    }

    #[test]
    fn no_secret_is_shown() {
        let credentials = Credentials::Basic {
            user: "Aladdin".to_owned(),
            password: "sesame".to_owned(),
        };
        let hop = Hop::plain("proxy.example", 3128).unwrap();
        let hop = hop.with(&credentials).unwrap();
        for shown in [format!("{credentials:?}"), format!("{hop:?} {hop}")] {
            for secret in ["Aladdin", "sesame", "QWxh"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
