//! A track of one stream, passed on as it comes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use plenum_repair::Budget;

use super::{Receiver, Source};
use crate::Output;
use crate::participant::Slot;

#[derive(Debug)]
pub(crate) struct Plain {
    pub source: Source,
    /// By subscriber; kept ready so that a packet costs one walk over them.
    receivers: Vec<Receiver>,
    /// The router has no time for it.
    held: bool,
    /// It was held until a moment ago: its receivers need a key frame.
    released: bool,
    /// Packets of the track.
    sent: u64,
    /// Of those who asked for packets again.
    budgets: BTreeMap<Slot, Budget>,
}

impl Plain {
    pub(super) const fn new(source: Source) -> Self {
        Self {
            source,
            receivers: Vec::new(),
            held: false,
            released: false,
            sent: 0,
            budgets: BTreeMap::new(),
        }
    }

    /// Nobody while it is held.
    pub(crate) fn receivers(&self) -> &[Receiver] {
        if self.held { &[] } else { &self.receivers }
    }

    /// Whether this changes anything.
    pub(crate) fn hold(&mut self, held: bool) -> bool {
        let changes = std::mem::replace(&mut self.held, held) != held;
        self.released |= changes && !held;
        changes
    }

    /// Whether it goes on after being held; said once.
    pub(crate) const fn goes_on(&mut self) -> bool {
        !self.held && std::mem::replace(&mut self.released, false)
    }

    pub(crate) const fn is_held(&self) -> bool {
        self.held
    }

    /// Passes a packet on; to how many.
    pub(crate) fn pass(&mut self, packet: &Bytes, out: &mut VecDeque<Output>) -> usize {
        self.sent += 1;
        let receivers = self.receivers();
        out.extend(receivers.iter().map(|receiver| receiver.send(packet)));
        receivers.len()
    }

    /// Where the subscriber is among the receivers, or would be.
    fn place(&self, subscriber: Slot) -> Result<usize, usize> {
        self.receivers
            .binary_search_by_key(&subscriber, |receiver| receiver.subscriber)
    }

    pub(super) fn receives(&self, subscriber: Slot) -> bool {
        !self.held && self.place(subscriber).is_ok()
    }

    pub(super) fn refresh(&mut self, subscriber: Slot, receiver: Option<Receiver>) {
        match (self.place(subscriber), receiver) {
            (Ok(at), Some(receiver)) => self.receivers[at] = receiver,
            (Ok(at), None) => {
                self.receivers.remove(at);
            }
            (Err(at), Some(receiver)) => self.receivers.insert(at, receiver),
            (Err(_), None) => {}
        }
    }

    pub(super) fn forget(&mut self, subscriber: Slot) {
        self.budgets.remove(&subscriber);
        self.refresh(subscriber, None);
    }

    /// The packets with these numbers once more, as far as they are kept and may be had.
    pub(super) fn again(
        &mut self,
        subscriber: Slot,
        numbers: impl Iterator<Item = u16>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Ok(at) = self.place(subscriber) else {
            return;
        };
        let receiver = self.receivers[at];
        let fresh = Budget::new(self.sent);
        let budget = self.budgets.entry(subscriber).or_insert(fresh);
        for number in numbers {
            let Some(packet) = self.source.cache.get(number, now) else {
                continue;
            };
            if !budget.take(self.sent) {
                return;
            }
            out.push(receiver.send(packet));
        }
    }
}
