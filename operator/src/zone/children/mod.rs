//! The objects that a zone consists of, built from a valid zone and nothing else: the same
//! zone gives the same objects, so that nothing is written when nothing changed.

mod controllers;
mod mount;
pub mod pdb;
mod pod;
pub mod secrets;
pub mod services;
mod tunnels;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use plenum_crds::labels;

use super::names;
use super::validate::ValidZone;

pub use controllers::controllers;
pub use tunnels::tunnels;

/// A part of a zone that runs in pods of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The zone controllers.
    Controllers,
    /// The tunnels.
    Tunnels,
}

impl Part {
    const fn component(self) -> &'static str {
        match self {
            Self::Controllers => labels::COMPONENT_CONTROLLER,
            Self::Tunnels => labels::COMPONENT_TUNNEL,
        }
    }

    /// The part that an object built here is of: by its labels, which every child has.
    #[must_use]
    pub fn of<K: Resource>(child: &K) -> Self {
        let labels = child.meta().labels.as_ref();
        let component = labels.and_then(|labels| labels.get(labels::APP_COMPONENT));
        match component.map(String::as_str) {
            Some(labels::COMPONENT_TUNNEL) => Self::Tunnels,
            _ => Self::Controllers,
        }
    }

    /// What its workload, its Service and its disruption budget are called.
    #[must_use]
    pub fn name(self, zone: &ValidZone) -> String {
        self.name_in(&zone.names.name)
    }

    /// The same in the zone of this name.
    #[must_use]
    pub fn name_in(self, zone: &str) -> String {
        match self {
            Self::Controllers => names::controllers(zone),
            Self::Tunnels => names::tunnels(zone),
        }
    }
}

/// Labels of the pods of a part: they select, so they never change.
#[must_use]
pub fn selector_labels(zone: &ValidZone, part: Part) -> BTreeMap<String, String> {
    owned([
        (labels::APP_NAME, labels::APPLICATION),
        (labels::APP_INSTANCE, &zone.names.name),
        (labels::APP_COMPONENT, part.component()),
    ])
}

/// Labels of every child.
#[must_use]
pub fn labels(zone: &ValidZone, part: Part) -> BTreeMap<String, String> {
    let mut all = selector_labels(zone, part);
    all.extend(owned([
        (labels::APP_PART_OF, labels::APPLICATION),
        (labels::APP_MANAGED_BY, labels::FIELD_MANAGER),
        (labels::ZONE, &zone.names.name),
    ]));
    all
}

/// Selects what [`labels`] are on, of all zones.
#[must_use]
pub fn all_children() -> String {
    format!(
        "{}={},{} in ({},{})",
        labels::APP_MANAGED_BY,
        labels::FIELD_MANAGER,
        labels::APP_COMPONENT,
        labels::COMPONENT_CONTROLLER,
        labels::COMPONENT_TUNNEL
    )
}

/// Whether `object`, found under the name of a child, is this zone's: neither a person's nor
/// of an earlier zone of the same name, whose children are still being collected.
#[must_use]
pub fn is_ours<K: Resource>(object: &K, zone: &ValidZone) -> bool {
    let meta = object.meta();
    let label = |key: &str| meta.labels.as_ref().and_then(|labels| labels.get(key));
    match owner_uid(object) {
        Some(uid) => uid == zone.owner.uid,
        // Somebody took the owner reference off; the labels still say whose it is.
        None => {
            label(labels::ZONE) == Some(&zone.names.name)
                && label(labels::APP_MANAGED_BY).is_some_and(|by| by == labels::FIELD_MANAGER)
        }
    }
}

fn owner_uid<K: Resource>(object: &K) -> Option<&str> {
    let owners = object.meta().owner_references.as_ref()?;
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(&owner.uid)
}

fn metadata(zone: &ValidZone, part: Part, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(zone.names.namespace.clone()),
        labels: Some(labels(zone, part)),
        owner_references: Some(vec![zone.owner.clone()]),
        ..ObjectMeta::default()
    }
}

fn selector(zone: &ValidZone, part: Part) -> LabelSelector {
    LabelSelector {
        match_labels: Some(selector_labels(zone, part)),
        ..LabelSelector::default()
    }
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
