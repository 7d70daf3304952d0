//! One address that opens connections without end is slowed down, and nobody else is.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::net::SocketAddr;
use std::time::Instant;

use common::{Router, connect_tls, pinned, within};
use plenum_wire::Rung;
use rustls_pki_types::ServerName;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

/// More than may be opened at once.
const MANY: u32 = 30_000;
/// What may be opened a second in the long run, at most.
const GIVEN_BACK: f64 = 800.0;

/// Opens and drops connections, without a trace in the kernel's table of old ones.
fn flood(address: SocketAddr, count: u32) {
    for _ in 0..count {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.connect(&address.into()).unwrap();
        let reset = Some(std::time::Duration::ZERO);
        SockRef::from(&socket).set_linger(reset).unwrap();
    }
}

/// A connection from another address of the loopback network.
async fn neighbour(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn one_address_opens_so_many_connections_and_others_still_get_in() {
    for rung in [Rung::Tcp, Rung::Tls] {
        within(async {
            let router = Router::start().await;
            let (address, alpn) = router.tcp_of(rung);
            let trust = router.trust();
            let (begun, mut opened) = (Instant::now(), 0);
            while connect_tls(address, "router", &trust, None, alpn)
                .await
                .is_ok()
            {
                // Far more than the rate gives back meanwhile.
                if opened >= MANY {
                    let a_second = f64::from(opened) / begun.elapsed().as_secs_f64();
                    assert!(a_second < GIVEN_BACK * 2.0, "{rung}: there is no limit");
                    eprintln!("{rung}: {a_second:.0} a second: this machine reaches no limit");
                    return;
                }
                tokio::task::spawn_blocking(move || flood(address, 1_000))
                    .await
                    .unwrap();
                opened += 1_000;
            }
            assert!(opened >= 6_000, "{rung}: {opened} are not generous");
            let refused = match rung {
                Rung::Tls => router.https_counters.refused(),
                rung => router.server.counters().of(rung).refused,
            };
            assert!(refused > 0, "{rung}: and that is counted");
            let name = ServerName::try_from("router").unwrap();
            let connector = TlsConnector::from(pinned(&router, alpn));
            let other = connector.connect(name, neighbour(address).await).await;
            assert!(other.is_ok(), "{rung}: another address");
        })
        .await;
    }
}
