//! Does the directory of a chart run? Zones may have one elsewhere, or none: that there is none
//! here is no finding.

use super::deployment::Part;
use crate::finding::Finding;
use crate::snapshot::Snapshot;

const PART: Part = Part {
    component: "directory",
    not_running: "DirectoryNotRunning",
    replica_missing: "DirectoryReplicaMissing",
    without: "nobody finds a meeting by it or signs in; who is in a meeting stays in it",
    with_less: "one is enough; without a second one a node that ends takes the directory with it",
    replicas: 1,
};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    // That nobody may list Deployments is said of the operator's already.
    PART.judge(snapshot)
}
