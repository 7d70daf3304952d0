//! How the chart is installed and brought up to date, in words that can be typed as they are.

use super::operator::operators;
use crate::snapshot::{Snapshot, namespace_of};

/// Where the pages of Plenum install it.
const NAMESPACE: &str = "plenum-system";

pub(super) const INSTALL: &str =
    "helm install plenum charts/plenum --namespace plenum-system --create-namespace";

/// Helm leaves definitions as they are, and has made them: who writes them next has to take their
/// fields over.
pub(super) const DEFINITIONS: &str =
    "kubectl apply --server-side --force-conflicts -f charts/plenum/crds/";

/// What the release has, made anew by the chart; `--set` may follow.
pub(super) fn upgrade(namespace: &str) -> String {
    format!("helm upgrade plenum charts/plenum --namespace {namespace} --reset-then-reuse-values")
}

/// The namespace of the release, which is the operator's.
pub(super) fn home(snapshot: &Snapshot) -> &str {
    operators(snapshot).next().map_or(NAMESPACE, namespace_of)
}
