//! The packets of one track, from one or two routers: each once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_wire::control::Track;

use crate::dedup::Window;
use crate::moving::LegId;

use super::takeover::{Incoming, Passed, Takeover};

/// A track that was silent for longer, as one without a slot among the loudest is, may have
/// gone on by any number of packets. Copies come much sooner, and in half the range of RTP's
/// sequence numbers a track of 3,000 packets a second has not yet wrapped.
const SILENCE: Duration = Duration::from_secs(10);

/// One track that is shown.
#[derive(Debug)]
pub(super) struct Stream {
    pub track: Arc<Track>,
    numbers: Numbers,
    copies: u64,
}

/// Who numbers the packets.
#[derive(Debug)]
enum Numbers {
    /// The publisher, whichever router brings them.
    Publisher {
        window: Window,
        last: Option<Instant>,
    },
    /// Each router for itself.
    Routers(Box<Takeover>),
}

impl Stream {
    pub fn new(track: Arc<Track>) -> Self {
        let numbers = if track.layers.is_empty() {
            Numbers::Publisher {
                window: Window::default(),
                last: None,
            }
        } else {
            Numbers::Routers(Box::default())
        };
        Self {
            track,
            numbers,
            copies: 0,
        }
    }

    /// Takes a packet. Returns it when it comes for the first time and nothing waits; others
    /// come from [`Stream::poll`].
    pub fn receive(&mut self, leg: LegId, incoming: Incoming) -> Option<Passed> {
        match &mut self.numbers {
            Numbers::Publisher { window, last } => {
                let Incoming { header, packet, at } = incoming;
                let sequence = header.sequence;
                let last = last.replace(at);
                let silent = last.is_some_and(|last| at.saturating_duration_since(last) > SILENCE);
                let verdict = if silent {
                    window.check_ahead(sequence)
                } else {
                    window.check(sequence)
                };
                self.copies += u64::from(!verdict.is_new());
                verdict.is_new().then_some(Passed {
                    leg,
                    sequence,
                    packet,
                    at,
                })
            }
            Numbers::Routers(takeover) => {
                takeover.receive(leg, &self.track.codec.name, incoming);
                self.copies += takeover.take_copies();
                takeover.poll()
            }
        }
    }

    /// The next packet that no longer waits.
    pub fn poll(&mut self) -> Option<Passed> {
        match &mut self.numbers {
            Numbers::Publisher { .. } => None,
            Numbers::Routers(takeover) => takeover.poll(),
        }
    }

    /// How many packets were left out since this was last asked, because they came before or
    /// another router's are taken.
    pub fn take_copies(&mut self) -> u64 {
        std::mem::take(&mut self.copies)
    }

    /// Whether requests for packets are to go to the leg that brought it, and to no other.
    pub const fn is_numbered_by_routers(&self) -> bool {
        matches!(self.numbers, Numbers::Routers(_))
    }

    /// Whether only a key frame helps.
    pub fn wants_key_frame(&self, now: Instant) -> bool {
        matches!(&self.numbers, Numbers::Routers(takeover) if takeover.wants_key_frame(now))
    }

    /// Whether it is another leg's packets that come.
    pub fn needs_another(&self, leg: LegId, now: Instant) -> bool {
        matches!(&self.numbers, Numbers::Routers(takeover) if takeover.needs_another(leg, now))
    }

    /// A leg brings nothing any more.
    pub fn gone(&mut self, leg: LegId) {
        if let Numbers::Routers(takeover) = &mut self.numbers {
            takeover.gone(leg);
        }
    }
}
