//! Cuts frames into RTP packets by the payload format of their codec.

use std::fmt;

use ::rtp::codecs::{av1::Av1Payloader, h264::H264Payloader, vp8::Vp8Payloader, vp9::Vp9Payloader};
use ::rtp::packetizer::Payloader;
use bytes::Bytes;
use plenum_wire::{Codec, rtp};
use rtp::{AudioLevel, Header};

use super::{Frame, MediaError};

/// Longest RTP payload in bytes: with RTP, flow id, QUIC, UDP and IPv6 headers a packet
/// stays below the 1,280 bytes that every path carries.
const PAYLOAD_BYTES: usize = 1_140;

/// Nobody decodes here, so what an encoder took for sound counts as speech at its nominal
/// level, the one of ITU-T's listening tests (P.830).
const SPEECH: AudioLevel = AudioLevel {
    voice: true,
    below: 26,
};
/// An Opus packet this short, in bytes, has no sound in it: discontinuous transmission
/// (RFC 6716 section 2.1.9).
const SILENT_BYTES: usize = 2;

/// Turns the frames of one track into RTP packets.
pub struct Packetizer {
    header: Header,
    payloader: Option<Box<dyn Payloader + Send + Sync>>,
}

impl fmt::Debug for Packetizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packetizer")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Packetizer {
    /// `sequence` is the number of the first packet.
    pub fn new(codec: &Codec, ssrc: u32, sequence: u16) -> Result<Self, MediaError> {
        let payloader: Option<Box<dyn Payloader + Send + Sync>> = match codec.name.as_str() {
            "opus" => None,
            "VP8" => Some(Box::new(Vp8Payloader::default())),
            "VP9" => Some(Box::new(Vp9Payloader::default())),
            "AV1" => Some(Box::new(Av1Payloader::default())),
            "H264" => Some(Box::new(H264Payloader::default())),
            other => return Err(MediaError::Codec(other.to_owned())),
        };
        Ok(Self {
            header: Header {
                payload_type: codec.payload_type,
                marker: false,
                sequence,
                timestamp: 0,
                ssrc,
                payload_offset: 12,
            },
            payloader,
        })
    }

    /// Frames from now on are of this source.
    pub const fn set_ssrc(&mut self, ssrc: u32) {
        self.header.ssrc = ssrc;
    }

    /// The number of the next packet.
    #[must_use]
    pub const fn sequence(&self) -> u16 {
        self.header.sequence
    }

    /// Numbers go on from here: for who does not send what [`Packetizer::packets`] made.
    pub const fn set_sequence(&mut self, sequence: u16) {
        self.header.sequence = sequence;
    }

    /// The packets of one frame; none when the frame is empty.
    pub fn packets(&mut self, frame: &Frame) -> Result<Vec<Bytes>, MediaError> {
        self.header.timestamp = frame.timestamp;
        let Some(payloader) = &mut self.payloader else {
            self.header.marker = false;
            let level = if frame.data.len() <= SILENT_BYTES {
                AudioLevel::SILENCE
            } else {
                SPEECH
            };
            let packet = rtp::write_with_level(&self.header, level, &frame.data);
            self.go_on();
            return Ok(vec![packet]);
        };
        let payloads = payloader
            .payload(PAYLOAD_BYTES, &frame.data)
            .map_err(|error| MediaError::Codec(error.to_string()))?;
        let last = payloads.len().saturating_sub(1);
        let mut packets = Vec::with_capacity(payloads.len());
        for (index, payload) in payloads.iter().enumerate() {
            self.header.marker = index == last;
            packets.push(self.packet(payload));
        }
        Ok(packets)
    }

    fn packet(&mut self, payload: &[u8]) -> Bytes {
        let packet = rtp::write(&self.header, payload);
        self.go_on();
        packet
    }

    const fn go_on(&mut self) {
        self.header.sequence = self.header.sequence.wrapping_add(1);
    }
}
