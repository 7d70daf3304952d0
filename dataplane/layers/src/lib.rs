//! Layers of a picture: which of them a receiver gets, and how several streams of packets
//! become one that decodes.
//!
//! Pure: time arrives as a value, packets are only read. Nothing here knows meetings,
//! connections or messages. What is read comes from outside and may be anything; it is
//! answered with `None` or `false`, and every memory has a bound.
//!
//! | file | idea |
//! |---|---|
//! | `splice` | one outgoing stream of numbers, cut together from incoming ones; numbers found again for repair |
//! | `key` | whether a picture begins with this packet that needs none before it |
//! | `descriptor` | AV1's dependency descriptor: what a frame is needed for |
//! | `choice` | which frames of one scalable stream a receiver gets |
//! | `allocate` | which layers fit into a bandwidth |
//! | `ladder` | the same over time: down at once, up with patience |
//!
//! A receiver gets the small picture until a key frame of the large one comes; its numbers
//! go on as if there had been one stream:
//!
//! ```
//! use std::time::Instant;
//! use plenum_layers::{Ladder, Splice, Wish, begins_key_frame};
//!
//! let mut splice = Splice::new();
//! splice.cut(0, 100);
//! assert_eq!(splice.pass(100), Some(100));
//! assert_eq!(splice.pass(101), Some(101));
//!
//! // 900 kbit/s are enough for the layer of 700.
//! let wish = Wish { rank: 0, kbps: [150, 700, 0, 0], top: 1, now: splice.source() };
//! let mut layers = Vec::new();
//! # #[expect(clippy::disallowed_methods)]
//! Ladder::new().choose(900, &[wish], Instant::now(), &mut layers);
//! assert_eq!(layers, [Some(1)]);
//!
//! // The beginning of a VP8 key frame, number 7 of the other stream.
//! assert!(begins_key_frame("VP8", &[0x10, 0x50, 0x42, 0x00, 0x9d, 0x01, 0x2a]));
//! splice.cut(1, 7);
//! assert_eq!(splice.pass(7), Some(102));
//! // Who asks for 101 again is sent what was 101 of the small picture.
//! assert_eq!(splice.find(101), Some((0, 101)));
//! ```

mod allocate;
mod choice;
mod descriptor;
mod key;
mod ladder;
mod splice;

pub use allocate::{LAYERS, Wish, allocate};
pub use choice::Choice;
pub use descriptor::{Descriptors, FrameInfo, References, TargetInfo};
pub use key::begins_key_frame;
pub use ladder::Ladder;
pub use splice::Splice;
