//! Which nodes nearly have the labels that a pool asks for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use crate::snapshot::name_of;

/// Two words are nearly the same with so many letters changed: `router` and `routers`.
const LETTERS: usize = 2;
/// Nodes told.
const TOLD: usize = 5;

/// A node with a label that looks like the one asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NearMiss<'a> {
    pub node: &'a str,
    /// What it has.
    pub has: String,
    /// What it takes: the labels that are missing or other, as for `kubectl label`.
    pub lacks: Vec<String>,
}

/// The nodes that come nearest, at most five: those with most of the labels first.
pub(super) fn near_misses<'a>(
    selector: &BTreeMap<String, String>,
    nodes: impl Iterator<Item = &'a Node>,
) -> Vec<NearMiss<'a>> {
    let mut found: Vec<(usize, NearMiss)> = nodes
        .filter_map(|node| {
            let near = near(selector, node)?;
            Some((near.lacks.len(), near))
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| (a, x.node).cmp(&(b, y.node)));
    found.into_iter().map(|(_, near)| near).take(TOLD).collect()
}

fn near<'a>(selector: &BTreeMap<String, String>, node: &'a Node) -> Option<NearMiss<'a>> {
    let bare = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&bare);
    let lacks: Vec<(&String, &String)> = selector
        .iter()
        .filter(|(key, value)| labels.get(*key) != Some(value))
        .collect();
    if lacks.is_empty() {
        return None;
    }
    let alike = lacks
        .iter()
        .find_map(|(key, value)| alike(labels, key, value));
    // Some labels are right, or one is nearly so; others have nothing to do with the pool.
    let has = match alike {
        Some((key, value)) => format!("{key}={value}"),
        None if lacks.len() < selector.len() => "only some of them".to_owned(),
        None => return None,
    };
    Some(NearMiss {
        node: name_of(node),
        has,
        lacks: lacks
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect(),
    })
}

/// The node's label that was probably meant to be this one.
fn alike<'a>(
    labels: &'a BTreeMap<String, String>,
    key: &str,
    value: &str,
) -> Option<(&'a String, &'a String)> {
    let other_value = labels.get_key_value(key);
    other_value.or_else(|| {
        labels
            .iter()
            .find(|(other, theirs)| *theirs == value && keys_alike(other, key))
            .or_else(|| labels.iter().find(|(other, _)| keys_alike(other, key)))
    })
}

/// One differs from the other by its prefix, its case or a few letters. Words that Kubernetes
/// itself writes are never meant.
fn keys_alike(a: &str, b: &str) -> bool {
    if a.contains("kubernetes.io/") {
        return false;
    }
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let bare = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
    let (bare_a, bare_b) = (bare(&a), bare(&b));
    let long = bare_b.len() > 2 * LETTERS;
    bare_a == bare_b || (long && strsim::levenshtein(&bare_a, &bare_b) <= LETTERS)
}

/// The names most like this one, at most three.
pub(super) fn names_like<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<(usize, &str)> = names
        .map(|name| (strsim::levenshtein(wanted, name), name))
        .filter(|(distance, _)| *distance <= LETTERS)
        .collect();
    all.sort_unstable();
    all.into_iter().map(|(_, name)| name).take(3).collect()
}
