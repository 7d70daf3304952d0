//! A participant, and what one sends.

use bytes::Bytes;
use plenum_transport::channel::{self, Received};
use plenum_transport::dial::{Dialer, MediaReceiver, MediaSender};
use plenum_wire::control::{self, ErrorCode, FromClient};
use plenum_wire::join::Endpoint;
use plenum_wire::{Codec, Flows, Kind, Rung, rtp};

use crate::house::House;
use crate::within;

/// A participant.
pub struct Client {
    dialer: Dialer,
    endpoint: Endpoint,
    pub flows: Flows,
    pub sender: channel::Sender<FromClient>,
    receiver: channel::Receiver<control::FromRouter>,
}

impl Client {
    pub async fn hello(house: &House, (ticket, flows): (String, Flows)) -> Self {
        let dialer = Dialer::new().unwrap();
        let control = within(dialer.control(&house.endpoint)).await.unwrap();
        let (sender, receiver) = control.split();
        sender.send(&FromClient::Hello {
            ticket,
            name: None,
            subscribe: control::Interest::All,
            moved_from: None,
        });
        Self {
            dialer,
            endpoint: house.endpoint.clone(),
            flows,
            sender,
            receiver,
        }
    }

    /// Joins; the link's keys may come a moment later than the client.
    pub async fn join(house: &House, participant: &str) -> Self {
        loop {
            let mut client = Self::hello(house, house.ticket(participant)).await;
            match client.next().await {
                Received::Message(control::FromRouter::Welcome { .. }) => return client,
                Received::Message(control::FromRouter::Error {
                    code: ErrorCode::TicketForged,
                    ..
                }) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn next(&mut self) -> Received<control::FromRouter> {
        within(self.receiver.next()).await
    }

    /// Waits for a message, whatever else is said before it.
    pub async fn hear(&mut self, wanted: impl Fn(&control::FromRouter) -> bool) {
        loop {
            match self.next().await {
                Received::Message(message) if wanted(&message) => return,
                Received::Message(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Opens a connection for audio and waits until it is bound.
    pub async fn connect(&mut self, rung: Rung) -> (MediaSender, MediaReceiver) {
        let connection = within(self.dialer.media(Kind::Video, rung, &self.endpoint))
            .await
            .unwrap();
        let (to_router, from_router) = connection.split();
        assert!(to_router.send(self.flows.audio, &rtp::knock(1)));
        let bound = control::FromRouter::MediaBound {
            kind: Kind::Audio,
            rung,
        };
        self.hear(|message| *message == bound).await;
        (to_router, from_router)
    }

    pub async fn publish(&mut self, ssrc: u32) {
        self.sender.send(&FromClient::Publish {
            kind: Kind::Audio,
            ssrc,
            codec: Codec {
                name: "opus".into(),
                clock_rate: 48_000,
                payload_type: 111,
                width: 0,
                height: 0,
                channels: 2,
            },
            layers: Vec::new(),
        });
        let published = control::FromRouter::Published { kind: Kind::Audio };
        self.hear(|message| *message == published).await;
    }
}

pub fn packet(ssrc: u32, sequence: u16) -> Bytes {
    let header = rtp::Header {
        payload_type: 111,
        marker: false,
        sequence,
        timestamp: 0,
        ssrc,
        payload_offset: 0,
    };
    rtp::write(&header, b"sound")
}
