//! Where everything lives: one cache directory, in it the tools and the state of the one cluster.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cluster::addresses::NodeNumber;

/// Each node puts an empty file system of its own over these, so a cache below them would vanish inside the node.
const HIDDEN_IN_NODES: [&str; 4] = ["/run", "/var/lib", "/var/log", "/opt"];

/// Paths below the cache directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    cache: PathBuf,
}

impl Layout {
    /// `$PLENUM_CACHE`, or `~/.cache/plenum`.
    pub fn from_environment() -> Result<Self> {
        if let Some(cache) = env::var_os("PLENUM_CACHE").filter(|value| !value.is_empty()) {
            return Self::new(Path::new(&cache));
        }
        let home = env::var_os("HOME").context("neither PLENUM_CACHE nor HOME is set: set PLENUM_CACHE to a directory for tools and state")?;
        Self::new(&Path::new(&home).join(".cache/plenum"))
    }

    /// A layout below `cache`; fails where nodes could not see it.
    pub fn new(cache: &Path) -> Result<Self> {
        let cache = std::path::absolute(cache)?;
        if let Some(hidden) = HIDDEN_IN_NODES
            .iter()
            .find(|hidden| cache.starts_with(hidden))
        {
            bail!(
                "the cache {} is below {hidden}, which every node replaces by its own: set PLENUM_CACHE to another directory",
                cache.display()
            );
        }
        Ok(Self { cache })
    }

    /// The built tools.
    #[must_use]
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Held while a cluster starts or is taken down. Outside [`Layout::state`], which teardown removes.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.cache.join("cluster.lock")
    }

    /// Everything of the running cluster; readable by its owner only, for it holds keys.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.cache.join("cluster")
    }

    /// What the cluster consists of; exists once it is ready.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.state().join("cluster.json")
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.state().join("kubeconfig")
    }

    /// Links to `kubectl` and `helm`, for a person's search path.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.state().join("bin")
    }

    /// Exists once the API server answers; nodes start their kubelets then.
    #[must_use]
    pub fn api_ready(&self) -> PathBuf {
        self.state().join("api-ready")
    }

    /// What of the host has to be put back.
    #[must_use]
    pub fn host_record(&self) -> PathBuf {
        self.state().join("host.json")
    }

    /// Keys, certificates and the components' kubeconfigs.
    #[must_use]
    pub fn pki(&self) -> PathBuf {
        self.state().join("pki")
    }

    /// Images that we build for every cluster.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.state().join("images")
    }

    /// What kubectl and helm would otherwise keep in the user's home.
    #[must_use]
    pub fn client_caches(&self) -> PathBuf {
        self.state().join("client-caches")
    }

    /// The same for clusters of others, which come and go without us.
    #[must_use]
    pub fn foreign_client_caches(&self) -> PathBuf {
        self.cache.join("client-caches")
    }

    /// The data of etcd.
    #[must_use]
    pub fn etcd(&self) -> PathBuf {
        self.state().join("etcd")
    }

    /// One file for each process that we started.
    #[must_use]
    pub fn pids(&self) -> PathBuf {
        self.state().join("pids")
    }

    /// The log of a component.
    #[must_use]
    pub fn log(&self, component: &str) -> PathBuf {
        self.logs().join(format!("{component}.log"))
    }

    /// All components' logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state().join("log")
    }

    /// All of one node.
    #[must_use]
    pub fn node(&self, node: NodeNumber) -> PathBuf {
        self.nodes().join(node.name())
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> PathBuf {
        self.state().join("nodes")
    }

    /// The first process of a node.
    #[must_use]
    pub fn node_script(&self, node: NodeNumber) -> PathBuf {
        self.node(node).join("node.sh")
    }

    /// Where a node's containerd listens.
    #[must_use]
    pub fn containerd_socket(&self, node: NodeNumber) -> PathBuf {
        self.node(node).join("containerd.sock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_nodes_could_not_see_is_refused() {
        for hidden in ["/run/plenum", "/var/lib/ci/cache", "/opt"] {
            let refused = Layout::new(Path::new(hidden)).unwrap_err().to_string();
            assert!(refused.contains("PLENUM_CACHE"), "{refused}");
        }
        assert!(Layout::new(Path::new("/var/libx")).is_ok());
    }

    #[test]
    fn the_lock_survives_the_removal_of_the_state() {
        let layout = Layout::new(Path::new("/cache")).unwrap();
        assert!(!layout.lock().starts_with(layout.state()));
        assert!(!layout.tools().starts_with(layout.state()));
    }
}
