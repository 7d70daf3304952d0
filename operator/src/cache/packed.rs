//! An object as a cache keeps it: as JSON. In memory an object of Kubernetes has a place for each
//! field that it could have, and a pod of a few hundred bytes takes some thousand.
//!
//! To parse it takes some microseconds, so it is done once for whoever asks; which object it is,
//! and which version, is known without.

use std::marker::PhantomData;
use std::sync::Arc;

use kube::Resource;

use super::Object;

/// An object, small.
#[derive(Debug)]
pub struct Packed<K> {
    uid: Option<Box<str>>,
    version: Option<Box<str>>,
    json: Box<[u8]>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Object> Packed<K> {
    pub(super) fn new(object: &K) -> Self {
        let word = |word: &Option<String>| word.as_deref().map(Into::into);
        let json = serde_json::to_vec(object).expect("what came as JSON goes as JSON");
        Self {
            uid: word(&object.meta().uid),
            version: word(&object.meta().resource_version),
            json: json.into(),
            kind: PhantomData,
        }
    }

    /// Whether this is the object as it was packed: the API server gives each change a version of
    /// its own.
    pub(super) fn is(&self, object: &impl Resource) -> bool {
        let meta = object.meta();
        self.version.is_some()
            && self.version.as_deref() == meta.resource_version.as_deref()
            && self.uid.as_deref() == meta.uid.as_deref()
    }

    pub(super) fn open(&self) -> Arc<K> {
        let object = serde_json::from_slice(&self.json);
        Arc::new(object.expect("it is the JSON of an object of this kind"))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;
    use kube::ResourceExt as _;

    use super::*;

    fn node() -> Node {
        let mut node = Node::default();
        node.metadata.name = Some("n1".to_owned());
        node.metadata.uid = Some("u".to_owned());
        node.metadata.resource_version = Some("7".to_owned());
        node.labels_mut().insert("pool".into(), "a".into());
        node
    }

    #[test]
    fn an_object_comes_out_as_it_went_in_and_is_small_meanwhile() {
        let packed = Packed::new(&node());
        assert_eq!(*packed.open(), node());
        let size = size_of_val(&packed) + packed.json.len();
        assert!(size < size_of::<Node>() / 2, "{size} bytes");
    }

    #[test]
    fn it_is_known_again_by_its_version_unless_another_took_its_name() {
        let packed = Packed::new(&node());
        assert!(packed.is(&node()));
        let (mut later, mut another) = (node(), node());
        later.metadata.resource_version = Some("8".to_owned());
        another.metadata.uid = Some("v".to_owned());
        assert!(!packed.is(&later) && !packed.is(&another));
        let mut unversioned = node();
        unversioned.metadata.resource_version = None;
        assert!(!Packed::new(&unversioned).is(&unversioned));
    }
}
