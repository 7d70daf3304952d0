//! Are the resource definitions there, and does the API server keep every field we know?

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use plenum_crds::{VERSION, yaml};
use serde_json::Value;

use super::{chart, some_of};
use crate::finding::{Finding, Object, unseen};
use crate::snapshot::{Snapshot, name_of};

const KIND: &str = "CustomResourceDefinition";

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen(KIND, &snapshot.definitions.troubles).collect();
    if !snapshot.definitions.is_whole() {
        return findings;
    }
    for ours in yaml::definitions() {
        let name = ours["metadata"]["name"].as_str().unwrap_or_default();
        let installed = snapshot.definitions.iter().find(|it| name_of(*it) == name);
        findings.extend(match installed {
            Some(installed) => judge(installed, &ours),
            None => Some(missing(name)),
        });
    }
    findings
}

fn missing(name: &str) -> Finding {
    let about = Object::named(KIND, "", name);
    Finding::wrong(
        "DefinitionMissing",
        about,
        format!("the cluster does not know {name}"),
    )
    .why("Plenum is not installed here, or its definitions were removed")
    .remedy(chart::INSTALL)
    .remedy(format!(
        "{}   # where the operator is installed already",
        chart::DEFINITIONS
    ))
}

fn judge(installed: &CustomResourceDefinition, ours: &Value) -> Option<Finding> {
    let about = Object::of(KIND, installed);
    let name = name_of(installed);
    let conditions = installed
        .status
        .iter()
        .flat_map(|status| &status.conditions);
    let refused = conditions
        .flatten()
        .find(|c| c.type_ == "Established" && c.status != "True");
    if let Some(refused) = refused {
        let what = format!("{name} is there, and the API server does not serve it");
        return Some(
            Finding::wrong("DefinitionNotEstablished", about, what)
                .why(refused.message.clone().unwrap_or_default())
                .remedy(format!("kubectl describe crd {name}")),
        );
    }
    let theirs = serde_json::to_value(installed).ok()?;
    let Some(schema) = schema(&theirs) else {
        let what = format!("{name} does not serve {VERSION}");
        return Some(
            Finding::wrong("DefinitionOfAnotherVersion", about, what)
                .why("the definition is of another version of Plenum")
                .remedy(chart::DEFINITIONS),
        );
    };
    compare(about, &fields(schema), &fields(self::schema(ours)?))
}

fn compare(about: Object, theirs: &BTreeSet<String>, ours: &BTreeSet<String>) -> Option<Finding> {
    let lost: Vec<&str> = ours.difference(theirs).map(String::as_str).collect();
    let new: Vec<&str> = theirs.difference(ours).map(String::as_str).collect();
    if !lost.is_empty() {
        let what = format!("{} does not know {}", about.name, some_of(&lost));
        return Some(
            Finding::wrong("DefinitionTooOld", about, what)
                .why("helm upgrade leaves definitions as they are; unknown fields are dropped without a word")
                .remedy(chart::DEFINITIONS),
        );
    }
    (!new.is_empty()).then(|| {
        let what = format!(
            "{} knows {}, which this kubectl-plenum does not",
            about.name,
            some_of(&new)
        );
        Finding::advice("DefinitionNewer", about, what)
            .why("this kubectl-plenum is older than the installation")
            .remedy("install the kubectl-plenum of the operator's version")
    })
}

/// The schema of the version that we speak.
fn schema(definition: &Value) -> Option<&Value> {
    let versions = definition["spec"]["versions"].as_array()?;
    let ours = versions
        .iter()
        .find(|version| version["name"] == VERSION && version["served"] == true)?;
    Some(&ours["schema"]["openAPIV3Schema"])
}

/// Every field by its path. Of the rest of a schema the API server may store its own form.
fn fields(schema: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    walk(schema, "", &mut all);
    all
}

fn walk(schema: &Value, path: &str, all: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, below) in properties {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            walk(below, &path, all);
            all.insert(path);
        }
    }
    if schema["items"].is_object() {
        walk(&schema["items"], path, all);
    }
}
