//! When a world has come to rest as it should.

use plenum_crds::labels;
use serde_json::Value;

use super::mirror::{Kind, Mirror, annotation, condition, is_going, is_router, label, node_of};
use super::people::People;
use super::world::{World, ZONE};

/// A pool at rest.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a> {
    /// Which.
    pub pool: &'a str,
    /// How many routers it has.
    pub routers: usize,
    /// How many people are on all pools.
    pub people: u32,
}

/// Waits until zone and pools are at rest, and nothing about them is left to do.
pub async fn at_rest(world: &World, what: &str, pools: &[Rest<'_>]) -> anyhow::Result<()> {
    let holds = |mirror: &Mirror, people: &People| {
        for rest in pools {
            pool_rests(mirror, world, *rest)?;
            everybody_is_told(mirror, people, rest.people)?;
        }
        zone_rests(mirror)
    };
    world.observer.until(what, holds).await
}

/// The zone says that it is ready, of its spec as it is now.
pub fn zone_rests(mirror: &Mirror) -> Result<(), String> {
    let zone = mirror.get(Kind::Zone, ZONE).ok_or("there is no zone")?;
    speaks_of_now(zone)?;
    for type_ in ["Ready", "CertificatesReady", "ControllersReady"] {
        says(zone, type_, "True")?;
    }
    let counted = [
        ("routers", "active"),
        ("participants", "inUse"),
        ("participants", "capacity"),
    ];
    for (of, field) in counted {
        let (told, sum) = (&zone["status"][of][field], in_pools(mirror, of, field));
        if told.as_u64() != Some(sum) {
            return Err(format!("the zone counts {told} {of} ({field}) of {sum}"));
        }
    }
    Ok(())
}

/// Who is to be there is, and the pools have said so: a number of people that changed by itself is
/// written later than all the rest, so that a world is not at rest before.
fn everybody_is_told(mirror: &Mirror, people: &People, wanted: u32) -> Result<(), String> {
    let (seated, told) = (people.seated(), in_pools(mirror, "participants", "inUse"));
    if seated != wanted || told != u64::from(wanted) {
        return Err(format!("of {wanted} people {seated} sit, {told} are told"));
    }
    Ok(())
}

fn in_pools(mirror: &Mirror, of: &str, field: &str) -> u64 {
    let pools = mirror.all(Kind::Pool);
    let numbers = pools.filter_map(|(_, pool)| pool["status"][of][field].as_u64());
    numbers.sum()
}

fn pool_rests(mirror: &Mirror, world: &World, rest: Rest) -> Result<(), String> {
    let pool = mirror.get(Kind::Pool, rest.pool);
    let pool = pool.ok_or_else(|| format!("there is no pool {}", rest.pool))?;
    speaks_of_now(pool)?;
    for type_ in ["Ready", "ScalingActive"] {
        says(pool, type_, "True")?;
    }
    let value = format!("{}.{}", world.name, rest.pool);
    let mut active = Vec::new();
    for (name, node) in mirror.all(Kind::Node) {
        if annotation(node, labels::DRAINING_SINCE).is_some() {
            return Err(format!("{name} drains"));
        }
        let labelled = label(node, labels::ACTIVE_POOL) == Some(&value);
        if labelled && annotation(node, labels::KARPENTER_KEEP) != Some("true") {
            return Err(format!("{name} is not protected"));
        }
        active.extend(labelled.then_some(name));
    }
    let routers = rest.routers;
    if active.len() != routers {
        return Err(format!("{} of {routers} nodes are active", active.len()));
    }
    let set = mirror.get(Kind::DaemonSet, &format!("{}-mmr", rest.pool));
    let set = set.ok_or("there is no DaemonSet")?;
    let template = &set["spec"]["template"]["metadata"]["annotations"]["plenum.dev/template"];
    let pods = mirror
        .all(Kind::Pod)
        .filter(|(_, pod)| is_router(pod) && label(pod, labels::POOL) == Some(rest.pool));
    let mut serving = 0;
    for (name, pod) in pods {
        serves(name, pod, template, &active)?;
        serving += 1;
    }
    if serving != routers {
        return Err(format!("{serving} of {routers} routers run"));
    }
    let status = &pool["status"]["routers"];
    let counts = ["active", "accepting"].map(|field| status[field].as_u64());
    if counts != [Some(routers as u64); 2] || status["draining"].as_u64() != Some(0) {
        return Err(format!("the pool says of its routers {status}"));
    }
    Ok(())
}

fn serves(name: &str, pod: &Value, template: &Value, active: &[&str]) -> Result<(), String> {
    let made_from = &pod["metadata"]["annotations"]["plenum.dev/template"];
    if is_going(pod) {
        return Err(format!("{name} is stopping"));
    }
    if made_from != template {
        return Err(format!("{name} is of another template"));
    }
    if !node_of(pod).is_some_and(|node| active.contains(&node)) {
        return Err(format!("{name} is on no active node"));
    }
    says(pod, "Ready", "True")?;
    says(pod, labels::POD_ACCEPTING, "True")?;
    says(pod, labels::POD_DRAINING, "False")
}

fn speaks_of_now(object: &Value) -> Result<(), String> {
    let spoken = &object["status"]["observedGeneration"];
    if *spoken != object["metadata"]["generation"] {
        return Err(format!("status of generation {spoken}"));
    }
    Ok(())
}

/// A condition has this status.
pub fn says(object: &Value, type_: &str, status: &str) -> Result<(), String> {
    match condition(object, type_) {
        Some(found) if found == status => Ok(()),
        found => Err(format!(
            "{} {} says {type_} {found:?}: {}",
            object["kind"], object["metadata"]["name"], object["status"]["conditions"]
        )),
    }
}

/// Nothing of zone and pools is left.
pub fn nothing_is_left(mirror: &Mirror, _people: &People) -> Result<(), String> {
    for kind in [Kind::Pool, Kind::Zone].into_iter().chain(Kind::CHILDREN) {
        if let Some((name, _)) = mirror.all(kind).next() {
            return Err(format!("{kind:?} {name} is left"));
        }
    }
    for (name, node) in mirror.all(Kind::Node) {
        let ours = [labels::DRAINING_SINCE, labels::KARPENTER_KEEP];
        let annotated = ours.iter().any(|key| annotation(node, key).is_some());
        if annotated || label(node, labels::ACTIVE_POOL).is_some() {
            return Err(format!("{name} is marked"));
        }
    }
    match mirror.all(Kind::Pod).next() {
        Some((name, _)) => Err(format!("pod {name} is left")),
        None => Ok(()),
    }
}
