//! Certificates that the authority signs: which there are, and when one is made anew.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::authority::Authority;
use super::certificate::{Certificate, Name, Pair};
use super::{BUNDLE, CERTIFICATE, Data, KEY, renewal};

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The zone controllers' and tunnels', for clients.
    Public,
    /// The zone controllers', for routers and the operator.
    Controller,
    /// The routers', towards zone controllers.
    Router,
    /// The operator's, towards zone controllers.
    Operator,
    /// The tunnels', towards zone controllers.
    Tunnel,
}

/// What a certificate should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its common name, for people only.
    pub subject: String,
    /// The names that it vouches for.
    pub names: BTreeSet<Name>,
    /// Shown by a server.
    pub server: bool,
    /// Shown by a client.
    pub client: bool,
}

/// The names of a zone, from which those of its certificates follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneNames {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// What clients outside the cluster call it.
    pub hostnames: Vec<String>,
}

impl ZoneNames {
    /// `<namespace>.<name>`: the zone in identities and messages.
    #[must_use]
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// What the certificate of `role` should say.
    #[must_use]
    pub fn wanted(&self, role: Role) -> Wanted {
        let Self {
            namespace, name, ..
        } = self;
        let zone = self.qualified();
        let spiffe = |who: &str| Name::Uri(format!("spiffe://plenum.dev/{zone}/{who}"));
        let services = ["zc", "ht"].map(|part| format!("{name}-{part}.{namespace}.svc"));
        let link = format!("{name}-zc-link.{namespace}.svc");
        let (names, server, client) = match role {
            Role::Public => {
                let cluster = services.into_iter().flat_map(|service| {
                    let long = format!("{service}.cluster.local");
                    [Name::Dns(long), Name::Dns(service)]
                });
                let outside = self.hostnames.iter().map(|host| Name::host(host));
                (cluster.chain(outside).collect(), true, false)
            }
            Role::Controller => {
                let names = [
                    Name::Dns(format!("*.{link}")),
                    Name::Dns(link),
                    spiffe("controller"),
                ];
                (BTreeSet::from(names), true, true)
            }
            Role::Router => (BTreeSet::from([spiffe("router")]), false, true),
            Role::Operator => (BTreeSet::from([spiffe("operator")]), false, true),
            Role::Tunnel => (BTreeSet::from([spiffe("tunnel")]), false, true),
        };
        Wanted {
            subject: format!("Plenum {} of {zone}", role.subject()),
            names,
            server,
            client,
        }
    }
}

impl Role {
    const fn subject(self) -> &'static str {
        match self {
            Self::Public => "zone",
            Self::Controller => "controller",
            Self::Router => "router",
            Self::Operator => "operator",
            Self::Tunnel => "tunnel",
        }
    }
}

/// What the Secret of a certificate holds, without what cannot be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// The certificate and its key.
    pub pair: Option<Pair>,
    /// The authorities that its holder believes.
    pub bundle: Vec<Certificate>,
    /// Since when it has held this bundle.
    pub since: Option<Timestamp>,
}

/// What to do about a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// It stays, its bundle changes.
    Rebundle,
    /// Make a new one.
    Make(Why),
}

/// Why a certificate is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is none.
    Missing,
    /// There is something else than a certificate with its key.
    Unreadable,
    /// It should vouch for other names, or for another use.
    Names,
    /// Two thirds of its life have passed.
    Age,
    /// Another authority signs now, or nobody believes the one that signed it.
    Issuer,
}

impl Why {
    /// As the end of the sentence "a new certificate was issued: ".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "there was none",
            Self::Unreadable => "the Secret did not hold a certificate and its key",
            Self::Names => "the names that it vouches for changed",
            Self::Age => "two thirds of its life have passed",
            Self::Issuer => "the zone's authority changed",
        }
    }
}

impl Held {
    /// Reads a Secret; `since` comes from its annotation.
    #[must_use]
    pub fn read(data: &Data, since: Option<Timestamp>) -> Self {
        let get = |key: &str| data.get(key).map_or(&[][..], |v| v);
        Self {
            pair: Pair::parse(get(CERTIFICATE), get(KEY)).ok(),
            bundle: Certificate::read_all(get(BUNDLE)).unwrap_or_default(),
            since,
        }
    }

    /// Whether somebody can still use this certificate: it is valid, and signed by one that
    /// is believed.
    #[must_use]
    pub fn is_alive(&self, authority: &Authority, now: Timestamp) -> bool {
        self.pair.as_ref().is_some_and(|pair| {
            let certificate = pair.certificate();
            let mut believed = authority.bundle(now).chain(&self.bundle);
            certificate.is_valid(now)
                && believed.any(|ca| now < ca.not_after && certificate.is_signed_by(ca))
        })
    }

    /// As the Secret holds it.
    #[must_use]
    pub fn write(&self) -> Data {
        let bundle: String = self.bundle.iter().map(Certificate::pem).collect();
        let mut data = Data::from([(BUNDLE.to_owned(), bundle.into_bytes())]);
        if let Some(pair) = &self.pair {
            data.insert(CERTIFICATE.to_owned(), pair.certificate_pem().to_vec());
            data.insert(KEY.to_owned(), pair.key_pem().to_vec());
        }
        data
    }
}

/// What to do about the certificate in `held` (`None`: no Secret), under `authority` as it is
/// after its own step.
#[must_use]
pub fn step(held: Option<&Held>, wanted: &Wanted, authority: &Authority, now: Timestamp) -> Step {
    let Some(held) = held else {
        return Step::Make(Why::Missing);
    };
    let Some(pair) = &held.pair else {
        return Step::Make(Why::Unreadable);
    };
    let certificate = pair.certificate();
    let (names, uses) = (&certificate.names, (certificate.server, certificate.client));
    if *names != wanted.names || uses != (wanted.server, wanted.client) {
        return Step::Make(Why::Names);
    }
    let due = renewal(certificate.not_before, certificate.not_after);
    if now < certificate.not_before || due <= now {
        return Step::Make(Why::Age);
    }
    let believed = match authority.signer(now) {
        Some(signer) => certificate.is_signed_by(signer.certificate()),
        // The signer is lost and its successor waits to be known everywhere.
        None => authority.bundle(now).any(|ca| certificate.is_signed_by(ca)),
    };
    if !believed {
        return Step::Make(Why::Issuer);
    }
    if held.since.is_none() || !held.bundle.iter().eq(authority.bundle(now)) {
        return Step::Rebundle;
    }
    Step::Keep
}
