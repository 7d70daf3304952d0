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

    /// The proxy by which zone controllers get out of their network. Left out: they need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

/// A proxy that speaks HTTP CONNECT, between the zone controllers and their directories. A change
/// of it replaces the controllers, one after the other.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.url) != has(self.urlSecret)")
    .message("write where the proxy is in one place: url, or urlSecret where the URL holds a password"))]
pub struct Proxy {
    /// Where it is, for example <http://proxy.example.org:3128>, if it asks for no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@]+/?$')")
        .message("write the proxy as http://HOST:PORT or https://HOST:PORT; one with a user and a password goes into a Secret that urlSecret names"))]
    pub url: Option<String>,

    /// The Secret whose key url holds it with a user and a password,
    /// `http://USER:PASSWORD@HOST:PORT`. It is read when a controller starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_secret: Option<SecretReference>,

    /// What is reached without it, such as a replica at the same site: names, which also stand for
    /// all below them, addresses, and networks such as 10.0.0.0/8. Left out: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(host, !host.matches('[, ]'))")
            .message("write each name, address or network of noProxy as an entry of its own")
    )]
    pub no_proxy: Vec<String>,
}
