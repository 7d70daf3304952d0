//! An object as a cache keeps it: as JSON. In memory an object of Kubernetes has a place for each
//! field that it could have, and a pod of a few hundred bytes takes some thousand.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug)]
pub(super) enum Packed<K> {
    Json(Box<[u8]>),
    /// What does not come back from its JSON, which no kind of ours does.
    Whole(Arc<K>),
}

impl<K: Serialize + DeserializeOwned> Packed<K> {
    pub(super) fn new(object: Arc<K>) -> Self {
        match serde_json::to_vec(&*object) {
            Ok(json) if serde_json::from_slice::<K>(&json).is_ok() => Self::Json(json.into()),
            _ => Self::Whole(object),
        }
    }

    /// The object. It has come back from this JSON before, so it always is one.
    pub(super) fn open(&self) -> Option<Arc<K>> {
        match self {
            Self::Json(json) => serde_json::from_slice(json).ok().map(Arc::new),
            Self::Whole(object) => Some(object.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::core::v1::Node;
    use kube::ResourceExt as _;

    use super::*;

    #[test]
    fn an_object_comes_out_as_it_went_in_and_is_small_meanwhile() {
        let mut node = Node::default();
        node.metadata.name = Some("n1".to_owned());
        node.labels_mut().insert("pool".into(), "a".into());
        let packed = Packed::new(Arc::new(node.clone()));
        assert_eq!(packed.open().as_deref(), Some(&node));
        let Packed::Json(json) = packed else {
            panic!("a node comes back from its JSON");
        };
        assert!(json.len() < size_of::<Node>() / 4, "{} bytes", json.len());
    }

    #[test]
    fn what_does_not_come_back_from_its_json_is_kept_as_it_is() {
        // JSON has text alone as keys.
        let odd = Arc::new(BTreeMap::from([([1, 2], 3)]));
        assert_eq!(Packed::new(odd.clone()).open(), Some(odd));
    }
}
