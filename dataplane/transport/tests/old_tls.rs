//! Nobody speaks TLS 1.2 or older with us, neither as a client nor as a server.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;
#[path = "common/old_hello.rs"]
mod old_hello;

use common::{Authority, Router, connect_tls, loopback, serve, within};
use plenum_transport::socket;
use plenum_wire::Rung;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NAME: &str = "controller.test";

#[tokio::test]
async fn a_server_refuses_older_versions() {
    let authority = Authority::new();
    let app = axum::Router::new();
    let (clients, counters, _) = serve(&authority.issue(NAME, None), None, app.clone());
    within(old_hello::is_refused(clients)).await;
    assert_eq!(counters.opened(), 0);
    // Where a certificate is asked for too.
    let trust = authority.trust();
    let (members, ..) = serve(&authority.issue(NAME, None), Some(&trust), app);
    within(old_hello::is_refused(members)).await;
}

#[tokio::test]
async fn a_router_refuses_them_on_its_ports() {
    let router = Router::start().await;
    for rung in [Rung::Tcp, Rung::Tls] {
        let (address, _) = router.tcp_of(rung);
        within(old_hello::is_refused(address)).await;
    }
}

/// A server that answers whatever it is asked with the hello of TLS 1.2.
#[tokio::test]
async fn a_client_refuses_a_server_that_speaks_nothing_newer() {
    let listener = socket::listen(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        // Version, random, no session, ECDHE-ECDSA-AES128-GCM-SHA256, no compression.
        let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2b, 0]].concat();
        let length = u8::try_from(hello.len()).unwrap();
        let handshake = [&[2, 0, 0, length][..], &hello].concat();
        let record = [&[22, 3, 3, 0, length + 4][..], &handshake].concat();
        stream.write_all(&record).await.unwrap();
        let mut alert = Vec::new();
        let _ = stream.read_to_end(&mut alert).await;
        alert
    });
    let trust = Authority::new().trust();
    let refused = within(connect_tls(address, NAME, &trust, None, b"http/1.1")).await;
    assert!(refused.is_err());
    let alert = within(serving).await.unwrap();
    assert_eq!(alert.get(..1), Some(&[21][..]), "{alert:?}");
}
