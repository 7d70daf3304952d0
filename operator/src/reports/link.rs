//! One link to one controller, kept up.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use plenum_transport::channel::{Channel, Dial, Received, Settings};
use plenum_wire::directory::Expected;
use plenum_wire::link::{
    FromOperator, HEARTBEAT_MS, LINK_PATH, OPERATOR_SUBPROTOCOL, RouterReport, SILENCE_MS,
    ToOperator,
};
use tokio::sync::{Semaphore, watch};

use super::credentials::Credentials;
use super::{Orders, ZoneKey};

/// The controllers' link port.
const LINK_PORT: u16 = 9443;
/// First and longest pause between two tries.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];
/// A report of thousands of routers at some 300 bytes each.
const REPORT_BYTES: usize = 8 << 20;

pub(super) struct Link {
    pub zone: ZoneKey,
    pub controller: String,
    pub ip: IpAddr,
    pub credentials: Arc<Credentials>,
    pub orders: watch::Receiver<Orders>,
    /// Who may dial now: handshakes of all zones at once would make each of them late.
    pub turns: Arc<Semaphore>,
    /// Called when a try begins.
    pub trying: Box<dyn Fn() + Send + Sync>,
    pub report: Box<dyn Fn(Vec<RouterReport>, Vec<Expected>) + Send + Sync>,
}

type Connected = Channel<ToOperator, FromOperator>;

impl Link {
    /// Never returns; drop it to end the link.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSES[0];
        loop {
            // In a place of its own, which is given back: connecting takes twenty times the
            // memory of being connected.
            match Box::pin(self.dial()).await {
                Ok(channel) => {
                    tracing::info!(controller = self.controller, "linked");
                    pause = PAUSES[0];
                    let reason = self.talk(channel).await;
                    tracing::info!(controller = self.controller, reason, "link ended");
                }
                Err(error) => {
                    tracing::debug!(controller = self.controller, error = %error, "no link");
                    self.credentials.doubt().await;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    async fn dial(&self) -> anyhow::Result<Connected> {
        let _turn = self.turns.acquire().await?;
        (self.trying)();
        let request = Dial {
            addr: SocketAddr::new(self.ip, LINK_PORT),
            server_name: format!("{}-zc-link.{}.svc", self.zone.name, self.zone.namespace),
            path: LINK_PATH.to_owned(),
            subprotocol: OPERATOR_SUBPROTOCOL.to_owned(),
            tls: self.credentials.tls().await?,
        };
        let settings = Settings {
            limit: REPORT_BYTES,
            ping: Duration::from_millis(HEARTBEAT_MS),
            silence: Duration::from_millis(SILENCE_MS),
        };
        Ok(Channel::dial_with(request, settings).await?)
    }

    /// Until the link ends; why it did.
    async fn talk(&mut self, channel: Connected) -> String {
        let (sender, mut receiver) = channel.split();
        self.orders.mark_changed();
        let mut said = Orders::new();
        loop {
            tokio::select! {
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return "the zone is no longer followed".to_owned();
                    }
                    let orders = self.orders.borrow_and_update().clone();
                    for (pool, routers) in &orders {
                        if said.get(pool) != Some(routers) {
                            sender.send(&FromOperator::SetDraining {
                                pool: pool.clone(),
                                routers: routers.iter().cloned().collect(),
                            });
                        }
                    }
                    said = orders;
                }
                word = receiver.next() => match word {
                    Received::Message(ToOperator::Report { routers, expected, .. }) => {
                        (self.report)(routers, expected);
                    }
                    Received::Bad(error) => {
                        tracing::warn!(controller = self.controller, %error, "bad report");
                    }
                    Received::Closed { reason, .. } => return reason,
                },
            }
        }
    }
}
