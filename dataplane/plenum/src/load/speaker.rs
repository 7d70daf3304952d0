//! Sending: audio each 20 ms, a video frame each 40 ms.

use std::time::Duration;

use plenum_wire::Codec;

use super::camera::Camera;
use super::payload::{AUDIO_BYTES, Content, Epoch};
use super::stream::Stream;
use super::talk::Talk;

/// Between audio packets.
pub const TICK: Duration = Duration::from_millis(20);

/// As `plenum load` publishes audio.
pub fn audio_codec() -> Codec {
    Codec {
        name: "opus".to_owned(),
        clock_rate: 48_000,
        payload_type: 111,
        width: 0,
        height: 0,
        channels: 2,
    }
}

/// One participant's tracks.
pub struct Speaker {
    audio: Stream,
    camera: Option<Camera>,
    talk: Talk,
    ticks: u32,
}

impl Speaker {
    /// Speaks, and is seen where there is a camera.
    pub fn new(audio: Stream, camera: Option<Camera>, seed: u64) -> Self {
        Self {
            audio,
            camera,
            talk: Talk::new(seed),
            ticks: 0,
        }
    }

    /// The next video frame of the layer is a key frame.
    pub fn make_key_frame(&mut self, layer: u8) {
        if let Some(camera) = &mut self.camera {
            camera.make_key_frame(layer);
        }
    }

    /// Sends what is due each [`TICK`]; how many packets that were.
    pub fn tick(&mut self, epoch: Epoch) -> u64 {
        let since = TICK * self.ticks;
        let even = self.ticks.is_multiple_of(2);
        self.ticks += 1;
        let voice = Content::Voice(self.talk.level());
        let frame = std::iter::once(AUDIO_BYTES);
        self.audio.follow_source();
        let mut packets = self.audio.send(frame, voice, since, epoch);
        if let Some(camera) = self.camera.as_mut().filter(|_| even) {
            packets += camera.send_frame(since, epoch);
        }
        packets
    }
}
