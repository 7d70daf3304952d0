//! Publishing tracks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_wire::control::ErrorCode;
use plenum_wire::{Codec, Kind, Rung};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Session;
use crate::event::Event;
use crate::leg::Leg;
use crate::moving::LegId;
use crate::repair::Kept;
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
    /// What was sent lately.
    pub kept: Kept,
    /// What the route was made of.
    pub key: Vec<(LegId, Rung, u32)>,
}

impl Session {
    /// Publishes a track and waits until the router has acknowledged it, so that the first
    /// packet sent is the first one forwarded. It stays published through moves and
    /// reconnections, with the same source unless a router says that somebody else has it.
    /// Events meanwhile are kept for `next_event`.
    pub async fn publish(&mut self, kind: Kind, codec: Codec) -> Result<TrackSender, PublishError> {
        if self.publishing.contains_key(&kind) {
            return Err(PublishError::Twice(kind));
        }
        let ssrc = rand::random();
        let outlets = Arc::from([]);
        let (route, receiver) = watch::channel(Route { ssrc, outlets });
        let kept = Kept::new(kind);
        let publishing = Publishing {
            ssrc,
            codec,
            route,
            kept: kept.clone(),
            key: Vec::new(),
        };
        self.publishing.insert(kind, publishing);
        self.announce(kind);
        let Ok(done) = timeout(PUBLISH_WITHIN, self.acknowledged(kind)).await else {
            self.unpublish(kind);
            return Err(PublishError::NoAnswer(kind));
        };
        done?;
        Ok(TrackSender {
            kind,
            route: receiver,
            kept,
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

    async fn acknowledged(&mut self, kind: Kind) -> Result<(), PublishError> {
        loop {
            if self.ended.is_some() {
                return Err(PublishError::Ended);
            }
            // The route is there once the track is acknowledged and its connection bound.
            self.refresh_routes();
            let Some(publishing) = self.publishing.get(&kind) else {
                return Err(PublishError::Ended);
            };
            if !publishing.key.is_empty() {
                return Ok(());
            }
            self.step().await;
        }
    }

    fn announce(&mut self, kind: Kind) {
        let Some(publishing) = self.publishing.get(&kind) else {
            return;
        };
        let now = Instant::now();
        for leg in self.legs.values_mut() {
            leg.want(kind, now);
            leg.publish(kind, publishing.ssrc, &publishing.codec);
        }
        self.stale = true;
    }

    /// The next router of a move, or the one after a loss, may have somebody with our source.
    /// It changes on both routers of a move, so that the others see one track.
    fn choose_another_source(&mut self, kind: Kind) {
        if let Some(publishing) = self.publishing.get_mut(&kind) {
            publishing.ssrc = rand::random();
            self.announce(kind);
        }
    }

    pub(super) fn handle_objection(&mut self, id: LegId, code: ErrorCode, message: String) {
        tracing::debug!(?code, message, leg = id.0, "the router objected");
        let leg = self.legs.get_mut(&id);
        if code == ErrorCode::SsrcTaken
            && let Some(kind) = leg.and_then(Leg::handle_ssrc_taken)
        {
            self.choose_another_source(kind);
        }
        self.events.push_back(Event::Objection { code, message });
    }
}
