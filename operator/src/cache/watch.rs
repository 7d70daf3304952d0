//! The watch that fills a cache.

use std::fmt::Debug;
use std::hash::Hash;

use futures_util::{Stream, StreamExt as _};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{Cache, Change, Item};

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

/// Keeps a cache until `stop` of what `form` makes of the objects of a kind; `changed` is told of
/// everything that came, changed or went, once the cache has it.
pub fn cached<K, T, G>(
    (client, stop): (&Client, &CancellationToken),
    config: watcher::Config,
    form: impl Fn(K) -> T + Send + 'static,
    groups_of: fn(&T) -> Vec<G>,
    changed: impl Fn(&Change<T>) + Send + 'static,
) -> Cache<T, G>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    T: Item,
    G: Hash + Eq + Clone + Send + 'static,
{
    let (cache, mut feed) = Cache::new(groups_of);
    let taken = events::<K>(client, config, |_| ()).for_each(move |event| {
        match event {
            Ok(event) => feed.take(formed(event, &form)).iter().for_each(&changed),
            Err(error) => tracing::warn!(kind = %K::kind(&()), %error, "a watch broke"),
        }
        std::future::ready(())
    });
    let stop = stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(taken).await });
    cache
}

fn formed<K, T>(event: Event<K>, form: impl Fn(K) -> T) -> Event<T> {
    match event {
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(form(object)),
        Event::InitDone => Event::InitDone,
        Event::Apply(object) => Event::Apply(form(object)),
        Event::Delete(object) => Event::Delete(form(object)),
    }
}

/// The form of what is kept as it is, but pruned.
pub fn pruned<K>(prune: fn(&mut K)) -> impl Fn(K) -> K + Send + 'static
where
    K: 'static,
{
    move |mut object| {
        prune(&mut object);
        object
    }
}

/// Who wrote which field is half of an object, and nobody here asks.
pub fn unmanaged<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}
