//! Links to the zone controllers: what they report comes in, what shall drain goes out.
//!
//! One link to EVERY controller of a zone, ready or not. Everything is level-triggered:
//! orders are the complete set of draining routers of a pool, sent on connecting and on
//! every change; a report is everything a controller knows. Nothing is said for a pool
//! before its first plan, so that a new leader cannot call back drains it has not seen.
//!
//! | file | what lives there |
//! |---|---|
//! | [`merge`] | pure: one view out of several controllers' reports |
//! | `link` | one connection, kept |
//! | `credentials` | the operator's client certificate, from its Secret |

mod credentials;
mod link;
pub mod merge;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use plenum_wire::{PoolName, RouterId};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::pool::observed::{Coverage, View};
use credentials::{Credentials, readers};
use merge::{FRESH, Heard, merge};

/// Changes of one zone's reports within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// What a zone's reports may take of a core: one with thousands of routers is merged less often.
const SHARE: u32 = 10;
/// How often silence is looked for.
const TICK: Duration = Duration::from_millis(500);

/// Links that are dialled at the same time, of all zones.
const DIALLING: usize = 128;
/// How long a zone's links may wait for their turn while the zone counts as just begun.
const TURN: Duration = Duration::from_secs(30);

/// A zone by where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A zone controller's pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// The pod.
    pub name: String,
    /// Its address.
    pub ip: IpAddr,
    /// Clients can reach it, so it brokers: it has to be heard.
    pub ready: bool,
}

/// Orders of a zone: for each pool that was planned, all routers that shall be empty.
type Orders = BTreeMap<PoolName, BTreeSet<RouterId>>;

/// All links of the operator. Cheap to clone. Links end when the token does.
#[derive(Clone)]
pub struct Reports {
    client: Client,
    zones: Arc<Mutex<HashMap<ZoneKey, Followed>>>,
    changed: Arc<dyn Fn(&PoolName) + Send + Sync>,
    turns: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    stop: CancellationToken,
}

struct Followed {
    heard: Arc<Mutex<State>>,
    /// Wakes the watch for changes.
    news: Arc<Notify>,
    orders: watch::Sender<Orders>,
    links: BTreeMap<(String, IpAddr), CancellationToken>,
    credentials: Arc<Credentials>,
    stop: CancellationToken,
}

struct State {
    /// When the zone was first followed.
    begun: Instant,
    /// When the first try of a link began last; before any, as `begun`.
    since: Instant,
    /// Links that have not been tried yet.
    untried: BTreeSet<String>,
    expected: BTreeSet<String>,
    heard: BTreeMap<String, Heard>,
    /// What each pool was last told, without ages.
    told: BTreeMap<PoolName, View>,
}

impl State {
    fn view(&self, pool: &PoolName, now: Instant) -> View {
        let view = merge(&self.expected, &self.heard, pool, now);
        let turns = !self.untried.is_empty() && now < self.begun + TURN;
        View {
            settling: view.coverage != Coverage::Complete && (turns || now < self.since + FRESH),
            ..view
        }
    }

    /// A link is tried: its controller has from now on to be heard.
    fn trying(&mut self, controller: &str, now: Instant) {
        if self.untried.remove(controller) && now < self.begun + TURN {
            self.since = now;
        }
    }

    /// Pools for which something other than an age is new.
    fn news(&mut self, now: Instant) -> Vec<PoolName> {
        let mut news = Vec::new();
        let pools: Vec<PoolName> = self.told.keys().cloned().collect();
        for pool in pools {
            let view = self.view(&pool, now).without_ages();
            if self.told.get(&pool) != Some(&view) {
                self.told.insert(pool.clone(), view);
                news.push(pool);
            }
        }
        news
    }
}

impl Reports {
    /// `changed` is called, at most every 50 ms, for a pool of which something is new.
    #[must_use]
    pub fn new(
        client: Client,
        stop: CancellationToken,
        changed: impl Fn(&PoolName) + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            zones: Arc::default(),
            changed: Arc::new(changed),
            turns: Arc::new(Semaphore::new(DIALLING)),
            readers: readers(),
            stop,
        }
    }

    /// Keeps links to exactly these controllers for `pool`. Repeating it costs nothing.
    pub fn follow(&self, zone: &ZoneKey, pool: &PoolName, controllers: &[Controller]) {
        let mut zones = lock(&self.zones);
        let followed = zones
            .entry(zone.clone())
            .or_insert_with(|| self.start(zone));
        let wanted: BTreeSet<(String, IpAddr)> =
            controllers.iter().map(|c| (c.name.clone(), c.ip)).collect();
        followed.links.retain(|link, stop| {
            let keep = wanted.contains(link);
            if !keep {
                stop.cancel();
            }
            keep
        });
        for link in wanted {
            if !followed.links.contains_key(&link) {
                lock(&followed.heard).untried.insert(link.0.clone());
                let stop = followed.connect(zone, &link, &self.turns);
                followed.links.insert(link, stop);
            }
        }
        let mut state = lock(&followed.heard);
        state.expected = controllers
            .iter()
            .filter(|c| c.ready)
            .map(|c| c.name.clone())
            .collect();
        state
            .heard
            .retain(|name, _| controllers.iter().any(|c| c.name == *name));
        state
            .untried
            .retain(|name| controllers.iter().any(|c| c.name == *name));
        state.told.entry(pool.clone()).or_default();
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self, zone: &ZoneKey, pool: &PoolName) -> View {
        lock(&self.zones)
            .get(zone)
            .map(|followed| lock(&followed.heard).view(pool, Instant::now()))
            .unwrap_or_default()
    }

    /// Says which routers of `pool` shall be empty: all of them.
    pub fn order(&self, zone: &ZoneKey, pool: &PoolName, draining: &BTreeSet<RouterId>) {
        if let Some(followed) = lock(&self.zones).get(zone) {
            followed.orders.send_if_modified(|orders| {
                let same = orders.get(pool) == Some(draining);
                if !same {
                    orders.insert(pool.clone(), draining.clone());
                }
                !same
            });
        }
    }

    /// The pool is gone; with its zone's last pool the links end.
    pub fn forget(&self, zone: &ZoneKey, pool: &PoolName) {
        let mut zones = lock(&self.zones);
        let Some(followed) = zones.get(zone) else {
            return;
        };
        followed.orders.send_modify(|orders| {
            orders.remove(pool);
        });
        let mut state = lock(&followed.heard);
        state.told.remove(pool);
        if state.told.is_empty() {
            followed.stop.cancel();
            drop(state);
            zones.remove(zone);
        }
    }

    /// The same, whatever zone the pool followed.
    pub fn forget_everywhere(&self, pool: &PoolName) {
        let follows = |(zone, followed): (&ZoneKey, &Followed)| {
            let told = &lock(&followed.heard).told;
            told.contains_key(pool).then(|| zone.clone())
        };
        let following: Vec<ZoneKey> = lock(&self.zones).iter().filter_map(follows).collect();
        for zone in following {
            self.forget(&zone, pool);
        }
    }

    fn credentials(&self, zone: &ZoneKey) -> Credentials {
        Credentials::new(self.client.clone(), zone, self.readers.clone())
    }

    fn start(&self, zone: &ZoneKey) -> Followed {
        let begun = Instant::now();
        let followed = Followed {
            heard: Arc::new(Mutex::new(State {
                begun,
                since: begun,
                untried: BTreeSet::new(),
                expected: BTreeSet::new(),
                heard: BTreeMap::new(),
                told: BTreeMap::new(),
            })),
            news: Arc::default(),
            orders: watch::Sender::default(),
            links: BTreeMap::new(),
            credentials: Arc::new(self.credentials(zone)),
            stop: self.stop.child_token(),
        };
        let (state, news) = (followed.heard.clone(), followed.news.clone());
        let (stop, changed) = (followed.stop.clone(), self.changed.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = news.notified() => {}
                    () = tokio::time::sleep(TICK) => {}
                }
                let looked = Instant::now();
                let pools = lock(&state).news(looked);
                for pool in &pools {
                    changed(pool);
                }
                let rest = looked.elapsed().saturating_mul(SHARE);
                tokio::time::sleep(rest.clamp(DEBOUNCE, TICK)).await;
            }
        });
        followed
    }
}

impl Followed {
    fn connect(
        &self,
        zone: &ZoneKey,
        (name, ip): &(String, IpAddr),
        turns: &Arc<Semaphore>,
    ) -> CancellationToken {
        let stop = self.stop.child_token();
        let (state, tried) = (self.heard.clone(), name.clone());
        let (heard, news) = (self.heard.clone(), self.news.clone());
        let controller = name.clone();
        let link = link::Link {
            zone: zone.clone(),
            controller: name.clone(),
            ip: *ip,
            credentials: self.credentials.clone(),
            orders: self.orders.subscribe(),
            turns: turns.clone(),
            trying: Box::new(move || lock(&state).trying(&tried, Instant::now())),
            report: Box::new(move |routers, expected| {
                let said = Heard::new(Instant::now(), routers);
                let said = said.expecting(&expected, Timestamp::now());
                lock(&heard).heard.insert(controller.clone(), said);
                news.notify_one();
            }),
        };
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(link.run()).await });
        stop
    }
}

/// A poisoned lock only says that a holder panicked; the values under these are replaced
/// whole, so they are consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use plenum_wire::Boot;
    use plenum_wire::directory::Expected;
    use plenum_wire::link::{Load, RouterReport};

    use super::*;

    fn draining(participants: u32) -> RouterReport {
        RouterReport {
            router: "r1".parse().unwrap(),
            pool: "n.p".parse().unwrap(),
            boot: Boot(1),
            load: Load {
                participants,
                capacity: 200,
                accepting: false,
                draining: true,
            },
            meetings: 0,
            age_ms: 0,
            connected: true,
            received_ms: None,
            unplaced: None,
        }
    }

    #[tokio::test]
    async fn links_end_with_the_last_pool_that_went() {
        let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let client = Client::try_from(nowhere).unwrap();
        let reports = Reports::new(client, CancellationToken::new(), |_| {});
        let zone = ZoneKey {
            namespace: "n".into(),
            name: "z".into(),
        };
        let pools: [PoolName; 2] = ["n.a", "n.b"].map(|name| name.parse().unwrap());
        for pool in &pools {
            reports.follow(&zone, pool, &[]);
        }
        reports.forget_everywhere(&pools[0]);
        assert!(lock(&reports.zones).contains_key(&zone), "for the other");
        reports.forget_everywhere(&pools[1]);
        assert!(lock(&reports.zones).is_empty());
    }

    fn begun(start: Instant) -> State {
        State {
            begun: start,
            since: start,
            untried: BTreeSet::new(),
            expected: BTreeSet::from(["zc-0".to_owned()]),
            heard: BTreeMap::new(),
            told: BTreeMap::from([("n.p".parse().unwrap(), View::default())]),
        }
    }

    #[test]
    fn a_link_that_waits_for_its_turn_is_not_silent_yet() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut state = begun(start);
        let pool = "n.p".parse().unwrap();
        let settling = |state: &State, s| state.view(&pool, at(s)).settling;
        assert!(settling(&state, 2) && !settling(&state, 3));
        state.untried.insert("zc-0".into());
        assert!(settling(&state, 10), "nobody could have been heard");
        state.trying("zc-0", at(10));
        assert!(settling(&state, 12) && !settling(&state, 13));
        // A second try is no reason to wait anew, nor is a turn that never comes.
        state.trying("zc-0", at(20));
        assert!(!settling(&state, 20));
        state.untried.insert("zc-1".into());
        assert!(settling(&state, 29) && !settling(&state, 30));
        state.trying("zc-1", at(40));
        assert!(!settling(&state, 40));
    }

    #[test]
    fn the_pools_of_a_zone_hear_at_once_who_is_expected_in_it() {
        let start = Instant::now();
        let mut state = begun(start);
        state.told.insert("n.q".parse().unwrap(), View::default());
        let minute = Timestamp::from_second(60).unwrap();
        let mut expecting = |people| {
            let expected = [Expected { at: 60, people }];
            let said = Heard::new(start, Vec::new());
            let said = said.expecting(&expected, Timestamp::UNIX_EPOCH);
            state.heard.insert("zc-0".to_owned(), said);
            let news = state.news(start);
            let told = |pool: &PoolName| state.told[pool].expected[&minute];
            news.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(expecting(301), [301, 301]);
        assert_eq!(expecting(301), [0_u32; 0], "that is no news");
    }

    #[test]
    fn a_router_that_stays_empty_is_news_once() {
        let start = Instant::now();
        let mut state = begun(start);
        let mut news = |ms, people| {
            let at = start + Duration::from_millis(ms);
            let said = Heard::new(at, vec![draining(people)]);
            state.heard.insert("zc-0".into(), said);
            state.news(at + Duration::from_millis(ms % 50)).len()
        };
        assert_eq!(news(0, 1), 1);
        assert_eq!(news(510, 0), 1, "it is empty");
        for heartbeat in 2..10 {
            assert_eq!(news(heartbeat * 503, 0), 0);
        }
        assert_eq!(news(10_000, 1), 1, "somebody is there");
    }
}
