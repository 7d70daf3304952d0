//! A zone that is deleted goes last: its routers drain first, up to a deadline. Its pools see
//! its `deletionTimestamp` and drain by themselves; here is only waited for them.

use jiff::{SignedDuration, Timestamp};
use plenum_crds::MMRPool;
use plenum_crds::conditions::{PoolCondition, PoolReason};

use super::validate::Intent;

/// How long after their deadline the pools may take to end what is left: they look at it
/// just then, write their nodes, and tell it in their status. Only one that is paused takes
/// longer.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// How far the deletion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// Nobody deletes the zone.
    None,
    /// Routers still drain.
    Waiting {
        /// The pools that they belong to.
        pools: Vec<String>,
        /// When their routers are no longer waited for.
        until: Timestamp,
    },
    /// Nothing is left to wait for.
    Over,
}

/// Decides it from the zone's pools.
pub fn deletion<'a>(
    intent: Intent,
    pools: impl IntoIterator<Item = &'a MMRPool>,
    now: Timestamp,
) -> Deletion {
    let Some(ends) = intent.ends else {
        return Deletion::None;
    };
    let until = ends.saturating_add(MARGIN).unwrap_or(Timestamp::MAX);
    // A pool that has not looked yet, since the operator was away, would find no zone and
    // keep its routers.
    let waits = |pool: &&MMRPool| !knows(pool) || (has_routers(pool) && now < until);
    let pools: Vec<String> = pools
        .into_iter()
        .filter(waits)
        .map(kube::ResourceExt::name_any)
        .collect();
    if pools.is_empty() {
        return Deletion::Over;
    }
    Deletion::Waiting { pools, until }
}

/// Whether the pool has seen the deletion. One whose names do not fit together has never looked
/// for its zone, and has no router; others say `InvalidSpec` of some part of their spec while
/// their routers run.
fn knows(pool: &MMRPool) -> bool {
    let says = |condition: PoolCondition| {
        let conditions = pool.status.iter().flat_map(|status| &status.conditions);
        let mut of_type = conditions.filter(move |it| it.type_ == condition.as_str());
        of_type.next().map(|it| it.reason.as_str())
    };
    says(PoolCondition::ZoneFound).map_or_else(
        || says(PoolCondition::Ready) == Some(PoolReason::InvalidSpec.as_str()),
        |zone| zone == PoolReason::ZoneDeleting.as_str(),
    )
}

fn has_routers(pool: &MMRPool) -> bool {
    let status = pool.status.as_ref();
    status.is_some_and(|status| status.routers.active > 0)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use plenum_crds::{MMRPoolSpec, MMRPoolStatus, Routers};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn intent() -> Intent {
        Intent {
            paused: false,
            ends: Some(now() + SignedDuration::from_secs(60)),
        }
    }

    fn pool(name: &str, reason: PoolReason, active: u32) -> MMRPool {
        saying(name, &[(PoolCondition::ZoneFound, reason)], active)
    }

    fn saying(name: &str, said: &[(PoolCondition, PoolReason)], active: u32) -> MMRPool {
        let mut pool = MMRPool::new(name, MMRPoolSpec::new("berlin", [("a", "b")]));
        let condition = |(type_, reason): &(PoolCondition, PoolReason)| Condition {
            type_: type_.as_str().into(),
            status: "False".into(),
            reason: reason.as_str().into(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(now()),
        };
        pool.status = Some(MMRPoolStatus {
            routers: Routers {
                active,
                ..Routers::default()
            },
            conditions: said.iter().map(condition).collect(),
            ..MMRPoolStatus::default()
        });
        pool
    }

    #[test]
    fn a_zone_that_nobody_deletes_stays() {
        let stays = Intent {
            paused: false,
            ends: None,
        };
        assert_eq!(deletion(stays, &[], now()), Deletion::None);
    }

    #[test]
    fn a_zone_without_pools_goes_at_once() {
        assert_eq!(deletion(intent(), &[], now()), Deletion::Over);
    }

    #[test]
    fn routers_are_waited_for_until_they_are_gone() {
        let pools = [
            pool("a", PoolReason::ZoneDeleting, 1),
            pool("b", PoolReason::ZoneDeleting, 0),
        ];
        assert_eq!(
            deletion(intent(), &pools, now()),
            Deletion::Waiting {
                pools: vec!["a".into()],
                until: now() + SignedDuration::from_secs(60) + MARGIN,
            }
        );
        assert_eq!(deletion(intent(), &pools[1..], now()), Deletion::Over);
    }

    #[test]
    fn an_empty_pool_that_has_not_heard_of_it_is_waited_for() {
        // It may be about to label a node.
        let unheard = [pool("a", PoolReason::ZoneFound, 0)];
        assert!(matches!(
            deletion(intent(), &unheard, now()),
            Deletion::Waiting { .. }
        ));
        let unseen = [MMRPool::new("a", MMRPoolSpec::new("berlin", [("a", "b")]))];
        assert!(matches!(
            deletion(intent(), &unseen, now()),
            Deletion::Waiting { .. }
        ));
    }

    #[test]
    fn at_the_deadline_routers_are_still_to_be_ended() {
        let pools = [pool("a", PoolReason::ZoneDeleting, 5)];
        let deadline = now() + SignedDuration::from_secs(60);
        let waits = deletion(intent(), &pools, deadline);
        assert!(matches!(waits, Deletion::Waiting { .. }));
        let ended = [pool("a", PoolReason::ZoneDeleting, 0)];
        assert_eq!(deletion(intent(), &ended, deadline), Deletion::Over);
    }

    #[test]
    fn a_deadline_of_zero_ends_meetings_before_the_zone_goes() {
        let at_once = Intent {
            paused: false,
            ends: Some(now()),
        };
        let running = [pool("a", PoolReason::ZoneFound, 2)];
        let waits = deletion(at_once, &running, now());
        assert!(matches!(waits, Deletion::Waiting { .. }));
        let ended = [pool("a", PoolReason::ZoneDeleting, 0)];
        assert_eq!(deletion(at_once, &ended, now()), Deletion::Over);
    }

    #[test]
    fn a_pool_that_never_ends_is_waited_for_some_seconds_longer_and_not_for_ever() {
        let paused = [pool("a", PoolReason::ZoneDeleting, 5)];
        let late = now() + SignedDuration::from_secs(60) + MARGIN;
        assert_eq!(deletion(intent(), &paused, late), Deletion::Over);
        let unaware = [pool("a", PoolReason::ZoneFound, 5)];
        let waits = deletion(intent(), &unaware, late);
        assert!(matches!(waits, Deletion::Waiting { .. }));
    }

    #[test]
    fn a_pool_that_serves_with_a_part_of_its_spec_unread_has_to_hear_of_it_like_any_other() {
        let late = now() + SignedDuration::from_secs(60) + MARGIN;
        let invalid = PoolReason::InvalidSpec;
        for part in [PoolCondition::Ready, PoolCondition::ScalingActive] {
            for active in [0, 5] {
                let said = [
                    (PoolCondition::ZoneFound, PoolReason::ZoneFound),
                    (part, invalid),
                ];
                let unheard = [saying("a", &said, active)];
                let waits = deletion(intent(), &unheard, late);
                assert!(
                    matches!(waits, Deletion::Waiting { .. }),
                    "{part:?} {active}"
                );
            }
            let said = [
                (PoolCondition::ZoneFound, PoolReason::ZoneDeleting),
                (part, invalid),
            ];
            let heard = [saying("a", &said, 0)];
            assert_eq!(deletion(intent(), &heard, now()), Deletion::Over);
        }
    }

    #[test]
    fn a_pool_that_never_could_look_for_its_zone_is_not_waited_for() {
        let never = [saying(
            "a",
            &[(PoolCondition::Ready, PoolReason::InvalidSpec)],
            0,
        )];
        assert_eq!(deletion(intent(), &never, now()), Deletion::Over);
    }
}
