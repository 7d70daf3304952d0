//! What a case does to a world by its own hand, as a person would.

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::mirror::{Kind, Mirror, is_going, is_router};
use super::people::People;
use super::world::World;

impl World {
    /// Objects of a kind, directly.
    pub fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let resource = kind.resource();
        match kind {
            Kind::Node => Api::all_with(self.client.clone(), &resource),
            _ => Api::namespaced_with(self.client.clone(), &self.name, &resource),
        }
    }

    /// Makes an object.
    pub async fn create(&self, kind: Kind, object: &Value) -> Result<()> {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        let name = object.metadata.name.clone().unwrap_or_default();
        let created = self.api(kind).create(&PostParams::default(), &object).await;
        created.with_context(|| format!("creating {kind:?} {name}"))?;
        Ok(())
    }

    /// Changes an object by a merge patch, as a person would.
    pub async fn merge(&self, kind: Kind, name: &str, change: &Value) -> Result<()> {
        self.try_merge(kind, name, change)
            .await
            .with_context(|| format!("changing {kind:?} {name}"))
    }

    /// The same, for one that may be refused.
    pub async fn try_merge(
        &self,
        kind: Kind,
        name: &str,
        change: &Value,
    ) -> Result<(), kube::Error> {
        let params = PatchParams {
            field_manager: Some("a-person".to_owned()),
            ..PatchParams::default()
        };
        let api = self.api(kind);
        let changed = api.patch(name, &params, &Patch::Merge(change)).await?;
        let version = number(changed.metadata.resource_version.as_deref());
        let seen = |mirror: &Mirror, _: &People| match mirror.get(kind, name) {
            Some(object) if version_of(object) < version => Err("it has not".to_owned()),
            _ => Ok(()),
        };
        self.is_seen(seen).await;
        Ok(())
    }

    /// Returns once the observer has seen what was done; else the next look at the world would
    /// take it for what it was before.
    async fn is_seen(&self, seen: impl FnMut(&Mirror, &People) -> Result<(), String>) {
        // A rule that is broken meanwhile is told by whoever looks next.
        let _ = self.observer.until("the observer has seen it", seen).await;
    }

    /// Deletes an object; one that is gone is fine.
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<()> {
        let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
        let before = self
            .observer
            .look(|mirror| mirror.get(kind, name).and_then(uid));
        let params = DeleteParams::background();
        match self.api(kind).delete(name, &params).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => {
                other.with_context(|| format!("deleting {kind:?} {name}"))?;
            }
        }
        let seen = |mirror: &Mirror, _: &People| match mirror.get(kind, name) {
            // One that only changed meanwhile is yet to go.
            Some(object) if !is_going(object) && uid(object) == before => {
                Err("it has not".to_owned())
            }
            _ => Ok(()),
        };
        self.is_seen(seen).await;
        Ok(())
    }

    /// Returns once there is no such object.
    pub async fn is_gone(&self, kind: Kind, name: &str) -> Result<()> {
        let gone = |mirror: &Mirror, _: &People| match mirror.get(kind, name) {
            None => Ok(()),
            Some(_) => Err("it is there".to_owned()),
        };
        let what = format!("{kind:?} {name} is gone");
        self.observer.until(&what, gone).await
    }

    /// The routers that there are now are about to be stopped by a case's own doing.
    pub fn excuse_routers(&self) -> Vec<String> {
        let routers: Vec<String> = self.observer.look(|mirror| {
            let routers = mirror.all(Kind::Pod).filter(|(_, pod)| is_router(pod));
            routers.map(|(name, _)| name.to_owned()).collect()
        });
        self.observer.excuse(|rules| {
            for router in &routers {
                rules.excuse(router);
            }
        });
        routers
    }
}

/// Versions of the store are numbers, of which later ones are larger.
fn version_of(object: &Value) -> u64 {
    number(object["metadata"]["resourceVersion"].as_str())
}

fn number(version: Option<&str>) -> u64 {
    version.and_then(|it| it.parse().ok()).unwrap_or(0)
}
