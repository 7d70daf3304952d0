//! `kubectl` and `helm`, as a person would type them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt as _;

use crate::{Cluster, Tools, children};

/// `kubectl` and `helm` on one cluster.
///
/// Nothing of them stays in the user's home, nothing from there changes what they do, and they end with this program.
#[derive(Clone, Debug)]
pub struct Commands {
    kubectl: PathBuf,
    helm: PathBuf,
    kubeconfig: PathBuf,
    caches: PathBuf,
}

impl Commands {
    /// The pinned programs, on the cluster of this kubeconfig, with their caches below one directory.
    #[must_use]
    pub fn new(tools: &Tools, kubeconfig: PathBuf, caches: PathBuf) -> Self {
        Self {
            kubectl: tools.kubernetes("kubectl"),
            helm: tools.kubernetes("helm"),
            kubeconfig,
            caches,
        }
    }

    /// The kubeconfig of the cluster.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl and returns what it prints; its messages are the error.
    pub async fn kubectl<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.run(&self.kubectl, arguments, None).await
    }

    /// Runs kubectl, which reads `input`.
    pub async fn kubectl_with_input<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Result<String> {
        self.run(&self.kubectl, arguments, Some(input)).await
    }

    /// Runs helm and returns what it prints; its messages are the error.
    pub async fn helm<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.run(&self.helm, arguments, None).await
    }

    async fn run<S: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        input: Option<&str>,
    ) -> Result<String> {
        let arguments: Vec<OsString> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        let mut command = children::command(program);
        command
            .args(&arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.caches.join("kubectl"))
            .env("KUBERC", "off")
            .env("HELM_CACHE_HOME", self.caches.join("helm-cache"))
            .env("HELM_CONFIG_HOME", self.caches.join("helm-config"))
            .env("HELM_DATA_HOME", self.caches.join("helm-data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let name = program.file_name().unwrap_or(program.as_os_str()).display();
        let mut child = children::start(command).with_context(|| format!("starting {name}"))?;
        let stdin = child.stdin.take();
        let write = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A program that ends before it has read all of it says why itself.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        let output = output?;
        if !output.status.success() {
            let typed = arguments.join(OsStr::new(" "));
            bail!(
                "{name} {}: {}",
                typed.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Cluster {
    /// As [`Commands::kubectl`].
    pub async fn kubectl<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.commands().kubectl(arguments).await
    }

    /// As [`Commands::helm`].
    pub async fn helm<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String> {
        self.commands().helm(arguments).await
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
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Its kubectl is a shell.
    fn commands() -> (tempfile::TempDir, Commands) {
        let directory = tempfile::tempdir().unwrap();
        let tools = Tools::at(directory.path());
        let program = tools.kubernetes("kubectl");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        symlink("/bin/sh", program).unwrap();
        let caches = directory.path().join("caches");
        let commands = Commands::new(&tools, "/some/kubeconfig".into(), caches);
        (directory, commands)
    }

    #[tokio::test]
    async fn it_sees_the_cluster_and_its_input() {
        let (_directory, commands) = commands();
        let said = commands.kubectl_with_input(["-c", "echo $KUBECONFIG $(cat)"], "kind: Pod");
        assert_eq!(said.await.unwrap(), "/some/kubeconfig kind: Pod\n");
    }

    #[tokio::test]
    async fn it_keeps_out_of_the_home_directory() {
        let (directory, commands) = commands();
        let environment = commands.kubectl(["-c", "env"]).await.unwrap();
        let caches = directory.path().join("caches");
        for name in [
            "KUBECACHEDIR",
            "HELM_CACHE_HOME",
            "HELM_CONFIG_HOME",
            "HELM_DATA_HOME",
        ] {
            let set = format!("{name}={}/", caches.display());
            assert!(environment.contains(&set), "{name}: {environment}");
        }
    }

    #[tokio::test]
    async fn what_it_says_on_failing_is_the_error_though_it_read_nothing() {
        let (_directory, commands) = commands();
        // More than a pipe holds.
        let input = "x".repeat(1 << 20);
        let failed = commands.kubectl_with_input(["-c", "echo no cluster >&2; exit 1"], &input);
        let error = failed.await.unwrap_err().to_string();
        assert!(
            error.starts_with("kubectl ") && error.ends_with(": no cluster"),
            "{error}"
        );
    }
}
