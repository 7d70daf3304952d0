//! Secrets in pods: as directories, without subPath, so that the kubelet brings their changes.

use k8s_openapi::api::core::v1::{SecretVolumeSource, Volume, VolumeMount};

use crate::zone::names::ZoneSecret;
use crate::zone::validate::{AUTHORITY, CREDENTIAL, DIRECTORY_KEYS, ValidZone};

const KEYS: &str = "/etc/plenum/directory";
const CREDENTIALS: &str = "/etc/plenum/directory-credential";
const AUTHORITIES: &str = "/etc/plenum/directory-ca";

/// A Secret and where the pod finds it.
pub struct Mount {
    volume: &'static str,
    secret: String,
    path: &'static str,
}

impl Mount {
    /// The certificate for clients.
    pub const TLS: &str = "/etc/plenum/tls";
    /// The certificate for the zone link.
    pub const LINK_TLS: &str = "/etc/plenum/link";

    /// A Secret that the operator makes.
    pub fn of_the_zone(
        zone: &ValidZone,
        volume: &'static str,
        secret: ZoneSecret,
        path: &'static str,
    ) -> Self {
        Self {
            volume,
            secret: secret.name(&zone.names.name),
            path,
        }
    }

    /// The directory's keys, where a Secret holds them.
    pub fn directory_keys(zone: &ValidZone) -> Option<Self> {
        let keys = zone.spec.admission.directory_keys_secret.as_ref()?;
        Some(Self {
            volume: "directory",
            secret: keys.name.clone(),
            path: KEYS,
        })
    }

    /// What proves the zone to its directory, and the directory to the zone.
    pub fn directory(zone: &ValidZone) -> Vec<Self> {
        let Some(directory) = &zone.spec.directory else {
            return Vec::new();
        };
        let credential = Self {
            volume: "directory-credential",
            secret: directory.credential_secret.name.clone(),
            path: CREDENTIALS,
        };
        let authority = directory.authority_secret.as_ref().map(|secret| Self {
            volume: "directory-ca",
            secret: secret.name.clone(),
            path: AUTHORITIES,
        });
        [Some(credential), authority]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The file with the directory's keys.
    pub fn directory_keys_file() -> String {
        format!("{KEYS}/{DIRECTORY_KEYS}")
    }

    /// The file with the zone's credential.
    pub fn credential_file() -> String {
        format!("{CREDENTIALS}/{CREDENTIAL}")
    }

    /// The file with who vouches for the directory.
    pub fn directory_authority_file() -> String {
        format!("{AUTHORITIES}/{AUTHORITY}")
    }

    /// As the pod names it.
    pub fn volume(&self) -> Volume {
        Volume {
            name: self.volume.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(self.secret.clone()),
                // For the group of the pod (fsGroup) to read, and nobody else.
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        }
    }

    /// Where the container finds it.
    pub fn volume_mount(&self) -> VolumeMount {
        VolumeMount {
            name: self.volume.to_owned(),
            mount_path: self.path.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }
}
