//! What a peer may do, as its certificate says.

use plenum_wire::ZoneName;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Whose a certificate is: the URI `spiffe://plenum.dev/<zone>/<role>` among its alternative
/// names. One authority may vouch for several zones, so the zone counts as much as the role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The zone.
    pub zone: ZoneName,
    /// The part in it.
    pub role: Role,
}

/// A peer's part in its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A media router.
    Router,
    /// The Kubernetes operator.
    Operator,
    /// A zone controller.
    Controller,
    /// A tunnel.
    Tunnel,
}

impl Member {
    /// Whose a certificate is that was verified; `None` when it names no role of ours.
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
        let role = match role {
            "router" => Role::Router,
            "operator" => Role::Operator,
            "controller" => Role::Controller,
            "tunnel" => Role::Tunnel,
            _ => return None,
        };
        let zone = zone.parse().ok()?;
        Some(Self { zone, role })
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, Role};

    #[test]
    fn only_our_trust_domain_and_known_roles_count() {
        for (role, known) in [
            ("router", Role::Router),
            ("operator", Role::Operator),
            ("controller", Role::Controller),
            ("tunnel", Role::Tunnel),
        ] {
            let member = Member::from_uri(&format!("spiffe://plenum.dev/a.b/{role}"));
            let zone = "a.b".parse().unwrap();
            assert_eq!(member, Some(Member { zone, role: known }));
        }
        for other in [
            "spiffe://example.org/a/router",
            "spiffe://plenum.dev/router",
            "spiffe://plenum.dev//router",
            "spiffe://plenum.dev/a b/router",
            "spiffe://plenum.dev/a/b/router",
            "spiffe://plenum.dev/a/root",
        ] {
            assert_eq!(Member::from_uri(other), None, "{other}");
        }
    }
}
