//! Definitions of kinds that others define and the chart has objects of, from the Go modules that
//! carry them. Modules are what the tools are built from as well, by the same proxy and sums.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// A module and some definitions in it.
struct Module {
    /// With its version.
    name: &'static str,
    /// Of all its files, as in a `go.sum`.
    sum: &'static str,
    directory: &'static str,
    files: &'static [&'static str],
}

const MODULES: [Module; 2] = [
    Module {
        name: "github.com/cert-manager/cert-manager@v1.21.2",
        sum: "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        directory: "deploy/crds",
        files: &["cert-manager.io_certificates.yaml"],
    },
    Module {
        name: "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        sum: "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        directory: "example/prometheus-operator-crd",
        files: &[
            "monitoring.coreos.com_podmonitors.yaml",
            "monitoring.coreos.com_prometheusrules.yaml",
            "monitoring.coreos.com_servicemonitors.yaml",
        ],
    },
];

/// The kinds, as kubectl names an object of each.
pub const KINDS: [&str; 4] = [
    "certificate.cert-manager.io/",
    "podmonitor.monitoring.coreos.com/",
    "prometheusrule.monitoring.coreos.com/",
    "servicemonitor.monitoring.coreos.com/",
];

/// The files of the definitions. Modules that are not in Go's cache are fetched.
pub fn definitions() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for module in &MODULES {
        let directory = fetch(module)?.join(module.directory);
        files.extend(module.files.iter().map(|file| directory.join(file)));
    }
    Ok(files)
}

fn fetch(module: &Module) -> Result<PathBuf> {
    let elsewhere = tempfile::tempdir()?;
    let output = Command::new("go")
        .args(["mod", "download", "-json", module.name])
        // A module around it, or flags of the user's, would change what is fetched.
        .current_dir(elsewhere.path())
        .env("GOWORK", "off")
        .env_remove("GOFLAGS")
        .output()
        .context("starting `go mod download`: is Go installed and in the search path?")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let fetched: Value = serde_json::from_str(&said).with_context(|| {
        format!(
            "{}: {}",
            module.name,
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    ensure!(
        output.status.success() && fetched["Sum"] == module.sum,
        "{} is not as it was: {fetched:#}",
        module.name
    );
    let directory = fetched["Dir"]
        .as_str()
        .context("a module without directory")?;
    Ok(Path::new(directory).to_owned())
}
