//! A media file that a participant plays: read to its end, rewound, read again, and what
//! was read cut into packets.

#![no_main]

use std::cell::RefCell;
use std::io::{Seek, Write};

use libfuzzer_sys::fuzz_target;
use plenum_client::media::{Packetizer, Source};
use plenum_wire::rtp::Header;
use tempfile::NamedTempFile;

/// Enough to see the end of a small file; frames may have no bytes.
const FRAMES: usize = 256;

thread_local! {
    static FILE: RefCell<NamedTempFile> =
        RefCell::new(NamedTempFile::new_in("/dev/shm").expect("a file in memory"));
}

fn play(file: &NamedTempFile) -> Option<()> {
    let mut source = Source::open(file.path()).ok()?;
    let mut packetizer = Packetizer::new(source.codec(), 7, 0xfff0).ok()?;
    let mut rounds = 2;
    for _ in 0..FRAMES {
        let Some(frame) = source.next_frame().ok()? else {
            rounds -= 1;
            if rounds == 0 {
                break;
            }
            source.rewind().ok()?;
            continue;
        };
        for packet in packetizer.packets(&frame).ok()? {
            assert!(packet.len() < 12 || Header::parse(&packet).is_some());
        }
    }
    Some(())
}

fuzz_target!(|bytes: &[u8]| {
    FILE.with_borrow_mut(|file| {
        let out = file.as_file_mut();
        out.set_len(0).expect("emptied");
        out.rewind().expect("rewound");
        out.write_all(bytes).expect("written");
        play(file);
    });
});
