//! The operator's client certificate for a zone's links.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use plenum_transport::tls::{Identity, Trust, client_config};
use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::sync::{Mutex, Semaphore};

use super::ZoneKey;

/// How long a certificate is used before its Secret is read again; certificates overlap for
/// days when they are renewed.
const KEEP: Duration = Duration::from_mins(5);
/// While the API server is away, the last certificate is used and it is asked this often.
const RETRY: Duration = Duration::from_secs(10);

/// Secrets that are read at the same time, of all zones. Each takes a connection to the API server,
/// whose buffers stay when it was read: a restart reads them all, in a second by so many at once.
const READING: usize = 8;

/// Who may read a Secret now, of all zones.
pub(super) fn readers() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(READING))
}

/// TLS of one zone's links, from the Secret `<zone>-link-operator`.
pub(super) struct Credentials {
    api: Api<Secret>,
    name: String,
    readers: Arc<Semaphore>,
    /// The configuration, and when to read the Secret again.
    known: Mutex<(Option<Arc<ClientConfig>>, Instant)>,
}

impl Credentials {
    pub(super) fn new(client: Client, zone: &ZoneKey, readers: Arc<Semaphore>) -> Self {
        Self {
            api: Api::namespaced(client, &zone.namespace),
            name: format!("{}-link-operator", zone.name),
            readers,
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
        let secret = tokio::time::timeout(RETRY, self.ask()).await??;
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

    /// When its turn comes.
    async fn ask(&self) -> anyhow::Result<Secret> {
        let _turn = self.readers.acquire().await?;
        Ok(self.api.get(&self.name).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use http::{Request, Response};
    use kube::client::Body;
    use tower::BoxError;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_secrets_of_many_zones_are_read_some_at_a_time() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (asked, seen) = (now.clone(), most.clone());
        let api_server = tower::service_fn(move |_: Request<Body>| {
            let asked = asked.clone();
            seen.fetch_max(asked.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                asked.fetch_sub(1, Ordering::SeqCst);
                let empty = Body::from(br#"{"metadata": {}}"#.to_vec());
                Ok::<_, BoxError>(Response::new(empty))
            }
        });
        let (client, readers) = (Client::new(api_server, "default"), readers());
        let of_zone = |zone: usize| {
            let zone = ZoneKey {
                namespace: "n".to_owned(),
                name: format!("z{zone}"),
            };
            Credentials::new(client.clone(), &zone, readers.clone())
        };
        let zones: Vec<_> = (0..100).map(of_zone).collect();
        let told = join_all(zones.iter().map(Credentials::tls)).await;
        let why = told[99].as_ref().unwrap_err().to_string();
        assert_eq!(
            why, "Secret z99-link-operator has no tls.crt",
            "each was read"
        );
        assert_eq!(most.load(Ordering::SeqCst), READING);
        assert_eq!(now.load(Ordering::SeqCst), 0);
    }
}
