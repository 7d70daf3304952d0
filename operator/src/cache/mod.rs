//! What the API server holds of a kind, kept up by a watch and found by name or by what it
//! belongs to. There is no way to look through all of it: a reconcile costs what it concerns,
//! not what the cluster has.
//!
//! | file | what lives there |
//! |---|---|
//! | [`key`] | the name of an object within its kind |
//! | `item` | what can be kept, and in which form |
//! | `packed` | an object of Kubernetes as it is kept |
//! | [`groups`] | which objects belong together |
//! | [`watch`] | the watch that fills a cache, and its page size |

pub mod groups;
mod item;
pub mod key;
mod packed;
pub mod watch;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use kube::Resource;
use kube::runtime::watcher::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use groups::Groups;
pub use item::Item;
pub use key::Key;

/// A kind that can be watched and kept.
pub trait Object:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Object for K where
    K: Resource<DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

type Content<K> = HashMap<Key, <K as Item>::Kept>;

/// A cache of one kind, in groups `G`. Its clones are the same one.
pub struct Cache<K: Item, G> {
    objects: Arc<RwLock<Content<K>>>,
    groups: Groups<G>,
    filled: Arc<tokio::sync::watch::Sender<bool>>,
    visited: Arc<AtomicU64>,
}

impl<K: Item, G> Clone for Cache<K, G> {
    fn clone(&self) -> Self {
        Self {
            objects: self.objects.clone(),
            groups: self.groups.clone(),
            filled: self.filled.clone(),
            visited: self.visited.clone(),
        }
    }
}

/// An object that came, changed or went.
#[derive(Debug)]
pub struct Change<K> {
    /// As it was; `None`: it came.
    pub old: Option<Arc<K>>,
    /// As it is; `None`: it went.
    pub new: Option<Arc<K>>,
}

impl<K> Change<K> {
    /// Both, as far as there are.
    pub fn sides(&self) -> impl Iterator<Item = &K> {
        self.old.iter().chain(&self.new).map(AsRef::as_ref)
    }

    /// Whether it came, went, or is no longer the `same`.
    pub fn is_news(&self, same: impl Fn(&K, &K) -> bool) -> bool {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => !same(old, new),
            _ => true,
        }
    }
}

impl<K: Item, G: Hash + Eq + Clone> Cache<K, G> {
    /// An empty cache, and the way to fill it. `groups_of` says what an object belongs to.
    #[must_use]
    pub fn new(groups_of: fn(&K) -> Vec<G>) -> (Self, Feed<K, G>) {
        let cache = Self {
            objects: Arc::default(),
            groups: Groups::default(),
            filled: Arc::default(),
            visited: Arc::default(),
        };
        let feed = Feed {
            cache: cache.clone(),
            groups_of,
            listed: None,
        };
        (cache, feed)
    }

    /// The object of this name.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.visit(1);
        let kept = self.read().get(key)?.clone();
        Some(K::open(&kept))
    }

    /// How many objects were asked for so far: what a reconcile costs, without a clock.
    #[must_use]
    pub fn visited(&self) -> u64 {
        self.visited.load(Ordering::Relaxed)
    }

    /// The objects of a group, by name.
    #[must_use]
    pub fn group(&self, group: &G) -> Vec<Arc<K>> {
        let keys = self.groups.members(group);
        self.visit(keys.len());
        let kept: Vec<_> = {
            let objects = self.read();
            keys.iter()
                .filter_map(|key| objects.get(key).cloned())
                .collect()
        };
        kept.iter().map(K::open).collect()
    }

    /// All of them, one after the other, for an index that begins later than the cache. Not for a
    /// reconcile.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<K>> + use<K, G> {
        let kept: Vec<_> = self.read().values().cloned().collect();
        self.visit(kept.len());
        kept.into_iter().map(|kept| K::open(&kept))
    }

    /// Waits until it has been filled once.
    pub async fn filled(&self) {
        // The sender is here, so it cannot be gone.
        let _ = self.filled.subscribe().wait_for(|filled| *filled).await;
    }

    /// What was there before.
    fn put(&self, key: &Key, object: Option<&Arc<K>>) -> Option<Arc<K>> {
        let kept = object.map(K::keep);
        let old = {
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            match kept {
                Some(kept) => objects.insert(key.clone(), kept),
                None => objects.remove(key),
            }
        };
        old.map(|old| K::open(&old))
    }

    fn read(&self) -> RwLockReadGuard<'_, Content<K>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn visit(&self, objects: usize) {
        let objects = u64::try_from(objects).unwrap_or(u64::MAX);
        self.visited.fetch_add(objects, Ordering::Relaxed);
    }
}

/// Fills a cache from the events of a watch.
pub struct Feed<K: Item, G> {
    cache: Cache<K, G>,
    groups_of: fn(&K) -> Vec<G>,
    /// What a list under way has shown so far: the rest went while nobody watched.
    listed: Option<HashSet<Key>>,
}

impl<K: Item, G: Hash + Eq + Clone> Feed<K, G> {
    /// Takes an event; what it changed. An object that a new list shows as it was is no change.
    pub fn take(&mut self, event: Event<K>) -> Vec<Change<K>> {
        match event {
            Event::Init => {
                self.listed = Some(HashSet::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                let key = object.key();
                let change = self.came(&key, object);
                self.listed.get_or_insert_default().insert(key);
                change.into_iter().collect()
            }
            Event::InitDone => {
                let changes = self.unlisted();
                self.cache.filled.send_replace(true);
                changes
            }
            Event::Apply(object) => self.came(&object.key(), object).into_iter().collect(),
            Event::Delete(object) => self.went(&object.key()).into_iter().collect(),
        }
    }

    fn came(&self, key: &Key, object: K) -> Option<Change<K>> {
        let known = |kept: &K::Kept| object.is(kept);
        if self.cache.read().get(key).is_some_and(known) {
            return None;
        }
        self.cache.groups.set(key, (self.groups_of)(&object));
        let new = Arc::new(object);
        let old = self.cache.put(key, Some(&new));
        Some(Change {
            old,
            new: Some(new),
        })
    }

    fn went(&self, key: &Key) -> Option<Change<K>> {
        self.cache.groups.set(key, Vec::new());
        let old = self.cache.put(key, None)?;
        Some(Change {
            old: Some(old),
            new: None,
        })
    }

    fn unlisted(&mut self) -> Vec<Change<K>> {
        let listed = self.listed.take().unwrap_or_default();
        let gone: Vec<Key> = {
            let objects = self.cache.read();
            let gone = objects.keys().filter(|key| !listed.contains(*key));
            gone.cloned().collect()
        };
        gone.iter().filter_map(|key| self.went(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::ResourceExt as _;

    use super::*;

    fn pod(name: &str, version: &str, on: &str) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.namespace = Some("n".into());
        pod.metadata.name = Some(name.into());
        pod.metadata.resource_version = Some(version.into());
        pod.labels_mut().insert("on".into(), on.into());
        pod
    }

    fn pods() -> (Cache<Pod, String>, Feed<Pod, String>) {
        Cache::new(|pod: &Pod| pod.labels().get("on").cloned().into_iter().collect())
    }

    fn names(cache: &Cache<Pod, String>, group: &str) -> Vec<String> {
        let group = cache.group(&group.to_owned());
        group.iter().map(|pod| pod.name_any()).collect()
    }

    #[test]
    fn an_object_is_found_where_it_belongs_now() {
        let (cache, mut feed) = pods();
        feed.take(Event::Apply(pod("b", "1", "x")));
        feed.take(Event::Apply(pod("a", "2", "x")));
        assert_eq!(names(&cache, "x"), ["a", "b"]);
        let changes = feed.take(Event::Apply(pod("a", "3", "y")));
        assert!(changes[0].is_news(|old, new| old.labels() == new.labels()));
        assert_eq!(names(&cache, "x"), ["b"]);
        assert_eq!(names(&cache, "y"), ["a"]);
        feed.take(Event::Delete(pod("a", "4", "y")));
        assert!(names(&cache, "y").is_empty());
        assert!(cache.get(&Key::new("n", "a")).is_none());
    }

    #[tokio::test]
    async fn a_new_list_tells_what_changed_and_what_went_and_nothing_else() {
        let (cache, mut feed) = pods();
        let mut list = |pods: Vec<Pod>| {
            let mut changes = feed.take(Event::Init);
            for pod in pods {
                changes.extend(feed.take(Event::InitApply(pod)));
            }
            changes.extend(feed.take(Event::InitDone));
            changes
        };
        let first = list(vec![
            pod("same", "1", "x"),
            pod("new", "2", "x"),
            pod("gone", "3", "x"),
        ]);
        assert_eq!(first.len(), 3);
        cache.filled().await;
        let again = list(vec![pod("same", "1", "x"), pod("new", "5", "x")]);
        let said: Vec<_> = again
            .iter()
            .map(|change| (change.sides().count(), change.new.is_some()))
            .collect();
        assert_eq!(said, [(2, true), (1, false)]);
        assert_eq!(names(&cache, "x"), ["new", "same"]);
    }
}
