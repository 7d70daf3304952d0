//! The header of a packet and its extensions: what is read lies within it, and says the same
//! when written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenum_wire::rtp::{self, AudioLevel, Header};

fuzz_target!(|packet: &[u8]| {
    let header = Header::parse(packet);
    assert!(header.is_none() || !rtp::is_rtcp(packet));
    let level = AudioLevel::read(packet);
    let Some(header) = header else {
        assert_eq!(rtp::extensions(packet).next(), None);
        return;
    };
    let before = &packet[..header.payload_offset];
    for (_, data) in rtp::extensions(packet) {
        assert!(data.is_empty() || before.as_ptr_range().contains(&data.as_ptr()));
        assert!(data.as_ptr_range().end <= before.as_ptr_range().end);
    }
    let payload = &packet[header.payload_offset..];
    let again = rtp::write(&header, payload);
    // Written without sources and extensions, which are before the payload.
    let plain = Header {
        payload_offset: 12,
        ..header
    };
    assert_eq!(Header::parse(&again), Some(plain));
    assert_eq!(&again[12..], payload);
    if let Some(level) = level {
        let again = rtp::write_with_level(&header, level, payload);
        assert_eq!(AudioLevel::read(&again), Some(level));
    }
});
