//! Stops, restarts, and ports that are taken.

use std::net::UdpSocket;

use plenum_client::exit;
use plenum_wire::control::FromRouter;
use plenum_wire::ticket::Claims;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use crate::ports;
use crate::site::{Ended, Site, plenum, sample, signal, within};
use crate::tickets::{claims, hello, key_of, say};
use crate::web;

/// A participant whose log is read while it runs.
struct Guest {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Guest {
    async fn join(site: &Site) -> Self {
        let mut join = site.join("4711");
        join.arg("--loop").arg("--audio").arg(sample("alice.ogg"));
        let mut process = join.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        site.until("plenum_participants", |there| there == 1).await;
        site.until(r#"plenum_packets_in_total{kind="audio"}"#, |packets| {
            packets > 0
        })
        .await;
        Self { process, log }
    }

    /// Returns when the log has a line that contains all of `parts`.
    async fn says(&mut self, parts: &[&str]) {
        let reading = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if parts.iter().all(|part| line.contains(part)) {
                    return;
                }
            }
            panic!("the participant ended without saying {parts:?}");
        };
        within(reading).await;
    }
}

#[tokio::test]
async fn a_stopped_site_ends_well_and_its_participants_are_told() {
    let mut site = Site::start(&[]).await;
    let mut guest = Guest::join(&site).await;
    assert_eq!(site.stop().await, Some(0), "{}", site.log());
    assert!(!site.log().contains("panicked"), "{}", site.log());
    guest
        .says(&["the router was lost", "the router stops"])
        .await;
    signal(&guest.process, "INT").await;
    let ended = Ended::of(guest.process).await;
    let parts = ["the meeting was lost", "the router stops"];
    ended.assert_failed(exit::UNREACHABLE, &parts);
}

#[tokio::test]
async fn participants_come_back_to_a_site_that_is_started_again() {
    let mut site = Site::start(&[]).await;
    let mut guest = Guest::join(&site).await;
    assert_eq!(site.stop().await, Some(0));
    site.start_again().await;
    guest.says(&["back"]).await;
    site.until(r#"plenum_packets_in_total{kind="audio"}"#, |packets| {
        packets > 0
    })
    .await;
    signal(&guest.process, "INT").await;
    let ended = Ended::of(guest.process).await;
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[tokio::test]
async fn who_is_replaced_by_a_later_self_did_not_end_well() {
    let site = Site::start(&[]).await;
    let guest = Guest::join(&site).await;
    let offer = web::offer(&site, "4711").await;
    let (welcome, _) = say(&offer, &hello(&offer.ticket)).await;
    let FromRouter::Welcome { participants, .. } = welcome else {
        panic!("{welcome:?}")
    };
    let later = Claims {
        participant: participants[0].participant.clone(),
        ..claims(&web::offer(&site, "4711").await)
    };
    let (welcome, _) = say(&offer, &hello(&key_of(&site).sign(&later))).await;
    assert!(matches!(welcome, FromRouter::Welcome { .. }), "{welcome:?}");
    let ended = Ended::of(guest.process).await;
    ended.assert_failed(exit::OTHER, &["joined again elsewhere"]);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let site = Site::start(&[]).await;
    let base = ports::three();
    let media = UdpSocket::bind(("127.0.0.1", base + 1)).unwrap();
    let taken = [(site.https().port(), site.https().port()), (base, base + 1)];
    for (base, port) in taken {
        let mut second = plenum();
        second.args([
            "serve",
            "--listen",
            "127.0.0.1",
            "--port-base",
            &base.to_string(),
        ]);
        second.arg("--data-dir").arg(site.file("second"));
        let ended = Ended::of(second.spawn().unwrap()).await;
        assert_eq!(ended.status, i32::from(exit::OTHER), "{ended:?}");
        let sentence = format!("cannot listen on port {port}; choose others with --port-base N");
        assert!(ended.stderr.contains(&sentence), "{ended:?}");
        assert!(ended.stderr.contains("in use"), "{ended:?}");
    }
    drop(media);
    let good = Ended::of(site.join("4711").args(["--for", "0"]).spawn().unwrap()).await;
    assert_eq!(good.status, 0, "the first one goes on: {good:?}");
}
