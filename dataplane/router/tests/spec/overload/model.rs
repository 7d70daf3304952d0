//! Whatever happens, in any order: voices and screens are never left out.

use std::time::Duration;

use plenum_router::OverloadStep;
use plenum_wire::Kind;
use plenum_wire::control::FromClient;
use proptest::prelude::*;

use super::strain;
use super::three::{ANN, BOB, CEM, Three};

#[derive(Debug, Clone, Copy)]
enum Act {
    Strain(u32, f32),
    Send(usize, Kind),
    Leave(usize),
    Return(usize),
    /// The zone lets them in anew, and they come.
    ComeAnew(usize),
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..3_usize;
    let kind = prop::sample::select(Kind::ALL.to_vec());
    prop_oneof![
        3 => (1..6_u32, 0.0..=1.0_f32).prop_map(|(samples, busy)| Act::Strain(samples, busy)),
        2 => (1..6_u32).prop_map(|samples| Act::Strain(samples, 1.0)),
        8 => (who.clone(), kind).prop_map(|(who, kind)| Act::Send(who, kind)),
        1 => who.clone().prop_map(Act::Leave),
        2 => who.clone().prop_map(Act::Return),
        1 => who.prop_map(Act::ComeAnew),
        1 => (10..2_000_u64).prop_map(Act::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn voices_and_screens_reach_everybody_whatever_the_strain(
        acts in prop::collection::vec(act(), 1..150),
    ) {
        let mut three = Three::new();
        let mut there = [true; 3];
        for act in acts {
            match act {
                Act::Strain(samples, busy) => {
                    three.strain(samples, busy);
                }
                Act::Send(who, kind) if there[who] => {
                    let others = there.iter().filter(|there| **there).count() - 1;
                    three.sequence += 1;
                    let reached = three.send(who, kind);
                    match kind {
                        Kind::Audio | Kind::Content => prop_assert_eq!(reached, others),
                        Kind::Video if three.house.shard.overload() < OverloadStep::LowLayers => {
                            prop_assert_eq!(reached, others);
                        }
                        Kind::Video => prop_assert!(reached == 0 || reached == others),
                    }
                }
                Act::Leave(who) if there[who] => {
                    three.house.say(three.people[who].0.channel, FromClient::Bye);
                    there[who] = false;
                }
                Act::Return(who) | Act::ComeAnew(who) => {
                    if matches!(act, Act::ComeAnew(_)) {
                        three.admitted[who] = three.house.now;
                    }
                    let welcome = three.come(who);
                    let expected = three.expected(who).unwrap_or(welcome);
                    prop_assert_eq!(welcome, expected || there[who]);
                    there[who] = welcome;
                }
                Act::Pass(millis) => {
                    three.house.pass(Duration::from_millis(millis));
                }
                Act::Send(..) | Act::Leave(_) => {}
            }
        }
        // Longer than a router is ever wary.
        strain(&mut three.house, 700, 0.1);
        prop_assert_eq!(three.house.shard.overload(), OverloadStep::Open);
        let others = there.iter().filter(|there| **there).count().saturating_sub(1);
        for who in [ANN, BOB, CEM].into_iter().filter(|who| there[*who]) {
            three.sequence += 1;
            prop_assert_eq!(three.send(who, Kind::Video), others);
        }
    }
}
