//! WebSockets for browsers.

use std::net::SocketAddr;

use axum::extract::ws::{Message as Said, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use plenum_transport::tls::{Identity, server_config};
use plenum_transport::{https, socket};
use plenum_tunnel::allowed::Kind;
use plenum_tunnel::{Admission, Target};
use plenum_wire::Fingerprint;
use plenum_wire::control::{CONTROL_PATH, MEDIA_PATH, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use crate::proof::Signer;
use crate::site::{Echo, LOOPBACK, Site, ZONE, wide, within};

/// A router's HTTPS port: it says back what it hears on the control channel.
async fn answer(upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols([SUBPROTOCOL])
        .on_upgrade(async |mut socket| {
            while let Some(Ok(said)) = socket.recv().await {
                if matches!(said, Said::Text(_) | Said::Binary(_))
                    && socket.send(said).await.is_err()
                {
                    return;
                }
            }
        })
}

fn router() -> (SocketAddr, Fingerprint) {
    let identity = Identity::self_signed(&["router".to_owned()]).unwrap();
    let app = axum::Router::new().route(CONTROL_PATH, axum::routing::get(answer));
    let listener = socket::listen(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    let (certificate, tls) =
        watch::channel(server_config(&identity, None, &[b"http/1.1"]).unwrap());
    tokio::spawn(async move {
        https::serve(listener, tls, app, CancellationToken::new()).await;
        drop(certificate);
    });
    (address, identity.fingerprint())
}

fn register(site: &Site, router: SocketAddr, pin: Fingerprint) {
    let target = Target::parse(&router.to_string()).unwrap();
    site.register([(target, Kind::Router(pin))].into_iter().collect());
}

type WebSocket = WebSocketStream<TlsStream<TcpStream>>;

/// As a browser does: a path, and subprotocols of which the first is the one that is meant.
async fn open(site: &Site, path: &str, subprotocols: &str) -> Result<WebSocket, u16> {
    let mut request = format!("wss://tunnel{path}").into_client_request().unwrap();
    let wanted = HeaderValue::from_str(subprotocols).unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", wanted);
    let stream = site.open().await;
    match within(client_async(request, stream)).await {
        Ok((socket, answer)) => {
            let chosen = answer.headers()["sec-websocket-protocol"].to_str().unwrap();
            assert_eq!(Some(chosen), subprotocols.split(',').next());
            Ok(socket)
        }
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

fn to(router: SocketAddr) -> String {
    format!("/v1/forward?to={router}&path={CONTROL_PATH}")
}

#[tokio::test]
async fn messages_go_both_ways() {
    let (router, pin) = router();
    let site = Site::start(Admission::Open, wide());
    register(&site, router, pin);
    let mut socket = open(&site, &to(router), SUBPROTOCOL).await.unwrap();
    let said = [
        Message::text("hello"),
        Message::binary(vec![7; 100_000]),
        Message::text(""),
    ];
    for said in said {
        socket.send(said.clone()).await.unwrap();
        assert_eq!(within(socket.next()).await.unwrap().unwrap(), said);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = within(socket.next()).await {}
    drop(socket);
    site.until("plenum_tunnel_open 0").await;
    let opened = r#"plenum_tunnel_opened_total{door="forward"} 1"#;
    assert!(site.metrics().contains(opened), "{}", site.metrics());
}

#[tokio::test]
async fn a_browsers_token_is_a_subprotocol() {
    let (directory, (router, pin)) = (Signer::new(), router());
    let site = Site::start(directory.admission(), wide());
    register(&site, router, pin);
    let with = |token: &str| format!("{SUBPROTOCOL},plenum.bearer.{token}");
    let good = directory.token("ada", &[ZONE], 600);
    assert!(open(&site, &to(router), &with(&good)).await.is_ok());
    let forged = Signer::new().token("ada", &[ZONE], 600);
    assert_eq!(
        open(&site, &to(router), &with(&forged)).await.err(),
        Some(401)
    );
    assert_eq!(open(&site, &to(router), SUBPROTOCOL).await.err(), Some(401));
}

#[tokio::test]
async fn a_router_that_has_another_certificate_is_none() {
    let (router, _) = router();
    let site = Site::start(Admission::Open, wide());
    register(&site, router, Fingerprint([0; 32]));
    assert_eq!(open(&site, &to(router), SUBPROTOCOL).await.err(), Some(502));
}

#[tokio::test]
async fn it_leads_to_the_two_websockets_of_registered_routers_only() {
    let (router, pin) = router();
    let echo = Echo::start().await;
    let site = Site::start(Admission::Open, wide());
    register(&site, router, pin);
    let path = |to: &str, path: &str| format!("/v1/forward?to={to}&path={path}");
    let router = router.to_string();
    for (path, status) in [
        (path(&router, "/v1/ping"), 400),
        (path(&router, "/v1/control/"), 400),
        (path(&router, "/v1/control%3Fx"), 400),
        (path(&router, "/v1/control%0d%0aX:1"), 400),
        (path(&router, "//v1/control"), 400),
        (path(&router, ""), 400),
        // Its subprotocol is another.
        (path(&router, MEDIA_PATH), 400),
        (path(&echo.address.to_string(), CONTROL_PATH), 403),
        (path("localhost:443", CONTROL_PATH), 403),
        (path("user@127.0.0.1:443", CONTROL_PATH), 400),
        (path("127.0.0.1", CONTROL_PATH), 400),
        (
            path(&format!("{router}&to={}", echo.address), CONTROL_PATH),
            400,
        ),
        (format!("/v1/forward?to={router}"), 400),
        (format!("/v1/forward?path={CONTROL_PATH}"), 400),
        ("/v1/forward".to_owned(), 400),
    ] {
        assert_eq!(
            open(&site, &path, SUBPROTOCOL).await.err(),
            Some(status),
            "{path}"
        );
    }
    site.allow(&[echo.address]);
    let controller = open(&site, &to(echo.address), SUBPROTOCOL).await;
    assert_eq!(controller.err(), Some(400), "a controller has none");
    assert_eq!(echo.came(), 0);
}

#[tokio::test]
async fn what_is_no_websocket_is_told_so() {
    let (router, pin) = router();
    let site = Site::start(Admission::Open, wide());
    register(&site, router, pin);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for headers in [
        String::new(),
        format!("{upgrade}{version}"),
        format!("{key}{version}"),
        format!("{upgrade}{key}"),
        format!("{upgrade}{key}Sec-WebSocket-Version: 12\r\n"),
        format!("{upgrade}{version}Sec-WebSocket-Key: short\r\n"),
        format!("Connection: upgrade\r\nUpgrade: h2c\r\n{key}{version}"),
    ] {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: tunnel\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n{headers}\r\n",
            to(router)
        );
        let answer = site.send(&request).await;
        assert!(
            answer.head.contains("upgrade: websocket"),
            "{}",
            answer.head
        );
        answer.assert_problem(426, "bad_request").await;
    }
}
