//! A zone at a glance.

mod render;
mod routers;

use plenum_crds::labels;
use plenum_crds::{MMRPool, MeetingZone};
use serde::Serialize;

use crate::doctor;
use crate::finding::{Finding, Level};
use crate::snapshot::{
    Certificate, Snapshot, annotation, is_ready, name_of, namespace_of, node_of, restarts,
};

pub use routers::{Drain, Router, State, routers};

/// The shape of [`Report`] as JSON.
pub const SCHEMA: &str = "kubectl-plenum.status/1";

/// The zones that were asked for.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// There is a zone, and nothing is wrong with any.
    pub healthy: bool,
    /// By namespace and name.
    pub zones: Vec<Zone>,
    /// What could not be looked at.
    pub not_seen: Vec<crate::snapshot::Trouble>,
}

/// One zone.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its condition Ready.
    pub ready: bool,
    /// The reason of the condition.
    pub reason: String,
    /// Its sentence.
    pub message: String,
    /// Where clients reach it.
    pub url: Option<String>,
    /// Where they reach its tunnels.
    pub tunnel_url: Option<String>,
    /// Nothing is changed.
    pub paused: bool,
    /// It is being deleted.
    pub deleting: bool,
    /// People, and room for them.
    pub participants: Participants,
    /// Zone controllers.
    pub controllers: Part,
    /// Tunnels.
    pub tunnels: Part,
    /// Its pools.
    pub pools: Vec<Pool>,
    /// Its certificates.
    pub certificates: Vec<Remaining>,
    /// What is wrong, and what to know; the worst first.
    pub problems: Vec<Finding>,
}

/// People, and room for them.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Participants {
    /// People in meetings.
    pub in_use: u32,
    /// People that the accepting routers can hold.
    pub capacity: u32,
}

/// Controllers or tunnels.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// How many there should be.
    pub desired: u32,
    /// How many answer.
    pub ready: u32,
    /// Each.
    pub pods: Vec<Pod>,
}

/// A pod of a controller or a tunnel.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub node: Option<String>,
    /// Whether it answers.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: i32,
    /// Since it was made.
    pub age_seconds: i64,
}

/// A pool.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its condition Ready.
    pub ready: bool,
    /// The reason of the condition.
    pub reason: String,
    /// What decides its size: the reason of `ScalingActive`.
    pub scaling: String,
    /// Routers wanted.
    pub desired: u32,
    /// Routers on marked nodes.
    pub active: u32,
    /// Routers that take new meetings.
    pub accepting: u32,
    /// Routers being emptied.
    pub draining: u32,
    /// People, and room for them.
    pub participants: Participants,
    /// Each router.
    pub routers: Vec<Router>,
}

/// How long a certificate is good.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remaining {
    /// The Secret that holds it.
    pub secret: String,
    /// Who shows it, to whom.
    pub purpose: &'static str,
    /// Until when; `null` if it cannot be read.
    pub not_after: Option<String>,
    /// How long yet; negative when it has run out.
    pub remaining_seconds: Option<i64>,
}

/// The zones of the snapshot, or the one of this name.
#[must_use]
pub fn report(snapshot: &Snapshot, only: Option<&str>) -> Report {
    let mut zones: Vec<Zone> = snapshot
        .zones
        .iter()
        .filter(|zone| only.is_none_or(|only| name_of(*zone) == only))
        .map(|it| zone(snapshot, it))
        .collect();
    zones.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let wrong = |zone: &Zone| zone.problems.iter().any(|it| it.level == Level::Wrong);
    Report {
        schema: SCHEMA,
        healthy: !zones.is_empty() && zones.iter().all(|zone| zone.ready && !wrong(zone)),
        zones,
        not_seen: not_seen(snapshot),
    }
}

fn not_seen(snapshot: &Snapshot) -> Vec<crate::snapshot::Trouble> {
    let mut all = snapshot.zones.troubles.clone();
    for some in [
        &snapshot.pools.troubles,
        &snapshot.nodes.troubles,
        &snapshot.pods.troubles,
        &snapshot.certificates.troubles,
    ] {
        all.extend_from_slice(some);
    }
    // One that does not answer shows in its row; one reason for all of them is told once.
    all.extend(snapshot.silent.values().next().cloned());
    all
}

fn zone(snapshot: &Snapshot, zone: &MeetingZone) -> Zone {
    let (namespace, name) = (namespace_of(zone), name_of(zone));
    let status = zone.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().find(|it| it.type_ == "Ready");
    let pods = |component| pods(snapshot, namespace, component, name);
    Zone {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ready: ready.is_some_and(|it| it.status == "True"),
        reason: ready.map_or_else(|| "NoStatus".to_owned(), |it| it.reason.clone()),
        message: ready.map_or_else(String::new, |it| it.message.clone()),
        paused: annotation(zone, labels::PAUSED).is_some(),
        deleting: zone.metadata.deletion_timestamp.is_some(),
        participants: Participants {
            in_use: status.participants.in_use,
            capacity: status.participants.capacity,
        },
        controllers: Part {
            desired: status.controllers.desired,
            ready: status.controllers.ready,
            pods: pods(labels::COMPONENT_CONTROLLER),
        },
        tunnels: Part {
            desired: status.tunnels.desired,
            ready: status.tunnels.ready,
            pods: pods(labels::COMPONENT_TUNNEL),
        },
        pools: snapshot
            .pools_of(zone)
            .map(|it| pool(snapshot, it))
            .collect(),
        certificates: certificates(snapshot, namespace, name),
        problems: doctor::of_zone(snapshot, zone),
        url: status.url,
        tunnel_url: status.tunnel_url,
    }
}

fn pods(snapshot: &Snapshot, namespace: &str, component: &str, zone: &str) -> Vec<Pod> {
    let pods = snapshot.pods_of(namespace, component, (labels::ZONE, zone));
    let mut pods: Vec<Pod> = pods
        .map(|pod| {
            let born = pod.metadata.creation_timestamp.as_ref();
            let age = born.map(|born| snapshot.now.duration_since(born.0).as_secs());
            Pod {
                name: name_of(pod).to_owned(),
                node: node_of(pod).map(str::to_owned),
                ready: is_ready(pod),
                restarts: restarts(pod),
                age_seconds: age.unwrap_or_default(),
            }
        })
        .collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    pods
}

fn pool(snapshot: &Snapshot, pool: &MMRPool) -> Pool {
    let status = pool.status.clone().unwrap_or_default();
    let condition = |type_: &str| status.conditions.iter().find(|it| it.type_ == type_);
    let reason = |type_: &str| {
        condition(type_).map_or_else(|| "NoStatus".to_owned(), |it| it.reason.clone())
    };
    Pool {
        name: name_of(pool).to_owned(),
        ready: condition("Ready").is_some_and(|it| it.status == "True"),
        reason: reason("Ready"),
        scaling: reason("ScalingActive"),
        desired: status.routers.desired,
        active: status.routers.active,
        accepting: status.routers.accepting,
        draining: status.routers.draining,
        participants: Participants {
            in_use: status.participants.in_use,
            capacity: status.participants.capacity,
        },
        routers: routers(snapshot, pool),
    }
}

fn certificates(snapshot: &Snapshot, namespace: &str, zone: &str) -> Vec<Remaining> {
    let of_zone = |it: &&Certificate| it.namespace == namespace && it.zone == zone;
    snapshot
        .certificates
        .iter()
        .filter(of_zone)
        .map(|it| {
            let until = it.life.as_ref().ok().map(|life| life.not_after);
            Remaining {
                secret: it.secret.clone(),
                purpose: it.purpose,
                not_after: until.map(|until| until.to_string()),
                remaining_seconds: until.map(|it| snapshot.now.duration_until(it).as_secs()),
            }
        })
        .collect()
}
