//! Step 6: what the zone says of itself. Nothing in it changes without cause.

use jiff::Timestamp;
use plenum_crds::conditions::{ZoneCondition, ZoneReason};
use plenum_crds::{ExposureType, MMRPool, MeetingZoneStatus, Participants, Replicas, Routers};

use super::apply::Applied;
use super::children::Part;
use super::deletion::Deletion;
use super::fetch::Fetched;
use super::plan::Plan;
use super::problems::Problem;
use super::url::{exposure, outside, urls};
use super::validate::Intent;
use crate::conditions::{Truth, Verdict, update};

/// What a reconcile came to.
pub struct Outcome<'a> {
    /// The plan and what became of it; or why there is none.
    pub planned: Result<(&'a Plan, &'a Applied), &'a Problem>,
    /// What a person asked for.
    pub intent: Intent,
    /// How far the deletion is.
    pub deletion: &'a Deletion,
}

/// The status to write.
#[must_use]
pub fn status(fetched: &Fetched, outcome: &Outcome<'_>, now: Timestamp) -> MeetingZoneStatus {
    let zone = &fetched.zone;
    let previous = zone.status.as_ref().map(|s| s.conditions.clone());
    let controllers = controllers(fetched);
    let tunnels = tunnels(fetched);
    let routers = sum_routers(fetched);
    let verdicts = verdicts(fetched, outcome, (controllers, tunnels), routers);
    let generation = zone.metadata.generation;
    MeetingZoneStatus {
        observed_generation: generation,
        conditions: update(&previous.unwrap_or_default(), &verdicts, generation, now),
        controllers,
        tunnels,
        routers,
        participants: sum_participants(fetched),
        url: urls(fetched, Part::Controllers).into_iter().next(),
        tunnel_url: (tunnels.desired > 0)
            .then(|| outside(fetched, Part::Tunnels).into_iter().next())
            .flatten(),
    }
}

fn verdicts(
    fetched: &Fetched,
    outcome: &Outcome<'_>,
    (counts, tunnels): (Replicas, Replicas),
    routers: Routers,
) -> Vec<Verdict> {
    let certificates = certificates_ready(outcome);
    let controllers = controllers_ready(fetched, outcome, counts);
    let accepting = routers_accepting(fetched, routers);
    let ready = ready(outcome, &certificates, &controllers, counts, &accepting);
    let tunnels = tunnels_ready(fetched, outcome, tunnels);
    vec![ready, certificates, controllers, accepting, tunnels]
}

fn verdict(
    condition: ZoneCondition,
    truth: bool,
    reason: ZoneReason,
    message: impl Into<String>,
) -> Verdict {
    Verdict::new(condition.as_str(), truth, reason.as_str(), message)
}

fn refused(condition: ZoneCondition, problem: &Problem) -> Verdict {
    verdict(condition, false, problem.reason, problem.message.clone())
}

fn certificates_ready(outcome: &Outcome<'_>) -> Verdict {
    let condition = ZoneCondition::CertificatesReady;
    let (plan, applied) = match outcome.planned {
        Ok(planned) => planned,
        Err(problem) => return refused(condition, problem),
    };
    match (&applied.secrets_refused, &plan.certificates) {
        (Some(problem), _) | (None, Err(problem)) => refused(condition, problem),
        (None, Ok(sentence)) => verdict(condition, true, ZoneReason::CertificatesIssued, sentence),
    }
}

fn controllers_ready(fetched: &Fetched, outcome: &Outcome<'_>, counts: Replicas) -> Verdict {
    let condition = ZoneCondition::ControllersReady;
    if let Some(problem) = problem(outcome, Part::Controllers) {
        return refused(condition, problem);
    }
    let Replicas { desired, ready } = counts;
    let answer = format!("{ready} of {desired} zone controllers answer");
    if ready == 0 {
        let message = format!("{answer}; look at the pods of the StatefulSet.");
        return verdict(
            condition,
            false,
            ZoneReason::ControllersUnavailable,
            message,
        );
    }
    if is_changing(fetched) {
        let message = format!("{answer}; the others are being replaced.");
        return verdict(condition, false, ZoneReason::ControllersStarting, message);
    }
    let reason = if ready < desired {
        ZoneReason::ControllersStarting
    } else {
        ZoneReason::ControllersServing
    };
    verdict(condition, true, reason, format!("{answer}."))
}

/// What keeps a part from being as the spec has it.
fn problem<'a>(outcome: &Outcome<'a>, part: Part) -> Option<&'a Problem> {
    match outcome.planned {
        Ok((plan, applied)) => plan.problems.of(part).or(applied.refused.of(part)),
        Err(problem) => Some(problem),
    }
}

/// A zone without tunnels serves all the same: `Ready` does not ask for this.
fn tunnels_ready(fetched: &Fetched, outcome: &Outcome<'_>, counts: Replicas) -> Verdict {
    let condition = ZoneCondition::TunnelsReady;
    if let Err(problem) = outcome.planned {
        return refused(condition, problem);
    }
    let Replicas { desired, ready } = counts;
    if desired == 0 {
        let message = "spec.tunnels.replicas is 0: who cannot reach the zone directly stays out.";
        return verdict(condition, true, ZoneReason::NoTunnels, message);
    }
    if let Some(problem) = problem(outcome, Part::Tunnels) {
        return refused(condition, problem);
    }
    if outside(fetched, Part::Tunnels).is_empty() {
        return unreachable_tunnels(fetched);
    }
    let answer = format!("{ready} of {desired} tunnels answer");
    if ready == 0 {
        let message = format!("{answer}; look at the pods of the Deployment.");
        return verdict(condition, false, ZoneReason::TunnelsUnavailable, message);
    }
    let reason = if ready < desired {
        ZoneReason::TunnelsStarting
    } else {
        ZoneReason::TunnelsServing
    };
    verdict(condition, true, reason, format!("{answer}."))
}

/// They run, and clients are not told of them.
fn unreachable_tunnels(fetched: &Fetched) -> Verdict {
    let message = match exposure(fetched, Part::Tunnels).type_ {
        ExposureType::ClusterIp => {
            "Only clients inside the cluster reach the tunnels, so nobody is told of them: write \
             spec.tunnels.exposure.type NodePort or LoadBalancer, or, with something of your own \
             in front of them, spec.tunnels.exposure.hostnames."
        }
        ExposureType::NodePort => {
            "Nobody is told of the tunnels, as it is not known what clients call the nodes: write \
             their addresses, or a name for them, into spec.tunnels.exposure.hostnames."
        }
        ExposureType::LoadBalancer => {
            "The load balancer of the tunnels has no address yet, so nobody is told of them."
        }
    };
    let condition = ZoneCondition::TunnelsReady;
    verdict(condition, false, ZoneReason::TunnelsUnreachable, message)
}

/// Whether pods are yet to be made from the template as it is now.
fn is_changing(fetched: &Fetched) -> bool {
    let Some(set) = &fetched.stateful_set else {
        return true;
    };
    let status = set.status.clone().unwrap_or_default();
    let revisions_differ = status
        .update_revision
        .as_ref()
        .is_some_and(|update| status.current_revision.as_ref() != Some(update));
    status.observed_generation < set.metadata.generation || revisions_differ
}

fn routers_accepting(fetched: &Fetched, routers: Routers) -> Verdict {
    let condition = ZoneCondition::RoutersAccepting;
    if fetched.pools.is_empty() {
        let message = "No pool yet: make an MMRPool whose spec.zone names this zone.";
        return verdict(condition, false, ZoneReason::NoPool, message);
    }
    if routers.accepting == 0 {
        let message = "No router takes meetings; the conditions of the MMRPools say why.";
        return verdict(condition, false, ZoneReason::NoRouterAccepting, message);
    }
    let message = "There are routers that take meetings.";
    verdict(condition, true, ZoneReason::RoutersAccepting, message)
}

fn ready(
    outcome: &Outcome<'_>,
    certificates: &Verdict,
    controllers: &Verdict,
    counts: Replicas,
    routers: &Verdict,
) -> Verdict {
    let condition = ZoneCondition::Ready;
    if let Deletion::Waiting { pools, until } = outcome.deletion {
        let message = format!(
            "The zone is being deleted. Waiting for the routers of {} to drain, until {until} \
             at the latest.",
            pools.join(", ")
        );
        return verdict(condition, false, ZoneReason::Deleting, message);
    }
    let serves = certificates.truth == Truth::True && counts.ready > 0;
    if outcome.intent.paused {
        let message = "The annotation plenum.dev/paused is set: nothing is changed.";
        return verdict(condition, serves, ZoneReason::Paused, message);
    }
    // A spec that cannot be carried out is not ready, though the former one is served.
    for cause in [certificates, controllers] {
        let waits = cause.reason == ZoneReason::ControllersStarting.as_str();
        if cause.truth != Truth::True && !waits {
            return Verdict {
                type_: condition.as_str(),
                ..cause.clone()
            };
        }
    }
    let Replicas { desired, ready } = counts;
    let mut message = format!("{ready} of {desired} zone controllers answer");
    if routers.reason == ZoneReason::NoPool.as_str() {
        message += "; no pool yet";
    }
    verdict(condition, serves, ZoneReason::Serving, message + ".")
}

fn controllers(fetched: &Fetched) -> Replicas {
    let ready = fetched
        .stateful_set
        .as_ref()
        .and_then(|set| set.status.as_ref()?.ready_replicas)
        .unwrap_or_default();
    Replicas {
        desired: fetched.zone.spec.controllers.replicas,
        ready: u32::try_from(ready).unwrap_or_default(),
    }
}

fn tunnels(fetched: &Fetched) -> Replicas {
    let ready = fetched
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.status.as_ref()?.ready_replicas)
        .unwrap_or_default();
    Replicas {
        desired: fetched.zone.spec.tunnels.replicas,
        ready: u32::try_from(ready).unwrap_or_default(),
    }
}

fn sum_routers(fetched: &Fetched) -> Routers {
    fetched.pools.iter().filter_map(|p| p.status.as_ref()).fold(
        Routers::default(),
        |sum, status| Routers {
            desired: sum.desired.saturating_add(status.routers.desired),
            active: sum.active.saturating_add(status.routers.active),
            accepting: sum.accepting.saturating_add(status.routers.accepting),
            draining: sum.draining.saturating_add(status.routers.draining),
        },
    )
}

fn sum_participants(fetched: &Fetched) -> Participants {
    let of = |pool: &MMRPool| pool.status.as_ref().map(|status| status.participants);
    fetched
        .pools
        .iter()
        .filter_map(|pool| of(pool))
        .fold(Participants::default(), |sum, pool| Participants {
            in_use: sum.in_use.saturating_add(pool.in_use),
            capacity: sum.capacity.saturating_add(pool.capacity),
        })
}
