//! Events of rollouts, and of addresses that are not known: told when the conditions
//! `RolloutComplete` and `NodesAvailable` begin to say something else.

use kube::Resource as _;
use plenum_crds::MMRPool;
use plenum_crds::conditions::{PoolCondition, PoolReason};

use crate::cache::Key;
use crate::conditions::Verdict;
use crate::context::Context;
use crate::events::EventType;

/// Tells what the status of `object` did not say yet.
pub(super) async fn changes(context: &Context, object: &MMRPool, verdicts: &[Verdict]) {
    let pool = Key::of(object);
    if let Some((reason, text)) = tell(context, object, verdicts, ROLLOUT).await {
        tracing::info!(%pool, reason, text, "a rollout changes");
    }
    if let Some((reason, text)) = tell(context, object, verdicts, ADDRESSES).await {
        tracing::warn!(%pool, reason, text, "no address is known of a node");
    }
}

/// A condition, and what is done when it changes.
type About = (PoolCondition, &'static str);
const ROLLOUT: About = (PoolCondition::RolloutComplete, "Roll");
const ADDRESSES: About = (PoolCondition::NodesAvailable, "Announce");

/// The reason and the words, if they are news.
async fn tell<'a>(
    context: &Context,
    object: &MMRPool,
    verdicts: &'a [Verdict],
    (condition, action): About,
) -> Option<(&'static str, &'a str)> {
    let type_ = condition.as_str();
    let new = verdicts.iter().find(|verdict| verdict.type_ == type_)?;
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let old = conditions.into_iter().find(|c| c.type_ == type_);
    let old = old.and_then(|condition| PoolReason::from_word(&condition.reason));
    let (type_, reason) = news(old, PoolReason::from_word(new.reason))?;
    let about = object.object_ref(&());
    context
        .events
        .publish(type_, &about, None, (reason, action), &new.message)
        .await;
    Some((reason, &new.message))
}

/// What a person would want to know of the change. `old` is what was said before, if anything.
fn news(old: Option<PoolReason>, new: Option<PoolReason>) -> Option<(EventType, &'static str)> {
    use PoolReason::{AddressUnknown, Rolling, RolloutHalted, RolloutPaused, UpToDate};
    if old == new {
        return None;
    }
    match (old, new?) {
        (_, AddressUnknown) => Some((EventType::Warning, "AddressUnknown")),
        (_, RolloutHalted) => Some((EventType::Warning, "RolloutHalted")),
        (_, RolloutPaused) => Some((EventType::Normal, "RolloutPaused")),
        (Some(RolloutHalted | RolloutPaused), Rolling) => {
            Some((EventType::Normal, "RolloutResumed"))
        }
        (_, Rolling) => Some((EventType::Normal, "RolloutStarted")),
        (Some(Rolling | RolloutHalted | RolloutPaused), UpToDate) => {
            Some((EventType::Normal, "RolloutFinished"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use PoolReason::{
        AddressUnknown, Deleting, EnoughNodes, Rolling, RolloutHalted, RolloutPaused, UpToDate,
    };

    use super::*;

    #[test]
    fn a_rollout_is_told_at_its_beginning_and_at_its_end_and_when_it_stands() {
        let story = [
            (None, UpToDate, None),
            (Some(UpToDate), Rolling, Some("RolloutStarted")),
            (Some(Rolling), Rolling, None),
            (Some(Rolling), RolloutHalted, Some("RolloutHalted")),
            (Some(RolloutHalted), Rolling, Some("RolloutResumed")),
            (Some(Rolling), RolloutPaused, Some("RolloutPaused")),
            (Some(RolloutPaused), Rolling, Some("RolloutResumed")),
            (Some(Rolling), UpToDate, Some("RolloutFinished")),
            (Some(UpToDate), Deleting, None),
        ];
        for (old, new, expected) in story {
            let told = news(old, Some(new)).map(|(_, reason)| reason);
            assert_eq!(told, expected, "{old:?} to {new:?}");
        }
        let halted = news(Some(Rolling), Some(RolloutHalted)).unwrap();
        assert!(matches!(halted.0, EventType::Warning));
    }

    #[test]
    fn that_an_address_is_not_known_is_told_once() {
        let story = [
            (Some(EnoughNodes), AddressUnknown, Some("AddressUnknown")),
            (Some(AddressUnknown), AddressUnknown, None),
            (Some(AddressUnknown), EnoughNodes, None),
        ];
        for (old, new, expected) in story {
            let told = news(old, Some(new)).map(|(_, reason)| reason);
            assert_eq!(told, expected, "{old:?} to {new:?}");
        }
    }
}
