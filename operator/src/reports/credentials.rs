//! The operator's client certificate for a zone's links.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use plenum_transport::tls::{Identity, Trust, client_config};
use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::sync::Mutex;

use super::ZoneKey;

/// How long a certificate is used before its Secret is read again; certificates overlap for
/// days when they are renewed.
const KEEP: Duration = Duration::from_mins(5);
/// While the API server is away, the last certificate is used and it is asked this often.
const RETRY: Duration = Duration::from_secs(10);

/// TLS of one zone's links, from the Secret `<zone>-link-operator`.
pub(super) struct Credentials {
    api: Api<Secret>,
    name: String,
    /// The configuration, and when to read the Secret again.
    known: Mutex<(Option<Arc<ClientConfig>>, Instant)>,
}

impl Credentials {
    pub(super) fn new(client: Client, zone: &ZoneKey) -> Self {
        Self {
            api: Api::namespaced(client, &zone.namespace),
            name: format!("{}-link-operator", zone.name),
            known: Mutex::new((None, Instant::now())),
        }
    }

    /// The TLS configuration, the last one if a newer cannot be had.
    pub(super) async fn tls(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let mut known = self.known.lock().await;
        if let (Some(config), again) = &*known
            && Instant::now() < *again
        {
            return Ok(config.clone());
        }
        match self.read().await {
            Ok(config) => {
                *known = (Some(config.clone()), Instant::now() + KEEP);
                Ok(config)
            }
            Err(error) => {
                known.1 = Instant::now() + RETRY;
                let last = known.0.clone();
                last.ok_or(error)
            }
        }
    }

    /// The next question reads the Secret: what we have was refused.
    pub(super) async fn doubt(&self) {
        let mut known = self.known.lock().await;
        known.1 = known.1.min(Instant::now() + RETRY);
    }

    async fn read(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let secret = tokio::time::timeout(RETRY, self.api.get(&self.name)).await??;
        let data = secret.data.unwrap_or_default();
        let part = |key: &str| {
            let bytes = data.get(key).map(|bytes| bytes.0.as_slice());
            bytes.ok_or_else(|| anyhow::anyhow!("Secret {} has no {key}", self.name))
        };
        let identity = Identity::from_pem(part("tls.crt")?, part("tls.key")?)?;
        let trust = Trust::from_pem(part("ca.crt")?)?;
        let config = client_config(&trust, Some(&identity), &[b"http/1.1"])?;
        let mut config = config.as_ref().clone();
        // A link is opened once; a store of sessions to resume is 20 KiB for each zone.
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}
