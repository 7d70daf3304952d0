//! An object as a cache keeps it: as JSON, deflated. In memory an object of Kubernetes has a place
//! for each field that it could have, and one of a few hundred bytes takes some thousand; and what
//! its JSON says it says in many words, a Secret in base64 of base64, and mostly in those of every
//! other object of its kind: the first of a kind is the dictionary of all that follow.
//!
//! To read it takes time, so it is done once for whoever asks; which object it is, and which
//! version, is known without.

use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use kube::Resource;
use serde_json::Value;

use super::Object;

/// An object, small.
#[derive(Debug)]
pub struct Packed<K> {
    uid: Option<Box<str>>,
    version: Option<Box<str>>,
    /// What it was deflated with.
    dictionary: Arc<[u8]>,
    deflated: Box<[u8]>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Object> Packed<K> {
    pub(super) fn new(object: &K) -> Self {
        let word = |word: &Option<String>| word.as_deref().map(Into::into);
        let json = serde_json::to_vec(object).expect("what came as JSON goes as JSON");
        let mut packer = PACKER.lock().unwrap_or_else(PoisonError::into_inner);
        let dictionary = packer.dictionary::<K>(&json);
        Self {
            uid: word(&object.meta().uid),
            version: word(&object.meta().resource_version),
            deflated: packer.deflated(&json, &dictionary),
            dictionary,
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
        let json = inflated(&self.deflated, &self.dictionary);
        let object = serde_json::from_slice(&json);
        Arc::new(object.expect("it is the JSON of an object of this kind"))
    }
}

/// One for all caches: it takes 330 kB of memory, and one made for each object would leave the heap
/// in pieces.
static PACKER: LazyLock<Mutex<Packer>> = LazyLock::new(Mutex::default);

struct Packer {
    compress: Compress,
    dictionaries: HashMap<TypeId, Arc<[u8]>>,
    /// Where it is written, so that what is kept is made with its length.
    scratch: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            // Not at the least effort: that codes no letter by how often it comes, and most of a
            // Secret is base64.
            compress: Compress::new(Compression::default(), false),
            dictionaries: HashMap::new(),
            scratch: Vec::new(),
        }
    }
}

impl Packer {
    /// That of the kind; this object makes it if it is the first.
    fn dictionary<K: 'static>(&mut self, json: &[u8]) -> Arc<[u8]> {
        let dictionaries = self.dictionaries.entry(TypeId::of::<K>());
        dictionaries.or_insert_with(|| typical(json)).clone()
    }

    fn deflated(&mut self, json: &[u8], dictionary: &[u8]) -> Box<[u8]> {
        let Self {
            compress, scratch, ..
        } = self;
        compress.reset();
        let begun = compress.set_dictionary(dictionary);
        begun.expect("nothing was written yet");
        scratch.clear();
        // Blocks that cannot be deflated are stored, with some bytes each.
        scratch.reserve(json.len() + json.len() / 8 + 64);
        let status = compress.compress_vec(json, scratch, FlushCompress::Finish);
        assert_eq!(status.expect("bytes deflate"), Status::StreamEnd);
        scratch.as_slice().into()
    }
}

/// What other objects of its kind say, too. What a Secret holds is its own, and shall not stay when
/// it goes; `kubectl apply` writes all of it into an annotation as well.
fn typical(json: &[u8]) -> Arc<[u8]> {
    let mut object: Value = serde_json::from_slice(json).expect("it is JSON");
    if let Some(fields) = object.as_object_mut() {
        fields.remove("data");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("annotations");
    }
    object.to_string().into_bytes().into()
}

fn inflated(deflated: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut inflate = Decompress::new(false);
    let begun = inflate.set_dictionary(dictionary);
    begun.expect("nothing was read yet");
    let mut json = Vec::with_capacity(deflated.len() * 4);
    loop {
        let read = usize::try_from(inflate.total_in()).expect("it is in memory");
        let rest = &deflated[read..];
        let status = inflate.decompress_vec(rest, &mut json, FlushDecompress::Finish);
        if status.expect("it was deflated here") == Status::StreamEnd {
            return json;
        }
        json.reserve(json.capacity().max(64));
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;
    use kube::ResourceExt as _;
    use serde_json::json;

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
        let size = size_of_val(&packed) + packed.deflated.len();
        assert!(size < size_of::<Node>() / 2, "{size} bytes");
    }

    #[test]
    fn what_is_said_in_many_words_is_kept_in_few() {
        let mut wordy = node();
        for n in 0..50 {
            let label = format!("example.com/a-label-with-a-long-name-{n}");
            wordy.labels_mut().insert(label, "true".into());
        }
        // Again and again, by the same compressor: nothing of the one before is left in it.
        for said in [&wordy, &node(), &wordy] {
            assert_eq!(*Packed::new(said).open(), *said);
        }
        let said = serde_json::to_vec(&wordy).unwrap().len();
        let kept = Packed::new(&wordy).deflated.len();
        assert!(kept * 4 < said, "{kept} of {said} bytes");
    }

    #[test]
    fn what_every_object_of_a_kind_says_is_kept_once() {
        let mut wordy = node();
        for n in 0..50 {
            let label = format!("example.com/{n}-a-label-with-a-long-name");
            wordy.labels_mut().insert(label, n.to_string());
        }
        let mut other = wordy.clone();
        other.metadata.name = Some("n2".to_owned());
        other.metadata.uid = Some("another".to_owned());
        let json = |node| serde_json::to_vec(node).unwrap();
        let mut packer = Packer::default();
        let dictionary = packer.dictionary::<Node>(&json(&wordy));
        assert_eq!(packer.dictionary::<Node>(&json(&other)), dictionary);
        let kept = packer.deflated(&json(&other), &dictionary);
        assert_eq!(inflated(&kept, &dictionary), json(&other));
        assert!(kept.len() < 100, "{} bytes", kept.len());
    }

    #[test]
    fn what_a_secret_holds_is_in_no_dictionary() {
        let secret = json!({
            "kind": "Secret",
            "metadata": {
                "name": "s",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "cHJpdmF0ZQ=="},
            },
            "data": {"tls.key": "cHJpdmF0ZQ=="},
        });
        let kept = typical(secret.to_string().as_bytes());
        let kept: Value = serde_json::from_slice(&kept).unwrap();
        assert_eq!(kept, json!({"kind": "Secret", "metadata": {"name": "s"}}));
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
