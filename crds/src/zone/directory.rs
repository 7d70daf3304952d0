//! The directory that a zone belongs to.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::SecretReference;

/// The directory that the zone belongs to. The zone controllers connect to it, outward only:
/// they tell it how the zone is, and learn the keys of its tokens. While it is away, the zone
/// goes on with the last keys.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Where it is, for example <https://meet.example.org>.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^https://[^/?#@]+/?$')")
        .message("write the directory's address as https://HOST or https://HOST:PORT"))]
    pub url: String,

    /// Where replicas of it are that this zone reports to as well, such as one at its own site:
    /// they answer lookups while the directory is away. Left out: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 1, max = 512)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(url, url.matches('^https://[^/?#@,]+/?$'))")
            .message("write the addresses of replicas as https://HOST or https://HOST:PORT")
    )]
    pub replica_urls: Vec<String>,

    /// The Secret whose key credential holds what `plenum directory zone add` printed for this
    /// zone.
    pub credential_secret: SecretReference,

    /// The Secret whose key ca.crt holds the authorities that vouch for the directory and its
    /// replicas, one after the other. Left out: the authorities of the public web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_secret: Option<SecretReference>,
}
