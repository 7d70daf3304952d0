//! Step 2: what was fetched becomes a zone that can be built, or a sentence that says what to
//! write instead.
//!
//! The schema refuses what can be seen in the resource alone; here is what needs more: the
//! Secrets that it names, the operator's settings, the state of its Service.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource as _, ResourceExt as _};
use plenum_crds::conditions::ZoneReason;
use plenum_crds::{CertificateSource, ExposureType, MeetingZoneSpec, labels};
use plenum_wire::ZoneName;
use rustls::pki_types::ServerName;
use serde_json::Value;

use super::children::{Part, secrets};
use super::fetch::{Fetched, Named};
use super::problems::Problem;
use super::url::{exposure, has_port, outside, urls};
use crate::context::Image;
use crate::pki::leaf::ZoneNames;
use crate::pki::provided::{Hostname, Provided, ProvidedError};

/// A zone that can be built.
#[derive(Debug, Clone)]
pub struct ValidZone {
    /// Its names.
    pub names: ZoneNames,
    /// Who owns the children.
    pub owner: OwnerReference,
    /// What was asked for.
    pub spec: MeetingZoneSpec,
    /// The image of its controllers.
    pub image: Image,
    /// Where the certificate for clients comes from.
    pub public: PublicCertificate,
    /// Whether what the spec says of the directory can be used.
    pub directory: Result<(), Problem>,
    /// Whether the URLs below are final, but for what load balancers are called.
    pub has_ports: bool,
    /// Where clients reach the controllers; never empty.
    pub urls: Vec<String>,
    /// Where clients outside the cluster reach the tunnels; empty while they cannot.
    pub tunnel_urls: Vec<String>,
}

impl ValidZone {
    /// Whether anybody is told where clients reach the zone.
    #[must_use]
    pub fn tells_urls(&self) -> bool {
        self.spec.directory.is_some() || self.spec.tunnels.replicas > 0
    }
}

/// Where the certificate for clients comes from.
#[derive(Debug, Clone)]
pub enum PublicCertificate {
    /// The zone's authority makes it.
    Authority,
    /// The user gave it.
    Provided(Provided),
    /// The user should have given it, or given a better one. What is there stays.
    Refused(Problem),
}

/// What a person asked of the zone besides its spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// Nothing is to be changed.
    pub paused: bool,
    /// It is being deleted: its meetings may go on until then.
    pub ends: Option<Timestamp>,
}

/// Reads the annotation and the deletion of the zone.
#[must_use]
pub fn intent(fetched: &Fetched) -> Intent {
    let meta = fetched.zone.meta();
    let grace = SignedDuration::from_secs(fetched.zone.spec.drain_deadline_seconds.into());
    let ends = |deleted: Timestamp| deleted.saturating_add(grace).unwrap_or(Timestamp::MAX);
    Intent {
        paused: fetched.zone.annotations().contains_key(labels::PAUSED),
        ends: meta.deletion_timestamp.as_ref().map(|time| ends(time.0)),
    }
}

/// Checks all that can be checked without building.
pub fn validate(fetched: &Fetched, image: &Image, now: Timestamp) -> Result<ValidZone, Problem> {
    let invalid = |message: String| Problem::new(ZoneReason::InvalidSpec, message);
    let zone = &fetched.zone;
    let namespace = zone.namespace().unwrap_or_default();
    let qualified = format!("{namespace}.{}", zone.name_any());
    qualified
        .parse::<ZoneName>()
        .map_err(|error| invalid(format!("The zone cannot be called {qualified}: {error}.")))?;
    let owner = zone
        .controller_owner_ref(&())
        .ok_or_else(|| invalid("The zone has no UID yet.".to_owned()))?;
    let own = zone.spec.controllers.image.as_ref();
    let image = Image {
        name: own.unwrap_or(&image.name).clone(),
        ..image.clone()
    };
    if image.name.is_empty() {
        let message = "No image is known: write spec.controllers.image, or start the operator \
                       with the image of the data plane.";
        return Err(invalid(message.to_owned()));
    }
    Ok(ValidZone {
        names: ZoneNames {
            namespace,
            name: zone.name_any(),
            hostnames: hostnames(fetched),
        },
        owner,
        spec: zone.spec.clone(),
        image,
        public: public_certificate(fetched, now),
        directory: directory(fetched),
        has_ports: [Part::Controllers, Part::Tunnels]
            .into_iter()
            .all(|part| has_port(fetched, part)),
        urls: urls(fetched, Part::Controllers),
        tunnel_urls: outside(fetched, Part::Tunnels),
    })
}

/// What clients call the zone and its tunnels: what is written, and what load balancers are
/// called.
fn hostnames(fetched: &Fetched) -> Vec<String> {
    let mut names = Vec::new();
    for part in [Part::Controllers, Part::Tunnels] {
        let exposure = exposure(fetched, part);
        names.extend(exposure.hostnames.clone());
        if exposure.type_ == ExposureType::LoadBalancer {
            names.extend(fetched.ingress(part).filter(|name| {
                // Clouds choose these; one that no certificate can carry must not stop the zone.
                ServerName::try_from(name.as_str()).is_ok()
            }));
        }
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn public_certificate(fetched: &Fetched, now: Timestamp) -> PublicCertificate {
    let spec = &fetched.zone.spec;
    if spec.certificates.source == CertificateSource::ZoneAuthority {
        return PublicCertificate::Authority;
    }
    let Some(named) = &fetched.certificate else {
        return PublicCertificate::Refused(Problem::new(
            ZoneReason::InvalidSpec,
            "source: Secret needs a certificate: write spec.certificates.secretName.",
        ));
    };
    let secret = match found(named, "spec.certificates.secretName") {
        Ok(secret) => secret,
        Err(problem) => return PublicCertificate::Refused(problem),
    };
    match Provided::read(&secrets::data(secret), &asked_for(spec), now) {
        Ok(provided) => PublicCertificate::Provided(provided),
        Err(error) => {
            let reason = match error {
                ProvidedError::Expired(_) => ZoneReason::CertificateExpired,
                _ => ZoneReason::SecretInvalid,
            };
            let message = format!("The Secret {} cannot be used: {error}.", named.name);
            PublicCertificate::Refused(Problem::new(reason, message))
        }
    }
}

/// The names that a certificate of the user has to cover: of tunnels too, if there are any.
fn asked_for(spec: &MeetingZoneSpec) -> Vec<Hostname<'_>> {
    let tunnels: &[String] = match spec.tunnels.replicas {
        0 => &[],
        _ => &spec.tunnels.exposure.hostnames,
    };
    let of = |names, field| {
        let names: &[String] = names;
        names.iter().map(move |name| Hostname { name, field })
    };
    of(&spec.exposure.hostnames, "spec.exposure.hostnames")
        .chain(of(tunnels, "spec.tunnels.exposure.hostnames"))
        .collect()
}

/// Everything that the spec says of the directory.
fn directory(fetched: &Fetched) -> Result<(), Problem> {
    directory_keys(fetched.directory_keys.as_ref())?;
    let named = |of: &Option<Named>, field: &str, key: &str| match of {
        Some(named) => holds(named, field, key),
        None => Ok(()),
    };
    let field = "spec.directory.credentialSecret";
    named(&fetched.directory_credential, field, CREDENTIAL)?;
    let field = "spec.directory.authoritySecret";
    named(&fetched.directory_authority, field, AUTHORITY)?;
    let field = "spec.directory.proxy.urlSecret";
    named(&fetched.directory_proxy, field, PROXY_URL)
}

/// Whether the Secret is there and has something under `key`.
fn holds(named: &Named, field: &str, key: &str) -> Result<(), Problem> {
    let secret = found(named, field)?;
    match secrets::data(secret).get(key) {
        Some(value) if !value.trim_ascii().is_empty() => Ok(()),
        _ => {
            let message = format!(
                "The Secret {} cannot be used: it has no {key}; {field} names it.",
                named.name
            );
            Err(Problem::new(ZoneReason::SecretInvalid, message))
        }
    }
}

fn directory_keys(named: Option<&Named>) -> Result<(), Problem> {
    let Some(named) = named else {
        return Ok(());
    };
    let secret = found(named, "spec.admission.directoryKeysSecret")?;
    let invalid = |what: &str| {
        let message = format!("The Secret {} cannot be used: {what}.", named.name);
        Problem::new(ZoneReason::SecretInvalid, message)
    };
    let data = secrets::data(secret);
    let jwks = data
        .get(DIRECTORY_KEYS)
        .ok_or_else(|| invalid("it has no jwks.json; write the directory's JWKS there"))?;
    let keys = serde_json::from_slice::<Value>(jwks)
        .ok()
        .and_then(|jwks| Some(jwks.get("keys")?.as_array()?.len()))
        .ok_or_else(|| invalid("its jwks.json is no JWKS (RFC 7517): {\"keys\": [...]}"))?;
    if keys == 0 {
        return Err(invalid("its jwks.json holds no key, so nobody could join"));
    }
    Ok(())
}

/// The key in the Secret of the directory's keys.
pub const DIRECTORY_KEYS: &str = "jwks.json";
/// The key in the Secret of the zone's credential at its directory.
pub const CREDENTIAL: &str = "credential";
/// The key in the Secret of who vouches for the directory.
pub const AUTHORITY: &str = "ca.crt";
/// The key in the Secret of the proxy to the directory.
pub const PROXY_URL: &str = "url";

fn found<'a>(named: &'a Named, field: &str) -> Result<&'a Secret, Problem> {
    named.secret.as_deref().ok_or_else(|| {
        let message = format!(
            "There is no Secret {} in the zone's namespace; {field} names it.",
            named.name
        );
        Problem::new(ZoneReason::SecretNotFound, message)
    })
}
