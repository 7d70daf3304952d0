//! From the flags that `kubectl` has too to a client.

use std::time::Duration;

use kube::Client;
use kube::config::{Config, InferConfigError, KubeConfigOptions, Kubeconfig};

use super::Cluster;
use super::trouble::trouble;
use crate::arguments::Connection;
use crate::snapshot::Trouble;

/// A list of all nodes of a large cluster takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client for the cluster that is meant: `--kubeconfig`, else `KUBECONFIG`, else
/// `~/.kube/config`, else that of the pod this runs in.
pub async fn connect(connection: &Connection) -> Result<Cluster, Trouble> {
    // One provider of cryptography in the whole workspace. That another was installed before
    // can only be by a test.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut config = config(connection).await.map_err(|why| {
        trouble(
            format!("could not find a cluster: {why}"),
            "kubectl config get-contexts   # then --context NAME, --kubeconfig FILE, or KUBECONFIG",
        )
    })?;
    config.read_timeout = Some(PATIENCE);
    // Who sits before it wants to be told at once.
    config.default_retry = false;
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(|error| super::trouble::of("connect", &error))?;
    Ok(Cluster { client, namespace })
}

async fn config(connection: &Connection) -> Result<Config, String> {
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    if let Some(file) = &connection.kubeconfig {
        let read = Kubeconfig::read_from(file).map_err(|why| why.to_string())?;
        let config = Config::from_custom_kubeconfig(read, &options).await;
        return config.map_err(|why| why.to_string());
    }
    if connection.context.is_some() {
        let config = Config::from_kubeconfig(&options).await;
        return config.map_err(|why| why.to_string());
    }
    // Why there is no kubeconfig says more than that this runs in no pod.
    let why = |error: InferConfigError| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        cause.unwrap_or_else(|| error.to_string())
    };
    Config::infer().await.map_err(why)
}
