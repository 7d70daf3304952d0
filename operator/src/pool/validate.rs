//! From a resource to what planning and building may rely on.

use std::time::Duration;

use kube::ResourceExt;
use plenum_crds::conditions::{PoolCondition, PoolReason};
use plenum_crds::labels::{ActivePool, PAUSED, ROLLOUT_PAUSED};
use plenum_crds::{MMRPool, MMRPoolSpec};
use plenum_wire::{PoolName, ZoneName};

use super::forecast::schedule::Schedule;
use crate::conditions::Verdict;

/// A pool that can be acted on.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidPool {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name to the data plane.
    pub wire: PoolName,
    /// Its zone's name to the data plane.
    pub zone: ZoneName,
    /// The value of the active label on its nodes.
    pub active: ActivePool,
    /// Fewest routers.
    pub min: u32,
    /// Most routers, at least `min`.
    pub max: u32,
    /// A size given by hand or by an autoscaler.
    pub replicas: Option<u32>,
    /// Participants a router takes, at least 1.
    pub per_router: u32,
    /// Room to keep free.
    pub spare: u32,
    /// Times at which more is wanted.
    pub schedule: Schedule,
    /// How long less must have been wanted.
    pub scale_down_delay: Duration,
    /// How long people who were moved stay where they are, where it is only for the load.
    pub move_pause: Duration,
    /// Most routers that drain at once, at least 1.
    pub max_draining: u32,
    /// How long a drain may take.
    pub drain_deadline: Duration,
    /// How long a new router may take in a rollout until it takes people.
    pub rollout_deadline: Duration,
    /// No router is replaced for a rollout.
    pub rollout_paused: bool,
    /// Nothing but status is written.
    pub paused: bool,
    /// What the router is made from.
    pub spec: MMRPoolSpec,
}

/// The pool, or what to write instead. The schema refuses most of what is wrong; this is what
/// it cannot see: names that do not fit together. Such a pool has never marked a node.
pub fn validate(pool: &MMRPool) -> Result<ValidPool, Verdict> {
    let invalid = |message: String| {
        let reason = PoolReason::InvalidSpec.as_str();
        Verdict::new(PoolCondition::Ready.as_str(), false, reason, message)
    };
    let name = pool.name_any();
    let namespace = pool.namespace().unwrap_or_default();
    let spec = &pool.spec;
    let active = ActivePool::new(&namespace, &name).map_err(|e| invalid(e.to_string()))?;
    let wire = format!("{namespace}.{name}");
    let wire = PoolName::try_from(wire).map_err(|e| invalid(e.to_string()))?;
    let zone = format!("{namespace}.{}", spec.zone);
    let zone = ZoneName::try_from(zone).map_err(|e| invalid(format!("spec.zone: {e}")))?;
    Ok(ValidPool {
        paused: pool.annotations().contains_key(PAUSED),
        // The schema sees to these bounds; what was stored before it did must not divide by 0.
        min: spec.min_routers.max(1),
        max: spec.max_routers.max(spec.min_routers).max(1),
        replicas: spec.replicas,
        per_router: spec.participants_per_router.max(1),
        spare: spec.spare_participants,
        schedule: Schedule::read(&spec.schedule),
        scale_down_delay: seconds(spec.scale_down_delay_seconds),
        move_pause: seconds(spec.move_pause_seconds),
        max_draining: spec.max_draining.max(1),
        drain_deadline: seconds(spec.drain_deadline_seconds),
        rollout_deadline: seconds(spec.rollout_deadline_seconds),
        rollout_paused: pool.annotations().contains_key(ROLLOUT_PAUSED),
        spec: spec.clone(),
        name,
        namespace,
        wire,
        zone,
        active,
    })
}

fn seconds(n: u32) -> Duration {
    Duration::from_secs(n.into())
}
