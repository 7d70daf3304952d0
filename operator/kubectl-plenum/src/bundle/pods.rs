//! Of which pods a bundle has logs and metrics.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use plenum_crds::labels;

use crate::snapshot::{Seen, Trouble, is_ready, label, restarts};

/// Most pods whose logs and metrics are taken: enough to see what they have in common.
const MOST: usize = 100;

/// All, or a hundred: the operator's and the directory's, and then zone controllers, routers and
/// tunnels by turns, of each kind those first that are not well.
#[must_use]
pub fn chosen(pods: &Seen<Pod>) -> Vec<&Pod> {
    let mut sick_first: Vec<&Pod> = pods.iter().collect();
    sick_first.sort_by_key(|pod| is_ready(pod) && restarts(pod) == 0);
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut in_turn: Vec<(usize, &Pod)> = sick_first
        .into_iter()
        .map(|pod| {
            let component = label(pod, labels::APP_COMPONENT).unwrap_or_default();
            let turn = turns.entry(component).or_insert(match component {
                "operator" | "directory" => 0,
                // Their program only waits.
                labels::COMPONENT_PLACEHOLDER => usize::MAX / 2,
                _ => MOST,
            });
            *turn += 1;
            (*turn, pod)
        })
        .collect();
    in_turn.sort_by_key(|(turn, _)| *turn);
    let chosen = in_turn.into_iter().map(|(_, pod)| pod);
    chosen.take(MOST).collect()
}

/// That there are more than were chosen.
#[must_use]
pub fn left_out(pods: &Seen<Pod>) -> Option<Trouble> {
    let all = pods.len();
    (all > MOST).then(|| Trouble {
        what: format!(
            "logs and metrics of {} of {all} pods are left out",
            all - MOST
        ),
        remedy: "-n NAMESPACE takes those of one namespace and the operator's".to_owned(),
    })
}
