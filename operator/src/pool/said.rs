//! What is written on a router's pod, and read back by whoever leads next: three conditions.
//!
//! `plenum.dev/Heard` is the memory of them: nothing else tells a new leader, or controllers that
//! begin anew, that nobody can have been sent to a router. The reasons are for people.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use plenum_crds::labels;
use serde_json::{Value, json};

use super::observe::{condition, has_started};
use super::observed::Said;
use crate::conditions::whole_seconds;

/// What is written on this pod.
pub(super) fn read(pod: &Pod) -> Said {
    let truth = |type_| match condition(pod, type_).map(|it| it.status.as_str()) {
        Some("True") => Some(true),
        Some("False") => Some(false),
        _ => None,
    };
    let heard = truth(labels::POD_HEARD);
    Said {
        accepting: truth(labels::POD_ACCEPTING),
        draining: truth(labels::POD_DRAINING),
        // The other two are written anew whenever there is anything to be said of them. Without
        // this one it has to be found out again whether anybody can be there.
        written: heard.is_some(),
        // Until that is written, one that has not run yet cannot have been heard.
        heard: heard.unwrap_or_else(|| has_started(pod)),
    }
}

/// The complete set of our conditions on this pod.
pub(super) fn conditions(pod: &Pod, said: Said, now: Timestamp) -> Value {
    let unknown = if said.heard {
        "NotReported"
    } else {
        "NeverReported"
    };
    let all = [
        (
            labels::POD_ACCEPTING,
            said.accepting,
            ["TakesParticipants", "TakesNobody"],
        ),
        (
            labels::POD_DRAINING,
            said.draining,
            ["BeingEmptied", "NotDraining"],
        ),
        (labels::POD_HEARD, Some(said.heard), ["Reported", unknown]),
    ];
    all.into_iter()
        .map(|(type_, truth, [yes, no])| {
            let (status, reason) = match truth {
                Some(true) => ("True", yes),
                Some(false) => ("False", no),
                None => ("Unknown", unknown),
            };
            json!({
                "type": type_,
                "status": status,
                "reason": reason,
                "lastTransitionTime": since(condition(pod, type_), status, now),
            })
        })
        .collect()
}

/// Since when the condition has this status.
fn since(old: Option<&PodCondition>, status: &str, now: Timestamp) -> Time {
    old.filter(|old| old.status == status)
        .and_then(|old| old.last_transition_time.clone())
        .unwrap_or_else(|| Time(whole_seconds(now)))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ContainerStatus;

    use super::*;

    fn pod(conditions: &Value) -> Pod {
        let status = json!({"conditions": conditions});
        serde_json::from_value(json!({"metadata": {"name": "r"}, "status": status})).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_by_whoever_leads_next() {
        let truths = [None, Some(false), Some(true)];
        for (accepting, draining, heard) in truths
            .into_iter()
            .flat_map(|a| truths.map(|d| (a, d)))
            .flat_map(|(a, d)| [(a, d, false), (a, d, true)])
        {
            let said = Said {
                accepting,
                draining,
                written: true,
                heard,
            };
            assert_eq!(read(&pod(&conditions(&pod(&json!([])), said, now()))), said);
        }
    }

    #[test]
    fn a_reason_is_for_people_and_is_not_read() {
        let said = Said {
            written: true,
            ..Said::default()
        };
        let mut written = conditions(&pod(&json!([])), said, now());
        for condition in written.as_array_mut().unwrap() {
            assert_eq!(condition["reason"], "NeverReported");
            condition["reason"] = "Whatever".into();
        }
        assert_eq!(read(&pod(&written)), said);
    }

    fn runs() -> ContainerStatus {
        let runs = json!({
            "name": "router", "image": "i", "imageID": "i", "restartCount": 0, "ready": true,
            "state": {"running": {}},
        });
        serde_json::from_value(runs).unwrap()
    }

    #[test]
    fn until_it_is_written_one_that_ran_may_have_been_heard() {
        let new = read(&pod(&json!([])));
        assert!(!new.written && !new.heard);
        let mut ran = pod(&json!([]));
        ran.status.as_mut().unwrap().container_statuses = Some(vec![runs()]);
        assert!(!read(&ran).written && read(&ran).heard);
        // Somebody took it off the others, or wrote what says nothing: it is to be written again.
        let told = |type_: &str| {
            let told = json!({"type": type_, "status": "Unknown", "reason": "NeverReported"});
            serde_json::from_value(told).unwrap()
        };
        let conditions = ran.status.as_mut().and_then(|it| it.conditions.as_mut());
        let all = [
            labels::POD_ACCEPTING,
            labels::POD_DRAINING,
            labels::POD_HEARD,
        ];
        conditions.unwrap().extend(all.map(told));
        assert!(!read(&ran).written && read(&ran).heard);
        let conditions = ran.status.as_mut().and_then(|it| it.conditions.as_mut());
        conditions.unwrap().pop();
        assert!(!read(&ran).written && read(&ran).heard);
    }

    #[test]
    fn one_that_was_heard_stays_so_whatever_is_taken_off_beside_it() {
        let heard = json!([{"type": labels::POD_HEARD, "status": "True"}]);
        let said = read(&pod(&heard));
        assert!(said.written && said.heard);
        assert_eq!((said.accepting, said.draining), (None, None));
    }

    #[test]
    fn a_status_that_stays_keeps_its_time() {
        let said = Said {
            accepting: Some(true),
            written: true,
            heard: true,
            ..Said::default()
        };
        let before = pod(&conditions(&pod(&json!([])), said, now()));
        let later = Timestamp::from_second(2_000).unwrap();
        let said = Said {
            accepting: None,
            ..said
        };
        let after = conditions(&before, said, later);
        let times = after.as_array().unwrap().iter();
        let times: Vec<Value> = times.map(|it| it["lastTransitionTime"].clone()).collect();
        let [first, then] = [now(), later].map(|at| Value::from(at.to_string()));
        assert_eq!(times, [then, first.clone(), first]);
    }
}
