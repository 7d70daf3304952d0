//! An object as a cache keeps it: as JSON, deflated. In memory an object of Kubernetes has a place
//! for each field that it could have, and one of a few hundred bytes takes some thousand; and what
//! its JSON says it says in many words, a Secret in base64 of base64.
//!
//! To read it takes time, so it is done once for whoever asks; which object it is, and which
//! version, is known without.

use std::io::{self, Read as _, Write as _};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use kube::Resource;

use super::Object;

/// An object, small.
#[derive(Debug)]
pub struct Packed<K> {
    uid: Option<Box<str>>,
    version: Option<Box<str>>,
    deflated: Box<[u8]>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Object> Packed<K> {
    pub(super) fn new(object: &K) -> Self {
        let word = |word: &Option<String>| word.as_deref().map(Into::into);
        let json = serde_json::to_vec(object).expect("what came as JSON goes as JSON");
        Self {
            uid: word(&object.meta().uid),
            version: word(&object.meta().resource_version),
            deflated: deflated(&json).expect("memory takes whatever is written"),
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
        let json = inflated(&self.deflated).expect("it was deflated here");
        let object = serde_json::from_slice(&json);
        Arc::new(object.expect("it is the JSON of an object of this kind"))
    }
}

/// One for all caches: it takes 330 kB of memory, and one made for each object would leave the heap
/// in pieces. Not at the least effort: that codes no letter by how often it comes, and most of a
/// Secret is base64.
static DEFLATE: LazyLock<Mutex<DeflateEncoder<Vec<u8>>>> =
    LazyLock::new(|| Mutex::new(DeflateEncoder::new(Vec::new(), Compression::default())));

fn deflated(json: &[u8]) -> io::Result<Box<[u8]>> {
    let mut encoder = DEFLATE.lock().unwrap_or_else(PoisonError::into_inner);
    encoder.write_all(json)?;
    Ok(encoder.reset(Vec::new())?.into())
}

fn inflated(deflated: &[u8]) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    DeflateDecoder::new(deflated).read_to_end(&mut json)?;
    Ok(json)
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
