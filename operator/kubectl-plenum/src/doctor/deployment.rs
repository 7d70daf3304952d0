//! Do the Deployments of a part of the chart run, and all their replicas?

use k8s_openapi::api::apps::v1::Deployment;
use plenum_crds::labels;

use super::{pods, refused};
use crate::finding::{Finding, Object};
use crate::snapshot::{Snapshot, label, name_of, namespace_of};

/// A part of the chart that is a Deployment.
pub(super) struct Part {
    /// The chart's word in [`labels::APP_COMPONENT`], which is also what people call it.
    pub component: &'static str,
    /// The reason when none of it is ready.
    pub not_running: &'static str,
    /// The reason when some of it are not.
    pub replica_missing: &'static str,
    /// What there is not without it.
    pub without: &'static str,
    /// What it is to have fewer than were wanted.
    pub with_less: &'static str,
    /// How many there are unless somebody writes another number.
    pub replicas: u32,
}

impl Part {
    /// Its Deployments.
    pub fn deployments<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = &'a Deployment> {
        let deployments = snapshot.deployments.iter();
        deployments.filter(|it| label(*it, labels::APP_COMPONENT) == Some(self.component))
    }

    /// What is wrong with its Deployments and their pods.
    pub fn judge(&self, snapshot: &Snapshot) -> Vec<Finding> {
        let mut findings = Vec::new();
        for deployment in self.deployments(snapshot) {
            findings.extend(self.runs(deployment));
            findings.extend(refused::of_deployment(deployment));
        }
        findings.extend(pods::of_component(snapshot, self.component));
        findings
    }

    fn runs(&self, deployment: &Deployment) -> Option<Finding> {
        let ready = deployment.status.as_ref().and_then(|it| it.ready_replicas);
        let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
        let (wanted, ready) = (wanted.unwrap_or(1), ready.unwrap_or(0));
        let component = self.component;
        let about = Object::of("Deployment", deployment);
        let kubectl = format!("kubectl -n {}", namespace_of(deployment));
        let look = format!(
            "{kubectl} describe pods -l {}={component}",
            labels::APP_COMPONENT
        );
        let name = name_of(deployment);
        if wanted == 0 {
            let what = format!("the {component} is scaled to 0");
            let scale = format!(
                "{kubectl} scale deployment {name} --replicas={}",
                self.replicas
            );
            let finding = Finding::wrong(self.not_running, about, what);
            return Some(finding.why(self.without).remedy(scale));
        }
        if ready == 0 {
            let what = format!("none of {wanted} replicas of the {component} is ready");
            let logs = format!(
                "{kubectl} logs deployment/{name} --tail=50   # what one that runs waits for"
            );
            let finding = Finding::wrong(self.not_running, about, what);
            return Some(finding.why(self.without).remedy(look).remedy(logs));
        }
        (ready < wanted).then(|| {
            let what = format!("{ready} of {wanted} replicas of the {component} are ready");
            let finding = Finding::advice(self.replica_missing, about, what);
            finding.why(self.with_less).remedy(look)
        })
    }
}
