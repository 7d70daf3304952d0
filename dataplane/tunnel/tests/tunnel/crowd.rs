//! Limits, shares, thousands of connections, the end.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plenum_transport::rate::Rate;
use plenum_tunnel::{Admission, Limits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::client::TlsStream;

use crate::proof::Signer;
use crate::site::{Echo, LOOPBACK, Site, ZONE, echoes, wide, within};

fn bearer(token: &str) -> String {
    format!("Proxy-Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn when_all_places_are_taken_it_says_when_to_come_again() {
    let echo = Echo::start().await;
    let limits = Limits {
        connections: 2,
        ..wide()
    };
    let site = Site::start(Admission::Open, limits);
    site.allow(&[echo.address]);
    let first = site.connect(echo.address, "").await.tunnel();
    let _second = site.connect(echo.address, "").await.tunnel();
    let refused = site.connect(echo.address, "").await;
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    refused.assert_problem(503, "full").await;
    drop(first);
    site.until("plenum_tunnel_open 1").await;
    let mut third = site.connect(echo.address, "").await.tunnel();
    echoes(&mut third, "there is room again").await;
}

#[tokio::test]
async fn one_person_leaves_room_for_others_at_the_same_address() {
    let (directory, echo) = (Signer::new(), Echo::start().await);
    let limits = Limits {
        per_person: 2,
        per_address: 1,
        ..wide()
    };
    let site = Site::start(directory.admission(), limits);
    site.allow(&[echo.address]);
    // Two tokens, one person.
    let ada = || bearer(&directory.token("ada", &[ZONE], 600));
    let _first = site.connect(echo.address, &ada()).await.tunnel();
    let _second = site.connect(echo.address, &ada()).await.tunnel();
    let refused = site.connect(echo.address, &ada()).await;
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    refused.assert_problem(429, "too_many_connections").await;
    let bob = bearer(&directory.token("bob", &[ZONE], 600));
    let mut other = site.connect(echo.address, &bob).await.tunnel();
    echoes(&mut other, "bob").await;
}

#[tokio::test]
async fn guests_of_one_network_have_no_more_by_another_name_each_time() {
    let (directory, echo) = (Signer::new(), Echo::start().await);
    let limits = Limits {
        per_network: 3,
        ..wide()
    };
    let site = Site::start(directory.admission(), limits);
    site.allow(&[echo.address]);
    let guest = |number: u32| bearer(&directory.token(&format!("guest-{number}"), &[ZONE], 600));
    let mut tunnels = Vec::new();
    for number in 0..3 {
        tunnels.push(site.connect(echo.address, &guest(number)).await.tunnel());
    }
    let refused = site.connect(echo.address, &guest(3)).await;
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    refused.assert_problem(429, "too_many_connections").await;
}

#[tokio::test]
async fn one_address_without_proof_has_fewer() {
    let echo = Echo::start().await;
    let limits = Limits {
        per_address: 1,
        ..wide()
    };
    let site = Site::start(Admission::Open, limits);
    site.allow(&[echo.address]);
    let _first = site.connect(echo.address, "").await.tunnel();
    let refused = site.connect(echo.address, "").await;
    refused.assert_problem(429, "too_many_connections").await;
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let slow = Rate {
        burst: 3,
        per_second: 1,
    };
    let limits = Limits {
        strangers: slow,
        ..wide()
    };
    let site = Site::start(Admission::Open, limits);
    // All at once, so that it does not matter how long each takes.
    let pings = "GET /v1/ping HTTP/1.1\r\nHost: tunnel\r\n\r\n".repeat(20);
    let first = site.send(&pings).await;
    assert_eq!(first.status, 204, "{}", first.head);
    let rest = first.rest().await.to_lowercase();
    assert!(rest.contains("http/1.1 429"), "{rest}");
    assert!(rest.contains("retry-after: 1"), "{rest}");
    assert!(rest.contains("too_many_requests"), "{rest}");
}

/// A target that reads and counts.
async fn sink() -> (std::net::SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut room = vec![0; 65_536];
                while let Ok(bytes @ 1..) = stream.read(&mut room).await {
                    count.fetch_add(bytes as u64, Ordering::Relaxed);
                }
            });
        }
    });
    (address, heard)
}

/// One connection against eight, both as fast as they can. As a ratio: how fast the machine is
/// does not matter, as long as it passes on more than the tunnel may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_get_the_same_however_many_connections_they_have() {
    const ENOUGH: u64 = 2_000_000;
    let directory = Signer::new();
    let ((to_one, one), (to_many, many)) = (sink().await, sink().await);
    let limits = Limits {
        rate: NonZeroU64::new(500_000).unwrap(),
        ..wide()
    };
    let site = Site::start(directory.admission(), limits);
    site.allow(&[to_one, to_many]);
    let ada = bearer(&directory.token("ada", &[ZONE], 600));
    let bob = bearer(&directory.token("bob", &[ZONE], 600));
    let mut tunnels = vec![site.connect(to_one, &ada).await.tunnel()];
    for _ in 0..8 {
        tunnels.push(site.connect(to_many, &bob).await.tunnel());
    }
    let mut floods = JoinSet::new();
    for mut tunnel in tunnels {
        floods.spawn(async move {
            let flood = vec![0; 16_384];
            while tunnel.write_all(&flood).await.is_ok() {}
        });
    }
    let heard = || (one.load(Ordering::Relaxed), many.load(Ordering::Relaxed));
    within(async {
        while heard().0 + heard().1 < ENOUGH {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (one, many) = heard();
    // Without shares it would be one to eight.
    assert!(
        one * 2 > many && many * 2 > one,
        "{one} bytes against {many}"
    );
    floods.shutdown().await;
}

/// Connections beside each other: as many as the process may have files for, where each takes four
/// of them, as its client and its target are in the same process.
fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, all).unwrap();
    let files = limit.maximum.unwrap_or(u64::MAX);
    let room = usize::try_from(files / 5).unwrap().min(2_000);
    assert!(room >= 1_000, "{files} files are too few: `ulimit -Hn`");
    room
}

/// A word to and fro every 100 ms, for ever; they are counted.
async fn talk(mut tunnel: TlsStream<TcpStream>, said: Arc<AtomicU64>) {
    let mut pace = interval(Duration::from_millis(100));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        echoes(&mut tunnel, "and another thing").await;
        said.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_hold_nobody_up() {
    const TALKERS: usize = 20;
    let crowd = room();
    let echo = Echo::start().await;
    let limits = Limits {
        // However long it takes until all are there.
        idle: Duration::from_hours(1),
        ..wide()
    };
    let site = Site::start(Admission::Open, limits);
    site.allow(&[echo.address]);
    let mut talking = JoinSet::new();
    let mut said = Vec::new();
    for _ in 0..TALKERS {
        let count = Arc::new(AtomicU64::new(0));
        said.push(Arc::clone(&count));
        talking.spawn(talk(site.connect(echo.address, "").await.tunnel(), count));
    }
    let mut idle = Vec::new();
    for _ in TALKERS..crowd {
        idle.push(site.connect(echo.address, "").await.tunnel());
    }
    site.until(&format!("plenum_tunnel_open {crowd}")).await;
    let mut tunnel = site.connect(echo.address, "").await.tunnel();
    echoes(&mut tunnel, "beside them").await;
    let counts = || said.iter().map(|count| count.load(Ordering::Relaxed));
    let before: Vec<u64> = counts().collect();
    within(async {
        while counts().zip(&before).any(|(now, before)| now < before + 10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(talking.try_join_next().is_none(), "somebody was cut off");
    talking.shutdown().await;
    // They are idle, not dead.
    for tunnel in idle.iter_mut().step_by(100) {
        echoes(tunnel, "awake").await;
    }
    drop((idle, tunnel));
    site.until("plenum_tunnel_open 0").await;
}

#[tokio::test]
async fn at_the_end_it_takes_nobody_and_carries_those_that_it_has_until_the_deadline() {
    let echo = Echo::start().await;
    let site = Site::leading_to(&[echo.address]);
    let mut tunnel = site.connect(echo.address, "").await.tunnel();
    site.closing.cancel();
    within(async {
        while TcpStream::connect(site.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    echoes(&mut tunnel, "still carried").await;
    let finishing = tokio::spawn(site.tunnel.finish(Duration::from_millis(100)));
    let mut heard = Vec::new();
    let _ = within(tunnel.read_to_end(&mut heard)).await;
    within(finishing).await.unwrap();
}

#[tokio::test]
async fn when_the_last_connection_has_ended_the_deadline_is_not_waited_for() {
    let echo = Echo::start().await;
    let site = Site::leading_to(&[echo.address]);
    let mut tunnel = site.connect(echo.address, "").await.tunnel();
    echoes(&mut tunnel, "one").await;
    site.closing.cancel();
    let finishing = tokio::spawn(site.tunnel.finish(Duration::from_secs(100_000)));
    drop(tunnel);
    within(finishing).await.unwrap();
}
