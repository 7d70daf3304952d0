//! Sending: audio each 20 ms, a video frame each 40 ms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_client::TrackSender;
use plenum_wire::Codec;
use plenum_wire::rtp::{AudioLevel, Header};

use super::board::{Board, Count};
use super::payload::{AUDIO_BYTES, Epoch, Stamp, video_frame};
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

/// As `plenum load` publishes video; nobody decodes it.
pub fn video_codec() -> Codec {
    Codec {
        name: "VP8".to_owned(),
        clock_rate: 90_000,
        payload_type: 96,
        width: 640,
        height: 360,
        channels: 0,
    }
}

/// One track being sent.
pub struct Sending {
    board: Arc<Board>,
    meeting: usize,
    sender: TrackSender,
    ssrc: u32,
    codec: Codec,
    sent: Arc<Count>,
    number: u64,
    /// The next frame is a key frame.
    key: bool,
}

impl Sending {
    /// Begins at packet 0.
    pub fn new(sender: TrackSender, codec: Codec, board: &Arc<Board>, meeting: usize) -> Self {
        let ssrc = sender.ssrc();
        let sent = board.publish(meeting, ssrc);
        Self {
            board: Arc::clone(board),
            meeting,
            sender,
            ssrc,
            codec,
            sent,
            number: 0,
            key: true,
        }
    }

    /// Sends one frame as packets of these payload sizes, `since` the track began.
    fn send(
        &mut self,
        sizes: impl Iterator<Item = usize>,
        level: Option<AudioLevel>,
        since: Duration,
        epoch: Epoch,
    ) -> u64 {
        self.follow_source();
        let mut sizes = sizes.peekable();
        let mut packets = 0;
        while let Some(bytes) = sizes.next() {
            let header = Header {
                payload_type: self.codec.payload_type,
                marker: sizes.peek().is_none(),
                sequence: (self.number & 0xffff) as u16,
                timestamp: timestamp(since, self.codec.clock_rate),
                ssrc: self.ssrc,
                payload_offset: 0,
            };
            let stamp = Stamp {
                number: self.number,
                key: self.key,
            };
            let packet = epoch.stamp(&header, level, stamp, Instant::now(), bytes);
            // Counted first, and also when no router takes it: then it is lost.
            self.sent.add(1);
            self.sender.send(&packet);
            self.number += 1;
            packets += 1;
        }
        self.key = false;
        packets
    }

    /// To its receivers a track with another source is another one, whose first packet is
    /// the next.
    fn follow_source(&mut self) {
        let ssrc = self.sender.ssrc();
        if ssrc != self.ssrc {
            self.ssrc = ssrc;
            self.sent = self.board.publish(self.meeting, ssrc);
            self.sent.add(self.number);
            self.key = true;
        }
    }
}

/// RTP counts in the codec's clock and wraps.
fn timestamp(since: Duration, clock_rate: u32) -> u32 {
    let ticks = since.as_millis() * u128::from(clock_rate) / 1_000;
    u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0)
}

/// One participant's tracks.
pub struct Speaker {
    audio: Sending,
    video: Option<Sending>,
    video_kbps: u32,
    talk: Talk,
    ticks: u32,
}

impl Speaker {
    /// Speaks, and is seen where there is a video track.
    pub fn new(audio: Sending, video: Option<Sending>, video_kbps: u32, seed: u64) -> Self {
        Self {
            audio,
            video,
            video_kbps,
            talk: Talk::new(seed),
            ticks: 0,
        }
    }

    /// The next video frame is a key frame. It says so and is not larger, so that the rate
    /// stays the one asked for.
    pub const fn make_key_frame(&mut self) {
        if let Some(video) = &mut self.video {
            video.key = true;
        }
    }

    /// Sends what is due each [`TICK`]; how many packets that were.
    pub fn tick(&mut self, epoch: Epoch) -> u64 {
        let since = TICK * self.ticks;
        let even = self.ticks.is_multiple_of(2);
        self.ticks += 1;
        let level = Some(self.talk.level());
        let frame = std::iter::once(AUDIO_BYTES);
        let mut packets = self.audio.send(frame, level, since, epoch);
        if let Some(video) = self.video.as_mut().filter(|_| even) {
            packets += video.send(video_frame(self.video_kbps), None, since, epoch);
        }
        packets
    }
}
