//! The cluster's certificates, and the kubeconfigs that carry them.
//!
//! Everybody is known by a client certificate: the common name is the user, the organisation the group.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::Layout;
use crate::cluster::addresses::{API_SERVICE, HOST, NodeNumber};
use crate::cluster::control_plane::Place;

/// Outlives every test; nothing renews it.
const VALID: Duration = Duration::days(365);
/// Bound to `cluster-admin`, and in the right of a kubelet to all its pods.
const ADMINISTRATORS: &str = "system:masters";

/// Writes all keys, certificates and kubeconfigs of a cluster with these nodes.
pub(crate) fn write(layout: &Layout, place: Place, nodes: &[NodeNumber]) -> Result<()> {
    let authority = Authority::new()?;
    let directory = layout.pki();
    write_secret(&directory.join("ca.crt"), &authority.certificate)?;

    let api_names = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    ];
    let api_addresses = [HOST, Ipv4Addr::LOCALHOST, API_SERVICE];
    // The API server calls kubelets and etcd with the same certificate.
    authority
        .issue("kube-apiserver", ADMINISTRATORS, &api_names, &api_addresses)?
        .write(&directory, "apiserver")?;
    authority
        .issue("etcd", "etcd", &["localhost"], &[Ipv4Addr::LOCALHOST])?
        .write(&directory, "etcd")?;

    let service_accounts = KeyPair::generate()?;
    write_secret(
        &directory.join("service-accounts.key"),
        &service_accounts.serialize_pem(),
    )?;
    write_secret(
        &directory.join("service-accounts.pub"),
        &service_accounts.public_key_pem(),
    )?;

    for component in ["kube-controller-manager", "kube-scheduler", "kube-proxy"] {
        let user = authority.issue(&format!("system:{component}"), "", &[], &[])?;
        write_secret(
            &directory.join(format!("{component}.kubeconfig")),
            &authority.kubeconfig(&user, place)?,
        )?;
    }
    for node in nodes {
        let user = authority.issue(&format!("system:node:{node}"), "system:nodes", &[], &[])?;
        write_secret(
            &directory.join(format!("{node}.kubeconfig")),
            &authority.kubeconfig(&user, place)?,
        )?;
    }
    let administrator = authority.issue("plenum-e2e", ADMINISTRATORS, &[], &[])?;
    write_secret(
        &layout.kubeconfig(),
        &authority.kubeconfig(&administrator, place)?,
    )
}

struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("plenum-e2e", "");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        valid_now(&mut params);
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// A certificate for a user, and, where names or addresses are given, a server.
    fn issue(
        &self,
        user: &str,
        group: &str,
        names: &[&str],
        addresses: &[Ipv4Addr],
    ) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name(user, group);
        for name in names {
            params
                .subject_alt_names
                .push(SanType::DnsName((*name).try_into()?));
        }
        params.subject_alt_names.extend(
            addresses
                .iter()
                .map(|address| SanType::IpAddress(IpAddr::V4(*address))),
        );
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !params.subject_alt_names.is_empty() {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        valid_now(&mut params);
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity {
            certificate,
            key: key.serialize_pem(),
        })
    }

    /// Everything inline, so that the file can be copied; JSON, which is YAML too.
    fn kubeconfig(&self, user: &Identity, place: Place) -> Result<String> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "plenum", "cluster": {
                "server": place.url(),
                "certificate-authority-data": STANDARD.encode(&self.certificate),
            }}],
            "users": [{ "name": "plenum", "user": {
                "client-certificate-data": STANDARD.encode(&user.certificate),
                "client-key-data": STANDARD.encode(&user.key),
            }}],
            "contexts": [{ "name": "plenum", "context": { "cluster": "plenum", "user": "plenum" }}],
            "current-context": "plenum",
        });
        Ok(serde_json::to_string_pretty(&config)?)
    }
}

impl Identity {
    fn write(&self, directory: &Path, name: &str) -> Result<()> {
        write_secret(&directory.join(format!("{name}.crt")), &self.certificate)?;
        write_secret(&directory.join(format!("{name}.key")), &self.key)
    }
}

fn name(user: &str, group: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, user);
    if !group.is_empty() {
        name.push(DnType::OrganizationName, group);
    }
    name
}

fn valid_now(params: &mut CertificateParams) {
    let now = OffsetDateTime::now_utc();
    // A minute of grace for a clock that is set back while the cluster runs.
    params.not_before = now - Duration::minutes(1);
    params.not_after = now + VALID;
}

fn write_secret(path: &Path, content: &str) -> Result<()> {
    use std::io::Write as _;
    let opened = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    opened
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn kubeconfigs_carry_their_certificates_and_are_private() {
        let cache = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
        let layout = Layout::new(cache.path()).unwrap();
        fs::create_dir_all(layout.pki()).unwrap();
        let node = NodeNumber::new(2).unwrap();
        write(&layout, Place::CLUSTER, &[node]).unwrap();

        let path = layout.pki().join("plenum-n2.kubeconfig");
        let config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let decode = |field: &serde_json::Value| {
            String::from_utf8(STANDARD.decode(field.as_str().unwrap()).unwrap()).unwrap()
        };
        assert_eq!(
            decode(&config["clusters"][0]["cluster"]["certificate-authority-data"]),
            fs::read_to_string(layout.pki().join("ca.crt")).unwrap()
        );
        assert!(decode(&config["users"][0]["user"]["client-key-data"]).contains("PRIVATE KEY"));
        assert_eq!(
            config["clusters"][0]["cluster"]["server"],
            "https://10.90.0.1:6443"
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
