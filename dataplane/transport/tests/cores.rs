//! A router on several cores is one router.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use common::{Router, flow, loopback, quic, until, within};
use plenum_transport::media::ConnectionId;
use plenum_wire::frame::{ROQ_ALPN, decode_datagram, encode_datagram};
use quinn::{Connection, Endpoint};
use tokio::time::timeout;

/// The kernel spreads them by their ports: that all get the same core is as likely as a coin
/// that falls on one side so many times.
const PEOPLE: usize = 24;
/// On a machine that gives a core no turn for long its packets grow too old; then they are sent
/// once more.
const AGAIN: Duration = Duration::from_secs(1);
/// More than any packet may wait between cores.
const TOO_LONG: Duration = Duration::from_millis(500);
/// More than a camera's packet may.
const LONG: Duration = Duration::from_millis(200);

struct Person {
    id: ConnectionId,
    connection: Connection,
    endpoint: Endpoint,
}

impl Person {
    /// Comes in from a port of their own; `name` is what they say first.
    async fn join(router: &mut Router, name: &Bytes) -> Self {
        let (endpoint, config) = quic(router, ROQ_ALPN);
        let at = router.server.udp_address();
        let connecting = endpoint.connect_with(config, at, "router").unwrap();
        let connection = connecting.await.unwrap();
        tokio::spawn(stay(connection.clone()));
        let id = say(&connection, router, name).await;
        Self {
            id,
            connection,
            endpoint,
        }
    }

    /// On the core that does not decide.
    async fn join_second(router: &mut Router) -> Self {
        let name = Bytes::from_static(b"on the second core");
        loop {
            let person = Self::join(router, &name).await;
            if person.core() == 1 {
                return person;
            }
        }
    }

    /// Its number has it in the highest bits.
    fn core(&self) -> u64 {
        self.id.0 >> 56
    }

    /// Returns when what was sent has come.
    async fn hears(&self, router: &Router, word: &Bytes) {
        while timeout(AGAIN, self.hear(word)).await.is_err() {
            router.server.send(self.id, flow(), word);
        }
    }

    async fn hear(&self, word: &Bytes) {
        loop {
            let datagram = self.connection.read_datagram().await.unwrap();
            let (by, packet) = decode_datagram(&datagram).unwrap();
            assert_eq!(by, flow());
            if packet == word {
                return;
            }
        }
    }
}

/// Says so every second, as clients do: who is silent for eight is given up.
async fn stay(connection: Connection) {
    let here = encode_datagram(flow(), &Bytes::from_static(b"still here"));
    let mut every = tokio::time::interval(Duration::from_secs(1));
    while connection.send_datagram(here.clone()).is_ok() {
        every.tick().await;
    }
}

/// As which connection the router hears it.
async fn say(connection: &Connection, router: &mut Router, word: &Bytes) -> ConnectionId {
    loop {
        let datagram = encode_datagram(flow(), word);
        connection.send_datagram(datagram).unwrap();
        let heard = async {
            loop {
                let (id, _, packet) = router.packet().await;
                if packet == word {
                    return id;
                }
            }
        };
        if let Ok(id) = timeout(AGAIN, heard).await {
            return id;
        }
    }
}

#[tokio::test]
async fn one_meeting_spans_both_cores() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let name = Bytes::from(format!("person {number}"));
            people.push(Person::join(&mut router, &name).await);
        }
        let cores: BTreeSet<u64> = people.iter().map(Person::core).collect();
        assert_eq!(cores.len(), 2, "both cores have people");
        for speaker in &people {
            let word = Bytes::copy_from_slice(&speaker.id.0.to_be_bytes());
            for listener in &people {
                router.server.send(listener.id, flow(), &word);
            }
            for listener in &people {
                listener.hears(&router, &word).await;
            }
        }
        router.server.stop().await;
        for person in &people {
            person.connection.closed().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_changes_their_address_stays_on_their_core() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let person = Person::join(&mut router, &Bytes::from_static(b"here")).await;
        // Of so many ports some lead to the other core's socket.
        for number in 0..PEOPLE {
            let socket = std::net::UdpSocket::bind(loopback()).unwrap();
            person.endpoint.rebind(socket).unwrap();
            let word = Bytes::from(format!("here, the {number}th time"));
            let id = say(&person.connection, &mut router, &word).await;
            assert_eq!(id, person.id);
            let word = Bytes::from(format!("and back, the {number}th time"));
            router.server.send(id, flow(), &word);
            person.hears(&router, &word).await;
        }
        assert_eq!(router.server.counters().udp.opened, 1);
    })
    .await;
}

#[tokio::test]
async fn what_one_core_comes_for_too_late_is_dropped_and_counted() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let person = Person::join_second(&mut router).await;
        let counters = |router: &Router| router.server.counters().udp;
        let resume = router.server.pause();
        let before = counters(&router);
        let late = encode_datagram(flow(), &Bytes::from_static(b"late"));
        person.connection.send_datagram(late).unwrap();
        until(|| counters(&router).packets_in > before.packets_in).await;
        tokio::time::sleep(TOO_LONG).await;
        drop(resume);
        until(|| counters(&router).dropped_between_in > before.dropped_between_in).await;
        let word = Bytes::from_static(b"in time");
        assert_eq!(
            say(&person.connection, &mut router, &word).await,
            person.id,
            "and all goes on"
        );
    })
    .await;
}

#[tokio::test]
async fn what_took_long_to_decide_still_reaches_another_core() {
    within(async {
        let mut router = Router::on_cores(2).await;
        let person = Person::join_second(&mut router).await;
        let word = Bytes::from_static(b"decided slowly");
        let server = &router.server;
        server.send_slowly(person.id, flow(), &word, LONG);
        while timeout(AGAIN, person.hear(&word)).await.is_err() {
            server.send_slowly(person.id, flow(), &word, LONG);
        }
    })
    .await;
}
