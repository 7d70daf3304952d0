//! The watch that fills a cache.

use std::fmt::Debug;
use std::hash::Hash;

use futures_util::{Stream, StreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{Cache, Change, Object};

/// Objects in one answer to a list. The answer and its whole objects are in memory at once,
/// before they are pruned: 100 nodes or pods are 2 MB, and 5,000 of them are 50 requests.
pub const PAGE: u32 = 100;

/// What to watch, with [`PAGE`].
#[must_use]
pub fn all() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// A watch of all objects of a kind that is taken up again when it breaks. Each is pruned before
/// anybody sees it.
pub fn events<K>(
    client: &Client,
    config: watcher::Config,
    prune: fn(&mut K),
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    watcher(Api::<K>::all(client.clone()), config)
        .modify(prune)
        .default_backoff()
}

/// Keeps a cache until `stop`; `changed` is told of everything that came, changed or went, once
/// the cache has it.
pub fn cached<K, G>(
    (client, stop): (&Client, &CancellationToken),
    config: watcher::Config,
    prune: fn(&mut K),
    groups_of: fn(&K) -> Vec<G>,
    changed: impl Fn(&Change<K>) + Send + 'static,
) -> Cache<K, G>
where
    K: Object,
    G: Hash + Eq + Clone + Send + 'static,
{
    let (cache, mut feed) = Cache::new(groups_of);
    let taken = events(client, config, prune).for_each(move |event| {
        match event {
            Ok(event) => feed.take(event).iter().for_each(&changed),
            Err(error) => tracing::warn!(kind = %K::kind(&()), %error, "watch"),
        }
        std::future::ready(())
    });
    let stop = stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(taken).await });
    cache
}

/// Who wrote which field is half of an object, and nobody here asks.
pub fn unmanaged<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}
