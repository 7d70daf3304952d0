//! A player of zone controllers: every link of the operator, over mTLS with the certificates
//! that the operator made. All of them answer at one address of the loopback interface; which
//! zone is meant is told by the name in the handshake, as its certificate is.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Extension, Router};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use plenum_transport::channel::{self, Channel, Received, Settings};
use plenum_transport::https::{self, Peer};
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{
    COALESCE_MS, FromOperator, HEARTBEAT_MS, LINK_PATH, OPERATOR_SUBPROTOCOL, SILENCE_MS,
    ToOperator,
};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::zones::Zones;

/// The address of every controller's pod.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);
/// Where controllers listen for links.
const PORT: u16 = 9443;
/// Authorities that came are believed within this time, not one by one.
const TOGETHER: Duration = Duration::from_millis(200);

const SETTINGS: Settings = Settings {
    limit: MESSAGE_BYTES,
    ping: Duration::from_millis(HEARTBEAT_MS),
    silence: Duration::from_millis(SILENCE_MS),
};

/// Answers until what is returned is dropped.
pub(super) async fn serve(client: Client, zones: Arc<Zones>) -> Result<AbortOnDropHandle<()>> {
    let listener = TcpListener::bind((ADDRESS, PORT))
        .await
        .with_context(|| format!("listening at {ADDRESS}:{PORT} as zone controllers"))?;
    let identities = Arc::new(Identities::default());
    let (sender, tls) = watch::channel(identities.config()?);
    let app = Router::new()
        .route(LINK_PATH, any(upgrade))
        .with_state(zones);
    let serving = https::serve(listener, tls, app, CancellationToken::new());
    let learning = learn(client, identities.clone());
    let believing = believe(identities, sender);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::join!(serving, learning, believing);
    })))
}

/// Who we are in each zone, and whom we believe.
#[derive(Debug, Default)]
struct Identities {
    known: Mutex<Known>,
    news: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<String, Arc<CertifiedKey>>,
    authorities: HashMap<String, Vec<CertificateDer<'static>>>,
}

impl Identities {
    fn learn(&self, zone: &str, secret: &Secret) -> Result<()> {
        let data = secret.data.as_ref().context("an empty Secret")?;
        let part = |key: &str| {
            let bytes = data.get(key).map(|bytes| bytes.0.as_slice());
            bytes.with_context(|| format!("the Secret has no {key}"))
        };
        let all = |pem| CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let chain = all(part("tls.crt")?)?;
        let key = any_supported_type(&PrivateKeyDer::from_pem_slice(part("tls.key")?)?)?;
        let namespace = secret.namespace().unwrap_or_default();
        let name = format!("{zone}-zc-link.{namespace}.svc");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .authorities
            .insert(name.clone(), all(part("ca.crt")?)?);
        known
            .names
            .insert(name, Arc::new(CertifiedKey::new(chain, key)));
        self.news.notify_one();
        Ok(())
    }

    fn config(self: &Arc<Self>) -> Result<Arc<ServerConfig>> {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let all = known.authorities.values().flatten().cloned();
            roots.add_parsable_certificates(all);
        }
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let builder = if roots.is_empty() {
            builder.with_no_client_auth()
        } else {
            // A thousand names of authorities would be in every handshake.
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                .clear_root_hint_subjects()
                .build()?;
            builder.with_client_cert_verifier(verifier)
        };
        let mut config = builder.with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.get(hello.server_name()?).cloned()
    }
}

/// Reads the controllers' certificates as they come.
async fn learn(client: Client, identities: Arc<Identities>) {
    let config = watcher::Config::default().fields("type=kubernetes.io/tls");
    let secrets = watcher(Api::<Secret>::all(client), config).default_backoff();
    let mut secrets = Box::pin(secrets.applied_objects());
    while let Some(event) = secrets.next().await {
        let Ok(secret) = event else { continue };
        let name = secret.name_any();
        if let Some(zone) = name.strip_suffix("-link-zc")
            && let Err(error) = identities.learn(zone, &secret)
        {
            eprintln!("the Secret {name}: {error:#}");
        }
    }
}

/// Takes new authorities into use.
async fn believe(identities: Arc<Identities>, tls: watch::Sender<Arc<ServerConfig>>) {
    loop {
        identities.news.notified().await;
        sleep(TOGETHER).await;
        match identities.config() {
            Ok(config) => {
                tls.send_replace(config);
            }
            Err(error) => eprintln!("certificates of zone controllers: {error:#}"),
        }
    }
}

async fn upgrade(
    State(zones): State<Arc<Zones>>,
    Extension(peer): Extension<Peer>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(member) = peer.member else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let zone = member.zone.as_str().to_owned();
    let upgrade = channel::bounded(upgrade, MESSAGE_BYTES).protocols([OPERATOR_SUBPROTOCOL]);
    upgrade.on_upgrade(async move |socket| {
        talk(&zones, &zone, Channel::accept_with(socket, SETTINGS)).await;
    })
}

async fn talk(zones: &Zones, zone: &str, channel: Channel<FromOperator, ToOperator>) {
    let (sender, mut receiver) = channel.split();
    let mut changes = zones.changes(zone);
    let mut beats = interval(Duration::from_millis(HEARTBEAT_MS));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = beats.tick() => {}
            Ok(()) = changes.changed() => {
                sleep(Duration::from_millis(COALESCE_MS)).await;
                changes.mark_unchanged();
                beats.reset();
            }
            word = receiver.next() => match word {
                Received::Message(FromOperator::SetDraining { pool, routers }) => {
                    zones.drain(zone, &pool, &routers.into_iter().collect());
                    continue;
                }
                Received::Bad(_) => continue,
                Received::Closed { .. } => return,
            },
        }
        sender.send(&ToOperator::Report {
            controller: "played".to_owned(),
            routers: zones.report(zone),
            expected: Vec::new(),
        });
    }
}
