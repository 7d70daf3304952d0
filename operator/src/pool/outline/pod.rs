//! What pools read of a pod: of a router, or of a zone controller.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use plenum_crds::pods::node_of;
use plenum_crds::{RouterAddresses, labels};

use super::Identity;
use crate::cache::{Item, Key};
use crate::pool::build::template_hash;
use crate::pool::caches::Part;
use crate::pool::observe;
use crate::pool::observed::Said;
use crate::pool::said;
use crate::pool::trouble::trouble;
use crate::reports::Controller;

/// The conditions of pods that we write begin so.
const OURS: &str = "plenum.dev/";

/// A pod: where it is, from which template it was made, and how it is.
#[derive(Debug, Clone)]
pub struct PodOutline {
    identity: Identity,
    pub(in crate::pool) facts: Facts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
// Independent facts of a pod, each read by itself; no states hide in them.
#[allow(clippy::struct_excessive_bools)]
pub(in crate::pool) struct Facts {
    /// What it is part of.
    pub part: Option<Part>,
    /// The hash of the template that it was made from.
    pub template: Option<Box<str>>,
    /// Where it is, or is to be: its name, and nothing else of what the scheduler reads.
    pub node: Option<Box<str>>,
    ip: Option<IpAddr>,
    /// When it was made.
    pub born: Timestamp,
    /// How often its container was started anew.
    pub run: u32,
    /// It ended, and is never started again.
    pub over: bool,
    /// It was told to stop.
    pub terminating: bool,
    /// It has run at some time.
    pub started: bool,
    /// It has run, and does not just now.
    pub stopped: bool,
    /// Why it does not run.
    pub trouble: Option<Box<str>>,
    /// Its probes succeed, by its kubelet's last word.
    pub ready: bool,
    /// What our conditions tell.
    pub said: Said,
    ours: Box<[OurCondition]>,
    /// The addresses that we wrote on it; what others wrote over them is to be written anew.
    pub announced: Option<RouterAddresses>,
}

/// A condition that we wrote, to be written again without another time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OurCondition {
    type_: Box<str>,
    status: Box<str>,
    since: Option<Timestamp>,
}

impl PodOutline {
    /// Of this pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        let ip = status.and_then(|status| status.pod_ip.as_deref());
        let part = Part::of(pod);
        let ready = match part {
            Some(Part::Controllers(_)) => observe::controller_is_ready(pod),
            _ => observe::router_is_ready(pod),
        };
        Self {
            identity: Identity::of(pod),
            facts: Facts {
                part,
                template: template_hash(pod.metadata.annotations.as_ref()).map(Into::into),
                node: node_of(pod).map(Into::into),
                ip: ip.and_then(|ip| ip.parse().ok()),
                born: observe::born(pod),
                run: observe::run(pod),
                over: matches!(phase, Some("Failed" | "Succeeded")),
                terminating: pod.metadata.deletion_timestamp.is_some(),
                started: observe::has_started(pod),
                stopped: observe::has_stopped(pod),
                trouble: trouble(pod).map(Into::into),
                ready,
                said: said::read(pod),
                ours: ours(pod),
                announced: announced(pod),
            },
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.identity.key.name()
    }

    /// The controller that it is, if it stays and has an address.
    #[must_use]
    pub fn controller(&self) -> Option<Controller> {
        let ip = self.facts.ip.filter(|_| !self.facts.terminating)?;
        Some(Controller {
            name: self.name().to_owned(),
            ip,
            ready: self.facts.ready,
        })
    }

    /// Nothing that is read differs.
    #[must_use]
    pub fn is_the_same(&self, other: &Self) -> bool {
        self.identity.names(&other.identity) && self.facts == other.facts
    }

    /// What names it to the API server, with our conditions.
    #[must_use]
    pub fn reference(&self) -> Pod {
        let conditions = self.facts.ours.iter().map(|ours| PodCondition {
            type_: ours.type_.to_string(),
            status: ours.status.to_string(),
            last_transition_time: ours.since.map(Time),
            ..PodCondition::default()
        });
        Pod {
            metadata: self.identity.meta(),
            status: Some(PodStatus {
                conditions: Some(conditions.collect()),
                ..PodStatus::default()
            }),
            ..Pod::default()
        }
    }
}

impl Item for PodOutline {
    type Kept = Arc<Self>;

    fn key(&self) -> Key {
        self.identity.key.clone()
    }

    fn keep(this: &Arc<Self>) -> Arc<Self> {
        this.clone()
    }

    fn open(kept: &Arc<Self>) -> Arc<Self> {
        kept.clone()
    }

    fn is(&self, kept: &Arc<Self>) -> bool {
        self.identity.is(&kept.identity)
    }
}

fn announced(pod: &Pod) -> Option<RouterAddresses> {
    let written = pod.annotations().get(labels::PUBLIC_ADDRESS)?;
    let read: RouterAddresses = written.parse().ok()?;
    (read.to_string() == *written).then_some(read)
}

fn ours(pod: &Pod) -> Box<[OurCondition]> {
    let conditions = pod
        .status
        .iter()
        .flat_map(|it| it.conditions.iter().flatten());
    let ours = conditions.filter(|condition| condition.type_.starts_with(OURS));
    ours.map(|condition| OurCondition {
        type_: condition.type_.as_str().into(),
        status: condition.status.as_str().into(),
        since: condition.last_transition_time.as_ref().map(|time| time.0),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whole() -> Value {
        json!({
            "metadata": {
                "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7",
                "labels": {"app.kubernetes.io/component": "router", "plenum.dev/pool": "a"},
                "annotations": {"plenum.dev/template": "hash", "other": "x"},
            },
            "spec": {"nodeName": "a", "containers": [{"name": "router", "image": "i"}]},
            "status": {
                "phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.1",
                "conditions": [
                    {"type": "Ready", "status": "False", "message": "m"},
                    {
                        "type": labels::POD_ACCEPTING, "status": "True",
                        "lastTransitionTime": "2026-01-02T03:04:05Z",
                    },
                ],
                "containerStatuses": [{
                    "name": "router", "image": "i", "imageID": "i", "ready": false,
                    "restartCount": 1,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
                }],
            },
        })
    }

    fn outline(pod: Value) -> PodOutline {
        PodOutline::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn it_has_where_and_how_the_pod_is_and_what_names_it() {
        let pod = outline(whole());
        let facts = &pod.facts;
        assert_eq!(facts.part, Some(Part::Routers(Key::new("n", "a"))));
        assert_eq!(facts.template.as_deref(), Some("hash"));
        assert_eq!(facts.node.as_deref(), Some("a"));
        assert!(facts.started && facts.stopped && !facts.ready && !facts.over);
        assert!(facts.trouble.as_ref().unwrap().contains("exit code 1"));
        assert_eq!(facts.said.accepting, Some(true));
        assert_eq!(facts.announced, None);
        let named = pod.reference();
        assert_eq!(named.metadata.namespace.as_deref(), Some("n"));
        assert_eq!(named.metadata.uid.as_deref(), Some("u"));
        let conditions = named.status.unwrap().conditions.unwrap();
        let since = "2026-01-02T03:04:05Z".parse().unwrap();
        let [accepting] = conditions.as_slice() else {
            panic!("others than ours: {conditions:?}");
        };
        assert_eq!(accepting.type_, labels::POD_ACCEPTING);
        assert_eq!(accepting.status, "True");
        assert_eq!(accepting.last_transition_time, Some(Time(since)));
    }

    #[test]
    fn what_is_announced_is_read_as_it_was_written_and_what_others_made_of_it_is_not() {
        let announced = |text: &str| {
            let mut pod = whole();
            pod["metadata"]["annotations"][labels::PUBLIC_ADDRESS] = text.into();
            let outline = outline(pod);
            assert_eq!(
                outline.facts.announced.is_some(),
                !outline.is_the_same(&super::PodOutline::of(
                    &serde_json::from_value(whole()).unwrap()
                ))
            );
            outline.facts.announced.map(|it| it.to_string())
        };
        let written = "203.0.113.7,2001:db8::7";
        assert_eq!(announced(written).as_deref(), Some(written));
        for other in ["", "somewhere", " 203.0.113.7"] {
            assert_eq!(announced(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_nobody_reads_is_no_news() {
        let before = outline(whole());
        let mut later = whole();
        later["metadata"]["resourceVersion"] = "8".into();
        later["status"]["conditions"][0]["message"] = "another".into();
        later["status"]["containerStatuses"][0]["imageID"] = "sha256:1".into();
        later["status"]["conditions"][0]["status"] = "True".into();
        assert!(before.is_the_same(&outline(later.clone())));
        later["status"]["containerStatuses"][0]["ready"] = true.into();
        assert!(!before.is_the_same(&outline(later)));
    }

    /// Of a router with another container beside it, which sorts before it.
    fn beside(beside: &Value, router: &Value) -> Facts {
        let of = |name: &str, state: &Value, restarts: u32| {
            json!({
                "name": name, "image": name, "imageID": "i", "restartCount": restarts,
                "ready": !state["running"].is_null(), "state": state,
            })
        };
        let mut pod = whole();
        let statuses = json!([of("a-proxy", beside, 4), of("router", router, 1)]);
        pod["status"]["containerStatuses"] = statuses;
        outline(pod).facts
    }

    #[test]
    fn what_was_put_beside_the_router_is_not_the_router() {
        let runs = json!({"running": {}});
        let waits = |reason: &str| json!({"waiting": {"reason": reason}});
        let fine = beside(&waits("ErrImagePull"), &runs);
        assert!(
            fine.started && !fine.stopped && fine.ready,
            "the pod is not"
        );
        assert_eq!((fine.run, fine.trouble), (1, None));
        let pulled = beside(&runs, &waits("ErrImagePull"));
        assert!(!pulled.started && !pulled.stopped);
        assert_eq!(pulled.trouble.as_deref(), Some("ImagePullBackOff: router"));
        let ended = beside(
            &runs,
            &json!({"terminated": {"exitCode": 2, "reason": "Error"}}),
        );
        assert!(ended.started && ended.stopped);
        assert!(ended.trouble.unwrap().contains("exit code 2"));
    }

    #[test]
    fn of_a_router_that_no_kubelet_tells_of_nothing_ran() {
        let mut pod = whole();
        pod["status"]["containerStatuses"] = Value::Null;
        pod["status"]["conditions"][0]["status"] = "True".into();
        let facts = outline(pod).facts;
        assert!(!facts.started && !facts.stopped && !facts.ready);
        assert_eq!((facts.run, facts.trouble), (0, None));
    }

    #[test]
    fn a_controller_is_ready_with_all_that_was_put_beside_it() {
        let mut controller = whole();
        controller["metadata"]["labels"] = json!({
            "app.kubernetes.io/component": "zone-controller", "plenum.dev/zone": "z",
        });
        // Whatever its container is called.
        controller["status"]["containerStatuses"][0]["ready"] = true.into();
        assert!(!outline(controller.clone()).controller().unwrap().ready);
        controller["status"]["conditions"][0]["status"] = "True".into();
        assert!(outline(controller).controller().unwrap().ready);
    }

    #[test]
    fn a_controller_that_is_told_to_stop_is_none_any_more() {
        assert!(outline(whole()).controller().is_some());
        let mut going = whole();
        going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z".into();
        assert!(outline(going).controller().is_none());
        let mut nowhere = whole();
        nowhere["status"]["podIP"] = Value::Null;
        assert!(outline(nowhere).controller().is_none());
    }
}
