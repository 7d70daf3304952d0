//! One stream of RTP packets that is sent: a voice, or one layer of a picture.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_client::TrackSender;
use plenum_wire::Codec;
use plenum_wire::rtp::Header;

use super::board::{Board, Count};
use super::payload::{Content, Epoch};

/// Numbers packets, and counts them for those who receive them.
pub struct Stream {
    board: Arc<Board>,
    meeting: usize,
    sender: TrackSender,
    layer: u8,
    ssrc: u32,
    codec: Codec,
    sent: Arc<Count>,
    number: u64,
}

impl Stream {
    /// Begins at packet 0. `layer` is 0 of a track without layers.
    pub fn new(
        sender: TrackSender,
        layer: u8,
        codec: Codec,
        board: &Arc<Board>,
        meeting: usize,
    ) -> Self {
        let ssrc = sender.layer_ssrc(layer);
        let sent = board.publish(meeting, ssrc);
        Self {
            board: Arc::clone(board),
            meeting,
            sender,
            layer,
            ssrc,
            codec,
            sent,
            number: 0,
        }
    }

    /// Whether anybody wants it, and there is room for it.
    pub fn is_wanted(&self) -> bool {
        self.sender.wants_layer(self.layer)
    }

    /// To its receivers a track with another source is another one, whose first packet is
    /// the next: whether that is so.
    pub fn follow_source(&mut self) -> bool {
        let ssrc = self.sender.layer_ssrc(self.layer);
        if ssrc == self.ssrc {
            return false;
        }
        self.ssrc = ssrc;
        self.sent = self.board.publish(self.meeting, ssrc);
        self.sent.add(self.number);
        true
    }

    /// Sends one frame as packets of these payload sizes, `since` the track began; how many
    /// packets that were. `first` is in the first of them.
    pub fn send(
        &mut self,
        sizes: impl Iterator<Item = usize>,
        first: Content,
        since: Duration,
        epoch: Epoch,
    ) -> u64 {
        let mut sizes = sizes.peekable();
        let mut content = first;
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
            let packet = epoch.stamp(&header, content, self.number, Instant::now(), bytes);
            // Counted first, and also when no router takes it: then it is lost.
            self.sent.add(1);
            self.sender.send(&packet);
            self.number += 1;
            packets += 1;
            content = Content::Rest;
        }
        packets
    }
}

/// RTP counts in the codec's clock and wraps.
fn timestamp(since: Duration, clock_rate: u32) -> u32 {
    let ticks = since.as_millis() * u128::from(clock_rate) / 1_000;
    u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0)
}
