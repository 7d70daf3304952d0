//! From one thread to another, in order and in batches. Neither waits for the other, so of
//! packets only so many are under way: more are dropped and counted, the newest first. What is no
//! packet arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};

use plenum_wire::Rung;

use super::counters::{Count, Counts, RungCounts};

/// Something that goes from one thread to another.
pub(super) trait Freight {
    /// What counts it when it is dropped; `None`: it must arrive.
    fn loss<'a>(&self, counts: &'a RungCounts) -> Option<&'a Count>;
}

/// The beginning.
#[derive(Debug)]
pub(super) struct Entry<T> {
    sender: Sender<Batch<T>>,
    under_way: Arc<AtomicUsize>,
    places: usize,
    counts: Arc<Counts>,
}

/// The end.
#[derive(Debug)]
pub(super) struct Exit<T> {
    receiver: Receiver<Batch<T>>,
    under_way: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Batch<T> {
    freight: Vec<T>,
    packets: usize,
}

/// With places for so many packets. What is dropped is counted as of rung `udp`.
pub(super) fn passage<T: Freight>(places: usize, counts: Arc<Counts>) -> (Entry<T>, Exit<T>) {
    let (sender, receiver) = channel();
    let under_way = Arc::<AtomicUsize>::default();
    let entry = Entry {
        sender,
        under_way: Arc::clone(&under_way),
        places,
        counts,
    };
    let exit = Exit {
        receiver,
        under_way,
    };
    (entry, exit)
}

impl<T: Freight> Entry<T> {
    /// Fails when there is nobody at the other end any more.
    pub(super) fn send(&self, mut freight: Vec<T>) -> Result<(), Gone> {
        let free = self
            .places
            .saturating_sub(self.under_way.load(Ordering::Relaxed));
        let packets = self.load(&mut freight, free);
        self.under_way.fetch_add(packets, Ordering::Relaxed);
        let batch = Batch { freight, packets };
        self.sender.send(batch).map_err(|SendError(_)| Gone)
    }

    /// Leaves so many packets of it at most; how many there are.
    fn load(&self, freight: &mut Vec<T>, free: usize) -> usize {
        let counts = self.counts.of(Rung::Udp);
        let mut packets = 0;
        freight.retain(|it| match it.loss(counts) {
            Some(_) if packets < free => {
                packets += 1;
                true
            }
            Some(dropped) => {
                dropped.add(1);
                false
            }
            None => true,
        });
        packets
    }
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            under_way: Arc::clone(&self.under_way),
            places: self.places,
            counts: Arc::clone(&self.counts),
        }
    }
}

/// Nobody is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl<T> Exit<T> {
    /// What has arrived.
    pub(super) fn take(&self) -> impl Iterator<Item = T> {
        self.receiver.try_iter().flat_map(|batch| {
            self.under_way.fetch_sub(batch.packets, Ordering::Relaxed);
            batch.freight
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Thing {
        Packet(u32),
        Word(u32),
    }
    use Thing::{Packet, Word};

    impl Freight for Thing {
        fn loss<'a>(&self, counts: &'a RungCounts) -> Option<&'a Count> {
            matches!(self, Packet(_)).then_some(&counts.dropped_out)
        }
    }

    fn three_places() -> (Entry<Thing>, Exit<Thing>, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        let (entry, exit) = passage(3, Arc::clone(&counts));
        (entry, exit, counts)
    }

    fn arrived(exit: &Exit<Thing>) -> Vec<Thing> {
        exit.take().collect()
    }

    #[test]
    fn packets_without_a_place_are_dropped_and_words_arrive() {
        let (entry, exit, counts) = three_places();
        let all = [Packet(1), Word(1), Packet(2)];
        assert_eq!(entry.send(all.to_vec()), Ok(()));
        let all = [Packet(3), Packet(4), Word(2), Packet(5), Word(3)];
        assert_eq!(entry.send(all.to_vec()), Ok(()));
        assert_eq!(counts.totals().udp.dropped_out, 2);
        let expected = [Packet(1), Word(1), Packet(2), Packet(3), Word(2), Word(3)];
        assert_eq!(arrived(&exit), expected);
    }

    #[test]
    fn what_has_arrived_leaves_its_place_to_others() {
        let (entry, exit, counts) = three_places();
        for _ in 0..10 {
            let all = vec![Packet(1), Packet(2), Packet(3), Word(1)];
            assert_eq!(entry.clone().send(all.clone()), Ok(()));
            assert_eq!(arrived(&exit), all);
        }
        assert_eq!(counts.totals().udp.dropped_out, 0);
    }

    #[test]
    fn who_sends_to_nobody_is_told() {
        let (entry, exit, _) = three_places();
        drop(exit);
        assert_eq!(entry.send(vec![Word(1)]), Err(Gone));
    }
}
