//! The certificates of zones and of directories beside them, read from their Secrets. Of a
//! Secret only the certificate is looked at; its key is dropped with the answer.

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use plenum_crds::{CertificateSource, MeetingZone, labels};
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

use super::{AT_ONCE, Cluster, trouble};
use crate::snapshot::{Certificate, Life, Seen, label, name_of, namespace_of};

/// The Secrets of a zone with a certificate each: the ending of the name, the purpose.
const OURS: [(&str, &str); 6] = [
    ("-zc-tls", "controllers, to clients"),
    ("-ca", "the zone's authority"),
    ("-link-zc", "controllers, to routers"),
    ("-link-router", "routers, to controllers"),
    ("-link-operator", "operator, to controllers"),
    ("-link-tunnel", "tunnels, to controllers"),
];
/// Under which key they are.
const OWN: &str = "tls.crt";
/// Under which key authorities are, one after the other.
const AUTHORITIES: &str = "ca.crt";
/// What the chart calls a directory, and the volume with its certificate.
const DIRECTORY: (&str, &str) = ("directory", "tls");

/// Where a certificate is.
struct Place {
    namespace: String,
    /// Empty where it is of none.
    zone: String,
    secret: String,
    key: &'static str,
    purpose: &'static str,
    provided: bool,
}

impl Cluster {
    /// Of each zone and each directory; a Secret that is not there has no certificate, which
    /// other checks tell.
    pub(super) async fn certificates(
        &self,
        zones: &Seen<MeetingZone>,
        deployments: &Seen<Deployment>,
    ) -> Seen<Certificate> {
        let directories = deployments.iter().filter_map(of_directory);
        let all = zones.iter().map(of_zone);
        let all = all.chain(directories.map(|it| vec![it]));
        let read = stream::iter(all).map(|places| self.read(places));
        read.buffered(AT_ONCE).collect().await
    }

    /// One after the other, until one may not be read: no other of the zone may, then.
    async fn read(&self, places: Vec<Place>) -> Seen<Certificate> {
        let mut seen = Seen::default();
        for place in places {
            match self.secret(&place.namespace, &place.secret).await {
                Ok(Some(found)) => seen.items.push(place.holds(&found)),
                Ok(None) => {}
                Err(error) => {
                    let doing = format!("read certificates in {}", place.namespace);
                    seen.troubles.push(trouble::of(&doing, &error));
                    break;
                }
            }
        }
        seen
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, kube::Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        secrets.get_opt(name).await
    }
}

impl Place {
    fn holds(self, secret: &Secret) -> Certificate {
        Certificate {
            life: life(secret, self.key),
            namespace: self.namespace,
            zone: self.zone,
            secret: self.secret,
            key: self.key,
            purpose: self.purpose,
            provided: self.provided,
        }
    }
}

fn of_zone(zone: &MeetingZone) -> Vec<Place> {
    let place = |secret: String, key, purpose, provided| Place {
        namespace: namespace_of(zone).to_owned(),
        zone: name_of(zone).to_owned(),
        secret,
        key,
        purpose,
        provided,
    };
    let given = zone.spec.certificates.secret_name.as_ref();
    let given = given.filter(|_| zone.spec.certificates.source == CertificateSource::Secret);
    let ours = OURS.iter().map(|(ending, purpose)| match given {
        Some(given) if *ending == "-zc-tls" => place(given.clone(), OWN, purpose, true),
        _ => place(format!("{}{ending}", name_of(zone)), OWN, purpose, false),
    });
    let directory = zone.spec.directory.as_ref();
    let authority = directory.and_then(|directory| directory.authority_secret.as_ref());
    let authority = authority.map(|secret| {
        let purpose = "the authority of the zone's directory";
        place(secret.name.clone(), AUTHORITIES, purpose, true)
    });
    ours.chain(authority).collect()
}

/// The certificate that somebody gave a directory. One that it made itself is on its volume.
fn of_directory(deployment: &Deployment) -> Option<Place> {
    let (component, name) = DIRECTORY;
    label(deployment, labels::APP_COMPONENT).filter(|it| *it == component)?;
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let volume = pod.volumes.iter().flatten().find(|it| it.name == name)?;
    let secret = volume.secret.as_ref()?.secret_name.clone()?;
    Some(Place {
        namespace: namespace_of(deployment).to_owned(),
        zone: String::new(),
        secret,
        key: OWN,
        purpose: "the directory, to clients",
        provided: true,
    })
}

/// Of the first certificate: the one that is shown. Of authorities, the one that lasts longest:
/// the others are of before, or of others.
fn life(secret: &Secret, key: &str) -> Result<Life, String> {
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    let data = data.ok_or_else(|| format!("the Secret has no {key}"))?;
    let taken = if key == AUTHORITIES { usize::MAX } else { 1 };
    let all: Option<Vec<Life>> = Pem::iter_from_buffer(&data.0)
        .take(taken)
        .map(|pem| of_certificate(&pem.ok()?))
        .collect();
    let lasting = all.and_then(|all| all.into_iter().max_by_key(|life| life.not_after));
    lasting.ok_or_else(|| format!("{key} is not X.509 in PEM"))
}

fn of_certificate(pem: &Pem) -> Option<Life> {
    let certificate = pem.parse_x509().ok()?;
    let at = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(Life {
        not_before: at(certificate.validity().not_before)?,
        not_after: at(certificate.validity().not_after)?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::*;

    fn with(key: &str, text: &str) -> Secret {
        let value = ByteString(text.as_bytes().to_vec());
        Secret {
            data: Some(BTreeMap::from([(key.to_owned(), value)])),
            ..Secret::default()
        }
    }

    fn until(year: i32) -> String {
        let mut parameters = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 2, 3);
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn the_life_of_a_certificate_is_read_and_a_broken_one_told() {
        let chain = until(2031) + &until(2041);
        let read = life(&with(OWN, &chain), OWN).unwrap();
        assert_eq!(read.not_after.to_string(), "2031-02-03T00:00:00Z");
        for broken in ["no", ""] {
            assert!(life(&with(OWN, broken), OWN).is_err(), "{broken:?}");
        }
        let missing = life(&Secret::default(), OWN).unwrap_err();
        assert!(missing.contains("no tls.crt"), "{missing}");
    }

    #[test]
    fn of_authorities_the_one_that_lasts_longest_counts() {
        let authorities = until(2001) + &until(2031) + &until(2021);
        let read = life(&with(AUTHORITIES, &authorities), AUTHORITIES).unwrap();
        assert_eq!(read.not_after.to_string(), "2031-02-03T00:00:00Z");
    }

    #[test]
    fn a_directory_shows_what_the_chart_mounts_and_a_zone_trusts_what_it_names() {
        let deployment: Deployment = serde_json::from_value(serde_json::json!({
            "metadata": {
                "name": "plenum-directory", "namespace": "plenum-system",
                "labels": {"app.kubernetes.io/component": "directory"},
            },
            "spec": {"selector": {}, "template": {"spec": {"containers": [], "volumes": [
                {"name": "data"}, {"name": "tls", "secret": {"secretName": "meet-tls"}},
            ]}}},
        }))
        .unwrap();
        let place = of_directory(&deployment).unwrap();
        assert_eq!((place.secret.as_str(), place.key), ("meet-tls", OWN));
        let zone: MeetingZone = serde_json::from_value(serde_json::json!({
            "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
            "metadata": {"name": "main", "namespace": "meetings"},
            "spec": {"directory": {
                "url": "https://meet.example.org",
                "credentialSecret": {"name": "main-directory"},
                "authoritySecret": {"name": "main-directory"},
            }},
        }))
        .unwrap();
        let places = of_zone(&zone);
        let last = places.last().unwrap();
        assert_eq!(
            (last.secret.as_str(), last.key),
            ("main-directory", AUTHORITIES)
        );
        assert_eq!(places.len(), OURS.len() + 1);
    }
}
