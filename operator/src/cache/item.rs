//! What a cache can hold, and in which form.

use std::sync::Arc;

use super::packed::Packed;
use super::{Key, Object};

/// Something with a name and a version. An object of Kubernetes is kept packed; what is small as
/// it is, as it is.
pub trait Item: Send + Sync + Sized + 'static {
    /// The form in which it is kept. A clone of it is the same one, and costs no memory.
    type Kept: Clone + Send + Sync;

    /// Its name.
    fn key(&self) -> Key;

    /// In that form.
    fn keep(this: &Arc<Self>) -> Self::Kept;

    /// As it was before.
    fn open(kept: &Self::Kept) -> Arc<Self>;

    /// Whether that is what is kept: the same version of the same object.
    fn is(&self, kept: &Self::Kept) -> bool;
}

impl<K: Object> Item for K {
    type Kept = Arc<Packed<K>>;

    fn key(&self) -> Key {
        Key::of(self)
    }

    fn keep(this: &Arc<Self>) -> Arc<Packed<K>> {
        Arc::new(Packed::new(this))
    }

    fn open(kept: &Arc<Packed<K>>) -> Arc<Self> {
        kept.open()
    }

    fn is(&self, kept: &Arc<Packed<K>>) -> bool {
        kept.is(self)
    }
}
