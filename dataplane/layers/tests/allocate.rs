//! What fits into a bandwidth goes to whoever matters most, and everybody is seen before
//! anybody is seen large.

use plenum_layers::{LAYERS, Wish, allocate};
use proptest::prelude::*;

fn wish(rank: u32, kbps: [u32; LAYERS], top: u8) -> Wish {
    Wish {
        rank,
        kbps,
        top,
        now: None,
    }
}

fn given(budget: u32, wishes: &[Wish]) -> Vec<Option<u8>> {
    let mut out = vec![Some(9)];
    allocate(budget, wishes, &mut out);
    out
}

const CAMERA: [u32; LAYERS] = [150, 500, 1_500, 0];

#[test]
fn everybody_is_seen_before_anybody_is_seen_large() {
    let wishes = [wish(1, CAMERA, 2), wish(0, CAMERA, 2), wish(2, CAMERA, 2)];
    assert_eq!(given(449, &wishes), [Some(0), Some(0), None]);
    assert_eq!(given(450, &wishes), [Some(0), Some(0), Some(0)]);
    assert_eq!(given(800, &wishes), [Some(0), Some(1), Some(0)]);
    assert_eq!(given(1_799, &wishes), [Some(1), Some(1), Some(1)]);
    assert_eq!(given(1_800, &wishes), [Some(0), Some(2), Some(0)]);
    assert_eq!(given(4_500, &wishes), [Some(2); 3]);
}

#[test]
fn those_of_one_rank_rise_together() {
    let wishes = [wish(5, CAMERA, 2), wish(5, CAMERA, 2)];
    assert_eq!(given(1_700, &wishes), [Some(1), Some(1)]);
    assert_eq!(given(2_000, &wishes), [Some(2), Some(1)]);
}

#[test]
fn of_equals_who_has_more_keeps_it() {
    let mut wishes = [wish(5, CAMERA, 2), wish(5, CAMERA, 2), wish(5, CAMERA, 2)];
    wishes[0].now = Some(0);
    wishes[2].now = Some(1);
    assert_eq!(given(800, &wishes), [Some(0), Some(0), Some(1)]);
    assert_eq!(given(300, &wishes), [Some(0), None, Some(0)]);
}

#[test]
fn nobody_gets_more_than_is_shown() {
    assert_eq!(
        given(9_000, &[wish(0, CAMERA, 1), wish(1, CAMERA, 0)]),
        [Some(1), Some(0)]
    );
    assert_eq!(given(9_000, &[wish(0, CAMERA, 200)]), [Some(2)]);
}

#[test]
fn something_is_always_seen() {
    let wishes = [wish(3, CAMERA, 2), wish(2, CAMERA, 2)];
    assert_eq!(given(0, &wishes), [None, Some(0)]);
    assert_eq!(
        given(200, &[wish(0, [0; LAYERS], 3), wishes[0]]),
        [None, Some(0)]
    );
}

#[test]
fn one_that_is_too_large_hides_nobody_however_important() {
    let large = wish(0, [90_000, 95_000, 0, 0], 1);
    let wishes = [large, wish(1, CAMERA, 2), wish(2, CAMERA, 2)];
    assert_eq!(given(700, &wishes), [None, Some(1), Some(0)]);
    assert_eq!(given(100, &wishes), [None, Some(0), None]);
    assert_eq!(given(100, &[large]), [Some(0)]);
}

#[test]
fn layers_that_are_not_there_are_passed_over() {
    assert_eq!(given(2_000, &[wish(0, [150, 0, 1_500, 0], 2)]), [Some(2)]);
    assert_eq!(given(1_000, &[wish(0, [150, 0, 1_500, 0], 2)]), [Some(0)]);
    assert_eq!(
        given(1_000, &[wish(0, [0, 500, 0, 0], 0)]),
        [Some(1)],
        "larger than wanted"
    );
}

#[test]
fn what_is_too_large_makes_room_for_what_is_behind() {
    let wishes = [
        wish(0, CAMERA, 0),
        wish(1, [2_000, 0, 0, 0], 0),
        wish(2, CAMERA, 1),
    ];
    assert_eq!(given(700, &wishes), [Some(0), None, Some(1)]);
    assert_eq!(given(2_200, &wishes), [Some(0), Some(0), None]);
}

/// Any layers, also those of a publisher who says nonsense.
fn any_wish() -> impl Strategy<Value = Wish> {
    let kbps = prop::array::uniform4(prop_oneof![Just(0), 1..3_000_u32, Just(u32::MAX)]);
    let now = prop::option::of(0..4_u8);
    (0..4_u32, kbps, 0..6_u8, now).prop_map(|(rank, kbps, top, now)| Wish {
        rank,
        kbps,
        top,
        now,
    })
}

/// Layers as they are: each more than the one below, some not there.
fn usual_wish() -> impl Strategy<Value = Wish> {
    let steps = prop::array::uniform4((1..800_u32, prop::bool::weighted(0.8)));
    let now = prop::option::of(0..4_u8);
    (0..4_u32, steps, 0..4_u8, now).prop_map(|(rank, steps, top, now)| {
        let mut sum = 0;
        let kbps = steps.map(|(step, there)| {
            sum += step;
            if there { sum } else { 0 }
        });
        Wish {
            rank,
            kbps,
            top,
            now,
        }
    })
}

fn kbps(wish: &Wish, layer: Option<u8>) -> u64 {
    layer.map_or(0, |layer| u64::from(wish.kbps[usize::from(layer)]))
}

fn lowest(wish: &Wish) -> Option<u64> {
    let lowest = wish.kbps.iter().find(|&&kbps| kbps > 0);
    lowest.map(|&kbps| u64::from(kbps))
}

/// Everybody's place in the order in which is given.
fn order(wishes: &[Wish]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|&index| (wishes[index].rank, std::cmp::Reverse(wishes[index].now)));
    order
}

/// The decisions in the order in which they are made: who is seen at all, then who is raised
/// to which layer.
fn decisions(wishes: &[Wish], given: &[Option<u8>]) -> Vec<bool> {
    let order = order(wishes);
    let mut decisions: Vec<bool> = order.iter().map(|&index| given[index].is_some()).collect();
    for rank in order.chunk_by(|&a, &b| wishes[a].rank == wishes[b].rank) {
        for level in 1..4_u8 {
            let is_there = |index: &&usize| wishes[**index].kbps[usize::from(level)] > 0;
            let raised = |&index: &usize| given[index] >= Some(level);
            decisions.extend(rank.iter().filter(is_there).map(raised));
        }
    }
    decisions
}

proptest! {
    #[test]
    fn the_budget_is_kept(
        budget in 0..20_000_u32,
        wishes in prop::collection::vec(any_wish(), 0..12),
    ) {
        let given = given(budget, &wishes);
        prop_assert_eq!(given.len(), wishes.len());
        let used: u64 = wishes.iter().zip(&given).map(|(wish, layer)| kbps(wish, *layer)).sum();
        // Only the smallest of the lowest layers may be more than there is.
        let smallest = wishes.iter().filter_map(lowest).min();
        if used > u64::from(budget) {
            prop_assert_eq!(Some(used), smallest);
        }
        prop_assert!(smallest.is_none() || used > 0, "one is always seen");
        for (wish, layer) in wishes.iter().zip(&given) {
            prop_assert!(layer.is_none() || kbps(wish, *layer) > 0, "a layer that is there");
            let lowest = wish.kbps.iter().position(|&kbps| kbps > 0);
            let lowest = lowest.and_then(|it| u8::try_from(it).ok());
            prop_assert!(*layer <= Some(wish.top) || *layer == lowest);
        }
    }

    /// Whoever is not seen would not have fitted beside the lowest layers of those before it.
    #[test]
    fn rank_is_respected(
        budget in 0..6_000_u32,
        wishes in prop::collection::vec(usual_wish(), 1..12),
    ) {
        let given = given(budget, &wishes);
        let any_fits = wishes.iter().filter_map(lowest).any(|it| it <= u64::from(budget));
        let mut before = 0;
        for index in order(&wishes) {
            let Some(lowest) = lowest(&wishes[index]) else { continue };
            let fits = before + lowest <= u64::from(budget);
            prop_assert!(given[index].is_some() == fits || !any_fits);
            if fits {
                before += lowest;
            }
        }
    }

    /// More bandwidth never makes an earlier decision worse.
    #[test]
    fn more_is_never_worse(
        budget in 0..6_000_u32,
        more in 1..3_000_u32,
        wishes in prop::collection::vec(usual_wish(), 1..12),
    ) {
        let less = decisions(&wishes, &given(budget, &wishes));
        let more = decisions(&wishes, &given(budget + more, &wishes));
        prop_assert!(more >= less, "{:?} {:?}", less, more);
    }

    /// With enough for all everybody has what is wanted.
    #[test]
    fn enough_is_enough(wishes in prop::collection::vec(usual_wish(), 1..12)) {
        for (wish, layer) in wishes.iter().zip(given(u32::MAX, &wishes)) {
            let there = |layer: &u8| wish.kbps[usize::from(*layer)] > 0;
            let wanted = (0..=wish.top).rev().find(there).or_else(|| (0..4).find(there));
            prop_assert_eq!(layer, wanted);
        }
    }
}
