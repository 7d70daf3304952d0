//! Publishing tracks.

use std::time::{Duration, Instant};

use plenum_wire::control::ErrorCode;
use plenum_wire::limits::{LAYER_KBPS, LAYERS};
use plenum_wire::{Codec, Kind};
use tokio::time::timeout;

use super::Session;
use super::publishing::{LayerSize, Publishing};
use crate::event::Event;
use crate::leg::Leg;
use crate::moving::LegId;
use crate::track::TrackSender;
use crate::wanted::Wanted;

/// How long the router may take to acknowledge a track.
const PUBLISH_WITHIN: Duration = Duration::from_secs(10);

/// Why a track could not be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// A participant has one track of each kind.
    #[error("a participant has one {0} track: unpublish the other first")]
    Twice(Kind),
    /// Not what the layers of one picture are.
    #[error("{0}")]
    Layers(String),
    /// The router does not take it, for this reason.
    #[error("the router refused the {0} track: {1}")]
    Refused(Kind, String),
    /// The router said nothing in time.
    #[error("the router did not acknowledge the {0} track within 10 s: try again")]
    NoAnswer(Kind),
    /// The session is over.
    #[error("the session has ended: join again")]
    Ended,
}

impl Session {
    /// Publishes a track and waits until the router has acknowledged it, so that the first
    /// packet sent is the first one forwarded. It stays published through moves and
    /// reconnections, with the same source unless a router says that somebody else has it.
    /// Events meanwhile are kept for `next_event`.
    pub async fn publish(&mut self, kind: Kind, codec: Codec) -> Result<TrackSender, PublishError> {
        self.publish_sizes(kind, codec, &[]).await
    }

    /// Publishes a track in several sizes, the lowest first: each is a stream of packets with
    /// the source [`TrackSender::layer_ssrc`], and one captured frame has the same timestamp
    /// in all (simulcast). Receivers get one of them at a time, as one stream. Layers that
    /// nobody watches, or that the way to the router has no room for, need not be sent: see
    /// [`TrackSender::wants_layer`]. Otherwise as [`Session::publish`].
    pub async fn publish_layers(
        &mut self,
        kind: Kind,
        codec: Codec,
        layers: &[LayerSize],
    ) -> Result<TrackSender, PublishError> {
        check(kind, layers).map_err(PublishError::Layers)?;
        self.publish_sizes(kind, codec, layers).await
    }

    async fn publish_sizes(
        &mut self,
        kind: Kind,
        codec: Codec,
        sizes: &[LayerSize],
    ) -> Result<TrackSender, PublishError> {
        if self.publishing.contains_key(&kind) {
            return Err(PublishError::Twice(kind));
        }
        let (publishing, route) = Publishing::new(kind, codec, sizes);
        let kept = publishing.kept.clone();
        self.publishing.insert(kind, publishing);
        self.uplinks_due = Some(Instant::now());
        self.announce(kind);
        let Ok(done) = timeout(PUBLISH_WITHIN, self.acknowledged(kind)).await else {
            self.unpublish(kind);
            return Err(PublishError::NoAnswer(kind));
        };
        if let Err(error) = done {
            self.unpublish(kind);
            return Err(error);
        }
        Ok(TrackSender { kind, route, kept })
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
            if let Some(reason) = &publishing.refused {
                return Err(PublishError::Refused(kind, reason.clone()));
            }
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
            leg.publish(kind, publishing.ssrc, &publishing.announcement(kind));
        }
        self.stale = true;
    }

    /// The next router of a move, or the one after a loss, may have somebody with our source.
    /// It changes on both routers of a move, so that the others see one track.
    fn choose_another_source(&mut self, kind: Kind) {
        if let Some(publishing) = self.publishing.get_mut(&kind) {
            publishing.choose_sources();
            // Whoever is told of a track anew wants all of it.
            publishing.wanted = Wanted::default();
            self.announce(kind);
        }
    }

    pub(super) fn handle_objection(&mut self, id: LegId, code: ErrorCode, message: String) {
        tracing::debug!(?code, message, leg = id.0, "the router objected");
        let leg = self.legs.get_mut(&id);
        match code {
            ErrorCode::SsrcTaken => {
                if let Some(kind) = leg.and_then(Leg::handle_ssrc_taken) {
                    self.choose_another_source(kind);
                }
            }
            ErrorCode::BadMessage => {
                let kind = leg.and_then(Leg::handle_refused);
                if let Some(publishing) = kind.and_then(|kind| self.publishing.get_mut(&kind)) {
                    publishing.refused = Some(message.clone());
                }
            }
            _ => {}
        }
        self.events.push_back(Event::Objection { code, message });
    }
}

/// What routers ask of layers, so that nobody waits for an answer to learn it.
fn check(kind: Kind, layers: &[LayerSize]) -> Result<(), String> {
    if kind == Kind::Audio {
        return Err("audio has no layers: publish it without".to_owned());
    }
    if !(1..=LAYERS).contains(&layers.len()) {
        let count = layers.len();
        return Err(format!("a track has 1 to {LAYERS} layers, not {count}"));
    }
    let mut before: Option<&LayerSize> = None;
    for (number, layer) in layers.iter().enumerate() {
        let LayerSize {
            width,
            height,
            kbps,
        } = *layer;
        if width == 0 || height == 0 {
            return Err(format!(
                "layer {number} is {width} x {height} pixels: write its size"
            ));
        }
        if !(1..=LAYER_KBPS).contains(&kbps) {
            return Err(format!(
                "layer {number} takes {kbps} kbit/s: write 1 to {LAYER_KBPS}"
            ));
        }
        if before.is_some_and(|before| before.kbps >= kbps || before.height > height) {
            return Err(format!(
                "the lowest layer comes first, each takes more than the one before and none is \
                 less high: layer {number} is {height} pixels high and takes {kbps} kbit/s"
            ));
        }
        before = Some(layer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(height: u16, kbps: u32) -> LayerSize {
        LayerSize {
            width: height,
            height,
            kbps,
        }
    }

    #[test]
    fn layers_that_no_router_takes_are_refused_with_a_sentence() {
        let good = [size(180, 150), size(360, 500), size(360, 900)];
        assert_eq!(check(Kind::Video, &good), Ok(()));
        for (layers, says) in [
            (vec![], "1 to 4 layers, not 0"),
            (vec![size(180, 150); 5], "1 to 4 layers, not 5"),
            (
                vec![size(180, 500), size(360, 500)],
                "layer 1 is 360 pixels",
            ),
            (
                vec![size(360, 150), size(180, 500)],
                "layer 1 is 180 pixels",
            ),
            (vec![size(0, 150)], "layer 0 is 0 x 0"),
            (vec![size(180, 0)], "takes 0 kbit/s"),
            (vec![size(180, 1_500_000)], "takes 1500000 kbit/s"),
        ] {
            let reason = check(Kind::Content, &layers).unwrap_err();
            assert!(reason.contains(says), "{reason}");
        }
        assert!(check(Kind::Audio, &good).is_err());
    }
}
