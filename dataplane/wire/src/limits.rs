//! Bounds on everything that arrives from outside.

/// Longest control or link message in bytes. A full report of 1,000 meetings is 80 kB.
pub const MESSAGE_BYTES: usize = 1 << 20;
/// Longest control message a client may send, in bytes.
pub const CLIENT_MESSAGE_BYTES: usize = 16 * 1024;
/// Longest media packet on any rung, in bytes: what fits a 1,500-byte path with room for headers.
pub const PACKET_BYTES: usize = 1_400;
/// Longest meeting, router, pool or participant name, and longest name to show, in bytes.
pub const NAME_BYTES: usize = 128;
/// Layers of one track at most.
pub const LAYERS: usize = 4;
/// What one layer takes at most, in kbit/s: more than any camera's. It is what a publisher
/// says, and everybody's room is shared out by it.
pub const LAYER_KBPS: u32 = 100_000;
/// Wants in one message at most, and as many are kept for one client.
pub const WANTS: usize = 256;
