//! The pinned Kubernetes programs: built from Go modules once, then found in the cache.
//!
//! A set of tools lives in a directory named by the hash of what it is built from, so a changed pin builds anew and a
//! second checkout with the same pins builds nothing. A set appears whole or not at all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::Layout;

/// The release that `tools/kubernetes/go.mod` pins. A test holds the two together.
const KUBERNETES: &str = "v1.36.3";

/// Programs that are built together, with one list of dependencies.
struct ToolSet {
    name: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    tags: &'static str,
    /// Linker flags after `-s -w`.
    link: String,
    /// What the programs are called after the build.
    programs: &'static [&'static str],
    /// A program that Go names otherwise, and its real name.
    renamed: Option<(&'static str, &'static str)>,
}

/// All tools, ready to run.
#[derive(Clone, Debug)]
pub struct Tools {
    kubernetes: PathBuf,
    containerd: PathBuf,
    coredns: PathBuf,
}

impl Tools {
    /// Finds the tools in the cache, or builds what is missing, which takes minutes.
    ///
    /// Says on standard error what it builds.
    pub fn ensure(layout: &Layout) -> Result<Self> {
        Ok(Self {
            kubernetes: kubernetes().ensure(&layout.tools())?,
            containerd: containerd().ensure(&layout.tools())?,
            coredns: coredns().ensure(&layout.tools())?,
        })
    }

    /// The directory of `prometheus` and `promtool`, which only tests of alerts and dashboards need.
    ///
    /// Builds them where they are not in the cache, which takes minutes.
    pub fn prometheus(layout: &Layout) -> Result<PathBuf> {
        prometheus().ensure(&layout.tools())
    }

    /// The directory of `kube-network-policies`, which only the test of network policies needs.
    ///
    /// Builds it where it is not in the cache, which takes a minute or two.
    pub fn policies(layout: &Layout) -> Result<PathBuf> {
        policies().ensure(&layout.tools())
    }

    /// Tools that nobody built, for tests of what names them.
    #[cfg(test)]
    pub(crate) fn at(directory: &Path) -> Self {
        let set = |name| directory.join(name);
        Self {
            kubernetes: set("kubernetes"),
            containerd: set("containerd"),
            coredns: set("coredns"),
        }
    }

    /// Path of a program of Kubernetes, etcd or Helm.
    #[must_use]
    pub fn kubernetes(&self, program: &str) -> PathBuf {
        self.kubernetes.join(program)
    }

    /// Path of containerd, its shim or `ctr`.
    #[must_use]
    pub fn containerd(&self, program: &str) -> PathBuf {
        self.containerd.join(program)
    }

    /// Path of the DNS server.
    #[must_use]
    pub fn coredns(&self) -> PathBuf {
        self.coredns.join("coredns")
    }
}

fn kubernetes() -> ToolSet {
    let mut numbers = KUBERNETES.trim_start_matches('v').split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    // Without these the API server reports no version, and Helm refuses every chart with a `kubeVersion`.
    let stamp = |package: &str| {
        format!(
            "-X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        )
    };
    ToolSet {
        name: "kubernetes",
        go_mod: include_str!("../../tools/kubernetes/go.mod"),
        go_sum: include_str!("../../tools/kubernetes/go.sum"),
        tags: "",
        link: format!(
            "{} {}",
            stamp("k8s.io/component-base/version"),
            stamp("k8s.io/client-go/pkg/version")
        ),
        programs: &[
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
            "etcd",
            "helm",
        ],
        // Its package is `go.etcd.io/etcd/server/v3`.
        renamed: Some(("server", "etcd")),
    }
}

fn containerd() -> ToolSet {
    ToolSet {
        name: "containerd",
        go_mod: include_str!("../../tools/containerd/go.mod"),
        go_sum: include_str!("../../tools/containerd/go.sum"),
        // Snapshotters that need C libraries.
        tags: "no_btrfs,no_devmapper,no_zfs",
        link: String::new(),
        programs: &["containerd", "containerd-shim-runc-v2", "ctr"],
        renamed: None,
    }
}

fn coredns() -> ToolSet {
    ToolSet {
        name: "coredns",
        go_mod: include_str!("../../tools/coredns/go.mod"),
        go_sum: include_str!("../../tools/coredns/go.sum"),
        tags: "",
        link: String::new(),
        programs: &["coredns"],
        renamed: None,
    }
}

fn prometheus() -> ToolSet {
    ToolSet {
        name: "prometheus",
        go_mod: include_str!("../../tools/prometheus/go.mod"),
        go_sum: include_str!("../../tools/prometheus/go.sum"),
        // Without the pages of its user interface, which nobody looks at.
        tags: "",
        link: String::new(),
        programs: &["prometheus", "promtool"],
        renamed: None,
    }
}

fn policies() -> ToolSet {
    ToolSet {
        name: "kube-network-policies",
        go_mod: include_str!("../../tools/kube-network-policies/go.mod"),
        go_sum: include_str!("../../tools/kube-network-policies/go.sum"),
        tags: "",
        link: String::new(),
        programs: &["kube-network-policies"],
        // Its package is `cmd/kube-network-policies/standard`.
        renamed: Some(("standard", "kube-network-policies")),
    }
}

impl ToolSet {
    /// Names the directory: all that decides what the programs are.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.go_mod, self.go_sum, self.tags, &self.link] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        // 64 bits: no attacker chooses the pins.
        hash.finalize()
            .iter()
            .take(8)
            .fold(format!("{}-", self.name), |key, byte| {
                format!("{key}{byte:02x}")
            })
    }

    fn ensure(&self, tools: &Path) -> Result<PathBuf> {
        let home = tools.join(self.key());
        if home.is_dir() {
            return Ok(home);
        }
        fs::create_dir_all(tools).with_context(|| format!("creating {}", tools.display()))?;
        // Beside its final place, so that the rename stays on one file system.
        let building = tempfile::Builder::new()
            .prefix("building-")
            .tempdir_in(tools)?;
        let started = Instant::now();
        eprintln!(
            "building {} ({}), which takes minutes the first time",
            self.name,
            self.programs.join(", ")
        );
        let built = self.build(building.path())?;
        match fs::rename(&built, &home) {
            // Somebody else built the same meanwhile: theirs is as good.
            Err(_) if home.is_dir() => {}
            renamed => renamed
                .with_context(|| format!("moving {} to {}", built.display(), home.display()))?,
        }
        eprintln!("built {} in {} s", self.name, started.elapsed().as_secs());
        Ok(home)
    }

    fn build(&self, directory: &Path) -> Result<PathBuf> {
        let built = directory.join("bin");
        fs::create_dir(&built)?;
        fs::write(directory.join("go.mod"), self.go_mod)?;
        fs::write(directory.join("go.sum"), self.go_sum)?;
        let status = Command::new("nice")
            .args([
                "go",
                "build",
                "-mod=readonly",
                "-trimpath",
                "-buildvcs=false",
            ])
            .args(["-tags", self.tags])
            .args(["-ldflags", &format!("-s -w {}", self.link)])
            .arg("-o")
            // The slash tells Go that this is a directory.
            .arg(built.join(""))
            .arg("tool")
            .current_dir(directory)
            // The images hold nothing but our programs.
            .env("CGO_ENABLED", "0")
            // A workspace or flags of the user's would change what is built.
            .env("GOWORK", "off")
            .env_remove("GOFLAGS")
            .status()
            .context("starting `go build`: is Go installed and in the search path?")?;
        ensure!(
            status.success(),
            "`go build` of {} failed ({status}); its messages are above",
            self.name
        );
        if let Some((from, to)) = self.renamed {
            fs::rename(built.join(from), built.join(to))?;
        }
        if let Some(missing) = self
            .programs
            .iter()
            .find(|program| !built.join(program).is_file())
        {
            bail!("`go build` of {} made no {missing}", self.name);
        }
        Ok(built)
    }
}

/// The search path with the directories of administrators' programs, where CNI plugins and kube-proxy look for iptables.
pub(crate) fn search_path() -> String {
    let path = env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(go_mod: &'static str, go_sum: &'static str) -> ToolSet {
        ToolSet {
            name: "some",
            go_mod,
            go_sum,
            tags: "",
            link: String::new(),
            programs: &[],
            renamed: None,
        }
    }

    #[test]
    fn every_ingredient_changes_the_key() {
        let key = set("a", "b").key();
        assert_eq!(key, set("a", "b").key());
        assert_ne!(key, set("ab", "").key(), "the border between files counts");
        assert_ne!(key, set("a", "c").key());
        assert_ne!(
            key,
            ToolSet {
                link: "-X v=2".into(),
                ..set("a", "b")
            }
            .key()
        );
        assert_ne!(
            key,
            ToolSet {
                tags: "t",
                ..set("a", "b")
            }
            .key()
        );
        assert!(
            key.starts_with("some-") && key.len() == "some-".len() + 16,
            "{key}"
        );
    }

    #[test]
    fn the_stamped_release_is_the_pinned_one() {
        let pinned = kubernetes()
            .go_mod
            .contains(&format!("k8s.io/kubernetes {KUBERNETES}"));
        assert!(
            pinned,
            "tools/kubernetes/go.mod pins another release than {KUBERNETES}"
        );
        assert!(
            kubernetes()
                .link
                .contains("gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"),
            "{}",
            kubernetes().link
        );
    }

    #[test]
    fn a_set_in_the_cache_is_not_built_again() {
        let cache = tempfile::tempdir().unwrap();
        // A go.mod that no build would accept.
        let set = set("not a go.mod", "");
        let home = cache.path().join(set.key());
        fs::create_dir(&home).unwrap();
        assert_eq!(set.ensure(cache.path()).unwrap(), home);
    }
}
