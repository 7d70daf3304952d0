//! A router with one controller, and its HTTPS port.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plenum::mmr::{self, Config, Host, Mmr, Status};
use plenum_transport::tls::{Identity, server_config};
use plenum_transport::{https, socket};
use plenum_wire::join::Endpoint;
use plenum_wire::ticket::Claims;
use plenum_wire::{FlowId, Flows};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::controller::{Authority, Controller, Link};
use crate::{ALPN, LOOPBACK, within};

/// A router with its HTTPS port.
pub struct House {
    pub controller: Controller,
    pub link: Link,
    pub mmr: Mmr,
    pub endpoint: Endpoint,
    pub https: https::Counters,
    pub stop: CancellationToken,
    /// Where the router is told that clients reach it.
    pub addresses: watch::Sender<Vec<IpAddr>>,
}

impl House {
    pub async fn start(drain_deadline: Duration) -> Self {
        let authority = Authority::new();
        let mut controller = Controller::start(&authority);
        let (_, link_tls) = watch::channel(authority.load("router-1"));
        let identity = Identity::self_signed(&["router-1".to_owned()]).unwrap();
        let listener = socket::listen(LOOPBACK).unwrap();
        let stop = CancellationToken::new();
        let (addresses, followed) = watch::channel(vec![LOOPBACK.ip()]);
        let config = Config {
            cores: std::num::NonZeroU8::MIN,
            router: "router-1".parse().unwrap(),
            pool: "ns.pool".parse().unwrap(),
            addresses: followed,
            https_port: listener.local_addr().unwrap().port(),
            media: LOOPBACK,
            identity: identity.clone(),
            capacity: 10,
            controllers: Host {
                name: "127.0.0.1".into(),
                port: controller.address.port(),
            },
            link_tls,
            drain_deadline,
        };
        let mmr = mmr::start(config, stop.clone()).unwrap();
        let (_, tls) = watch::channel(server_config(&identity, None, &ALPN).unwrap());
        let https = https::Counters::default();
        tokio::spawn(https::serve_counted(
            listener,
            tls,
            mmr.app.clone(),
            CancellationToken::new(),
            https.clone(),
        ));
        let link = controller.welcome().await;
        Self {
            controller,
            link,
            endpoint: mmr.endpoint.clone(),
            mmr,
            https,
            stop,
            addresses,
        }
    }

    /// Waits until the router is as wanted.
    pub async fn until(&self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.mmr.status();
        within(status.wait_for(wanted)).await.unwrap().clone()
    }

    pub fn ticket(&self, participant: &str) -> (String, Flows) {
        let flow = || FlowId::from_random(rand::random());
        let claims = Claims {
            meeting: "4711".parse().unwrap(),
            participant: participant.parse().unwrap(),
            router: "router-1".parse().unwrap(),
            fingerprint: self.endpoint.fingerprint,
            flows: Flows {
                audio: flow(),
                video: flow(),
                content: flow(),
            },
            expires: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs()
                + 60,
            admitted: 0,
            vouched: 0,
        };
        (self.controller.key.sign(&claims), claims.flows)
    }
}
