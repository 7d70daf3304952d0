//! Do the pods run, and if not, what keeps them?

mod unscheduled;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use plenum_crds::{MeetingZone, labels};

use super::{chart, refused};
use crate::finding::{Finding, Object, unseen};
use crate::snapshot::{
    Name, Snapshot, Waiting, label, name_of, namespace_of, node_of, restarts, waiting,
};

const KIND: &str = "Pod";

/// The kubelet's words for an image that it does not get.
const PULLS: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
];
/// What ours say when they do not get a port, with its number.
const NO_PORT: &str = "cannot listen on";
/// The kernel's words: another process has it; who asks may not have it.
const TAKEN: &str = "Address already in use";
const FORBIDDEN: &str = "Permission denied";

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen(KIND, &snapshot.pods.troubles).collect();
    let in_zone = |pod: &&Pod| label(*pod, labels::ZONE).is_some();
    findings.extend(judged(snapshot, snapshot.pods.iter().filter(in_zone)));
    // Those that were never made: of them others tell.
    findings.extend(unseen("StatefulSet", &snapshot.stateful_sets.troubles));
    findings.extend(unseen("DaemonSet", &snapshot.daemon_sets.troubles));
    findings.extend(unseen("Event", &snapshot.events.troubles));
    findings.extend(refused::of_zones(snapshot));
    findings
}

pub(super) fn of(snapshot: &Snapshot, zone: &MeetingZone) -> Vec<Finding> {
    let of_zone = |pod: &&Pod| {
        namespace_of(*pod) == namespace_of(zone) && label(*pod, labels::ZONE) == Some(name_of(zone))
    };
    judged(snapshot, snapshot.pods.iter().filter(of_zone))
}

pub(super) fn of_component(snapshot: &Snapshot, component: &str) -> Vec<Finding> {
    let ours = |pod: &&Pod| label(*pod, labels::APP_COMPONENT) == Some(component);
    judged(snapshot, snapshot.pods.iter().filter(ours))
}

/// One finding for all pods that suffer from the same.
fn judged<'a>(snapshot: &Snapshot, pods: impl Iterator<Item = &'a Pod>) -> Vec<Finding> {
    let mut same: BTreeMap<(String, Vec<String>), (Finding, usize)> = BTreeMap::new();
    for finding in pods.filter_map(|pod| judge(snapshot, pod)) {
        // The first remedy is of the cause; others name the pod.
        let cause = finding.remedies.first().cloned().into_iter().collect();
        same.entry((finding.reason.clone(), cause))
            .and_modify(|(_, more)| *more += 1)
            .or_insert((finding, 0));
    }
    let merged = same.into_values().map(|(mut finding, more)| {
        if more > 0 {
            finding.what = format!("{} (and {more} more pods)", finding.what);
        }
        finding
    });
    merged.collect()
}

fn judge(snapshot: &Snapshot, pod: &Pod) -> Option<Finding> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let words = snapshot.last_words.get(&Name::of(pod)).map(String::as_str);
    let states: Vec<Waiting> = waiting(pod).collect();
    let first = |is: &dyn Fn(&Waiting) -> bool| states.iter().find(|it| is(it)).copied();
    if let Some(pull) = first(&|it| PULLS.contains(&it.reason)) {
        return Some(not_pulled(snapshot, pod, &pull));
    }
    if let Some(finding) = words.and_then(|words| without_port(pod, words)) {
        return Some(finding);
    }
    if let Some(crash) = first(&|it| it.reason == "CrashLoopBackOff") {
        return Some(crashing(pod, words.unwrap_or(crash.message)));
    }
    let other = first(&|it| !["ContainerCreating", "PodInitializing"].contains(&it.reason));
    if let Some(other) = other {
        let what = format!("a container waits: {}", other.reason);
        return Some(
            Finding::wrong("ContainerWaiting", Object::of(KIND, pod), what)
                .why(other.message)
                .remedy(command(pod, "describe pod")),
        );
    }
    unscheduled::judge(pod)
}

fn not_pulled(snapshot: &Snapshot, pod: &Pod, pull: &Waiting) -> Finding {
    let namespace = namespace_of(pod);
    let what = format!("the image {} cannot be pulled", image(pod, pull));
    let said = pull.message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let finding = Finding::wrong("ImageNotPulled", Object::of(KIND, pod), what);
    if has(&["unauthorized", "denied", "authentication", "401", "403"]) {
        return finding
            .why(format!("the registry does not let the node in: {}", pull.message))
            .remedy(format!(
                "kubectl -n {namespace} create secret docker-registry NAME --docker-server=REGISTRY --docker-username=USER --docker-password=PASSWORD"
            ))
            .remedy(format!(
                "{} --set 'imagePullSecrets[0].name=NAME'",
                chart::upgrade(chart::home(snapshot))
            ));
    }
    let why = if pull.message.is_empty() {
        "the registry does not have it, or the node does not reach the registry".to_owned()
    } else {
        pull.message.to_owned()
    };
    finding.why(why).remedy(other_image(pod))
}

/// The image as the pod asks for it; the status has none before the first pull.
fn image<'a>(pod: &'a Pod, pull: &Waiting<'a>) -> &'a str {
    let spec = pod.spec.as_ref();
    let first = spec.and_then(|spec| spec.containers.first()?.image.as_deref());
    if pull.image.is_empty() {
        first.unwrap_or("(none)")
    } else {
        pull.image
    }
}

/// Where the image is written down.
fn other_image(pod: &Pod) -> String {
    let namespace = namespace_of(pod);
    let merge = "--type merge -p";
    match label(pod, labels::APP_COMPONENT) {
        Some(labels::COMPONENT_ROUTER) => {
            let pool = label(pod, labels::POOL).unwrap_or("POOL");
            format!(
                "kubectl -n {namespace} patch mmrpool {pool} {merge} '{{\"spec\":{{\"image\":\"REGISTRY/plenum:TAG\"}}}}'   # null: the operator's own"
            )
        }
        // Tunnels run the image of the controllers.
        Some(labels::COMPONENT_CONTROLLER | labels::COMPONENT_TUNNEL) => {
            let zone = label(pod, labels::ZONE).unwrap_or("ZONE");
            format!(
                "kubectl -n {namespace} patch meetingzone {zone} {merge} '{{\"spec\":{{\"controllers\":{{\"image\":\"REGISTRY/plenum:TAG\"}}}}}}'   # null: the operator's own"
            )
        }
        _ => format!(
            "{} --set image.repository=REGISTRY/plenum --set image.tag=TAG   # of a directory: dataPlane.image, where that is set",
            chart::upgrade(namespace)
        ),
    }
}

/// A port that it did not get, and why.
fn without_port(pod: &Pod, words: &str) -> Option<Finding> {
    let told = words.lines().rev().find(|line| line.contains(NO_PORT));
    let about = Object::of(KIND, pod);
    let finding = if words.contains(TAKEN) {
        let node = node_of(pod).unwrap_or("its node");
        let what = format!("another process on {node} has a port that it needs");
        Finding::wrong("PortInUse", about, what)
    } else if told.is_some() && words.contains(FORBIDDEN) {
        let what = "it may not open a port that it needs: one below 1024, most likely";
        Finding::wrong("PortForbidden", about, what)
    } else {
        return None;
    };
    let why = told.map_or_else(|| last_line(words), last_line);
    Some(other_ports(pod, finding.why(why)))
}

fn other_ports(pod: &Pod, finding: Finding) -> Finding {
    let namespace = namespace_of(pod);
    match label(pod, labels::POOL) {
        Some(pool) => finding
            .remedy(format!(
                "kubectl -n {namespace} patch mmrpool {pool} --type merge -p '{{\"spec\":{{\"httpsPort\":8443,\"mediaPort\":8802,\"healthPort\":9809}}}}'   # those that are free"
            ))
            .remedy("ss -tulpn   # on the node: who has it"),
        None => finding.remedy(command(pod, "describe pod")),
    }
}

fn crashing(pod: &Pod, words: &str) -> Finding {
    let times = restarts(pod);
    let what = format!("its program ends again and again ({times} restarts)");
    Finding::wrong("Crashing", Object::of(KIND, pod), what)
        .why(last_line(words))
        .remedy(command(pod, "logs --previous --tail=50"))
}

fn command(pod: &Pod, verb: &str) -> String {
    let (verb, flags) = match verb.split_once(' ') {
        Some((verb, flags)) if flags.starts_with("--") => (verb, format!(" {flags}")),
        _ => (verb, String::new()),
    };
    format!(
        "kubectl -n {} {verb} {}{flags}",
        namespace_of(pod),
        name_of(pod)
    )
}

/// The last thing that a program said, which usually is why it ended.
fn last_line(words: &str) -> String {
    let last = words.lines().rev().find(|line| !line.trim().is_empty());
    let mut line = last.unwrap_or("it says nothing").trim().to_owned();
    if let Some((at, _)) = line.char_indices().nth(400) {
        line.truncate(at);
    }
    line
}
