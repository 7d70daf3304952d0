//! The certificate authority and the signing key of a small site, kept in its data
//! directory. Leaf certificates are made anew at each start, so none ever expires in use.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use plenum_transport::tls::{Identity, Trust};
use plenum_wire::ZoneName;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The authority outlives the machine; who has its certificate keeps trusting the site.
const AUTHORITY_DAYS: u32 = 20 * 365;
/// A process that runs for longer than this is restarted for other reasons before.
const LEAF_DAYS: u32 = 3 * 365;

/// The site's own authority.
pub struct Authority {
    zone: ZoneName,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    /// The file that clients give as `--ca`.
    pub file: PathBuf,
    /// The zone's signing key, Ed25519 in PKCS #8 PEM.
    pub signing_key: String,
}

impl Authority {
    /// Reads the authority from the data directory, or makes one there.
    pub fn load_or_make(directory: &Path, zone: ZoneName) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("--data-dir {}", directory.display()))?;
        let file = directory.join("ca.crt");
        let key_file = directory.join("ca.key");
        let signing_file = directory.join("signing-key.pem");
        if !key_file.exists() {
            let (certificate, key) = make(&zone)?;
            // The key last: while it is missing the authority is made anew.
            fs::write(&file, certificate).with_context(|| file.display().to_string())?;
            write_secret(&key_file, &key)?;
        }
        if !signing_file.exists() {
            write_secret(
                &signing_file,
                &KeyPair::generate_for(&PKCS_ED25519)?.serialize_pem(),
            )?;
        }
        let read =
            |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
        let certificate = read(&file)?;
        let broken = || {
            format!(
                "{} and {} do not fit: remove both to begin anew",
                file.display(),
                key_file.display()
            )
        };
        let key = KeyPair::from_pem(&read(&key_file)?).with_context(broken)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key).with_context(broken)?;
        Ok(Self {
            zone,
            certificate,
            issuer,
            signing_key: read(&signing_file)?,
            file,
        })
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// What the site trusts.
    pub fn trust(&self) -> anyhow::Result<Trust> {
        Ok(Trust::from_pem(self.certificate.as_bytes())?)
    }

    /// A certificate for clients to see.
    pub fn server(&self, names: Vec<String>) -> anyhow::Result<Identity> {
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A certificate for the zone link, in the role of `controller` or `router`.
    pub fn link(&self, role: &str, name: &str) -> anyhow::Result<Identity> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        let uri = format!("spiffe://plenum.dev/{}/{role}", self.zone);
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> anyhow::Result<Identity> {
        let key = KeyPair::generate()?;
        valid_for(&mut params, LEAF_DAYS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity::from_pem(
            certificate.pem().as_bytes(),
            key.serialize_pem().as_bytes(),
        )?)
    }
}

fn make(zone: &ZoneName) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("Plenum zone {zone}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, AUTHORITY_DAYS);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// From yesterday, for clients whose clocks are behind.
fn valid_for(params: &mut CertificateParams, days: u32) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * days).into();
}

/// Writes a file that nobody else reads.
pub fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(path)
        .with_context(|| path.display().to_string())?;
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> ZoneName {
        "local.zone".parse().unwrap()
    }

    #[test]
    fn the_authority_stays_the_same_over_restarts() {
        let directory = tempfile::tempdir().unwrap();
        let first = Authority::load_or_make(directory.path(), zone()).unwrap();
        let second = Authority::load_or_make(directory.path(), zone()).unwrap();
        assert_eq!(first.certificate, second.certificate);
        assert_eq!(first.signing_key, second.signing_key);
        let one = first
            .server(vec!["localhost".into()])
            .unwrap()
            .fingerprint();
        let other = second
            .server(vec!["localhost".into()])
            .unwrap()
            .fingerprint();
        assert_ne!(one, other);
    }

    #[test]
    fn keys_are_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        Authority::load_or_make(directory.path(), zone()).unwrap();
        for name in ["ca.key", "signing-key.pem"] {
            let mode = fs::metadata(directory.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_broken_authority_is_said_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        Authority::load_or_make(directory.path(), zone()).unwrap();
        fs::write(directory.path().join("ca.key"), "broken").unwrap();
        let error = Authority::load_or_make(directory.path(), zone())
            .err()
            .unwrap();
        assert!(format!("{error:#}").contains("remove both"), "{error:#}");
    }
}
