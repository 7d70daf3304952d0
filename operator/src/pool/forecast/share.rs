//! Which part of those who are expected in a zone one of its pools expects.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt as _;
use plenum_crds::labels::PAUSED;
use plenum_crds::{MMRPool, SpareFrom};

/// What `pool` has to expect of those who come to its zone, of which `all` are the pools: as much
/// of them as it may hold of what those may hold that make room for them. One that makes none
/// has the part that it would have.
#[must_use]
pub fn part(
    mut expected: BTreeMap<Timestamp, u32>,
    pool: &MMRPool,
    all: &[Arc<MMRPool>],
) -> BTreeMap<Timestamp, u32> {
    let others = all.iter().filter(|it| it.name_any() != pool.name_any());
    let others = others.filter(|it| makes_room(it)).map(|it| holds(it));
    let ours = holds(pool);
    let whole = ours + others.sum::<u128>();
    for people in expected.values_mut() {
        let part = (u128::from(*people) * ours).div_ceil(whole);
        *people = u32::try_from(part).unwrap_or(u32::MAX);
    }
    expected
}

/// It follows those who are to come, and nobody holds it where it is.
fn makes_room(pool: &MMRPool) -> bool {
    let held = pool.spec.replicas.is_some() || pool.annotations().contains_key(PAUSED);
    let deleting = pool.metadata.deletion_timestamp.is_some();
    pool.spec.spare_from == SpareFrom::Arrivals && !held && !deleting
}

/// People on as many routers as it may have.
fn holds(pool: &MMRPool) -> u128 {
    let each = |number: u32| u128::from(number.max(1));
    each(pool.spec.max_routers) * each(pool.spec.participants_per_router)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use plenum_crds::MMRPoolSpec;

    use super::*;

    /// It makes room, on two routers of a hundred.
    fn pool(name: &str, change: impl FnOnce(&mut MMRPool)) -> Arc<MMRPool> {
        let spec = MMRPoolSpec::new("z", [("routers", "true")]);
        let mut pool = MMRPool::new(name, spec);
        pool.spec.spare_from = SpareFrom::Arrivals;
        (pool.spec.max_routers, pool.spec.participants_per_router) = (2, 100);
        change(&mut pool);
        Arc::new(pool)
    }

    /// The parts of the pools, of so many people.
    fn parts(people: u32, pools: &[Arc<MMRPool>]) -> Vec<u32> {
        let expected = BTreeMap::from([(Timestamp::UNIX_EPOCH, people)]);
        let part = |pool: &Arc<MMRPool>| part(expected.clone(), pool, pools);
        let parts = pools.iter().map(part);
        parts.flat_map(BTreeMap::into_values).collect()
    }

    #[test]
    fn each_pool_expects_as_much_of_all_as_it_may_hold() {
        let a = pool("a", |_| {});
        assert_eq!(parts(301, std::slice::from_ref(&a)), [301]);
        let same = pool("b", |_| {});
        assert_eq!(parts(301, &[a.clone(), same]), [151, 151]);
        let more = pool("b", |it| it.spec.max_routers = 4);
        assert_eq!(parts(300, &[a.clone(), more]), [100, 200]);
        let larger = pool("b", |it| it.spec.participants_per_router = 500);
        assert_eq!(parts(300, &[a, larger]), [50, 250]);
    }

    #[test]
    fn a_pool_that_makes_no_room_takes_no_part_from_those_that_do() {
        let a = pool("a", |_| {});
        let others = [
            pool("b", |it| it.spec.spare_from = SpareFrom::Spec),
            pool("b", |it| it.spec.replicas = Some(2)),
            pool("b", |it| {
                it.annotations_mut().insert(PAUSED.into(), String::new());
            }),
            pool("b", |it| {
                it.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
            }),
        ];
        for b in others {
            assert_eq!(parts(300, &[a.clone(), b]), [300, 150]);
        }
    }

    #[test]
    fn any_numbers_have_parts() {
        let huge = |name| {
            pool(name, |it| {
                (it.spec.max_routers, it.spec.participants_per_router) = (u32::MAX, u32::MAX);
            })
        };
        let zero = pool("c", |it| it.spec.max_routers = 0);
        let all = [huge("a"), huge("b"), zero];
        assert_eq!(parts(u32::MAX, &all), [1 << 31, 1 << 31, 1]);
    }
}
