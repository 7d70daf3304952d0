//! Whatever happens in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn any_input() -> impl Strategy<Value = Input> {
    let leg = (0..6u32).prop_map(LegId);
    let name = prop::sample::select(vec!["a", "b", "c"]);
    (0..10u8, leg, name, any::<bool>()).prop_map(|(what, leg, name, waits)| match what {
        0 | 1 => Input::Answer(Ok(offer(name))),
        2 | 3 => Input::Complete(leg),
        4 => Input::Died(leg, broke()),
        5 => Input::Migrate(leg, offer(name)),
        6 => Input::Release(leg, router(name)),
        8 => Input::Welcomed(leg),
        9 => Input::NetworkChanged { waits },
        _ => Input::Stay(leg, router(name)),
    })
}

proptest! {
    /// Whatever comes in whatever order: at most two legs, none closed twice, starts and
    /// ends of moves in pairs, and never without a leg and without a question asked; nor is one
    /// asked while there are two legs.
    #[test]
    fn any_history_keeps_the_guarantees(inputs in prop::collection::vec(any_input(), 0..200)) {
        let mut me = Participant::new();
        let mut open = BTreeSet::new();
        let (mut asked, mut moves) = (false, 0);
        for input in inputs {
            if matches!(input, Input::Answer(_)) {
                if !asked {
                    continue;
                }
                asked = false;
            }
            me.now += Duration::from_millis(10);
            me.moving.handle(input, me.now);
            for output in me.done() {
                match output {
                    Output::Ask { .. } => asked = true,
                    Output::Open { leg, .. } => prop_assert!(open.insert(leg)),
                    Output::Close { leg, .. } => prop_assert!(open.remove(&leg)),
                    Output::Say(leg, _) => prop_assert!(open.contains(&leg)),
                    Output::Tell(News::MoveStarted { .. }) => moves += 1,
                    Output::Tell(News::MoveEnded { .. }) => moves -= 1,
                    Output::Tell(_) => {}
                }
                prop_assert!(open.len() <= 2 && (0..=1).contains(&moves));
            }
            prop_assert!(asked || !open.is_empty(), "nothing asked, nothing open");
            prop_assert!(!asked || open.len() < 2, "asked, open {open:?}");
        }
    }
}
