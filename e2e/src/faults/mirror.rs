//! What the API server holds of one world, kept by watches of its own.

use std::collections::BTreeMap;
use std::fmt;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use plenum_crds::labels;
use serde_json::Value;

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Node,
    Pod,
    Zone,
    Pool,
    DaemonSet,
    StatefulSet,
    Deployment,
    Service,
    Budget,
    Secret,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Node,
        Self::Pod,
        Self::Zone,
        Self::Pool,
        Self::DaemonSet,
        Self::StatefulSet,
        Self::Deployment,
        Self::Service,
        Self::Budget,
        Self::Secret,
    ];

    /// What the operator makes of a zone and a pool.
    pub const CHILDREN: [Self; 6] = [
        Self::DaemonSet,
        Self::StatefulSet,
        Self::Deployment,
        Self::Service,
        Self::Budget,
        Self::Secret,
    ];

    /// As the API server calls it.
    pub fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Node => ("", "v1", "Node"),
            Self::Pod => ("", "v1", "Pod"),
            Self::Zone => ("plenum.dev", "v1alpha1", "MeetingZone"),
            Self::Pool => ("plenum.dev", "v1alpha1", "MMRPool"),
            Self::DaemonSet => ("apps", "v1", "DaemonSet"),
            Self::StatefulSet => ("apps", "v1", "StatefulSet"),
            Self::Deployment => ("apps", "v1", "Deployment"),
            Self::Service => ("", "v1", "Service"),
            Self::Budget => ("policy", "v1", "PodDisruptionBudget"),
            Self::Secret => ("", "v1", "Secret"),
        };
        let kind = GroupVersionKind::gvk(group, version, kind);
        ApiResource::from_gvk_with_plural(&kind, &self.plural())
    }

    fn plural(self) -> String {
        match self {
            Self::Zone => "meetingzones".into(),
            Self::Pool => "mmrpools".into(),
            Self::Budget => "poddisruptionbudgets".into(),
            other => format!("{other:?}s").to_lowercase(),
        }
    }
}

/// All objects of a world, by kind and name.
#[derive(Debug, Clone, Default)]
pub struct Mirror(BTreeMap<Kind, BTreeMap<String, Value>>);

/// What happened to an object.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// As it was.
    pub old: Option<Value>,
    /// As it is.
    pub new: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, .. } = self;
        let Some(new) = &self.new else {
            return write!(f, "{kind:?} {name} went");
        };
        write!(f, "{kind:?} {name}")?;
        let going = if is_going(new) { " going" } else { "" };
        match kind {
            Kind::Node => {
                let pool = label(new, labels::ACTIVE_POOL);
                let since = annotation(new, labels::DRAINING_SINCE);
                let reason = annotation(new, labels::DRAINING_REASON);
                write!(
                    f,
                    "{going} of {pool:?}, drains since {since:?} for {reason:?}"
                )
            }
            Kind::Pod => {
                let says = |type_| condition(new, type_).unwrap_or("nothing");
                let [ready, accepting, draining] =
                    ["Ready", labels::POD_ACCEPTING, labels::POD_DRAINING].map(says);
                let node = node_of(new);
                write!(
                    f,
                    "{going} on {node:?}, ready {ready}, accepting {accepting}, draining {draining}"
                )
            }
            _ => write!(f, "{going} generation {}", new["metadata"]["generation"]),
        }
    }
}

impl Mirror {
    /// The object came, or changed.
    pub fn put(&mut self, kind: Kind, object: &DynamicObject) -> Option<Change> {
        let name = object.metadata.name.clone()?;
        let mut new = serde_json::to_value(object).ok()?;
        if let Some(metadata) = new["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        let old = self.of(kind).insert(name.clone(), new.clone());
        Some(Change {
            kind,
            name,
            old,
            new: Some(new),
        })
    }

    /// The object went.
    pub fn remove(&mut self, kind: Kind, object: &DynamicObject) -> Option<Change> {
        let name = object.metadata.name.clone()?;
        let old = self.of(kind).remove(&name);
        Some(Change {
            kind,
            name,
            old,
            new: None,
        })
    }

    fn of(&mut self, kind: Kind) -> &mut BTreeMap<String, Value> {
        self.0.entry(kind).or_default()
    }

    /// One object.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.0.get(&kind)?.get(name)
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.0.get(&kind).into_iter().flatten();
        all.map(|(name, object)| (name.as_str(), object))
    }
}

/// A label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"][key].as_str()
}

/// An annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}

/// Whether it was told to go.
pub fn is_going(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// The status of a condition, if it has it.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a str> {
    field_of_condition(object, type_, "status")
}

/// The reason of a condition, if it has it.
pub fn reason<'a>(object: &'a Value, type_: &str) -> Option<&'a str> {
    field_of_condition(object, type_, "reason")
}

fn field_of_condition<'a>(object: &'a Value, type_: &str, field: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|it| it["type"] == type_)?;
    found[field].as_str()
}

/// Whether it is a router's pod.
pub fn is_router(pod: &Value) -> bool {
    label(pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER)
}

/// Where a pod is.
pub fn node_of(pod: &Value) -> Option<&str> {
    pod["spec"]["nodeName"].as_str()
}
