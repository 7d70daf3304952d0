//! The only part that asks the API server. Thin: it lists, asks pods through the API server's
//! proxy, and turns what goes wrong into sentences; the judging is elsewhere.
//!
//! What cannot be seen does not end a look: it is a [`Trouble`](crate::snapshot::Trouble) in
//! the snapshot, and the rest is judged all the same.

mod certificates;
mod connect;
mod gather;
mod look;
mod proxy;
mod rights;
mod trouble;
mod warnings;

pub use connect::connect;
pub use gather::gather;
pub use look::{Wants, look};
pub use proxy::whereabouts;

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Error};
use serde_json::Value;

use crate::snapshot::Trouble;

/// Who writes the annotation, in server-side bookkeeping.
const FIELD_MANAGER: &str = "kubectl-plenum";

/// The API server, and the namespace meant when none is named.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    /// That of the context.
    pub namespace: String,
}

impl Cluster {
    /// Changes a node: by a merge patch, the only write of this program.
    pub async fn patch_node(&self, name: &str, patch: &Value) -> Result<(), Trouble> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = nodes.patch(name, &params, &Patch::Merge(patch)).await;
        let failed = |error| trouble::of(&format!("change node {name}"), &error);
        patched.map(drop).map_err(failed)
    }

    /// Whether the API server answers at all, and knows who asks.
    pub async fn reach(&self) -> Result<(), Trouble> {
        match self.client.apiserver_version().await {
            // Some clusters tell their version to few.
            Err(Error::Api(status)) if status.code == 403 => Ok(()),
            answer => answer
                .map(drop)
                .map_err(|error| trouble::of("begin", &error)),
        }
    }

    /// The node of this name.
    pub async fn node(&self, name: &str) -> Result<Node, Trouble> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let found = nodes.get_opt(name).await;
        let found = found.map_err(|error| trouble::of(&format!("read node {name}"), &error))?;
        let missing = || trouble::trouble(format!("there is no node {name}"), "kubectl get nodes");
        found.ok_or_else(missing)
    }
}
