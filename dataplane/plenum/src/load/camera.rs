//! Pictures: 25 frames a second of as many bytes as the rate asks for, in one size or several.

use std::sync::Arc;
use std::time::Duration;

use plenum_client::{LayerSize, PublishError, Session};
use plenum_wire::{Codec, Kind};

use super::board::Board;
use super::payload::{Content, Epoch, frame_bytes, packets};
use super::stream::Stream;

/// Of the highest layer, in pixels; each lower one has half of it.
const HEIGHT: u16 = 720;
/// Between two frames.
pub const INTERVAL: Duration = Duration::from_millis(40);
/// How much larger key frames of layers are than others.
const KEY_FRAME: usize = 3;

/// What speakers send besides audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pictures {
    /// Nothing.
    None,
    /// Of so many kbit/s.
    One(u32),
    /// Of so many kbit/s each, the lowest first.
    Layers(Vec<u32>),
}

impl Pictures {
    fn sizes(&self) -> Vec<LayerSize> {
        let Self::Layers(layers) = self else {
            return Vec::new();
        };
        let sizes = layers.iter().rev().zip(0_u32..).map(|(&kbps, halved)| {
            let height = HEIGHT >> halved.min(4);
            LayerSize {
                width: height / 9 * 16,
                height,
                kbps,
            }
        });
        let mut sizes: Vec<LayerSize> = sizes.collect();
        sizes.reverse();
        sizes
    }
}

/// As `plenum load` publishes video; nobody decodes it.
pub fn codec() -> Codec {
    Codec {
        name: "VP8".to_owned(),
        clock_rate: 90_000,
        payload_type: 96,
        width: 640,
        height: 360,
        channels: 0,
    }
}

/// One participant's.
pub struct Camera {
    layers: Vec<Layer>,
}

struct Layer {
    stream: Stream,
    size: LayerSize,
    /// By how much key frames are larger.
    key_frame: usize,
    /// The next frame is a key frame.
    key: bool,
}

impl Camera {
    /// Publishes it, if there is anything to publish.
    pub async fn publish(
        pictures: &Pictures,
        session: &mut Session,
        board: &Arc<Board>,
        meeting: usize,
    ) -> Result<Option<Self>, PublishError> {
        let sizes = pictures.sizes();
        let (sender, sizes, key_frame) = match pictures {
            Pictures::None => return Ok(None),
            // As large as others, so that the rate is the one asked for.
            Pictures::One(kbps) => {
                let Codec { width, height, .. } = codec();
                let size = LayerSize {
                    width,
                    height,
                    kbps: *kbps,
                };
                let sender = session.publish(Kind::Video, codec()).await?;
                (sender, vec![size], 1)
            }
            Pictures::Layers(_) => {
                let layers = session.publish_layers(Kind::Video, codec(), &sizes);
                (layers.await?, sizes, KEY_FRAME)
            }
        };
        let layer = |(number, size)| Layer {
            stream: Stream::new(sender.clone(), number, codec(), board, meeting),
            size,
            key_frame,
            key: true,
        };
        let layers = (0..).zip(sizes).map(layer).collect();
        Ok(Some(Self { layers }))
    }

    /// The next frame of the layer is a key frame.
    pub fn make_key_frame(&mut self, layer: u8) {
        if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
            layer.key = true;
        }
    }

    /// Sends the frame captured `since` the beginning, in each size that is wanted; how many
    /// packets that were.
    pub fn send_frame(&mut self, since: Duration, epoch: Epoch) -> u64 {
        let layers = self.layers.iter_mut();
        layers.map(|layer| layer.send_frame(since, epoch)).sum()
    }
}

impl Layer {
    fn send_frame(&mut self, since: Duration, epoch: Epoch) -> u64 {
        self.key |= self.stream.follow_source();
        if !self.stream.is_wanted() {
            // What comes back begins anew.
            self.key = true;
            return 0;
        }
        let mut bytes = frame_bytes(self.size.kbps);
        let mut first = Content::Delta;
        if std::mem::take(&mut self.key) {
            bytes *= self.key_frame;
            first = Content::Key(self.size.width, self.size.height);
        }
        self.stream.send(packets(bytes), first, since, epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_is_half_as_high_as_the_one_above() {
        let sizes = Pictures::Layers(vec![150, 500, 1_500]).sizes();
        let each = sizes
            .iter()
            .map(|size| (size.width, size.height, size.kbps));
        let each: Vec<_> = each.collect();
        assert_eq!(
            each,
            [(320, 180, 150), (640, 360, 500), (1_280, 720, 1_500)]
        );
        assert!(Pictures::One(500).sizes().is_empty());
    }
}
