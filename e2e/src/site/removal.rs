//! A site on a cluster that others use: it comes only where there is none, and goes whole.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{NAMESPACE, RELEASE, SYSTEM_NAMESPACE, Site};

/// The group of our definitions, as `kubectl get -o name` ends.
const GROUP: &str = ".plenum.dev";

/// What was on the cluster before the site, and stays when it goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Before {
    namespaces: BTreeSet<String>,
    definitions: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Release {
    name: String,
    namespace: String,
}

impl Site {
    /// Looks at a cluster on which nothing is installed yet.
    ///
    /// If Plenum is there already, the error says what to remove: two operators would act on the same zones, and
    /// installing over somebody's release would change and then remove it.
    pub async fn look(&self) -> Result<Before> {
        let releases = self.commands.helm(["list", "-A", "-o", "json"]).await?;
        let releases: Vec<Release> =
            serde_json::from_str(&releases).context("the output of helm list")?;
        let before = Before {
            namespaces: self.names("namespaces").await?,
            definitions: self.definitions().await?,
        };
        let objects = if before.definitions.is_empty() {
            String::new()
        } else {
            let kinds = joined(&before.definitions);
            let columns = "custom-columns=:kind,:metadata.namespace,:metadata.name";
            self.kubectl(["get", &kinds, "-A", "-o", columns]).await?
        };
        match obstacle(&releases, &objects) {
            Some(obstacle) => bail!(obstacle),
            None => Ok(before),
        }
    }

    /// Removes zone and pool, then the operator, and then those definitions and namespaces that were not there before.
    ///
    /// Fails, with the operator still there, when zone and pool don't go: it has to take its marks off the nodes first.
    pub async fn uninstall(&self, before: &Before) -> Result<()> {
        let definitions = self.definitions().await?;
        if !definitions.is_empty() {
            let kinds = joined(&definitions);
            let all = ["-n", NAMESPACE, "delete", &kinds, "--all", "--timeout=120s"];
            self.kubectl(all).await.with_context(|| {
                format!("zone and pool stay in namespace {NAMESPACE}, and the operator with them")
            })?;
        }
        let release = ["uninstall", RELEASE, "--namespace", SYSTEM_NAMESPACE];
        let wait = ["--ignore-not-found", "--wait", "--timeout", "60s"];
        self.commands.helm([release, wait].concat()).await?;
        self.delete_new("crd", &definitions, &before.definitions)
            .await?;
        let namespaces = [SYSTEM_NAMESPACE, NAMESPACE].map(str::to_owned).into();
        self.delete_new("namespace", &namespaces, &before.namespaces)
            .await
    }

    async fn delete_new(
        &self,
        kind: &str,
        now: &BTreeSet<String>,
        before: &BTreeSet<String>,
    ) -> Result<()> {
        let new: Vec<_> = now.difference(before).map(String::as_str).collect();
        if new.is_empty() {
            return Ok(());
        }
        let delete = ["delete", kind, "--ignore-not-found", "--timeout=120s"];
        self.kubectl([&delete[..], &new].concat()).await.map(drop)
    }

    async fn definitions(&self) -> Result<BTreeSet<String>> {
        let mut definitions = self.names("customresourcedefinitions").await?;
        definitions.retain(|name| name.ends_with(GROUP));
        Ok(definitions)
    }

    async fn names(&self, kind: &str) -> Result<BTreeSet<String>> {
        let names = self.kubectl(["get", kind, "-o", "name"]).await?;
        let names = names.lines().filter_map(|line| line.split_once('/'));
        Ok(names.map(|(_, name)| name.to_owned()).collect())
    }
}

fn joined(definitions: &BTreeSet<String>) -> String {
    let names: Vec<_> = definitions.iter().map(String::as_str).collect();
    names.join(",")
}

/// Why there is no place for a site. `objects` has kind, namespace and name in each line.
fn obstacle(releases: &[Release], objects: &str) -> Option<String> {
    let release = releases.iter().find(|release| release.name == RELEASE);
    if let Some(Release { name, namespace }) = release {
        return Some(format!(
            "Helm release {name} is installed in namespace {namespace} already: \
             use another cluster, or remove its zones and then run helm uninstall {name} -n {namespace}"
        ));
    }
    let mut words = objects
        .lines()
        .find(|line| !line.trim().is_empty())?
        .split_whitespace();
    let (kind, namespace, name) = (words.next()?, words.next()?, words.next()?);
    Some(format!(
        "{kind} {name} is in namespace {namespace} already: \
         use another cluster, or run kubectl delete {kind} {name} -n {namespace}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_or_a_zone_is_in_the_way_and_the_sentence_says_of_what() {
        let release = |name: &str| Release {
            name: name.into(),
            namespace: "elsewhere".into(),
        };
        assert_eq!(obstacle(&[release("other")], "\n"), None);
        let told = obstacle(&[release("other"), release("plenum")], "").unwrap();
        assert!(
            told.contains("helm uninstall plenum -n elsewhere"),
            "{told}"
        );
        let told = obstacle(&[], "\nMeetingZone   meetings   demo\n").unwrap();
        assert!(
            told.contains("kubectl delete MeetingZone demo -n meetings"),
            "{told}"
        );
    }
}
