//! What tunnels hear of their zone, and how clients come through one to a controller and a
//! router, all of them as they are run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;
use std::path::Path;
use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use clap::Parser;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use plenum::{ht, mmr, zc};
use plenum_transport::channel::{Channel, Received};
use plenum_transport::dial::Dialer;
use plenum_transport::route::{Credentials, Hop, Http, HttpError, ProxyProblem, Route, RouteError};
use plenum_transport::tls::{Files, Identity, client_config, server_config};
use plenum_transport::{https, socket};
use plenum_wire::control::{FromClient, FromRouter as RouterSays, Interest};
use plenum_wire::directory::{Role, TokenClaims};
use plenum_wire::join::Offer;
use plenum_wire::link::{
    FromTunnel, OPERATOR_SUBPROTOCOL, ROUTER_SUBPROTOCOL, TUNNEL_SUBPROTOCOL, ToTunnel,
};
use rcgen::KeyPair;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::api::{jwks, now};
use crate::ports;
use crate::process::{self, until_ready, write_tls};
use crate::support::{Authority, Controller, FINGERPRINT, PACE, ask, ed25519, within};

type Link = Channel<ToTunnel, FromTunnel>;

fn hello() -> FromTunnel {
    FromTunnel::Hello {
        tunnel: "ht-0".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_tunnel_hears_everything_at_first_and_then_each_change() {
    let zone = Controller::open().await;
    let identity = zone.authority.issue(Some("tunnel"));
    let link: Link = zone.dial(&identity, TUNNEL_SUBPROTOCOL).await.unwrap();
    let (sender, mut receiver) = link.split();
    sender.send(&hello());
    let mut next = async || match within(receiver.next()).await {
        Received::Message(ToTunnel::Targets {
            controller,
            zone,
            controllers,
            routers,
            keys,
            directory_keys,
        }) => {
            assert_eq!((controller.as_str(), zone.as_str()), ("zc-0", "test.zone"));
            assert_eq!(controllers, ["https://meet.example.org"]);
            assert_eq!((keys.len(), directory_keys.len()), (1, 0));
            routers
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(next().await, []);
    let router = zone.router("router-a", 10).await;
    let there = next().await;
    assert_eq!(there.len(), 1);
    let addresses: [IpAddr; 1] = [Ipv4Addr::new(192, 0, 2, 1).into()];
    assert_eq!(there[0].addresses, addresses);
    assert_eq!(
        (there[0].https_port, there[0].fingerprint),
        (443, FINGERPRINT)
    );
    router.sender.close(1000, "done");
    assert_eq!(next().await, []);
}

#[tokio::test]
async fn a_tunnels_certificate_opens_only_a_tunnels_link() {
    let zone = Controller::open().await;
    for (role, subprotocol) in [
        ("tunnel", ROUTER_SUBPROTOCOL),
        ("tunnel", OPERATOR_SUBPROTOCOL),
        ("router", TUNNEL_SUBPROTOCOL),
        ("operator", TUNNEL_SUBPROTOCOL),
        ("controller", TUNNEL_SUBPROTOCOL),
    ] {
        let identity = zone.authority.issue(Some(role));
        zone.refuses(&identity, subprotocol).await;
    }
    let identity = zone.authority.issue_in("another.zone", Some("tunnel"));
    zone.refuses(&identity, TUNNEL_SUBPROTOCOL).await;
}

/// Speaks another language than its certificate's.
#[tokio::test]
async fn a_tunnel_that_does_not_say_hello_is_turned_away() {
    let zone = Controller::open().await;
    zone.wants_hello("tunnel", TUNNEL_SUBPROTOCOL).await;
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    ht: ht::Args,
}

fn three() -> [SocketAddr; 3] {
    let first = ports::three();
    [0, 1, 2].map(|offset| SocketAddr::from((Ipv4Addr::LOCALHOST, first + offset)))
}

/// A zone of one controller, one router and one tunnel, each as it is run in a cluster, where
/// people join by the directory's tokens.
pub struct Zone {
    authority: Authority,
    directory: KeyPair,
    /// The controller's port for clients, the tunnel's, and the tunnel's health port.
    api: SocketAddr,
    tunnel: SocketAddr,
    health: SocketAddr,
    controller: JoinHandle<anyhow::Result<()>>,
    running: JoinHandle<anyhow::Result<()>>,
    stop_controller: CancellationToken,
    stop_tunnel: CancellationToken,
    _files: tempfile::TempDir,
    _router: mmr::Mmr,
}

impl Zone {
    pub async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let directory = ed25519();
        let keys = files.path().join("jwks.json");
        std::fs::write(&keys, jwks("d1", directory.public_key_raw())).unwrap();
        let [api, link, zc_health] = three();
        let [tunnel, health, _] = three();

        let mut arguments = process::arguments(files.path(), &authority, [api, link, zc_health]);
        let public = format!("https://localhost:{}", api.port());
        let keys = keys.display().to_string();
        let more = ["--admission", "directory", "--directory-keys", &keys];
        arguments.extend(more.map(str::to_owned));
        arguments.extend(["--public-urls".to_owned(), public]);
        let args = process::Command::parse_from(arguments).zc;
        let stop_controller = CancellationToken::new();
        let controller = tokio::spawn(zc::run(args, stop_controller.clone()));
        process::opened(api).await;

        let router = start_router(files.path(), &authority, link);
        // Without a file: the controller tells the directory's keys.
        let args = tunnel_arguments(files.path(), &authority, [link, tunnel, health]);
        let stop_tunnel = CancellationToken::new();
        let running = tokio::spawn(ht::run(args, stop_tunnel.clone()));
        process::opened(health).await;
        until_ready(zc_health, 200).await;
        until_ready(health, 200).await;
        let zone = Self {
            authority,
            directory,
            api,
            tunnel,
            health,
            controller,
            running,
            stop_controller,
            stop_tunnel,
            _files: files,
            _router: router,
        };
        // The router's two ports: the controller tells of them a moment after itself.
        zone.until("plenum_tunnel_targets 2").await;
        zone
    }

    fn token(&self, zone: &str) -> String {
        let claims = TokenClaims {
            iss: "https://directory".to_owned(),
            sub: "ada".to_owned(),
            aud: vec![zone.parse().unwrap()],
            meeting: "standup".parse().unwrap(),
            role: Role::Participant,
            iat: now(),
            exp: now() + 600,
            jti: "1".to_owned(),
        };
        let key = EncodingKey::from_ed_pem(self.directory.serialize_pem().as_bytes()).unwrap();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("d1".to_owned());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }

    fn route(&self, credentials: &Credentials) -> Route {
        let hop = Hop::tls("localhost", self.tunnel.port(), &self.authority.trust()).unwrap();
        Route::through([hop.with(credentials).unwrap()])
    }

    /// Joins by a route.
    async fn join(&self, route: Route, token: &str) -> Result<Offer, HttpError> {
        let tls = client_config(&self.authority.trust(), None, &[b"http/1.1"]).unwrap();
        let url = format!(
            "https://localhost:{}/v1/meetings/standup/join",
            self.api.port()
        );
        let request = Request::post(url)
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::new())
            .unwrap();
        let http = Http::new(route, tls);
        let answer = within(http.send(request, Duration::from_secs(60))).await?;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        Ok(serde_json::from_slice(answer.body()).unwrap())
    }

    /// Whatever speaks TLS over TCP: the controller's ports for clients and for links, the
    /// tunnel's, the router's two.
    pub async fn ports(&self) -> [SocketAddr; 5] {
        let token = self.token("test.zone");
        let router = self.join(Route::direct(), &token).await.unwrap().endpoint;
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let router = [router.https_port, router.media_port].map(local);
        let link = local(self.api.port() + 1);
        [self.api, link, self.tunnel, router[0], router[1]]
    }

    /// Returns when the tunnel's metrics say so.
    async fn until(&self, sample: &str) {
        within(async {
            while !self.metrics().await.lines().any(|line| line == sample) {
                sleep(PACE).await;
            }
        })
        .await;
    }

    async fn metrics(&self) -> String {
        ask(self.health, "GET", "/metrics", "", "").await.body
    }
}

fn start_router(files: &Path, authority: &Authority, link: SocketAddr) -> mmr::Mmr {
    let directory = files.join("router-tls");
    write_tls(&directory, authority, "router");
    let identity = Identity::self_signed(&["router-a".to_owned()]).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = socket::listen(any).unwrap();
    let config = mmr::Config {
        cores: NonZeroU8::MIN,
        router: "router-a".parse().unwrap(),
        pool: "test.pool".parse().unwrap(),
        addresses: watch::channel(vec![any.ip()]).1,
        https_port: listener.local_addr().unwrap().port(),
        media: any,
        identity: identity.clone(),
        capacity: 10,
        controllers: mmr::Host {
            name: "localhost".to_owned(),
            port: link.port(),
        },
        link_tls: Files::new(&directory).watch().unwrap(),
        drain_deadline: Duration::ZERO,
    };
    let mmr = mmr::start(config, CancellationToken::new()).unwrap();
    let tls = server_config(&identity, None, &[b"http/1.1"]).unwrap();
    let (certificate, tls) = watch::channel(tls);
    let serving = https::serve(listener, tls, mmr.app.clone(), CancellationToken::new());
    tokio::spawn(async move {
        serving.await;
        drop(certificate);
    });
    mmr
}

fn tunnel_arguments(files: &Path, authority: &Authority, ports: [SocketAddr; 3]) -> ht::Args {
    let [link, listen, health] = ports;
    let tls = write_tls(&files.join("ht-tls"), authority, "controller");
    let link_tls = write_tls(&files.join("ht-link-tls"), authority, "tunnel");
    let controllers = format!("localhost:{}", link.port());
    let (listen, health) = (listen.to_string(), health.to_string());
    let arguments = [
        "ht",
        "--zone",
        "test.zone",
        "--name",
        "ht-0",
        "--listen",
        &listen,
        "--health",
        &health,
        "--tls",
        &tls,
        "--link-tls",
        &link_tls,
        "--controllers",
        &controllers,
        "--admission",
        "directory",
        "--drain-deadline",
        "1",
    ];
    Command::parse_from(arguments).ht
}

/// A control channel to the router of an offer, until the router lets us in.
async fn enter(dialer: &Dialer, offer: &Offer) {
    let channel = within(dialer.control(&offer.endpoint)).await.unwrap();
    let (sender, mut receiver) = channel.split();
    sender.send(&FromClient::Hello {
        ticket: offer.ticket.clone(),
        name: None,
        subscribe: Interest::All,
        moved_from: None,
    });
    let first = within(receiver.next()).await;
    let welcome = matches!(first, Received::Message(RouterSays::Welcome { .. }));
    assert!(welcome, "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_through_a_tunnel_to_the_controller_and_the_router() {
    let zone = Zone::start().await;
    let token = zone.token("test.zone");
    let route = zone.route(&Credentials::Bearer(token.clone()));
    let offer = zone.join(route.clone(), &token).await.unwrap();
    enter(&Dialer::new().unwrap().via(&route), &offer).await;

    let problem = async |credentials: &Credentials| {
        let refused = zone.join(zone.route(credentials), &token).await;
        match refused {
            Err(HttpError::Route(RouteError::Proxy { problem, .. })) => problem,
            other => panic!("{other:?}"),
        }
    };
    let nothing = problem(&Credentials::None).await;
    assert!(
        matches!(nothing, ProxyProblem::CredentialsWanted { .. }),
        "{nothing}"
    );
    let elsewhere = problem(&Credentials::Bearer(zone.token("another.zone"))).await;
    assert!(
        matches!(elsewhere, ProxyProblem::CredentialsRefused { .. }),
        "{elsewhere}"
    );

    // Not even to the controller's port for links.
    for port in [zone.api.port() + 1, zone.health.port()] {
        let other = within(route.connect("localhost", port)).await.unwrap_err();
        let problem = other.proxy_problem();
        assert!(
            matches!(problem, Some(ProxyProblem::Forbidden { .. })),
            "{other}"
        );
    }
    zone.stop_tunnel.cancel();
    within(zone.running).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_controller_away_the_way_to_the_router_stays_open() {
    let mut zone = Zone::start().await;
    let token = zone.token("test.zone");
    let route = zone.route(&Credentials::Bearer(token.clone()));
    let offer = zone.join(route.clone(), &token).await.unwrap();
    zone.until("plenum_tunnel_controllers 1").await;
    zone.stop_controller.cancel();
    within(&mut zone.controller).await.unwrap().unwrap();
    zone.until("plenum_tunnel_controllers 0").await;
    let metrics = zone.metrics().await;
    plenum_documented::check_process(&metrics);
    assert!(metrics.contains("plenum_tunnel_targets 2"));
    enter(&Dialer::new().unwrap().via(&route), &offer).await;
    // By the ticket, when the token is too old.
    let by_ticket = zone.route(&Credentials::Bearer(offer.ticket.clone()));
    enter(&Dialer::new().unwrap().via(&by_ticket), &offer).await;
    zone.stop_tunnel.cancel();
    within(zone.running).await.unwrap().unwrap();
}
