//! What wakes the zone controller: its zones, their children, the Secrets that they name, and
//! the pools that name them. One watch for each kind feeds both its cache and the queue.

use std::hash::Hash;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use futures_util::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config, applier};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use plenum_crds::{MMRPool, MeetingZone};
use tokio_util::sync::CancellationToken;

use super::children::all_children;
use super::fetch::Stores;
use super::named_secrets::NamedSecrets;
use super::names::ZoneSecret;
use super::reconcile::{Scope, reconcile, retry};
use crate::cache::watch::{self, all, unmanaged};
use crate::cache::{Cache, Change, Groups, Key, Object};
use crate::context::Context;

/// Zones reconciled at the same time: each waits for the API server most of the time.
const CONCURRENCY: u16 = 8;

type Trigger = Result<ObjectRef<MeetingZone>, watcher::Error>;
type Triggers = BoxStream<'static, Trigger>;

/// Keeps all zones until `stop`, then ends what it has begun; drop it if that takes too long.
pub async fn run(context: Context, stop: CancellationToken) {
    let (zones, stores, triggers) = watch_all(&context.client);
    let scope = Arc::new(Scope { context, stores });
    let config = Config::default().concurrency(CONCURRENCY);
    let metrics = scope.context.metrics.clone();
    let _term = metrics.zones.term();
    let (asked, gone) = (metrics.clone(), metrics);
    let triggers = triggers.inspect_ok(move |zone| asked.asked("zone", &key(zone)));
    let queue = triggers.take_until(stop.cancelled_owned());
    applier(
        |zone, scope| Box::pin(reconcile(zone, scope)),
        retry,
        scope,
        zones,
        queue,
        config,
    )
    .for_each(|result| {
        match result {
            Ok((zone, _)) => tracing::debug!(%zone, "reconciled"),
            // A zone that went between the trigger and its turn.
            Err(kube::runtime::controller::Error::ObjectNotFound(zone)) => {
                tracing::debug!(%zone, "gone");
                gone.begun("zone", &key(&zone));
                gone.zones.forget(&key(&zone));
            }
            Err(error) => tracing::warn!(%error, "a zone was not reconciled; trying again"),
        }
        std::future::ready(())
    })
    .await;
}

fn key<K: reflector::Lookup>(object: &ObjectRef<K>) -> Key {
    Key::new(
        object.namespace.as_deref().unwrap_or_default(),
        &object.name,
    )
}

fn watch_all(client: &Client) -> (Store<MeetingZone>, Stores, Triggers) {
    let zones_naming = Groups::default();
    let (zones, zone_events) = all_zones(client, zones_naming.clone());
    let (pools, of_pools) = kept(
        client,
        all(),
        |pool| vec![zone_key(pool)],
        |pool| Some(zone_key(pool).object_ref()),
    );
    let (stateful_sets, of_sets) = children(client);
    let (deployments, of_deployments) = children(client);
    let (services, of_services) = children(client);
    let (budgets, of_budgets) = children(client);
    let (secrets, of_secrets) = children(client);
    let named_secrets = NamedSecrets::default();
    let triggers = select_all([
        themselves(zones.clone(), zone_events),
        of_pools,
        of_sets,
        of_deployments,
        of_services,
        of_budgets,
        of_secrets,
        referenced(client, zones.clone(), zones_naming, named_secrets.clone()),
    ]);
    let stores = Stores {
        pools,
        stateful_sets,
        deployments,
        services,
        budgets,
        secrets,
        named_secrets,
    };
    (zones, stores, triggers.boxed())
}

type Events = BoxStream<'static, watcher::Result<Event<MeetingZone>>>;

/// The zones, and what happens to them. Which Secrets a zone names is told before it is there,
/// and not taken back of one that went while nobody watched: who asks looks the answer up.
fn all_zones(client: &Client, naming: Groups<Key>) -> (Store<MeetingZone>, Events) {
    let (store, writer) = reflector::store();
    let events = watch::events::<MeetingZone>(client, all(), unmanaged)
        .inspect_ok(move |event| match event {
            Event::Apply(zone) | Event::InitApply(zone) => {
                naming.set(&Key::of(zone), secrets_named_by(zone));
            }
            Event::Delete(zone) => naming.set(&Key::of(zone), Vec::new()),
            Event::Init | Event::InitDone => {}
        })
        .reflect(writer)
        .boxed();
    (store, events)
}

/// The zones that changed. Those of a new list are in the cache when it is whole; before that
/// they would be taken for gone.
fn themselves(zones: Store<MeetingZone>, events: Events) -> Triggers {
    events
        .flat_map(move |event| {
            let triggers: Vec<Trigger> = match event {
                Ok(Event::Apply(zone) | Event::Delete(zone)) => {
                    vec![Ok(ObjectRef::from_obj(&zone))]
                }
                Ok(Event::Init | Event::InitApply(_)) => Vec::new(),
                Ok(Event::InitDone) => {
                    let all = zones.state();
                    let all = all.iter().map(|zone| ObjectRef::from_obj(zone.as_ref()));
                    all.map(Ok).collect()
                }
                Err(error) => vec![Err(error)],
            };
            futures_util::stream::iter(triggers)
        })
        .boxed()
}

fn zone_key(pool: &MMRPool) -> Key {
    Key::new(&pool.namespace().unwrap_or_default(), &pool.spec.zone)
}

/// A cache of our children of a kind, and the zones that own what came, changed or went: who lost
/// a child makes another.
fn children<K: Object>(client: &Client) -> (Cache<K, ()>, Triggers) {
    kept(client, all().labels(&all_children()), |_| Vec::new(), owner)
}

/// A cache of a kind, in groups, and the zones that what came, changed or went concerns.
fn kept<K, G>(
    client: &Client,
    config: watcher::Config,
    groups_of: fn(&K) -> Vec<G>,
    zone_of: fn(&K) -> Option<ObjectRef<MeetingZone>>,
) -> (Cache<K, G>, Triggers)
where
    K: Object,
    G: Hash + Eq + Clone + Send + 'static,
{
    let (cache, mut feed) = Cache::new(groups_of);
    let triggers = watch::events::<K>(client, config, unmanaged).flat_map(move |event| {
        let triggers: Vec<Trigger> = match event {
            Ok(event) => {
                let changes = feed.take(event);
                let zones = |change| concerned(change, zone_of);
                changes.iter().flat_map(zones).map(Ok).collect()
            }
            Err(error) => vec![Err(error)],
        };
        futures_util::stream::iter(triggers)
    });
    (cache, triggers.boxed())
}

/// The zones of both sides of a change, each once.
fn concerned<K>(
    change: &Change<K>,
    zone_of: fn(&K) -> Option<ObjectRef<MeetingZone>>,
) -> Vec<ObjectRef<MeetingZone>> {
    let mut zones: Vec<_> = change.sides().filter_map(zone_of).collect();
    zones.dedup();
    zones
}

fn owner<K: Resource>(object: &K) -> Option<ObjectRef<MeetingZone>> {
    let namespace = object.meta().namespace.as_deref()?;
    let owners = object.meta().owner_references.as_ref()?;
    owners
        .iter()
        .filter(|owner| owner.controller == Some(true))
        .find_map(|owner| ObjectRef::from_owner_ref(Some(namespace), owner, ()))
}

/// The zones that a changed Secret concerns by its name. Only names are watched, not contents:
/// `secrets` asks for these again, by the time that the zones look.
fn referenced(
    client: &Client,
    zones: Store<MeetingZone>,
    zones_naming: Groups<Key>,
    secrets: NamedSecrets,
) -> Triggers {
    watcher(Api::<PartialObjectMeta<Secret>>::all(client.clone()), all())
        .default_backoff()
        .inspect_ok(move |event| secrets.see(event))
        .touched_objects()
        .flat_map(move |event| {
            let triggers: Vec<Trigger> = match event {
                Ok(secret) => {
                    let concerned = naming(&zones, &zones_naming, &secret);
                    concerned.into_iter().map(Ok).collect()
                }
                Err(error) => vec![Err(error)],
            };
            futures_util::stream::iter(triggers)
        })
        .boxed()
}

fn naming(
    zones: &Store<MeetingZone>,
    zones_naming: &Groups<Key>,
    secret: &PartialObjectMeta<Secret>,
) -> Vec<ObjectRef<MeetingZone>> {
    let (name, namespace) = (secret.name_any(), secret.namespace().unwrap_or_default());
    let zones_that_name = zones_naming.members(&Key::of(secret));
    let zones_that_name = zones_that_name.iter().map(Key::object_ref);
    // A Secret of somebody else under a child's name may stand in a zone's way, or just have
    // made way.
    let zones_called_so =
        ZoneSecret::zones_of(&name).map(|zone| ObjectRef::new(zone).within(&namespace));
    zones_that_name
        .chain(zones_called_so)
        .filter(|zone| zones.get(zone).is_some())
        .collect()
}

/// The Secrets that the zone's spec names.
fn secrets_named_by(zone: &MeetingZone) -> Vec<Key> {
    let namespace = zone.metadata.namespace.as_deref().unwrap_or_default();
    let spec = &zone.spec;
    let directory = spec.directory.as_ref();
    let proxy = directory.and_then(|directory| directory.proxy.as_ref());
    let named = [
        spec.admission.directory_keys_secret.as_ref(),
        directory.map(|directory| &directory.credential_secret),
        directory.and_then(|directory| directory.authority_secret.as_ref()),
        proxy.and_then(|proxy| proxy.url_secret.as_ref()),
    ];
    let named = named.into_iter().flatten().map(|secret| &secret.name);
    let mut all: Vec<Key> = named
        .chain(&spec.certificates.secret_name)
        .map(|secret| Key::new(namespace, secret))
        .collect();
    all.sort();
    all.dedup();
    all
}
