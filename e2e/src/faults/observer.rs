//! The one observer: it watches the API server itself, not through the proxy, and judges every
//! change of a world as it comes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::journal::Journal;
use super::mirror::{Change, Kind, Mirror};
use super::people::People;
use super::proxy::WORLD;
use super::rules::Rules;
use super::state;

/// What a world is waited for: a guard against hanging, not a measure.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// People change without any event of the API server.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The states that all worlds have reached.
pub type States = Arc<Mutex<HashSet<u64>>>;

/// What was seen of a world.
#[derive(Default)]
struct Seen {
    mirror: Mirror,
    rules: Rules,
    broken: Vec<String>,
    judged: u64,
    journal: Journal,
}

/// Watches one world until it is dropped.
pub struct Observer {
    seen: Arc<Mutex<Seen>>,
    people: Arc<Mutex<People>>,
    news: watch::Receiver<u64>,
    _watching: AbortOnDropHandle<()>,
}

type Events = BoxStream<'static, (Kind, watcher::Result<Event<DynamicObject>>)>;

impl Observer {
    /// Returns once everything has been seen.
    pub async fn start(
        client: &Client,
        world: &str,
        people: Arc<Mutex<People>>,
        states: States,
    ) -> Result<Self> {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (told, mut news) = watch::channel(0);
        let watching = watch_all(
            client.clone(),
            world.to_owned(),
            Eye {
                seen: seen.clone(),
                people: people.clone(),
                states,
                told,
            },
        );
        let watching = AbortOnDropHandle::new(tokio::spawn(watching));
        // Each kind says once that it has been listed.
        let listed = news.wait_for(|news| *news >= Kind::ALL.len() as u64);
        timeout(PATIENCE, listed).await??;
        Ok(Self {
            seen,
            people,
            news,
            _watching: watching,
        })
    }

    /// What the API server holds now.
    pub fn mirror(&self) -> Mirror {
        lock(&self.seen).mirror.clone()
    }

    /// A piece of it.
    pub fn look<T>(&self, at: impl FnOnce(&Mirror) -> T) -> T {
        at(&lock(&self.seen).mirror)
    }

    /// Tells the rules what a case does itself.
    pub fn excuse(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut lock(&self.seen).rules);
    }

    /// How many changes were judged.
    pub fn judged(&self) -> u64 {
        lock(&self.seen).judged
    }

    /// The last changes.
    pub fn journal(&self) -> Vec<String> {
        lock(&self.seen).journal.lines()
    }

    /// Changes wake it.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
    }

    /// Fails when a rule was broken.
    pub fn check(&self) -> Result<()> {
        match lock(&self.seen).broken.first() {
            Some(broken) => bail!("{broken}"),
            None => Ok(()),
        }
    }

    /// Waits until it holds; fails at once when a rule is broken, and says why it does not hold
    /// when patience ends.
    pub async fn until(
        &self,
        what: &str,
        mut holds: impl FnMut(&Mirror, &People) -> Result<(), String>,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut news = self.news();
        loop {
            let reason = {
                let seen = lock(&self.seen);
                if let Some(broken) = seen.broken.first() {
                    bail!("{broken} (while waiting until {what})");
                }
                match holds(&seen.mirror, &lock(&self.people)) {
                    Ok(()) => return Ok(()),
                    Err(reason) => reason,
                }
            };
            if Instant::now() >= deadline {
                bail!("gave up waiting until {what}: {reason}");
            }
            // Either way it looks again.
            let _ = timeout(LOOK_EVERY, news.changed()).await;
        }
    }

    /// Fails as soon as it does not hold, within this time.
    pub async fn holds(
        &self,
        lasts: Duration,
        what: &str,
        mut holds: impl FnMut(&Mirror, &People) -> Result<(), String>,
    ) -> Result<()> {
        let end = Instant::now() + lasts;
        let mut news = self.news();
        while Instant::now() < end {
            {
                let seen = lock(&self.seen);
                if let Err(reason) = holds(&seen.mirror, &lock(&self.people)) {
                    bail!("{what}: {reason}");
                }
            }
            self.check()?;
            let _ = timeout(LOOK_EVERY, news.changed()).await;
        }
        Ok(())
    }
}

/// Where everything that is seen goes.
struct Eye {
    seen: Arc<Mutex<Seen>>,
    people: Arc<Mutex<People>>,
    states: States,
    told: watch::Sender<u64>,
}

impl Eye {
    fn saw(&self, kind: Kind, event: watcher::Result<Event<DynamicObject>>) {
        {
            let mut seen = lock(&self.seen);
            let change = match event {
                Ok(Event::Apply(object) | Event::InitApply(object)) => {
                    seen.mirror.put(kind, &object)
                }
                Ok(Event::Delete(object)) => seen.mirror.remove(kind, &object),
                Ok(Event::InitDone) => None,
                // The watch begins anew, and what went meanwhile is noticed by who waits for it.
                Ok(Event::Init) | Err(_) => return,
            };
            if let Some(change) = change {
                self.judge(&mut seen, &change);
            }
        }
        self.told.send_modify(|news| *news += 1);
    }

    fn judge(&self, seen: &mut Seen, change: &Change) {
        let Seen { mirror, rules, .. } = seen;
        let broken = rules.judge(change, mirror, &lock(&self.people));
        lock(&self.states).insert(state::fingerprint(mirror));
        seen.judged += 1;
        seen.journal.note(change);
        if let Some(broken) = broken {
            seen.journal.note(format_args!("BROKEN: {broken}"));
            seen.broken.push(broken);
        }
    }
}

async fn watch_all(client: Client, world: String, eye: Eye) {
    let mut all = select_all(Kind::ALL.map(|kind| events(&client, &world, kind)));
    while let Some((kind, event)) = all.next().await {
        eye.saw(kind, event);
    }
}

fn events(client: &Client, world: &str, kind: Kind) -> Events {
    let resource = kind.resource();
    let api: Api<DynamicObject> = match kind {
        Kind::Node => Api::all_with(client.clone(), &resource),
        _ => Api::namespaced_with(client.clone(), world, &resource),
    };
    let mut config = watcher::Config::default();
    if kind == Kind::Node {
        config = config.labels(&format!("{WORLD}={world}"));
    }
    let events = watcher(api, config).default_backoff();
    events.map(move |event| (kind, event)).boxed()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
