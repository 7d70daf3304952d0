//! Which pools select which nodes, both ways, without looking through either.
//!
//! Selectors that ask for the same labels make one shape. A node has one place in each shape:
//! the values of these labels. So a pool finds its nodes, and a node its pools, by one look-up
//! a shape; a cluster has as many shapes as its people have ways to label nodes, which is one
//! or two, not as many as pools.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::outline::{Labels, NodeOutline};
use crate::cache::{Item as _, Key};

/// Labels that a pool selects by.
pub(super) type Selector = BTreeMap<String, String>;

/// The labels that selectors of one shape ask for.
type Shape = Vec<String>;
/// Values of these labels.
type Values = Vec<String>;

/// All selectors and what they select.
#[derive(Debug, Default)]
pub(super) struct Selection {
    shapes: BTreeMap<Shape, HashMap<Values, Place>>,
    selectors: HashMap<Key, Selector>,
}

/// The nodes with these values of a shape's labels, and the pools that select them.
#[derive(Debug, Default)]
struct Place {
    nodes: BTreeSet<Key>,
    pools: BTreeSet<Key>,
}

impl Selection {
    /// The pool selects by these labels from now on; by none, nothing. `nodes` tells every node
    /// there is, and is asked for a shape that is new.
    pub(super) fn set_pool<N>(
        &mut self,
        pool: &Key,
        selector: Option<&Selector>,
        nodes: impl FnOnce() -> N,
    ) where
        N: IntoIterator<Item = Arc<NodeOutline>>,
    {
        if self.selectors.get(pool) == selector {
            return;
        }
        if let Some(old) = self.selectors.remove(pool) {
            self.forget(pool, &old);
        }
        // A selector without labels selects nothing.
        let Some(selector) = selector.filter(|selector| !selector.is_empty()) else {
            return;
        };
        let (shape, values): (Shape, Values) = selector.clone().into_iter().unzip();
        let places = self.shapes.entry(shape.clone()).or_insert_with(|| {
            let mut places: HashMap<Values, Place> = HashMap::new();
            for node in nodes() {
                if let Some(values) = values_of(&shape, node.labels()) {
                    let place = places.entry(values).or_default();
                    place.nodes.insert(node.key());
                }
            }
            places
        });
        let place = places.entry(values).or_default();
        place.pools.insert(pool.clone());
        self.selectors.insert(pool.clone(), selector.clone());
    }

    /// The node has these labels from now on, or is gone; it had `old` ones.
    pub(super) fn set_node(&mut self, node: &Key, old: Option<&Labels>, new: Option<&Labels>) {
        for (shape, places) in &mut self.shapes {
            let [old, new] = [old, new].map(|labels| values_of(shape, labels?));
            if old == new {
                continue;
            }
            if let Some(old) = old
                && let Some(place) = places.get_mut(&old)
            {
                place.nodes.remove(node);
                if place.is_empty() {
                    places.remove(&old);
                }
            }
            if let Some(new) = new {
                places.entry(new).or_default().nodes.insert(node.clone());
            }
        }
    }

    /// What the pool selects by.
    pub(super) fn selector(&self, pool: &Key) -> Option<&Selector> {
        self.selectors.get(pool)
    }

    /// Nodes that this selector matches. It has to be one that a pool has.
    pub(super) fn nodes(&self, selector: &Selector) -> impl Iterator<Item = &Key> {
        let shape: Shape = selector.keys().cloned().collect();
        let values: Values = selector.values().cloned().collect();
        let places = self.shapes.get(&shape);
        let place = places.and_then(|places| places.get(&values));
        place.into_iter().flat_map(|place| &place.nodes)
    }

    /// Pools that select a node with these labels.
    pub(super) fn pools(&self, labels: &Labels) -> impl Iterator<Item = &Key> {
        self.shapes
            .iter()
            .filter_map(|(shape, places)| places.get(&values_of(shape, labels)?))
            .flat_map(|place| &place.pools)
    }

    fn forget(&mut self, pool: &Key, selector: &Selector) {
        let shape: Shape = selector.keys().cloned().collect();
        let values: Values = selector.values().cloned().collect();
        let Some(places) = self.shapes.get_mut(&shape) else {
            return;
        };
        if let Some(place) = places.get_mut(&values) {
            place.pools.remove(pool);
            if place.is_empty() {
                places.remove(&values);
            }
        }
        if places.values().all(|place| place.pools.is_empty()) {
            self.shapes.remove(&shape);
        }
    }
}

impl Place {
    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.pools.is_empty()
    }
}

/// The node's place in the shape, if it has all its labels.
fn values_of(shape: &[String], labels: &Labels) -> Option<Values> {
    let value = |key: &String| labels.get(key).map(str::to_owned);
    shape.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;
    use proptest::prelude::*;

    use super::*;

    fn labels(pairs: &[(u8, u8)]) -> Selector {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| (format!("k{key}"), format!("v{value}")))
            .collect()
    }

    fn node(key: &Key, labels: &Selector) -> Arc<NodeOutline> {
        let mut node = Node::default();
        node.metadata.name = Some(key.name().to_owned());
        node.metadata.labels = Some(labels.clone());
        Arc::new(NodeOutline::of(&node))
    }

    #[derive(Debug, Clone)]
    enum Step {
        Pool(u8, Option<Vec<(u8, u8)>>),
        Node(u8, Option<Vec<(u8, u8)>>),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let some = || {
            let pairs = proptest::collection::vec((0..3u8, 0..3u8), 0..3);
            (0..6u8, proptest::option::of(pairs))
        };
        let step = prop_oneof![
            some().prop_map(|(name, labels)| Step::Pool(name, labels)),
            some().prop_map(|(name, labels)| Step::Node(name, labels)),
        ];
        proptest::collection::vec(step, 1..40)
    }

    fn selects(selector: &Selector, labels: &Selector) -> bool {
        !selector.is_empty() && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
    }

    proptest! {
        /// Beside a model that looks through everything.
        #[test]
        fn it_finds_what_looking_through_everything_finds(steps in steps()) {
            let mut selection = Selection::default();
            let mut pools: BTreeMap<Key, Selector> = BTreeMap::new();
            let mut nodes: BTreeMap<Key, Selector> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Pool(name, new) => {
                        let (key, new) = (Key::new("n", &name.to_string()), new.map(|l| labels(&l)));
                        let all = || nodes.iter().map(|(key, labels)| node(key, labels));
                        selection.set_pool(&key, new.as_ref(), all);
                        pools.remove(&key);
                        pools.extend(new.map(|new| (key, new)));
                    }
                    Step::Node(name, new) => {
                        let (key, new) = (Key::new("", &name.to_string()), new.map(|l| labels(&l)));
                        let old = nodes.remove(&key);
                        let [before, after] = [&old, &new].map(|it| it.as_ref().map(Labels::from));
                        selection.set_node(&key, before.as_ref(), after.as_ref());
                        nodes.extend(new.map(|new| (key, new)));
                    }
                }
                for selector in pools.values().filter(|selector| !selector.is_empty()) {
                    let found: Vec<&Key> = selection.nodes(selector).collect();
                    let all = nodes.iter().filter(|(_, labels)| selects(selector, labels));
                    let all: Vec<&Key> = all.map(|(key, _)| key).collect();
                    prop_assert_eq!(found, all);
                }
                for labels in nodes.values() {
                    let found: BTreeSet<&Key> = selection.pools(&labels.into()).collect();
                    let all = pools.iter().filter(|(_, selector)| selects(selector, labels));
                    let all: BTreeSet<&Key> = all.map(|(key, _)| key).collect();
                    prop_assert_eq!(found, all);
                }
            }
            for key in pools.keys() {
                selection.set_pool(key, None, Vec::new);
            }
            prop_assert!(selection.shapes.is_empty() && selection.selectors.is_empty());
        }
    }
}
