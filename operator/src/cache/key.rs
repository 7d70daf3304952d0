//! The name of an object within its kind.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use kube::runtime::reflector::{Lookup, ObjectRef};
use kube::{Resource, ResourceExt as _};

/// `namespace/name`; the namespace is empty for what has none. Cheap to clone: indexes hold the
/// same text many times over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of what is called so there.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self(format!("{namespace}/{name}").into())
    }

    /// The key of this object.
    pub fn of(object: &impl Resource) -> Self {
        let namespace = object.meta().namespace.as_deref().unwrap_or_default();
        Self::new(namespace, &object.name_any())
    }

    /// Where it is.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.parts().0
    }

    /// What it is called there.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().1
    }

    /// The same for kube.
    #[must_use]
    pub fn object_ref<K: Lookup<DynamicType = ()>>(&self) -> ObjectRef<K> {
        let (namespace, name) = self.parts();
        match namespace {
            "" => ObjectRef::new(name),
            namespace => ObjectRef::new(name).within(namespace),
        }
    }

    /// Neither a namespace nor a name has a slash in it.
    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
