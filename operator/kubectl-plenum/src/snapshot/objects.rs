//! What is asked of any object.

use std::fmt;

use kube::Resource;

/// An object's namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Empty for what is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Name {
    /// Of this object.
    #[must_use]
    pub fn of(object: &impl Resource) -> Self {
        Self {
            namespace: namespace_of(object).to_owned(),
            name: name_of(object).to_owned(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The object's name; every object that was read has one.
#[must_use]
pub fn name_of(object: &impl Resource) -> &str {
    object.meta().name.as_deref().unwrap_or_default()
}

/// The object's namespace; empty where it has none.
#[must_use]
pub fn namespace_of(object: &impl Resource) -> &str {
    object.meta().namespace.as_deref().unwrap_or_default()
}

/// The value of a label.
#[must_use]
pub fn label<'a>(object: &'a impl Resource, key: &str) -> Option<&'a str> {
    object.meta().labels.as_ref()?.get(key).map(String::as_str)
}

/// The value of an annotation.
#[must_use]
pub fn annotation<'a>(object: &'a impl Resource, key: &str) -> Option<&'a str> {
    let annotations = object.meta().annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}
