//! Somebody who says what they want on a control channel, with a ticket of their own making.

use plenum_transport::channel::{Received, Sender};
use plenum_transport::dial::Dialer;
use plenum_wire::Kind;
use plenum_wire::control::{FromClient, FromRouter, Interest};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::people::{PATIENCE, opus};
use crate::site::Site;

pub struct Stranger {
    sender: Sender<FromClient>,
    heard: mpsc::UnboundedReceiver<FromRouter>,
}

impl Stranger {
    /// Returns when the router has let them in.
    pub async fn enter(site: &Site, router: &str, meeting: &str) -> Self {
        let (endpoint, ticket) = site.ticket(router, meeting, "stranger");
        let dialer = Dialer::new().unwrap();
        let channel = dialer.control(&endpoint).await.unwrap();
        let (sender, mut receiver) = channel.split();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Received::Message(message) = receiver.next().await {
                // Who no longer listens does not want to know.
                let _ = tell.send(message);
            }
        });
        sender.send(&FromClient::Hello {
            ticket,
            name: None,
            subscribe: Interest::All,
            moved_from: None,
        });
        let mut stranger = Self { sender, heard };
        stranger
            .hears(|said| matches!(said, FromRouter::Welcome { .. }))
            .await;
        stranger
    }

    /// Returns when the router has taken the track.
    pub async fn publish(&mut self, ssrc: u32) {
        self.sender.send(&FromClient::Publish {
            kind: Kind::Audio,
            ssrc,
            codec: opus(),
            layers: Vec::new(),
        });
        self.hears(|said| matches!(said, FromRouter::Published { .. }))
            .await;
    }

    /// Returns when somebody else's track with this source is there.
    pub async fn sees_track(&mut self, ssrc: u32) {
        self.hears(|said| matches!(said, FromRouter::TrackAdded { track } if track.ssrc == ssrc))
            .await;
    }

    async fn hears(&mut self, wanted: impl Fn(&FromRouter) -> bool) {
        let hearing =
            async { while !wanted(&self.heard.recv().await.expect("the channel is open")) {} };
        timeout(PATIENCE, hearing).await.expect("takes too long");
    }
}
