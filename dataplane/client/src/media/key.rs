//! Whether an RTP payload begins a picture that needs none before it, and how large that is.

use ::rtp::codecs::vp8::Vp8Packet;
use ::rtp::packetizer::Depacketizer;
use bytes::Bytes;
use plenum_layers::begins_key_frame;
use plenum_wire::Codec;

/// A picture that needs none before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFrame {
    /// In pixels, where the payload says so in a place that is cheap to read: VP8 does.
    pub height: Option<u16>,
}

/// The key frame that begins with this payload, if one does.
#[must_use]
pub fn key_frame(codec: &Codec, payload: &Bytes) -> Option<KeyFrame> {
    begins_key_frame(&codec.name, payload).then(|| KeyFrame {
        height: (codec.name == "VP8").then(|| vp8_height(payload)).flatten(),
    })
}

/// RFC 6386 section 9.1: a frame tag of three bytes, a start code, width and height with two
/// bits of scaling on top of each.
fn vp8_height(payload: &Bytes) -> Option<u16> {
    const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
    let frame = Vp8Packet::default().depacketize(payload).ok()?;
    let sizes = frame.get(3..)?.strip_prefix(&START_CODE)?;
    let height = u16::from_le_bytes([*sizes.get(2)?, *sizes.get(3)?]) & 0x3fff;
    (height > 0).then_some(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec(name: &str) -> Codec {
        Codec {
            name: name.to_owned(),
            clock_rate: 90_000,
            payload_type: 96,
            width: 0,
            height: 0,
            channels: 0,
        }
    }

    #[test]
    fn a_vp8_key_frame_says_how_large_it_is() {
        let vp8 = codec("VP8");
        // Descriptor: start of partition 0. Tag: a key frame. 640 x 360, scaled by 2.
        let key = Bytes::from_static(b"\x10\x10\0\0\x9d\x01\x2a\x80\x42\x68\x41 rest");
        assert_eq!(key_frame(&vp8, &key).unwrap().height, Some(360));
        let delta = Bytes::from_static(b"\x10\x11\0\0\x9d\x01\x2a\x80\x42\x68\x41 rest");
        assert_eq!(key_frame(&vp8, &delta), None);
        let middle = Bytes::from_static(b"\x00\x10\0\0\x9d\x01\x2a\x80\x42\x68\x41 rest");
        assert_eq!(key_frame(&vp8, &middle), None);
        for cut in 4..key.len().min(11) {
            let cut = key_frame(&vp8, &key.slice(..cut));
            assert_eq!(cut.and_then(|key| key.height), None);
        }
    }
}
