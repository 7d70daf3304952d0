//! A datagram of rung `udp`, or a message of rung `tls`: what is read says the same when it
//! is written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenum_wire::{frame, limits};

fuzz_target!(|bytes: &[u8]| {
    let Ok((flow, packet)) = frame::decode_datagram(bytes) else {
        return;
    };
    assert!(!packet.is_empty() && packet.len() <= limits::PACKET_BYTES);
    assert!(bytes.ends_with(packet), "the packet is passed on as it is");
    let again = frame::encode_datagram(flow, packet);
    // A peer may write a flow id longer than it need be.
    assert!(again.len() <= bytes.len());
    assert_eq!(frame::decode_datagram(&again), Ok((flow, packet)));
});
