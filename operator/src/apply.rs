//! The only place that writes to the Kubernetes API.
//!
//! Guarantees:
//! - One field manager, server-side apply: fields of others are left alone, ours are repaired.
//!   Only where one of theirs excludes ours it goes: see [`crate::exactly`].
//! - No request when nothing changes: see [`crate::covers`].
//! - Nothing is written once the lease could have passed to somebody else ([`Fence`]).
//! - An object is never brought back: whoever applies to an object that must exist already
//!   names its UID, and the API server refuses when that object is gone.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use plenum_crds::labels::{ACTIVE_POOL, DRAINING_REASON, DRAINING_SINCE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::Instrument as _;

use crate::covers::covers;
use crate::exactly::exactly;
use crate::lease::{Fence, WRITE_TIMEOUT};
use crate::metrics::Metrics;
use crate::traces;

/// The field manager of everything the operator owns.
pub const FIELD_MANAGER: &str = "plenum-operator";

/// SHA-256 of what was applied last. It shows that a field was taken OUT of our desired
/// object, which comparing the fields that are left cannot show.
pub const APPLIED_ANNOTATION: &str = "plenum.dev/applied";

/// Why a write did not happen, or may not have happened.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// This replica may no longer be the leader.
    #[error("{what}: not written, the lease may have passed to another replica")]
    Fenced {
        /// Which object.
        what: String,
    },
    /// No answer in time; it may have been done. The next reconcile looks.
    #[error("{what}: no answer from the API server within {WRITE_TIMEOUT:?}")]
    Timeout {
        /// Which object.
        what: String,
    },
    /// The API server refused.
    #[error("{what}: {source}")]
    Api {
        /// Which object.
        what: String,
        /// Its answer.
        source: kube::Error,
    },
    /// An object could not be written as JSON.
    #[error("cannot encode an object: {0}")]
    Encode(#[from] serde_json::Error),
}

impl WriteError {
    /// Whether the object changed (or went) since it was read: read again and decide anew.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. } if status.code == 409 || status.code == 404)
    }

    /// Whether the API server found the object, as it would be then, to be none.
    fn is_invalid(&self) -> bool {
        matches!(self, Self::Api { source: kube::Error::Api(status), .. } if status.code == 422)
    }
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was as wanted; no request was made.
    Unchanged,
    /// The API server took it.
    Changed,
}

/// Writes, fenced and counted. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    fence: Fence,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// Writes with `client` for as long as `fence` holds.
    #[must_use]
    pub fn new(client: Client, fence: Fence, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            fence,
            metrics,
        }
    }

    /// Makes a child object as `desired`, unless `current` (as last read, cached is fine)
    /// shows that it is so already.
    ///
    /// State only what matters: a list or object that is stated must come back as stated,
    /// and `Some(false)` where the API server drops false would be written for ever.
    pub async fn apply<K>(&self, desired: &K, current: Option<&K>) -> Result<Written, WriteError>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
    {
        let body = stamped(desired)?;
        let held = current.map(serde_json::to_value).transpose()?;
        if held.as_ref().is_some_and(|held| covers(held, &body)) {
            return Ok(Written::Unchanged);
        }
        let exact = held
            .and_then(|held| exactly(&held, &body))
            .map(Patch::Merge);
        let body = Patch::Apply(body);
        let result = self.patch::<K>(desired, None, &body).await;
        let (Err(refused), Some(exact)) = (&result, exact) else {
            return result;
        };
        if !refused.is_invalid() {
            return result;
        }
        match self.patch::<K>(desired, None, &exact).await {
            Ok(_) => self.patch::<K>(desired, None, &body).await,
            Err(error) if error.is_conflict() => Err(error),
            // It was not because of others: the first answer says why.
            Err(_) => result,
        }
    }

    /// Writes the status of `object`, unless it has it already. `status` is all of it: what
    /// it leaves out is removed.
    pub async fn apply_status<K, S>(
        &self,
        object: &K,
        current: Option<&S>,
        status: &S,
    ) -> Result<Written, WriteError>
    where
        K: Resource<DynamicType = ()>,
        S: Serialize,
    {
        let status = without_nulls(serde_json::to_value(status)?);
        let current = current.map(serde_json::to_value).transpose()?;
        if current.map(without_nulls).as_ref() == Some(&status) {
            return Ok(Written::Unchanged);
        }
        let mut body = identity(object, false);
        body["status"] = status;
        self.patch::<K>(object, Some("status"), &Patch::Apply(body))
            .await
    }

    /// Makes `labels` and `annotations` the complete set of ours on the node, in one request.
    /// Refused when the node changed since `node` was read, so that a replica with an old
    /// view can take nothing back.
    ///
    /// Whoever wrote one of our marks by hand owns it as well, and server-side apply would
    /// leave it there for ever; such a one is taken off by a second request.
    pub async fn apply_node(
        &self,
        node: &Node,
        labels: &Value,
        annotations: &Value,
    ) -> Result<Written, WriteError> {
        let mut body = identity(node, true);
        body["metadata"]["labels"] = labels.clone();
        body["metadata"]["annotations"] = annotations.clone();
        let after = self
            .patched::<Node>(node, None, &Patch::Apply(body))
            .await?;
        let left = json!({
            "labels": left_over(after.labels(), labels, &[ACTIVE_POOL]),
            "annotations":
                left_over(after.annotations(), annotations, &[DRAINING_SINCE, DRAINING_REASON]),
        });
        if left["labels"] == json!({}) && left["annotations"] == json!({}) {
            return Ok(Written::Changed);
        }
        let mut body = json!({ "metadata": left });
        body["metadata"]["uid"] = node.uid().into();
        body["metadata"]["resourceVersion"] = after.resource_version().into();
        self.patch::<Node>(node, None, &Patch::Merge(body)).await
    }

    /// Writes our pod conditions, the complete set of them.
    pub async fn apply_pod_conditions(
        &self,
        pod: &Pod,
        conditions: &Value,
    ) -> Result<Written, WriteError> {
        let mut body = identity(pod, false);
        body["status"] = json!({ "conditions": conditions });
        self.patch::<Pod>(pod, Some("status"), &Patch::Apply(body))
            .await
    }

    /// Writes an annotation of ours on a pod. By its status: whoever may patch pods themselves may
    /// run any image in any of them.
    pub async fn annotate_pod(
        &self,
        pod: &Pod,
        key: &str,
        value: &str,
    ) -> Result<Written, WriteError> {
        let body = json!({ "metadata": { "uid": pod.uid(), "annotations": { key: value } } });
        self.patch::<Pod>(pod, Some("status"), &Patch::Merge(body))
            .await
    }

    /// Puts a finalizer on, or takes it off. A merge patch of the whole list with the
    /// resource version: by server-side apply, a finalizer that somebody else's update had
    /// come to own as well could never be taken off again.
    pub async fn set_finalizer<K>(
        &self,
        object: &K,
        finalizer: &str,
        wanted: bool,
    ) -> Result<Written, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        let old = object.finalizers();
        if old.iter().any(|f| f == finalizer) == wanted {
            return Ok(Written::Unchanged);
        }
        let mut list: Vec<&str> = old
            .iter()
            .map(String::as_str)
            .filter(|f| *f != finalizer)
            .collect();
        if wanted {
            list.push(finalizer);
        }
        let body = json!({ "metadata": {
            "finalizers": list,
            "uid": object.uid(),
            "resourceVersion": object.resource_version(),
        }});
        self.patch::<K>(object, None, &Patch::Merge(body)).await
    }

    /// Deletes exactly this object: one of the same name with another UID stays. Gone
    /// already is fine.
    pub async fn delete<K>(&self, object: &K) -> Result<Written, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: object.uid(),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        let api = self.api::<K>(object);
        let name = object.name_any();
        let request = async move { api.delete(&name, &params).await.map(|_| ()) };
        match self.send::<K, _>(object, "delete", request).await {
            Err(WriteError::Api {
                source: kube::Error::Api(status),
                ..
            }) if status.code == 404 => Ok(Written::Unchanged),
            other => other.map(|()| Written::Changed),
        }
    }

    /// The client, for reading.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A namespaced API to read from.
    #[must_use]
    pub fn namespaced<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn patch<K>(
        &self,
        object: &impl Resource<DynamicType = ()>,
        subresource: Option<&'static str>,
        patch: &Patch<Value>,
    ) -> Result<Written, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        self.patched::<K>(object, subresource, patch).await?;
        Ok(Written::Changed)
    }

    /// As [`Writer::patch`], with the object as it is then.
    async fn patched<K>(
        &self,
        object: &impl Resource<DynamicType = ()>,
        subresource: Option<&'static str>,
        patch: &Patch<Value>,
    ) -> Result<DynamicObject, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        let api = self.api::<K>(object);
        let name = object.name_any();
        let mut params = PatchParams::apply(FIELD_MANAGER);
        params.force = matches!(patch, Patch::Apply(_));
        let request = async move {
            match subresource {
                Some("status") => api.patch_status(&name, &params, patch).await,
                _ => api.patch(&name, &params, patch).await,
            }
        };
        self.send::<K, _>(object, subresource.unwrap_or("apply"), request)
            .await
    }

    async fn send<K, T>(
        &self,
        object: &impl Resource<DynamicType = ()>,
        verb: &'static str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, WriteError>
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = K::kind(&()).into_owned();
        let what = || {
            let namespace = object.namespace().map(|n| n + "/").unwrap_or_default();
            format!("{kind} {namespace}{} ({verb})", object.name_any())
        };
        if !self.fence.holds() {
            return Err(WriteError::Fenced { what: what() });
        }
        self.metrics.write(&kind, verb);
        tracing::debug!(object = what(), "write");
        let traced = traces::write(verb, &kind, object);
        let request = request.instrument(traced.clone());
        let result = match tokio::time::timeout(WRITE_TIMEOUT, request).await {
            Err(_) => Err(WriteError::Timeout { what: what() }),
            Ok(Err(source)) => Err(WriteError::Api {
                what: what(),
                source,
            }),
            Ok(Ok(answer)) => Ok(answer),
        };
        traces::done(&traced, &result);
        result
    }

    fn api<K>(&self, object: &impl Resource<DynamicType = ()>) -> Api<DynamicObject>
    where
        K: Resource<DynamicType = ()>,
    {
        let resource = ApiResource::erase::<K>(&());
        match object.namespace() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), &namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

/// The object with [`APPLIED_ANNOTATION`].
fn stamped<K>(desired: &K) -> Result<Value, WriteError>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let mut body = without_nulls(serde_json::to_value(desired)?);
    // serde_json's maps are sorted, so equal objects have equal bytes.
    let hash = fingerprint(&serde_json::to_vec(&body)?);
    body["apiVersion"] = K::api_version(&()).into();
    body["kind"] = K::kind(&()).into();
    body["metadata"]["annotations"][APPLIED_ANNOTATION] = hash.into();
    Ok(body)
}

/// A short name for content: 128 bits of its SHA-256 in hexadecimal.
#[must_use]
pub fn fingerprint(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest[..16].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Those of `keys` that the object has and that are not wanted, as a merge patch takes them off.
fn left_over(has: &BTreeMap<String, String>, wanted: &Value, keys: &[&str]) -> Value {
    keys.iter()
        .filter(|key| has.contains_key(**key) && wanted.get(**key).is_none())
        .map(|key| ((*key).to_owned(), Value::Null))
        .collect()
}

/// Apply body that can only meet this very object.
fn identity<K: Resource<DynamicType = ()>>(object: &K, unchanged: bool) -> Value {
    let mut metadata = json!({ "name": object.name_any(), "uid": object.uid() });
    if let Some(namespace) = object.namespace() {
        metadata["namespace"] = namespace.into();
    }
    if unchanged {
        metadata["resourceVersion"] = object.resource_version().into();
    }
    json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata })
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k, without_nulls(v)))
            .collect(),
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
