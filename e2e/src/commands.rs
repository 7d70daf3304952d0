//! `kubectl`, `helm` and `exec`, as a person would type them.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::Cluster;

impl Cluster {
    /// Runs kubectl and returns what it prints; its messages are the error.
    pub async fn kubectl<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.client_program("kubectl", arguments).await
    }

    /// Runs helm and returns what it prints; its messages are the error.
    pub async fn helm<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.client_program("helm", arguments).await
    }

    /// Runs a command in a pod and returns what it prints. `pod` may name a container too: `pod -c container`.
    pub async fn exec<S: AsRef<OsStr>>(
        &self,
        namespace: &str,
        pod: &str,
        command: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        let mut arguments: Vec<OsString> =
            ["exec", "-n", namespace].iter().map(Into::into).collect();
        arguments.extend(pod.split(' ').map(Into::into));
        arguments.push("--".into());
        arguments.extend(
            command
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self.kubectl(arguments).await
    }

    async fn client_program<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        let arguments: Vec<OsString> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        let caches = self.layout().client_caches();
        let output = Command::new(self.tools.kubernetes(program))
            .args(&arguments)
            .env("KUBECONFIG", self.layout().kubeconfig())
            // Nothing of a test stays in the user's home, and nothing from there changes a test.
            .env("KUBECACHEDIR", caches.join("kubectl"))
            .env("KUBERC", "off")
            .env("HELM_CACHE_HOME", caches.join("helm-cache"))
            .env("HELM_CONFIG_HOME", caches.join("helm-config"))
            .env("HELM_DATA_HOME", caches.join("helm-data"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("starting {program}"))?;
        if !output.status.success() {
            let typed = arguments.join(OsStr::new(" "));
            bail!(
                "{program} {}: {}",
                typed.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
