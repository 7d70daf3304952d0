//! What a peer may do, as its certificate says.

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A peer's part in its zone: the last segment of the URI
/// `spiffe://plenum.dev/<zone>/<role>` among its certificate's alternative names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A media router.
    Router,
    /// The Kubernetes operator.
    Operator,
    /// A zone controller.
    Controller,
}

impl Role {
    /// The role of a certificate that was verified; `None` when it names none of ours.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let names = certificate.subject_alternative_name().ok()??;
        names
            .value
            .general_names
            .iter()
            .find_map(|name| match name {
                GeneralName::URI(uri) => Self::from_uri(uri),
                _ => None,
            })
    }

    fn from_uri(uri: &str) -> Option<Self> {
        let (zone, role) = uri.strip_prefix("spiffe://plenum.dev/")?.split_once('/')?;
        if zone.is_empty() {
            return None;
        }
        match role {
            "router" => Some(Self::Router),
            "operator" => Some(Self::Operator),
            "controller" => Some(Self::Controller),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn only_our_trust_domain_and_known_roles_count() {
        let role = Role::from_uri;
        assert_eq!(role("spiffe://plenum.dev/a.b/router"), Some(Role::Router));
        assert_eq!(
            role("spiffe://plenum.dev/a.b/operator"),
            Some(Role::Operator)
        );
        assert_eq!(
            role("spiffe://plenum.dev/z/controller"),
            Some(Role::Controller)
        );
        for other in [
            "spiffe://example.org/a/router",
            "spiffe://plenum.dev/router",
            "spiffe://plenum.dev//router",
            "spiffe://plenum.dev/a/b/router",
            "spiffe://plenum.dev/a/root",
        ] {
            assert_eq!(role(other), None, "{other}");
        }
    }
}
