//! What a cluster is made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Lifetime;

/// What to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// From 1 to 99; two cores carry four well.
    pub nodes: usize,
    /// docker-archive files, loaded into every node.
    pub images: Vec<PathBuf>,
    /// A label, `key=value`, that the kubelets put on their nodes.
    pub label: String,
    /// Which nodes carry it.
    pub labelled: Labelled,
    /// Who ends it.
    pub lifetime: Lifetime,
}

impl Default for Config {
    /// Four nodes with the label of nodes for routers, until the [`crate::Cluster`] is dropped.
    fn default() -> Self {
        Self {
            nodes: 4,
            images: Vec::new(),
            label: "plenum.dev/routers=true".into(),
            labelled: Labelled::All,
            lifetime: Lifetime::UntilDropped,
        }
    }
}

/// Which nodes carry the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Labelled {
    /// Every node.
    All,
    /// So many, from the first.
    First(usize),
}
