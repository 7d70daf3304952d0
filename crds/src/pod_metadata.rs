//! What people write on the pods that the operator makes, for others to find, bill or scrape them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::names;

/// Labels and annotations of pods, beside those that the operator writes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PodMetadata {
    /// Labels, for example cost-center: meetings. Those of plenum.dev/ and app.kubernetes.io/ are
    /// the operator's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 63}))]
    #[x_kube(
        validation = names::labels_leave_the_operators(),
        validation = names::label_values("podMetadata.labels")
    )]
    pub labels: BTreeMap<String, String>,
    /// Annotations, for example sidecar.istio.io/inject: "false". Those of plenum.dev/ are the
    /// operator's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 4096}))]
    #[x_kube(validation = names::annotations_leave_the_operators())]
    pub annotations: BTreeMap<String, String>,
}

impl PodMetadata {
    /// The metadata of a pod template: these `labels` of the operator's, which nobody replaces, and
    /// what a person wants there. Without that it is the same as if the field did not exist.
    #[must_use]
    pub fn beside(this: Option<&Self>, labels: BTreeMap<String, String>) -> ObjectMeta {
        let theirs = this.cloned().unwrap_or_default();
        let mut all = theirs.labels;
        all.extend(labels);
        ObjectMeta {
            labels: Some(all),
            annotations: Some(theirs.annotations).filter(|it| !it.is_empty()),
            ..ObjectMeta::default()
        }
    }
}
