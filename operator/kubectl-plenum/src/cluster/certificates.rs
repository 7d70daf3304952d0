//! The certificates of zones, read from their Secrets. Of a Secret only the certificate is
//! looked at; its key is dropped with the answer.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use plenum_crds::{CertificateSource, MeetingZone};
use x509_parser::pem::parse_x509_pem;

use super::{Cluster, trouble};
use crate::snapshot::{Certificate, Life, Seen, name_of, namespace_of};

/// The Secrets of a zone with a certificate each: the ending of the name, the key, the purpose.
const OURS: [(&str, &str, &str); 6] = [
    ("-zc-tls", "tls.crt", "controllers, to clients"),
    ("-ca", "tls.crt", "the zone's authority"),
    ("-link-zc", "tls.crt", "controllers, to routers"),
    ("-link-router", "tls.crt", "routers, to controllers"),
    ("-link-operator", "tls.crt", "operator, to controllers"),
    ("-link-tunnel", "tls.crt", "tunnels, to controllers"),
];

impl Cluster {
    /// Of each zone; a Secret that is not there has no certificate, which other checks tell.
    pub(super) async fn certificates(&self, zones: &Seen<MeetingZone>) -> Seen<Certificate> {
        let mut seen = Seen::default();
        for zone in &zones.items {
            let given = zone.spec.certificates.secret_name.as_ref();
            let given =
                given.filter(|_| zone.spec.certificates.source == CertificateSource::Secret);
            let ours = OURS.iter().map(|(ending, key, purpose)| {
                let ours = format!("{}{ending}", name_of(zone));
                match given {
                    Some(given) if *ending == "-zc-tls" => (given.clone(), *key, *purpose, true),
                    _ => (ours, *key, *purpose, false),
                }
            });
            for (secret, key, purpose, provided) in ours {
                match self.secret(namespace_of(zone), &secret).await {
                    Ok(Some(found)) => seen.items.push(Certificate {
                        namespace: namespace_of(zone).to_owned(),
                        zone: name_of(zone).to_owned(),
                        purpose,
                        provided,
                        life: life(&found, key),
                        secret,
                    }),
                    Ok(None) => {}
                    Err(error) => {
                        let doing = format!("read certificates in {}", namespace_of(zone));
                        seen.troubles.push(trouble::of(&doing, &error));
                        break;
                    }
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

/// Of the first certificate: the one that is shown.
fn life(secret: &Secret, key: &str) -> Result<Life, String> {
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    let data = data.ok_or_else(|| format!("the Secret has no {key}"))?;
    let broken = || format!("{key} is not X.509 in PEM");
    let (_, pem) = parse_x509_pem(&data.0).map_err(|_| broken())?;
    let certificate = pem.parse_x509().map_err(|_| broken())?;
    let at = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|_| broken())
    };
    Ok(Life {
        not_before: at(certificate.validity().not_before)?,
        not_after: at(certificate.validity().not_after)?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::*;

    fn with(text: &str) -> Secret {
        Secret {
            data: Some(BTreeMap::from([(
                "tls.crt".to_owned(),
                ByteString(text.as_bytes().to_vec()),
            )])),
            ..Secret::default()
        }
    }

    #[test]
    fn the_life_of_a_certificate_is_read_and_a_broken_one_told() {
        let mut parameters = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let read = life(&with(&certificate.pem()), "tls.crt").unwrap();
        assert_eq!(read.not_after.to_string(), "2031-02-03T00:00:00Z");
        assert!(life(&with("no"), "tls.crt").is_err());
        assert!(
            life(&Secret::default(), "tls.crt")
                .unwrap_err()
                .contains("no tls.crt")
        );
    }
}
