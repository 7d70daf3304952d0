//! The names of a zone's children: part of the interface between the operator, the routers'
//! pods and people.

use crate::pki::leaf::Role;

/// The `StatefulSet` of the controllers, its disruption budget, and the Service for clients.
#[must_use]
pub fn controllers(zone: &str) -> String {
    format!("{zone}-zc")
}

/// The `Deployment` of the tunnels, its disruption budget, and its Service.
#[must_use]
pub fn tunnels(zone: &str) -> String {
    format!("{zone}-ht")
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
    pub const ALL: [Self; 7] = [
        Self::Authority,
        Self::Certificate(Role::Public),
        Self::Certificate(Role::Controller),
        Self::Certificate(Role::Router),
        Self::Certificate(Role::Operator),
        Self::Certificate(Role::Tunnel),
        Self::SigningKey,
    ];

    /// Its name in the zone called `zone`.
    #[must_use]
    pub fn name(self, zone: &str) -> String {
        format!("{zone}{}", self.ending())
    }

    /// The zones of which a Secret called `secret` would be a child: usually none or one, two
    /// where one zone's name goes on as the ending of another's Secret.
    pub fn zones_of(secret: &str) -> impl Iterator<Item = &str> {
        Self::ALL
            .into_iter()
            .filter_map(move |which| secret.strip_suffix(which.ending()))
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Authority => "-ca",
            Self::Certificate(Role::Public) => "-zc-tls",
            Self::Certificate(Role::Controller) => "-link-zc",
            Self::Certificate(Role::Router) => "-link-router",
            Self::Certificate(Role::Operator) => "-link-operator",
            Self::Certificate(Role::Tunnel) => "-link-tunnel",
            Self::SigningKey => "-signing-key",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_traced_to_its_zone() {
        for which in ZoneSecret::ALL {
            let zones: Vec<_> = ZoneSecret::zones_of(&which.name("berlin"))
                .map(str::to_owned)
                .collect();
            assert_eq!(zones, ["berlin"]);
        }
        assert_eq!(ZoneSecret::zones_of("letsencrypt").count(), 0);
    }
}
