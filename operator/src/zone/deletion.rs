//! A zone that is deleted goes last: its routers drain first, up to a deadline. Its pools see
//! its `deletionTimestamp` and drain by themselves; here is only waited for them.

use jiff::Timestamp;
use plenum_crds::MMRPool;
use plenum_crds::conditions::PoolReason;

use super::validate::Intent;

/// How far the deletion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// Nobody deletes the zone.
    None,
    /// Routers still drain.
    Waiting {
        /// The pools that they belong to.
        pools: Vec<String>,
        /// When nobody waits any longer.
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
    let Some(until) = intent.ends else {
        return Deletion::None;
    };
    let pools: Vec<String> = pools
        .into_iter()
        .filter(|pool| !is_drained(pool))
        .map(kube::ResourceExt::name_any)
        .collect();
    if pools.is_empty() || until <= now {
        return Deletion::Over;
    }
    Deletion::Waiting { pools, until }
}

/// Whether the pool knows of the deletion and has no router left. A pool that cannot be acted
/// on has never had one.
fn is_drained(pool: &MMRPool) -> bool {
    let Some(status) = &pool.status else {
        return false;
    };
    let knows = status.conditions.iter().any(|condition| {
        [PoolReason::ZoneDeleting, PoolReason::InvalidSpec]
            .iter()
            .any(|reason| reason.as_str() == condition.reason)
    });
    knows && status.routers.active == 0
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
        let mut pool = MMRPool::new(name, MMRPoolSpec::new("berlin", [("a", "b")]));
        pool.status = Some(MMRPoolStatus {
            routers: Routers {
                active,
                ..Routers::default()
            },
            conditions: vec![Condition {
                type_: "ZoneFound".into(),
                status: "False".into(),
                reason: reason.as_str().into(),
                message: String::new(),
                observed_generation: None,
                last_transition_time: Time(now()),
            }],
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
                until: now() + SignedDuration::from_secs(60),
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
    fn after_the_deadline_nobody_is_waited_for() {
        let pools = [pool("a", PoolReason::ZoneDeleting, 5)];
        let late = now() + SignedDuration::from_secs(60);
        assert_eq!(deletion(intent(), &pools, late), Deletion::Over);
    }
}
