//! A compound RTCP packet: its feedback is found without going on for ever, and says the same
//! when it is written again.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use plenum_wire::rtcp::{self, Feedback};

fuzz_target!(|compound: &[u8]| {
    let mut seen = 0;
    for feedback in rtcp::feedback(compound) {
        seen += 1;
        let again = match feedback {
            Feedback::Nack(nack) => {
                let mut wanted: Vec<u16> = nack.sequences().collect();
                wanted.truncate(rtcp::NACK_PAIRS);
                let again = rtcp::nack(nack.sender, nack.media, &wanted);
                let Some(Feedback::Nack(read)) = rtcp::feedback(&again).next() else {
                    panic!("a NACK is written and not read");
                };
                assert_eq!((read.sender, read.media), (nack.sender, nack.media));
                // A mask has an order of its own, and says nothing twice.
                let numbers: BTreeSet<u16> = wanted.into_iter().collect();
                assert_eq!(read.sequences().collect::<BTreeSet<_>>(), numbers);
                continue;
            }
            Feedback::PictureLoss { sender, media } => rtcp::picture_loss(sender, media),
        };
        assert_eq!(rtcp::feedback(&again).next(), Some(feedback));
    }
    // Each takes 12 bytes at least.
    assert!(seen <= compound.len() / 12);
});
