//! May the operator do what it has to? Asked of the API server, about the operator's account.

use std::collections::BTreeSet;

use serde_json::Value;

use super::chart;
use crate::finding::{Finding, Object, unseen};
use crate::snapshot::Snapshot;

/// What the chart grants in all namespaces; and in its own.
const CLUSTER_ROLE: &str = include_str!("../../../../charts/plenum/templates/clusterrole.yaml");
const ROLE: &str = include_str!("../../../../charts/plenum/templates/role.yaml");

/// A right that the operator should have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The API group; empty for the core.
    pub group: String,
    /// The resource, with its subresource after a `/`.
    pub resource: String,
    /// The verb.
    pub verb: String,
    /// Only in the operator's own namespace.
    pub at_home: bool,
}

/// Every right that the chart of this version grants the operator.
#[must_use]
pub fn wanted() -> BTreeSet<Wanted> {
    let everywhere = granted(CLUSTER_ROLE).into_iter().map(|it| (it, false));
    let at_home = granted(ROLE).into_iter().map(|it| (it, true));
    let all = everywhere.chain(at_home);
    all.map(|((group, resource, verb), at_home)| Wanted {
        group,
        resource,
        verb,
        at_home,
    })
    .collect()
}

/// The rules of a template's first document, which is the operator's own role. What Helm fills
/// in is left out: names restrict a rule further.
fn granted(template: &str) -> Vec<(String, String, String)> {
    let document = template.split("\n---").next().unwrap_or_default();
    let Some(start) = document.find("\nrules:") else {
        return Vec::new();
    };
    let rules = document[start..].lines().filter(|it| !it.contains("{{"));
    let rules: Vec<&str> = rules.collect();
    let parsed: Value = serde_yaml::from_str(&rules.join("\n")).unwrap_or_default();
    let rules = parsed["rules"].as_array().map(Vec::as_slice);
    rules.unwrap_or_default().iter().flat_map(each).collect()
}

fn each(rule: &Value) -> Vec<(String, String, String)> {
    let words = |key: &str| -> Vec<String> {
        let words = rule[key].as_array().map(Vec::as_slice);
        let words = words.unwrap_or_default().iter();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut all = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            for verb in words("verbs") {
                all.push((group.clone(), resource.clone(), verb));
            }
        }
    }
    all
}

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        unseen("SubjectAccessReview", &snapshot.rights.troubles).collect();
    // Whose rights they are is not known without.
    findings.extend(unseen("Deployment", &snapshot.deployments.troubles));
    let denied: Vec<_> = snapshot.rights.iter().filter(|it| !it.allowed).collect();
    let mut accounts: Vec<&str> = denied.iter().map(|it| it.who.as_str()).collect();
    accounts.dedup();
    for who in accounts {
        let lacks: Vec<String> = denied
            .iter()
            .filter(|it| it.who == who)
            .map(|it| match it.group.as_str() {
                "" => format!("{} {}", it.verb, it.resource),
                group => format!("{} {}.{group}", it.verb, it.resource),
            })
            .collect();
        findings.push(lacking(who, &lacks));
    }
    findings
}

fn lacking(who: &str, lacks: &[String]) -> Finding {
    let mut account = who.rsplit(':');
    let name = account.next().unwrap_or_default();
    let namespace = account.next().unwrap_or_default();
    let about = Object::named("ServiceAccount", namespace, name);
    let what = format!("the operator may not {}", lacks.join(", "));
    Finding::wrong("RightMissing", about, what)
        .why("its ClusterRole or Role was changed, is of another version, or is not bound to this account")
        .remedy(chart::upgrade(namespace))
        .remedy(format!(
            "kubectl auth can-i --list --as {who}"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_chart_grants_is_what_is_asked_for() {
        let wanted = wanted();
        let has = |group: &str, resource: &str, verb: &str, at_home: bool| {
            wanted.contains(&Wanted {
                group: group.to_owned(),
                resource: resource.to_owned(),
                verb: verb.to_owned(),
                at_home,
            })
        };
        assert!(has("", "nodes", "patch", false));
        assert!(has("apps", "daemonsets", "create", false));
        assert!(has("coordination.k8s.io", "leases", "update", true));
        assert!(!has("", "nodes", "delete", false));
        assert!(wanted.len() > 30, "{wanted:?}");
    }
}
