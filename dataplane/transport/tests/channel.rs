//! A typed channel over a WebSocket: what comes through, what is reported, what ends it.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use common::{serve, within};
use plenum_transport::channel::{self, Channel, Dial, Received, Sender, Settings, close};
use plenum_transport::dial::DialError;
use plenum_transport::tls::{Identity, Trust, client_config};
use plenum_wire::{BadMessage, control};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

const LIMIT: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Word {
    Say { text: String },
    Done,
}

fn say(text: impl Into<String>) -> Word {
    Word::Say { text: text.into() }
}

/// A server that hands over each WebSocket as it is.
struct Host {
    address: SocketAddr,
    identity: Identity,
    websockets: mpsc::Receiver<WebSocket>,
}

impl Host {
    fn start() -> Self {
        let identity = Identity::self_signed(&["host".to_owned()]).unwrap();
        let (sender, websockets) = mpsc::channel(8);
        let accept = async move |upgrade: WebSocketUpgrade| {
            channel::bounded(upgrade, LIMIT)
                .protocols([control::SUBPROTOCOL])
                .on_upgrade(async move |websocket| sender.send(websocket).await.unwrap())
        };
        let app = axum::Router::new().route(control::CONTROL_PATH, get(accept));
        let (address, ..) = serve(&identity, None, app);
        Self {
            address,
            identity,
            websockets,
        }
    }

    fn dial(&self) -> Dial {
        let trust = Trust::Pinned(self.identity.fingerprint());
        Dial {
            addr: self.address,
            server_name: "host".to_owned(),
            path: control::CONTROL_PATH.to_owned(),
            subprotocol: control::SUBPROTOCOL.to_owned(),
            tls: client_config(&trust, None, &[b"http/1.1"]).unwrap(),
        }
    }

    /// Both ends of a new connection, the server's still raw.
    async fn connect(&mut self, settings: Settings) -> (Channel<Word, Word>, WebSocket) {
        let client = Channel::dial_with(self.dial(), settings).await.unwrap();
        (client, self.websockets.recv().await.unwrap())
    }
}

fn settings(silence: Duration) -> Settings {
    Settings {
        limit: LIMIT,
        ping: silence / 5,
        silence,
    }
}

#[tokio::test]
async fn messages_arrive_both_ways_in_order() {
    within(async {
        let mut host = Host::start();
        let (client, websocket) = host.connect(Settings::default()).await;
        let (to_server, mut from_server) = client.split();
        let (to_client, mut from_client) = Channel::<Word, Word>::accept(websocket, LIMIT).split();
        for number in 0..100 {
            assert!(to_server.send(&say(format!("{number}"))));
        }
        for number in 0..100 {
            assert_eq!(
                from_client.next().await,
                Received::Message(say(format!("{number}")))
            );
        }
        assert!(to_client.send(&Word::Done));
        assert_eq!(from_server.next().await, Received::Message(Word::Done));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_message_is_reported_and_the_channel_goes_on() {
    within(async {
        let mut host = Host::start();
        let (client, mut websocket) = host.connect(Settings::default()).await;
        let (_to_server, mut from_server) = client.split();
        for text in [
            r#"{"type":"sing"}"#,
            r#"{"type":"say","text":5}"#,
            "not even JSON",
            r#"{"type":"say","text":"still here"}"#,
        ] {
            websocket.send(Message::text(text)).await.unwrap();
        }
        let unknown = BadMessage::UnknownType("sing".to_owned());
        assert_eq!(from_server.next().await, Received::Bad(unknown));
        assert!(matches!(
            from_server.next().await,
            Received::Bad(BadMessage::Fields { message, .. }) if message == "say"
        ));
        assert_eq!(from_server.next().await, Received::Bad(BadMessage::NoType));
        assert_eq!(
            from_server.next().await,
            Received::Message(say("still here"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_channel() {
    within(async {
        let mut host = Host::start();
        let (client, websocket) = host.connect(Settings::default()).await;
        let (to_server, mut from_server) = client.split();
        let (_to_client, mut from_client) = Channel::<Word, Word>::accept(websocket, LIMIT).split();
        assert!(to_server.send(&say("x".repeat(LIMIT))));
        let end = from_client.next().await;
        assert!(
            matches!(
                &end,
                Received::Closed {
                    code: Some(close::TOO_LONG),
                    ..
                }
            ),
            "{end:?}"
        );
        assert_eq!(from_client.next().await, end, "the end stays the end");
        assert!(matches!(from_server.next().await, Received::Closed { .. }));
        assert!(!to_server.send(&Word::Done));
    })
    .await;
}

#[tokio::test]
async fn a_binary_message_ends_the_channel() {
    within(async {
        let mut host = Host::start();
        let (client, mut websocket) = host.connect(Settings::default()).await;
        let (_to_server, mut from_server) = client.split();
        websocket
            .send(Message::binary(vec![1, 2, 3]))
            .await
            .unwrap();
        let end = from_server.next().await;
        assert!(
            matches!(
                &end,
                Received::Closed {
                    code: Some(close::UNSUPPORTED),
                    ..
                }
            ),
            "{end:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_silent_peer_is_noticed() {
    within(async {
        let mut host = Host::start();
        // The other side keeps its connection and does not even answer pings.
        let (client, _websocket) = host.connect(settings(Duration::from_millis(200))).await;
        let (to_server, mut from_server) = client.split();
        let end = from_server.next().await;
        let Received::Closed { code: None, reason } = end else {
            panic!("{end:?}");
        };
        assert!(reason.contains("200 ms"), "{reason}");
        assert!(!to_server.send(&Word::Done));
    })
    .await;
}

#[tokio::test]
async fn an_idle_peer_that_answers_pings_is_kept() {
    within(async {
        let mut host = Host::start();
        // A machine that does nothing for so long does not pass for a peer that has gone.
        let silence = Duration::from_secs(5);
        let (client, websocket) = host.connect(settings(silence)).await;
        let (_to_server, mut from_server) = client.split();
        // Pings less often than the client's patience: only its answers keep the channel.
        let quiet = Settings {
            ping: Duration::from_mins(1),
            ..settings(Duration::from_mins(1))
        };
        let (to_client, _from_client) =
            Channel::<Word, Word>::accept_with(websocket, quiet).split();
        let patience = tokio::time::timeout(silence * 3 / 2, from_server.next()).await;
        assert!(patience.is_err(), "{patience:?}");
        assert!(to_client.send(&Word::Done));
        assert_eq!(from_server.next().await, Received::Message(Word::Done));
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_can_only_answer_pings_is_kept_however_much_we_say() {
    within(async {
        let mut host = Host::start();
        let silence = Duration::from_secs(5);
        let (client, mut websocket) = host.connect(settings(silence)).await;
        let (to_server, mut from_server) = client.split();
        // As a browser does.
        tokio::spawn(async move { while websocket.recv().await.is_some() {} });
        let talking = async {
            while to_server.send(&Word::Done) {
                tokio::time::sleep(silence / 50).await;
            }
        };
        let talked = async { tokio::join!(talking, from_server.next()) };
        let end = tokio::time::timeout(silence * 3 / 2, talked).await;
        assert!(end.is_err(), "{end:?}");
    })
    .await;
}

#[tokio::test]
async fn who_talk_to_each_other_send_no_pings() {
    within(async {
        let mut host = Host::start();
        let quiet = settings(Duration::from_secs(5));
        let (client, mut websocket) = host.connect(quiet).await;
        let (to_server, mut from_server) = client.split();
        let until = tokio::time::Instant::now() + quiet.ping * 4;
        let (mut texts, mut pings) = (0, 0);
        while tokio::time::Instant::now() < until {
            to_server.send(&Word::Done);
            match websocket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    texts += 1;
                    websocket.send(Message::Text(text)).await.unwrap();
                    assert_eq!(from_server.next().await, Received::Message(Word::Done));
                }
                Some(Ok(Message::Ping(_))) => pings += 1,
                other => panic!("{other:?}"),
            }
            tokio::time::sleep(quiet.ping / 20).await;
        }
        assert!(texts > 0);
        assert_eq!(pings, 0);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed() {
    within(async {
        let mut host = Host::start();
        let (client, _websocket) = host.connect(settings(Duration::from_mins(1))).await;
        let (to_server, mut from_server) = client.split();
        let long = say("x".repeat(LIMIT / 2));
        while to_server.send(&long) {
            tokio::task::yield_now().await;
        }
        let end = from_server.next().await;
        assert!(
            matches!(
                &end,
                Received::Closed {
                    code: Some(close::TOO_SLOW),
                    ..
                }
            ),
            "{end:?}"
        );
        assert!(!to_server.send(&Word::Done));
    })
    .await;
}

#[tokio::test]
async fn a_close_comes_after_what_was_said_before_it() {
    within(async {
        let mut host = Host::start();
        let (client, websocket) = host.connect(Settings::default()).await;
        let (to_server, mut from_server) = client.split();
        let (to_client, mut from_client) = Channel::<Word, Word>::accept(websocket, LIMIT).split();
        assert!(to_client.send(&say("the reason")));
        to_client.close(4_001, "because");
        assert!(!to_client.send(&Word::Done));
        assert_eq!(
            from_server.next().await,
            Received::Message(say("the reason"))
        );
        let end = Received::Closed {
            code: Some(4_001),
            reason: "because".to_owned(),
        };
        assert_eq!(from_server.next().await, end);
        assert_eq!(from_client.next().await, end);
        assert!(!to_server.send(&Word::Done));
    })
    .await;
}

#[tokio::test]
async fn dropping_the_receiver_closes_the_channel() {
    within(async {
        let mut host = Host::start();
        let (client, websocket) = host.connect(Settings::default()).await;
        let (_to_client, mut from_client) = Channel::<Word, Word>::accept(websocket, LIMIT).split();
        drop(client);
        let end = from_client.next().await;
        assert!(
            matches!(
                &end,
                Received::Closed {
                    code: Some(close::NORMAL),
                    ..
                }
            ),
            "{end:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_server_that_says_no_is_told_apart() {
    within(async {
        let host = Host::start();
        let mut dial = host.dial();
        dial.path = "/elsewhere".to_owned();
        let refused = Channel::<Word, Word>::dial(dial).await;
        assert!(
            matches!(refused, Err(DialError::Refused { status: 404 })),
            "{refused:?}"
        );
        let mut dial = host.dial();
        dial.server_name = "no name".to_owned();
        let refused = Channel::<Word, Word>::dial(dial).await;
        assert!(matches!(refused, Err(DialError::Request(_))), "{refused:?}");
    })
    .await;
}

#[test]
fn halves_can_be_sent_between_threads() {
    fn sendable<T: Send + Sync>() {}
    sendable::<Sender<Word>>();
    sendable::<plenum_transport::channel::Receiver<Word>>();
}
