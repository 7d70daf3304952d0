//! What wakes the zone controller: its zones, their children, the Secrets that they name, and
//! the pools that name them. One watch for each kind feeds both its cache and the queue.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config, applier};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use plenum_crds::{MMRPool, MeetingZone};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::children::all_children;
use super::fetch::Stores;
use super::names::ZoneSecret;
use super::reconcile::{Scope, reconcile, retry};
use crate::context::Context;

/// Zones reconciled at the same time: each waits for the API server most of the time.
const CONCURRENCY: u16 = 8;

type Trigger = Result<ObjectRef<MeetingZone>, watcher::Error>;
type Triggers = BoxStream<'static, Trigger>;

/// Keeps all zones until `stop`, then ends what it has begun; drop it if that takes too long.
pub async fn run(context: Context, stop: CancellationToken) {
    let (zones, stores, triggers) = watch(&context.client);
    let scope = Arc::new(Scope { context, stores });
    let config = Config::default().concurrency(CONCURRENCY);
    let queue = triggers.take_until(stop.cancelled_owned());
    applier(
        |zone, scope| Box::pin(reconcile(zone, scope)),
        retry,
        scope,
        zones,
        queue,
        config,
    )
    .for_each(|result| async {
        match result {
            Ok((zone, _)) => tracing::debug!(%zone, "reconciled"),
            // A zone that went between the trigger and its turn.
            Err(kube::runtime::controller::Error::ObjectNotFound(zone)) => {
                tracing::debug!(%zone, "gone");
            }
            Err(error) => tracing::warn!(%error, "a zone was not reconciled; trying again"),
        }
    })
    .await;
}

fn watch(client: &Client) -> (Store<MeetingZone>, Stores, Triggers) {
    let (zones, zone_events) = cached::<MeetingZone>(client, watcher::Config::default());
    let (pools, pool_events) = cached::<MMRPool>(client, watcher::Config::default());
    let children = || watcher::Config::default().labels(&all_children());
    let (stateful_sets, set_events) = cached::<StatefulSet>(client, children());
    let (deployments, deployment_events) = cached::<Deployment>(client, children());
    let (services, service_events) = cached::<Service>(client, children());
    let (budgets, budget_events) = cached::<PodDisruptionBudget>(client, children());
    let (secrets, secret_events) = cached::<Secret>(client, children());
    let triggers = select_all([
        zone_events
            .map(|event| event.map(|zone| ObjectRef::from_obj(&zone)))
            .boxed(),
        pool_events
            .map(|event| event.map(|pool| of_pool(&pool)))
            .boxed(),
        owners(set_events),
        owners(deployment_events),
        owners(service_events),
        owners(budget_events),
        owners(secret_events),
        referenced(client, zones.clone()),
    ]);
    let stores = Stores {
        pools,
        stateful_sets,
        deployments,
        services,
        budgets,
        secrets,
    };
    (zones, stores, triggers.boxed())
}

type Events<K> = BoxStream<'static, Result<K, watcher::Error>>;

/// A cache of all objects of a kind, and a stream of those that change or go.
fn cached<K>(client: &Client, config: watcher::Config) -> (Store<K>, Events<K>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    let (store, writer) = reflector::store();
    let events = watcher(Api::<K>::all(client.clone()), config)
        .default_backoff()
        // Who wrote which field is half of an object, and nobody here asks.
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer)
        .touched_objects()
        .boxed();
    (store, events)
}

fn of_pool(pool: &MMRPool) -> ObjectRef<MeetingZone> {
    ObjectRef::new(&pool.spec.zone).within(&pool.namespace().unwrap_or_default())
}

/// The zones that own what changed.
fn owners<K>(events: Events<K>) -> Triggers
where
    K: Resource<DynamicType = ()> + Send + 'static,
{
    events
        .filter_map(|event| async { event.map(|object| owner(&object)).transpose() })
        .boxed()
}

fn owner<K: Resource>(object: &K) -> Option<ObjectRef<MeetingZone>> {
    let namespace = object.meta().namespace.as_deref()?;
    let owners = object.meta().owner_references.as_ref()?;
    owners
        .iter()
        .filter(|owner| owner.controller == Some(true))
        .find_map(|owner| ObjectRef::from_owner_ref(Some(namespace), owner, ()))
}

/// The zones that a changed Secret concerns by its name. Only names are watched, not contents.
fn referenced(client: &Client, zones: Store<MeetingZone>) -> Triggers {
    watcher(
        Api::<PartialObjectMeta<Secret>>::all(client.clone()),
        watcher::Config::default(),
    )
    .default_backoff()
    .touched_objects()
    .flat_map(move |event| {
        let triggers: Vec<Trigger> = match event {
            Ok(secret) => naming(&zones, &secret).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        futures_util::stream::iter(triggers)
    })
    .boxed()
}

fn naming(
    zones: &Store<MeetingZone>,
    secret: &PartialObjectMeta<Secret>,
) -> Vec<ObjectRef<MeetingZone>> {
    let (name, namespace) = (secret.name_any(), secret.namespace().unwrap_or_default());
    let zones_that_name = zones
        .state()
        .into_iter()
        .filter(|zone| zone.metadata.namespace.as_deref() == Some(&namespace))
        .filter(|zone| names(zone, &name))
        .map(|zone| ObjectRef::from_obj(zone.as_ref()));
    // A Secret of somebody else under a child's name may stand in a zone's way, or just have
    // made way.
    let zones_called_so = ZoneSecret::zones_of(&name)
        .map(|zone| ObjectRef::new(zone).within(&namespace))
        .filter(|zone| zones.get(zone).is_some());
    zones_that_name.chain(zones_called_so).collect()
}

/// Whether the zone's spec names this Secret.
fn names(zone: &MeetingZone, secret: &str) -> bool {
    let spec = &zone.spec;
    let directory = spec.directory.as_ref();
    let named = [
        spec.admission.directory_keys_secret.as_ref(),
        directory.map(|directory| &directory.credential_secret),
        directory.and_then(|directory| directory.authority_secret.as_ref()),
    ];
    spec.certificates.secret_name.as_deref() == Some(secret)
        || named
            .into_iter()
            .flatten()
            .any(|named| named.name == secret)
}
