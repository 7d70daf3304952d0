//! Something that a person should know: what it is, why it is so, and what to type.

use std::fmt;

use kube::Resource;
use serde::Serialize;

use crate::snapshot::{Trouble, name_of, namespace_of};

/// How bad it is. Ordered: the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Good,
    /// It works; somebody should know all the same.
    Advice,
    /// It could not be looked at.
    Unknown,
    /// It does not work, or soon will not.
    Wrong,
}

/// Which object is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Object {
    /// Its kind, as in YAML.
    pub kind: &'static str,
    /// Left out where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Object {
    /// This object of this kind.
    #[must_use]
    pub fn of(kind: &'static str, object: &impl Resource) -> Self {
        Self::named(kind, namespace_of(object), name_of(object))
    }

    /// The object of this name.
    #[must_use]
    pub fn named(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// One `CamelCase` word for programs, that of the condition where there is one.
    pub reason: String,
    /// What it is about.
    pub object: Object,
    /// What is seen.
    pub what: String,
    /// Why it is so.
    pub why: String,
    /// What to type, or to do; where that does not say it, what for: `typed   # note`.
    #[serde(rename = "do")]
    pub remedies: Vec<String>,
}

impl Finding {
    /// Something that does not work.
    #[must_use]
    pub fn wrong(reason: &str, object: Object, what: impl Into<String>) -> Self {
        Self {
            level: Level::Wrong,
            reason: reason.to_owned(),
            object,
            what: what.into(),
            why: String::new(),
            remedies: Vec::new(),
        }
    }

    /// Something to know.
    #[must_use]
    pub fn advice(reason: &str, object: Object, what: impl Into<String>) -> Self {
        Self {
            level: Level::Advice,
            ..Self::wrong(reason, object, what)
        }
    }

    /// Something that could not be looked at.
    #[must_use]
    pub fn unknown(kind: &'static str, trouble: &Trouble) -> Self {
        let about = Object::named(kind, "", "(all)");
        Self {
            level: Level::Unknown,
            ..Self::wrong("NotSeen", about, trouble.what.clone())
        }
        .why("what is not seen is not judged")
        .remedy(trouble.remedy.clone())
    }

    /// Why it is so.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// What to type; several are tried in this order.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}

/// What a remedy says to type, and the note behind it, if there is one.
#[must_use]
pub fn parted(remedy: &str) -> (&str, Option<&str>) {
    match remedy.split_once("   # ") {
        Some((typed, note)) => (typed, Some(note)),
        None => (remedy, None),
    }
}

/// What could not be looked at of a kind.
pub fn unseen(kind: &'static str, troubles: &[Trouble]) -> impl Iterator<Item = Finding> {
    troubles.iter().map(move |it| Finding::unknown(kind, it))
}
