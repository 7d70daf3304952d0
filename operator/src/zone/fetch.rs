//! Step 1: everything that a reconcile looks at, as values. Reads, and never writes.
//!
//! Children come from caches, and Secrets that the spec names are read again when they have
//! changed. Two things are asked of the API server itself: whether a child that the cache does not
//! know is really missing, and, before certificates are changed, what the Secrets hold now. A
//! cache that is behind could otherwise make a second authority.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::{Api, Client, Resource, ResourceExt as _};
use plenum_crds::{CertificateSource, MMRPool, MeetingZone};
use serde::de::DeserializeOwned;

use super::children::Part;
use super::named_secrets::NamedSecrets;
use super::names::{self, ZoneSecret};
use crate::cache::{Cache, Key, Object};

/// Caches of all that the zone controller watches.
#[derive(Clone)]
pub struct Stores {
    /// Pools, by the zone that they name.
    pub pools: Cache<MMRPool, Key>,
    /// Our children.
    pub stateful_sets: Cache<StatefulSet, ()>,
    /// Our children.
    pub deployments: Cache<Deployment, ()>,
    /// Our children.
    pub services: Cache<Service, ()>,
    /// Our children.
    pub budgets: Cache<PodDisruptionBudget, ()>,
    /// Our children.
    pub secrets: Cache<Secret, ()>,
    /// What others keep, and specs name.
    pub named_secrets: NamedSecrets,
}

impl Stores {
    /// Waits until each has been filled once. Before that, a pool that is not in its cache
    /// would look as if there were none.
    pub async fn ready(&self) {
        tokio::join!(
            self.pools.filled(),
            self.stateful_sets.filled(),
            self.deployments.filled(),
            self.services.filled(),
            self.budgets.filled(),
            self.secrets.filled(),
        );
    }
}

/// A zone and all that concerns it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The zone.
    pub zone: Arc<MeetingZone>,
    /// The pools that name it, by name.
    pub pools: Vec<Arc<MMRPool>>,
    /// Its controllers.
    pub stateful_set: Option<Arc<StatefulSet>>,
    /// Its tunnels.
    pub deployment: Option<Arc<Deployment>>,
    /// Its Services, by name.
    pub services: BTreeMap<String, Arc<Service>>,
    /// Its disruption budgets, by name.
    pub budgets: BTreeMap<String, Arc<PodDisruptionBudget>>,
    /// Its Secrets.
    pub secrets: BTreeMap<ZoneSecret, Arc<Secret>>,
    /// The Secret with the user's certificate, where the spec names one.
    pub certificate: Option<Named>,
    /// The Secret with the directory's keys, where the spec names one.
    pub directory_keys: Option<Named>,
    /// The Secret with the zone's credential at its directory, where there is one.
    pub directory_credential: Option<Named>,
    /// The Secret with who vouches for the directory, where the spec names one.
    pub directory_authority: Option<Named>,
    /// The Secret with the proxy to the directory, where the spec names one.
    pub directory_proxy: Option<Named>,
}

/// A Secret that the spec names.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// It, if it is there.
    pub secret: Option<Arc<Secret>>,
}

impl Fetched {
    /// The Service of a part for clients.
    #[must_use]
    pub fn service(&self, part: Part) -> Option<&Service> {
        let name = part.name_in(&self.zone.name_any());
        self.services.get(&name).map(Arc::as_ref)
    }

    /// The names and addresses at which the load balancer of a part answers.
    pub fn ingress(&self, part: Part) -> impl Iterator<Item = String> + use<> {
        let status = self.service(part).and_then(|s| s.status.as_ref());
        let ingress = status
            .and_then(|s| s.load_balancer.as_ref())
            .and_then(|balancer| balancer.ingress.clone())
            .unwrap_or_default();
        ingress
            .into_iter()
            .flat_map(|entry| [entry.hostname, entry.ip])
            .flatten()
    }
}

/// Where the Secrets of the zone are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As they were seen last: good enough to see that nothing has to change.
    Cached,
    /// At the API server: before anything is changed.
    Live,
}

/// Reads all of it.
pub async fn fetch(
    client: &Client,
    stores: &Stores,
    zone: Arc<MeetingZone>,
    from: Secrets,
) -> Result<Fetched, kube::Error> {
    let (namespace, name) = (zone.namespace().unwrap_or_default(), zone.name_any());
    let at = Place {
        client,
        namespace: &namespace,
    };
    let named = |name| at.named(&stores.named_secrets, from, name);
    let (controllers, tunnels) = (names::controllers(&name), names::tunnels(&name));
    let link = names::link_service(&name);
    let (mut services, mut budgets) = (BTreeMap::new(), BTreeMap::new());
    for name in [&controllers, &link, &tunnels] {
        let found = at.find(&stores.services, name).await?;
        services.extend(found.map(|found| (name.clone(), found)));
    }
    for name in [&controllers, &tunnels] {
        let found = at.find(&stores.budgets, name).await?;
        budgets.extend(found.map(|found| (name.clone(), found)));
    }
    let mut secrets = BTreeMap::new();
    for secret in ZoneSecret::ALL {
        let name = secret.name(&name);
        let found = match from {
            Secrets::Cached => at.find(&stores.secrets, &name).await?,
            Secrets::Live => at.get::<Secret>(&name).await?.map(Arc::new),
        };
        secrets.extend(found.map(|found| (secret, found)));
    }
    let spec = &zone.spec;
    let certificate = match spec.certificates.source {
        CertificateSource::Secret => spec.certificates.secret_name.as_deref(),
        CertificateSource::ZoneAuthority => None,
    };
    let keys = spec.admission.directory_keys_secret.as_ref();
    let directory = spec.directory.as_ref();
    let credential = directory.map(|directory| &directory.credential_secret);
    let authority = directory.and_then(|directory| directory.authority_secret.as_ref());
    let proxy = directory.and_then(|directory| directory.proxy.as_ref());
    let proxy = proxy.and_then(|proxy| proxy.url_secret.as_ref());
    Ok(Fetched {
        pools: pools_of(stores, &namespace, &name),
        stateful_set: at.find(&stores.stateful_sets, &controllers).await?,
        deployment: at.find(&stores.deployments, &tunnels).await?,
        services,
        budgets,
        secrets,
        certificate: named(certificate).await?,
        directory_keys: named(keys.map(|keys| keys.name.as_str())).await?,
        directory_credential: named(credential.map(|secret| secret.name.as_str())).await?,
        directory_authority: named(authority.map(|secret| secret.name.as_str())).await?,
        directory_proxy: named(proxy.map(|secret| secret.name.as_str())).await?,
        zone,
    })
}

/// The pools that name the zone, asked of the API server: before the last step of a deletion.
pub async fn live_pools(client: &Client, zone: &MeetingZone) -> Result<Vec<MMRPool>, kube::Error> {
    let api = Api::<MMRPool>::namespaced(client.clone(), &zone.namespace().unwrap_or_default());
    let mut pools = api.list(&kube::api::ListParams::default()).await?.items;
    pools.retain(|pool| pool.spec.zone == zone.name_any());
    Ok(pools)
}

fn pools_of(stores: &Stores, namespace: &str, zone: &str) -> Vec<Arc<MMRPool>> {
    let mut pools = stores.pools.group(&Key::new(namespace, zone));
    // A group may be ahead of the cache.
    pools.retain(|pool| pool.spec.zone == zone);
    pools
}

struct Place<'a> {
    client: &'a Client,
    namespace: &'a str,
}

impl Place<'_> {
    async fn find<K>(&self, cache: &Cache<K, ()>, name: &str) -> Result<Option<Arc<K>>, kube::Error>
    where
        K: Object + Resource<Scope = NamespaceResourceScope>,
    {
        match cache.get(&Key::new(self.namespace, name)) {
            Some(object) => Ok(Some(object)),
            None => Ok(self.get(name).await?.map(Arc::new)),
        }
    }

    async fn get<K>(&self, name: &str) -> Result<Option<K>, kube::Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        Api::namespaced(self.client.clone(), self.namespace)
            .get_opt(name)
            .await
    }

    async fn named(
        &self,
        secrets: &NamedSecrets,
        from: Secrets,
        name: Option<&str>,
    ) -> Result<Option<Named>, kube::Error> {
        let Some(name) = name else {
            return Ok(None);
        };
        let (key, asked) = (Key::new(self.namespace, name), self.get(name));
        let secret = match from {
            Secrets::Cached => secrets.get(&key, asked).await?,
            Secrets::Live => secrets.ask(&key, asked).await?,
        };
        Ok(Some(Named {
            name: name.to_owned(),
            secret,
        }))
    }
}
