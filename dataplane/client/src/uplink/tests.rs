use plenum_wire::{rtcp, rtp};

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Above this a queue is taken for one that stands, and what is sent for too much.
const STANDS: u32 = 60;

/// A way up of so many kbit/s, whose estimate knows no more than 1.5 times what went over it,
/// and falls below what the way carries when a queue stands.
struct Way {
    uplink: Uplink,
    now: Instant,
    capacity: u32,
    /// What waits, in bits, and the most that it took in ms.
    queue: u32,
    longest: u32,
    estimate: u32,
    padded: usize,
    wanted: Layers,
}

impl Way {
    fn new(capacity: u32) -> Self {
        let mut way = Self {
            uplink: Uplink::new(vec![150, 500, 1_500]),
            now: Instant::now(),
            capacity,
            queue: 0,
            longest: 0,
            estimate: capacity.min(3_000),
            padded: 0,
            wanted: Layers::lowest(3),
        };
        way.look();
        way
    }

    fn look(&mut self) {
        let estimate = Some(u64::from(self.estimate) * 1_000);
        self.uplink.handle(estimate, self.wanted, self.now);
    }

    fn sent(&mut self) -> u32 {
        let layers = self.uplink.layers(self.wanted);
        let each = [150, 500, 1_500].into_iter().enumerate();
        each.filter(|(layer, _)| layers.has(*layer))
            .map(|(_, kbps)| kbps)
            .sum()
    }

    /// Time passes; how often the layers changed.
    fn pass(&mut self, time: Duration) -> usize {
        let end = self.now + time;
        let mut changes = 0;
        while self.now < end {
            self.now += PADDING_EVERY;
            let padding = self.uplink.padding();
            self.padded += padding;
            let over = self.sent() + u32::try_from(padding * 8 / 20).unwrap();
            self.queue = (self.queue + over * 20).saturating_sub(self.capacity * 20);
            let waits = self.queue / self.capacity;
            self.longest = self.longest.max(waits);
            let known = self.estimate.max(over.min(self.capacity) * 3 / 2);
            self.estimate = known.min(self.capacity);
            if waits > STANDS {
                self.estimate = self.capacity * 76 / 100;
            }
            let before = self.sent();
            self.look();
            changes += usize::from(self.sent() != before);
        }
        changes
    }

    fn layers(&mut self) -> usize {
        let layers = self.uplink.layers(self.wanted);
        (0..3).filter(|layer| layers.has(*layer)).count()
    }
}

#[test]
fn all_layers_are_sent_where_nothing_is_known() {
    let mut uplink = Uplink::new(vec![150, 500]);
    assert!(!uplink.handle(None, Layers::lowest(2), Instant::now()));
    assert_eq!(uplink.layers(Layers::lowest(2)), Layers::lowest(2));
    assert_eq!(uplink.padding(), 0);
}

#[test]
fn a_way_that_becomes_narrow_and_wide_again_loses_layers_and_gets_them_back() {
    let mut way = Way::new(4_000);
    way.pass(5_000 * MS);
    assert_eq!((way.layers(), way.padded), (3, 0));
    way.capacity = 400;
    way.pass(200 * MS);
    assert_eq!(way.layers(), 1, "the highest first, and the lowest stays");
    way.pass(20_000 * MS);
    assert_eq!(way.layers(), 1);
    way.capacity = 4_000;
    way.pass(40_000 * MS);
    assert_eq!(way.layers(), 3);
    let padded = way.padded;
    way.pass(60_000 * MS);
    assert_eq!(way.padded, padded, "nothing is left to find out");
}

#[test]
fn probing_costs_nothing_of_what_is_there() {
    for capacity in [660, 700, 800, 2_200] {
        let mut way = Way::new(capacity);
        way.pass(1_000 * MS);
        let layers = way.layers();
        assert_eq!(way.pass(120_000 * MS), 0, "{capacity}");
        assert_eq!(way.layers(), layers);
        assert!(way.longest <= STANDS, "{} ms at {capacity}", way.longest);
        assert!(way.padded > 0 || layers == 3, "it may have become wider");
    }
}

#[test]
fn no_frame_is_sent_of_what_becomes_wanted_and_is_known_not_to_fit() {
    let mut way = Way::new(400);
    way.wanted = Layers::lowest(1);
    way.pass(5_000 * MS);
    way.wanted = Layers::from(&[true, false, true][..]);
    assert_eq!(way.sent(), 150, "before it is looked at again");
    way.wanted = Layers::only(2);
    assert_eq!(way.sent(), 150);
    way.wanted = Layers::lowest(0);
    assert_eq!(way.sent(), 0);
    let mut way = Way::new(4_000);
    way.wanted = Layers::lowest(1);
    way.pass(5_000 * MS);
    way.wanted = Layers::from(&[true, false, true][..]);
    assert_eq!(way.sent(), 1_650, "this is known to fit");
}

#[test]
fn even_the_lowest_layer_of_a_way_that_is_too_narrow_is_sent() {
    let mut way = Way::new(50);
    way.pass(10_000 * MS);
    assert_eq!(way.layers(), 1);
}

#[test]
fn layers_that_nobody_wants_need_no_room_and_no_padding() {
    let mut way = Way::new(2_000);
    way.wanted = Layers::from(&[true, true, false][..]);
    way.pass(30_000 * MS);
    assert_eq!(way.padded, 0);
    assert_eq!(way.sent(), 650);
    way.wanted = Layers::from(&[false, false, true][..]);
    way.pass(30_000 * MS);
    assert_eq!(way.sent(), 1_500, "it fits without the others");
}

#[test]
fn what_is_wanted_and_does_not_fit_has_something_lower_in_its_place() {
    for (capacity, instead) in [(2_000, 1_500), (700, 500), (300, 150), (50, 150)] {
        let mut way = Way::new(capacity);
        way.wanted = Layers::only(2);
        way.pass(10_000 * MS);
        assert_eq!(way.sent(), instead, "{capacity}");
    }
    let nobody = Layers::lowest(0);
    assert_eq!(Uplink::new(vec![150, 500]).layers(nobody), nobody);
}

#[test]
fn a_way_that_is_just_too_narrow_is_asked_less_and_less() {
    let mut way = Way::new(1_000);
    way.pass(60_000 * MS);
    assert_eq!(way.layers(), 2);
    way.padded = 0;
    way.pass(60_000 * MS);
    let bits = u64::try_from(way.padded).unwrap() * 8;
    assert!(bits > 0, "it may have become wider");
    assert!(bits / 60 < 30_000, "{bits} in a minute");
}

#[test]
fn padding_is_rtcp_that_asks_for_nothing() {
    let packets = padding(7, 3_000);
    let bytes: usize = packets.iter().map(Bytes::len).sum();
    assert!((2_980..=3_020).contains(&bytes), "{bytes}");
    for packet in &packets {
        assert!(rtp::is_rtcp(packet));
        assert_eq!(rtcp::feedback(packet).next(), None);
        let words = u16::from_be_bytes([packet[2], packet[3]]);
        assert_eq!(packet.len(), 4 * (usize::from(words) + 1));
    }
    assert!(padding(7, 0).is_empty());
}
