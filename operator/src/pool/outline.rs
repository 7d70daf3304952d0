//! What pools read of nodes and pods, taken down when they come in. Of Kubernetes' own form, with
//! a place for each field that there could be, 5,000 nodes and pods would be most of the
//! operator's memory; an outline takes some hundred bytes, and who looks parses nothing.
//!
//! | file | what lives there |
//! |---|---|
//! | `labels` | labels of a node, small |
//! | `node`, `pod` | the outlines |

mod labels;
mod node;
mod pod;

use kube::Resource;
use kube::api::ObjectMeta;

use crate::cache::Key;

pub use labels::Labels;
pub use node::NodeOutline;
pub use pod::PodOutline;

/// Which object it is, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    key: Key,
    uid: Option<Box<str>>,
    version: Option<Box<str>>,
}

impl Identity {
    fn of(object: &impl Resource) -> Self {
        let word = |word: &Option<String>| word.as_deref().map(Into::into);
        Self {
            key: Key::of(object),
            uid: word(&object.meta().uid),
            version: word(&object.meta().resource_version),
        }
    }

    /// The same version of the same object.
    fn is(&self, other: &Self) -> bool {
        self.version.is_some() && self == other
    }

    /// The same object, in whatever version.
    fn names(&self, other: &Self) -> bool {
        self.key == other.key && self.uid == other.uid
    }

    /// What names it to the API server.
    fn meta(&self) -> ObjectMeta {
        let namespace = self.key.namespace();
        ObjectMeta {
            name: Some(self.key.name().to_owned()),
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            uid: self.uid.as_deref().map(str::to_owned),
            resource_version: self.version.as_deref().map(str::to_owned),
            ..ObjectMeta::default()
        }
    }
}
