//! The names of a zone's children: part of the interface between the operator, the routers'
//! pods and people.

use crate::pki::leaf::Role;

/// The `StatefulSet` of the controllers, its disruption budget, and the Service for clients.
#[must_use]
pub fn controllers(zone: &str) -> String {
    format!("{zone}-zc")
}

/// The headless Service at which routers and the operator find every controller.
#[must_use]
pub fn link_service(zone: &str) -> String {
    format!("{zone}-zc-link")
}

/// A Secret of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZoneSecret {
    /// The authority. Written before what it signs.
    Authority,
    /// A certificate that the authority signs.
    Certificate(Role),
    /// The key of the tickets.
    SigningKey,
}

impl ZoneSecret {
    /// Every Secret of a zone.
    pub const ALL: [Self; 6] = [
        Self::Authority,
        Self::Certificate(Role::Public),
        Self::Certificate(Role::Controller),
        Self::Certificate(Role::Router),
        Self::Certificate(Role::Operator),
        Self::SigningKey,
    ];

    /// Its name in the zone called `zone`.
    #[must_use]
    pub fn name(self, zone: &str) -> String {
        let ending = match self {
            Self::Authority => "ca",
            Self::Certificate(Role::Public) => "zc-tls",
            Self::Certificate(Role::Controller) => "link-zc",
            Self::Certificate(Role::Router) => "link-router",
            Self::Certificate(Role::Operator) => "link-operator",
            Self::SigningKey => "signing-key",
        };
        format!("{zone}-{ending}")
    }
}
