//! The objects that a zone consists of, built from a valid zone and nothing else: the same
//! zone gives the same objects, so that nothing is written when nothing changed.

pub mod pdb;
pub mod secrets;
pub mod services;
pub mod statefulset;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use plenum_crds::labels;

use super::validate::ValidZone;

/// Labels of a zone's own pods: they select, so they never change.
#[must_use]
pub fn selector_labels(zone: &ValidZone) -> BTreeMap<String, String> {
    owned([
        (labels::APP_NAME, labels::APPLICATION),
        (labels::APP_INSTANCE, &zone.names.name),
        (labels::APP_COMPONENT, labels::COMPONENT_CONTROLLER),
    ])
}

/// Labels of every child.
#[must_use]
pub fn labels(zone: &ValidZone) -> BTreeMap<String, String> {
    let mut all = selector_labels(zone);
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
        "{}={},{}={}",
        labels::APP_MANAGED_BY,
        labels::FIELD_MANAGER,
        labels::APP_COMPONENT,
        labels::COMPONENT_CONTROLLER
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

fn metadata(zone: &ValidZone, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(zone.names.namespace.clone()),
        labels: Some(labels(zone)),
        owner_references: Some(vec![zone.owner.clone()]),
        ..ObjectMeta::default()
    }
}

fn selector(zone: &ValidZone) -> LabelSelector {
    LabelSelector {
        match_labels: Some(selector_labels(zone)),
        ..LabelSelector::default()
    }
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
