//! Certificates of a world: one authority for directory and zone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ED25519, SanType,
};

/// The zone.
pub const ZONE: &str = "matrix.zone";

/// Vouches for everybody, and writes where they find it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    /// A new one, which writes below this directory.
    pub fn new(directory: &Path) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "matrix");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        fs::create_dir_all(directory)?;
        let authority = Self {
            issuer,
            directory: directory.to_owned(),
        };
        fs::write(authority.file(), authority.issuer.pem())?;
        Ok(authority)
    }

    /// Its certificate.
    pub fn file(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    /// A directory with `tls.crt`, `tls.key` and `ca.crt` for names and addresses, in a role
    /// of the zone or none.
    pub fn issue(&self, for_whom: &str, names: Vec<String>, role: Option<&str>) -> Result<PathBuf> {
        let mut params = CertificateParams::new(names)?;
        if let Some(role) = role {
            let uri = format!("spiffe://plenum.dev/{ZONE}/{role}");
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let directory = self.directory.join(for_whom);
        fs::create_dir(&directory).with_context(|| directory.display().to_string())?;
        fs::write(directory.join("tls.crt"), certificate.pem())?;
        fs::write(directory.join("tls.key"), key.serialize_pem())?;
        fs::write(directory.join("ca.crt"), self.issuer.pem())?;
        Ok(directory)
    }

    /// A directory with the key that signs the zone's tickets.
    pub fn signing_key(&self) -> Result<PathBuf> {
        let directory = self.directory.join("signing");
        fs::create_dir(&directory)?;
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        fs::write(directory.join("key.pem"), key.serialize_pem())?;
        Ok(directory)
    }
}
