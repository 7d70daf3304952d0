//! Events of rollouts: told when the condition `RolloutComplete` begins to say something else.

use kube::Resource as _;
use plenum_crds::MMRPool;
use plenum_crds::conditions::{PoolCondition, PoolReason};

use crate::conditions::Verdict;
use crate::context::Context;
use crate::events::EventType;

/// Tells what the status of `object` did not say yet.
pub(super) async fn rollout(context: &Context, object: &MMRPool, verdicts: &[Verdict]) {
    let type_ = PoolCondition::RolloutComplete.as_str();
    let Some(new) = verdicts.iter().find(|verdict| verdict.type_ == type_) else {
        return;
    };
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let old = conditions.into_iter().find(|c| c.type_ == type_);
    let old = old.and_then(|condition| PoolReason::from_word(&condition.reason));
    let Some((type_, reason)) = news(old, PoolReason::from_word(new.reason)) else {
        return;
    };
    let about = object.object_ref(&());
    tracing::info!(
        pool = about.name,
        reason,
        text = new.message,
        "a rollout changes"
    );
    context
        .events
        .publish(type_, &about, None, (reason, "Roll"), &new.message)
        .await;
}

/// What a person would want to know of the change. `old` is what was said before, if anything.
fn news(old: Option<PoolReason>, new: Option<PoolReason>) -> Option<(EventType, &'static str)> {
    use PoolReason::{Rolling, RolloutHalted, RolloutPaused, UpToDate};
    if old == new {
        return None;
    }
    match (old, new?) {
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
    use PoolReason::{Deleting, Rolling, RolloutHalted, RolloutPaused, UpToDate};

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
}
