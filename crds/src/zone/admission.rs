//! Who may join which meetings.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretReference;

/// Who may join which meetings.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.mode != 'Open' || !has(self.directoryKeysSecret)")
        .message("mode: Open checks no keys: write mode: Directory, or remove directoryKeysSecret")
)]
pub struct Admission {
    /// Open: whoever knows a meeting may join it. Directory: only with a token of the directory,
    /// which the zone goes on checking while the directory is away.
    #[serde(default)]
    pub mode: AdmissionMode,

    /// The only meetings that exist, by id. Left out: any meeting exists once somebody joins it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 128)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("size(self) > 0")
            .message("an empty list would let nobody in: name at least one meeting, or remove meetings to allow any"),
        validation = Rule::new("self.all(m, m.matches('^[A-Za-z0-9._-]+$'))")
            .message("write meeting ids with letters, digits, '-', '_' and '.' only, for example team-room")
    )]
    pub meetings: Option<Vec<String>>,

    /// The Secret whose key jwks.json holds the directory's public keys (RFC 7517). Only with
    /// mode: Directory. Not needed with spec.directory, which tells them; good for zones that
    /// cannot reach their directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_keys_secret: Option<SecretReference>,
}

/// How a zone decides who may join.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdmissionMode {
    /// Whoever knows a meeting may join it.
    #[default]
    Open,
    /// Only with a token of the directory.
    Directory,
}
