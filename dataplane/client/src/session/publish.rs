//! Publishing tracks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_wire::control::{ErrorCode, FromClient};
use plenum_wire::{Codec, Kind, Rung};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Session;
use crate::event::Event;
use crate::moving::LegId;
use crate::track::{Route, TrackSender};

/// How long the router may take to acknowledge a track.
const PUBLISH_WITHIN: Duration = Duration::from_secs(10);

/// Why a track could not be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// A participant has one track of each kind.
    #[error("a participant has one {0} track: unpublish the other first")]
    Twice(Kind),
    /// The router said nothing in time.
    #[error("the router did not acknowledge the {0} track within 10 s: try again")]
    NoAnswer(Kind),
    /// The session is over.
    #[error("the session has ended: join again")]
    Ended,
}

pub(super) struct Publishing {
    pub ssrc: u32,
    pub codec: Codec,
    pub route: watch::Sender<Route>,
    /// What the route was made of.
    pub key: Vec<(LegId, Rung, u32)>,
    /// Another track of the meeting has the SSRC.
    pub taken: bool,
}

impl Publishing {
    pub fn message(&self, kind: Kind) -> FromClient {
        FromClient::Publish {
            kind,
            ssrc: self.ssrc,
            codec: self.codec.clone(),
        }
    }
}

impl Session {
    /// Publishes a track and waits until the router has acknowledged it, so that the first
    /// packet sent is the first one forwarded. It stays published, with the same source,
    /// through moves and reconnections. Events meanwhile are kept for `next_event`.
    pub async fn publish(&mut self, kind: Kind, codec: Codec) -> Result<TrackSender, PublishError> {
        if self.publishing.contains_key(&kind) {
            return Err(PublishError::Twice(kind));
        }
        let (route, receiver) = watch::channel(Arc::from([]));
        let publishing = Publishing {
            ssrc: rand::random(),
            codec,
            route,
            key: Vec::new(),
            taken: false,
        };
        self.publishing.insert(kind, publishing);
        self.announce(kind);
        let Ok(done) = timeout(PUBLISH_WITHIN, self.acknowledged(kind)).await else {
            self.unpublish(kind);
            return Err(PublishError::NoAnswer(kind));
        };
        let ssrc = done?;
        Ok(TrackSender {
            kind,
            ssrc,
            route: receiver,
        })
    }

    /// Ends a track; its sender sends nowhere from now on.
    pub fn unpublish(&mut self, kind: Kind) {
        self.publishing.remove(&kind);
        for leg in self.legs.values_mut() {
            leg.unpublish(kind);
        }
        self.stale = true;
    }

    async fn acknowledged(&mut self, kind: Kind) -> Result<u32, PublishError> {
        loop {
            if self.ended.is_some() {
                return Err(PublishError::Ended);
            }
            // The route is there once the track is acknowledged and its connection bound.
            self.refresh_routes();
            let Some(publishing) = self.publishing.get_mut(&kind) else {
                return Err(PublishError::Ended);
            };
            if !publishing.key.is_empty() {
                return Ok(publishing.ssrc);
            }
            if std::mem::take(&mut publishing.taken) {
                publishing.ssrc = rand::random();
                self.announce(kind);
            }
            self.step().await;
        }
    }

    fn announce(&mut self, kind: Kind) {
        let Some(publishing) = self.publishing.get(&kind) else {
            return;
        };
        let message = publishing.message(kind);
        let now = Instant::now();
        for leg in self.legs.values_mut() {
            leg.want(kind, now);
            leg.publish(&message, kind);
        }
        self.stale = true;
    }

    pub(super) fn handle_objection(&mut self, id: LegId, code: ErrorCode, message: String) {
        tracing::debug!(?code, message, leg = id.0, "the router objected");
        if code == ErrorCode::SsrcTaken {
            // Only a track without a route can be the one that is meant.
            let unsent = self.publishing.values_mut().filter(|p| p.key.is_empty());
            unsent.for_each(|publishing| publishing.taken = true);
        }
        self.events.push_back(Event::Objection { code, message });
    }
}
