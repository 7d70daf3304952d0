//! How much of the tunnel one client may have.

use std::num::NonZeroU64;
use std::time::Duration;

use plenum_transport::rate::Rate;

/// Bounds of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections carried in all. Each takes two file descriptors.
    pub connections: usize,
    /// Of these, of one person who is known by a token or ticket: a control channel, three
    /// for media, those to controllers, and all of it twice while a meeting moves.
    pub per_person: usize,
    /// Of these, from one address (of IPv6, one /64) where clients are known by nothing else.
    pub per_address: usize,
    /// Of these, from one address (of IPv6, one /64), whoever its people say that they are: a
    /// guest has another name with each token. A quarter, which is an office of 300.
    pub per_network: usize,
    /// People from one address (of IPv6, one /64) who get a share of their own when the tunnel
    /// carries as much as it may; more than that share these.
    pub shares_per_network: usize,
    /// Requests from one address where clients prove themselves, the refused ones included.
    pub requests: Rate,
    /// Requests from one address where they do not.
    pub strangers: Rate,
    /// Bytes a second passed on in all, both directions together.
    pub rate: NonZeroU64,
    /// How long a target may take to answer.
    pub patience: Duration,
    /// A connection on which nothing flows for this long ends. Media and control channels
    /// are never silent for more than a second or two.
    pub idle: Duration,
}

/// 1 Gbit/s.
const GIGABIT: NonZeroU64 = NonZeroU64::new(125_000_000).expect("not 0");

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8_000,
            per_person: 32,
            per_address: 512,
            per_network: 2_000,
            shares_per_network: 32,
            requests: Rate {
                burst: 2_000,
                per_second: 200,
            },
            strangers: Rate {
                burst: 500,
                per_second: 50,
            },
            rate: GIGABIT,
            // Less than a client waits for an answer, and than the listener for ours.
            patience: Duration::from_secs(4),
            idle: Duration::from_secs(60),
        }
    }
}
