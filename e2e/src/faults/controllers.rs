//! A player of zone controllers: the link on which they tell an operator of their routers, and
//! hear which shall be empty, over mTLS with the certificates that the operator made.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plenum_transport::channel::{self, Channel, Received, Sender, Settings};
use plenum_transport::https;
use plenum_transport::tls::{Identity, Trust, server_config};
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::link::{
    COALESCE_MS, FromOperator, HEARTBEAT_MS, LINK_PATH, OPERATOR_SUBPROTOCOL, RouterReport,
    SILENCE_MS, ToOperator,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::people::People;

const SETTINGS: Settings = Settings {
    limit: MESSAGE_BYTES,
    ping: Duration::from_millis(HEARTBEAT_MS),
    silence: Duration::from_millis(SILENCE_MS),
};

/// A controller that runs; dropping it ends it, links and all.
pub struct Controller {
    _stop: DropGuard,
}

#[derive(Clone)]
struct Desk {
    name: String,
    people: Arc<Mutex<People>>,
    stop: CancellationToken,
}

impl Controller {
    /// Listens at `address` with the certificate in `secret`, as the controller called `name`.
    pub async fn start(
        name: &str,
        address: SocketAddr,
        secret: &Value,
        people: Arc<Mutex<People>>,
    ) -> Result<Self> {
        let part = |key: &str| {
            let text = secret["data"][key].as_str();
            let text = text.with_context(|| format!("the Secret has no {key}"))?;
            anyhow::Ok(STANDARD.decode(text)?)
        };
        let identity = Identity::from_pem(&part("tls.crt")?, &part("tls.key")?)?;
        let trust = Trust::from_pem(&part("ca.crt")?)?;
        let tls = server_config(&identity, Some(&trust), &[b"http/1.1"])?;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listening at {address}"))?;
        let stop = CancellationToken::new();
        let desk = Desk {
            name: name.to_owned(),
            people,
            stop: stop.clone(),
        };
        let app = Router::new()
            .route(LINK_PATH, any(upgrade))
            .with_state(desk);
        let serving = stop.clone();
        tokio::spawn(async move {
            let (_kept, tls) = watch::channel(tls);
            https::serve(listener, tls, app, serving).await;
        });
        Ok(Self {
            _stop: stop.drop_guard(),
        })
    }
}

async fn upgrade(State(desk): State<Desk>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = channel::bounded(upgrade, MESSAGE_BYTES).protocols([OPERATOR_SUBPROTOCOL]);
    upgrade.on_upgrade(async move |socket| {
        let stop = desk.stop.clone();
        let channel = Channel::accept_with(socket, SETTINGS);
        stop.run_until_cancelled(talk(desk, channel)).await;
    })
}

async fn talk(desk: Desk, channel: Channel<FromOperator, ToOperator>) {
    let (sender, mut receiver) = channel.split();
    let mut ticks = interval(Duration::from_millis(COALESCE_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last: Option<(Instant, Vec<RouterReport>)> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => desk.report(&sender, &mut last),
            word = receiver.next() => match word {
                Received::Message(FromOperator::SetDraining { pool, routers }) => {
                    let routers = routers.into_iter().collect();
                    desk.people().order(&desk.name, &pool, routers);
                }
                Received::Bad(_) => {}
                Received::Closed { .. } => return,
            },
        }
    }
}

impl Desk {
    fn people(&self) -> std::sync::MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When something changed, and as a heartbeat.
    fn report(&self, sender: &Sender<ToOperator>, last: &mut Option<(Instant, Vec<RouterReport>)>) {
        let now = Instant::now();
        let Some(routers) = self.people().report(&self.name, now) else {
            return;
        };
        let without_ages: Vec<RouterReport> = routers
            .iter()
            .map(|report| RouterReport {
                age_ms: 0,
                ..report.clone()
            })
            .collect();
        let beat = Duration::from_millis(HEARTBEAT_MS);
        let nothing_new = last
            .as_ref()
            .is_some_and(|(at, said)| now.duration_since(*at) < beat && *said == without_ages);
        if nothing_new {
            return;
        }
        *last = Some((now, without_ages));
        sender.send(&ToOperator::Report {
            controller: self.name.clone(),
            routers,
            expected: Vec::new(),
        });
    }
}
