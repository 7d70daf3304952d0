//! Have the pools the zone, the nodes and the routers that they want?

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use plenum_crds::MMRPool;
use plenum_crds::conditions::{PoolCondition, PoolReason};

use super::conditions::Subject;
use super::near_miss::{names_like, near_misses};
use super::{addresses, autoscaled, kept_off, refusals, some_of};
use crate::finding::{Finding, Level, unseen};
use crate::snapshot::{Snapshot, name_of, namespace_of};

const KIND: &str = "MMRPool";

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen(KIND, &snapshot.pools.troubles).collect();
    if !snapshot.pools.is_empty() {
        findings.extend(unseen("Node", &snapshot.nodes.troubles));
    }
    for pool in snapshot.pools.iter() {
        findings.extend(of(snapshot, pool));
    }
    findings
}

pub(super) fn of(snapshot: &Snapshot, pool: &MMRPool) -> Vec<Finding> {
    let status = pool.status.as_ref();
    let subject = Subject {
        kind: KIND,
        resource: "mmrpool",
        object: pool,
        observed: status.and_then(|status| status.observed_generation),
        conditions: status
            .map(|it| it.conditions.as_slice())
            .unwrap_or_default(),
        now: snapshot.now,
    };
    let mut findings = subject.neglect();
    // What is seen here is told with more than the operator can put into a condition.
    findings.extend(zone_missing(snapshot, pool, &subject));
    findings.extend(no_nodes(snapshot, pool, &subject));
    // Ready comes last: it often repeats what another says.
    let is_ready = |it: &&Condition| it.type_ == PoolCondition::Ready.as_str();
    let conditions = subject.conditions.iter();
    let others = conditions.clone().filter(|it| !is_ready(it));
    for condition in others.chain(conditions.clone().filter(is_ready)) {
        let finding = said(snapshot, pool, &subject, condition, &findings);
        findings.extend(finding);
    }
    findings.extend(overloaded(&subject));
    let told = |finding: &Finding| findings.iter().any(|it| it.reason == finding.reason);
    findings.extend(left_out(pool, &subject).filter(|finding| !told(finding)));
    findings
}

type Pool<'a> = Subject<'a, MMRPool>;

fn zone_missing(snapshot: &Snapshot, pool: &MMRPool, subject: &Pool) -> Option<Finding> {
    let (namespace, wanted) = (namespace_of(pool), &pool.spec.zone);
    let here = |it: &str| it == namespace;
    let zones = &snapshot.zones;
    let there = zones
        .iter()
        .any(|zone| here(namespace_of(zone)) && name_of(zone) == wanted);
    if there || !zones.is_whole() {
        return None;
    }
    let what = format!("it is for the zone {wanted}, and there is no such zone in {namespace}");
    let finding = Finding::wrong(PoolReason::ZoneNotFound.as_str(), subject.about(), what);
    let near = names_like(
        wanted,
        zones
            .iter()
            .filter(|zone| here(namespace_of(*zone)))
            .map(name_of),
    );
    let elsewhere = zones.iter().find(|zone| name_of(*zone) == wanted);
    let why = match (near.as_slice(), elsewhere) {
        ([_, ..], _) => format!("{} is there: was that meant?", some_of(&near)),
        ([], Some(other)) => format!(
            "there is one in {}: a pool has to be in the namespace of its zone",
            namespace_of(other)
        ),
        ([], None) => "nobody has made it".to_owned(),
    };
    Some(
        finding
            .why(why)
            .remedy(format!(
                "kubectl -n {namespace} get meetingzones   # make the zone, or"
            ))
            .remedy(subject.command("delete") + "   # and apply it with another spec.zone"),
    )
}

fn no_nodes(snapshot: &Snapshot, pool: &MMRPool, subject: &Pool) -> Option<Finding> {
    let matches = snapshot.nodes.iter().any(|node| selects(pool, node));
    if matches || !snapshot.nodes.is_whole() {
        return None;
    }
    let asked = autoscaled::asked(pool).join(",");
    let what = format!("no node has the labels of its nodeSelector: {asked}");
    let finding = Finding::wrong(PoolReason::NoMatchingNodes.as_str(), subject.about(), what);
    Some(match autoscaled::by(pool) {
        Some(who) => none_came(pool, subject, who, finding),
        None => none_is_labelled(snapshot, pool, subject, finding),
    })
}

fn none_came(pool: &MMRPool, subject: &Pool, who: &str, finding: Finding) -> Finding {
    let condition = subject.condition(PoolCondition::NodesAvailable.as_str());
    let lasts = condition.is_some_and(|it| it.status != "True" && subject.lasts(it));
    let mut finding = finding.why(format!(
        "{who} is asked for nodes, and has brought none yet"
    ));
    if !lasts {
        finding.level = Level::Advice;
    }
    finding.remedies = autoscaled::more_nodes(pool);
    finding
}

fn none_is_labelled(
    snapshot: &Snapshot,
    pool: &MMRPool,
    subject: &Pool,
    finding: Finding,
) -> Finding {
    let near = near_misses(&pool.spec.node_selector, snapshot.nodes.iter());
    if near.is_empty() {
        let why = format!(
            "none of the {} nodes has anything like it",
            snapshot.nodes.len()
        );
        let mut finding = finding.why(why);
        finding.remedies = autoscaled::more_nodes(pool);
        return finding;
    }
    let has: Vec<String> = near
        .iter()
        .map(|near| format!("node {} has {}", near.node, near.has))
        .collect();
    let labels = near.iter().map(|near| {
        format!(
            "kubectl label node {} {} --overwrite",
            near.node,
            near.lacks.join(" ")
        )
    });
    let mut finding = finding.why(format!("nearly: {}", has.join("; ")));
    finding.remedies.extend(labels);
    let edit = subject.command("edit");
    finding.remedy(format!("{edit}   # or correct spec.nodeSelector"))
}

/// Whether the pool's `nodeSelector` matches the node.
pub(super) fn selects(pool: &MMRPool, node: &Node) -> bool {
    let labels = node.metadata.labels.as_ref();
    let has = |key: &String, value: &String| labels.and_then(|it| it.get(key)) == Some(value);
    pool.spec.node_selector.iter().all(|(k, v)| has(k, v))
}

fn said(
    snapshot: &Snapshot,
    pool: &MMRPool,
    subject: &Pool,
    failing: &Condition,
    before: &[Finding],
) -> Option<Finding> {
    let told = before.iter().any(|it| it.reason == failing.reason);
    if failing.status == "True" || told {
        return None;
    }
    let reason = PoolReason::from_word(&failing.reason);
    let ready = subject
        .condition(PoolCondition::Ready.as_str())
        .is_some_and(|it| it.status == "True");
    let level = match reason {
        // What a person asked for, and what is told already.
        Some(PoolReason::Held | PoolReason::Paused | PoolReason::Deleting) => return None,
        Some(PoolReason::AtMaximum) => Level::Advice,
        _ if failing.reason == "Rolling" => return None,
        _ if failing.reason == "RolloutPaused" => Level::Advice,
        Some(PoolReason::NotEnoughNodes | PoolReason::AddressUnknown) if ready => Level::Advice,
        Some(
            PoolReason::RoutersStarting
            | PoolReason::ReportsMissing
            | PoolReason::ReportsStale
            | PoolReason::ReportsPartial,
        ) if !subject.lasts(failing) => Level::Advice,
        _ => Level::Wrong,
    };
    let finding = subject.fails(failing, level);
    Some(match reason {
        Some(PoolReason::AddressUnknown) => addresses::explained(snapshot, pool, finding),
        Some(PoolReason::NotEnoughNodes) => kept_off::explained(snapshot, pool, finding),
        Some(PoolReason::AtMaximum) => {
            finding.remedy(subject.command("patch") + " --type merge -p '{\"spec\":{\"maxRouters\":NUMBER}}'")
        }
        Some(
            PoolReason::ReportsMissing | PoolReason::ReportsStale | PoolReason::ReportsPartial,
        ) => finding.remedy(format!(
            "kubectl -n {} get pods -l plenum.dev/zone={},app.kubernetes.io/component=zone-controller",
            namespace_of(pool),
            pool.spec.zone
        )),
        Some(PoolReason::RoutersStarting) => finding.remedy(format!(
            "kubectl -n {} get pods -l plenum.dev/pool={} -o wide",
            namespace_of(pool),
            name_of(pool)
        )),
        Some(PoolReason::RoutersSilent) => {
            // Which routers they are is said where the size is decided.
            let scaling = subject.condition(PoolCondition::ScalingActive.as_str());
            let names = scaling.map(|it| it.message.clone()).unwrap_or_default();
            get_back(pool, finding.why(names))
        }
        Some(PoolReason::InvalidSpec | PoolReason::NodesShared) => {
            finding.remedy(subject.command("edit"))
        }
        Some(PoolReason::ApplyRefused | PoolReason::PlaceholdersRefused) => {
            let mut finding = finding;
            finding.remedies = refusals::remedies(&failing.message, namespace_of(pool));
            finding.remedy(subject.command("describe"))
        }
        _ => finding.remedy(subject.command("describe")),
    })
}

fn overloaded(subject: &Pool) -> Option<Finding> {
    let ready = subject.condition(PoolCondition::Ready.as_str())?;
    let is = ready.status == "True" && ready.reason == PoolReason::Overloaded.as_str();
    is.then(|| {
        Finding::advice(&ready.reason, subject.about(), ready.message.clone())
            .why("the routers' cores have as much to do as they can: docs/troubleshooting.md")
            .remedy(format!(
                "kubectl plenum top {} -n {}",
                subject.object.spec.zone,
                namespace_of(subject.object)
            ))
    })
}

/// The load is followed, with something to be known: a part of the spec that cannot be read, or
/// whatever else the operator says beside it.
fn left_out(pool: &MMRPool, subject: &Pool) -> Option<Finding> {
    let scaling = subject.condition(PoolCondition::ScalingActive.as_str())?;
    let as_ever = scaling.reason == PoolReason::FollowingLoad.as_str();
    if scaling.status != "True" || as_ever {
        return None;
    }
    let finding = Finding::advice(&scaling.reason, subject.about(), scaling.message.clone());
    Some(match PoolReason::from_word(&scaling.reason) {
        Some(PoolReason::InvalidSpec) => finding.remedy(subject.command("edit")),
        Some(PoolReason::RoutersSilent) => get_back(pool, finding),
        _ => finding.remedy(subject.command("describe")),
    })
}

/// What to do about routers that zone controllers do not hear.
fn get_back(pool: &MMRPool, finding: Finding) -> Finding {
    let kubectl = format!("kubectl -n {}", namespace_of(pool));
    let routers = format!("-l plenum.dev/pool={}", name_of(pool));
    finding
        .remedy(format!("{kubectl} logs {routers} --prefix --tail=50"))
        .remedy(format!(
            "{kubectl} get pods {routers} -o wide   # their nodes"
        ))
        .remedy("kubectl cordon NODE   # to have it back at the drain deadline")
}
