//! Where the certificate comes from that clients see.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The certificate that the zone controllers show to clients. Inside the zone everything uses the
/// zone's own authority, whatever stands here.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.source != 'Secret' || has(self.secretName)")
        .message("source: Secret needs a certificate: write secretName with a Secret of type kubernetes.io/tls in the zone's namespace, or write source: ZoneAuthority"),
    validation = Rule::new("self.source != 'ZoneAuthority' || !has(self.secretName)")
        .message("source: ZoneAuthority makes its own certificate: write source: Secret, or remove secretName"),
    validation = Rule::new("!has(self.secretName) || self.secretName.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
        .message("secretName: no Secret has such a name: write one of small letters, digits, - and ., with a letter or digit first and last")
)]
pub struct Certificates {
    /// `ZoneAuthority`: the operator makes and rotates an authority for the zone; clients need its
    /// certificate. Secret: you give one, by hand or by cert-manager.
    #[serde(default)]
    pub source: CertificateSource,

    /// The Secret of type kubernetes.io/tls with the certificate and its key. It may change at
    /// any time; the zone controllers take it up without a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
}

/// Who makes the certificate that clients see.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateSource {
    /// The operator, with an authority of the zone's own.
    #[default]
    ZoneAuthority,
    /// Somebody else, in a Secret.
    Secret,
}

/// A Secret in the namespace of the object that names it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.name.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
        .message("name: no Secret has such a name: write one of small letters, digits, - and ., with a letter or digit first and last")
)]
pub struct SecretReference {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
