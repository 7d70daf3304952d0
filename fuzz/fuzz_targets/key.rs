//! Whether a payload begins a key frame: only the beginning of the packet says so.
//!
//! The first byte chooses the codec, the rest is the payload.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenum_layers::begins_key_frame;

const CODECS: [&str; 5] = ["VP8", "VP9", "AV1", "H264", "opus"];

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, payload)) = bytes.split_first() else {
        return;
    };
    let codec = CODECS[usize::from(first) % CODECS.len()];
    if begins_key_frame(codec, payload) {
        let longer = [payload, &[0; 3]].concat();
        assert!(begins_key_frame(codec, &longer));
    }
});
