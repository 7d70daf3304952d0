//! Keeps what is in memory as the database says: zones and their reports, signing keys,
//! meetings that were ended, and who is expected soon. What several directories on one database
//! do at the same time does no harm.
//!
//! | file | what it decides or does |
//! |---|---|
//! | `schedule` | when to look, and for what |
//! | `ahead` | beside the looks: which meetings begin soon, and how many people are expected there |
//! | `calendar` | when each of those begins next |
//! | `ended` | which meetings were ended |
//! | `keys` | which keys sign and are published |
//! | `supervised` | what happens when one of these tasks dies |

mod ahead;
mod calendar;
mod ended;
mod keys;
mod schedule;
mod supervised;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use plenum_wire::ZoneName;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Directory;
use super::board::{Board, lasting};
use super::clock::Clock;
use super::expected::Announced;
use super::metrics::Metrics;
use crate::model::{FeedId, PAGE_LIMIT, Page, Revision, StoredReport, Zone};
use crate::store;
use ahead::look_ahead;
use ended::Ended;
use keys::Keys;
use schedule::{Look, Looking, Sweeping};
use supervised::{AGAIN, keep_running};

/// How long the database may take for one look. It is away if it takes longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take for throwing away what is old; nobody waits for that.
const SWEEP_PATIENCE: Duration = Duration::from_mins(1);
/// Reports of zones that were heard of so long ago say where those zones are.
const REMEMBER: SignedDuration = SignedDuration::from_hours(1);
/// Reports are read again from so long before the last look: one is dated when it comes, and
/// written down within the time limit of its request.
const OVERLAP: SignedDuration = SignedDuration::from_secs(10);

/// Whether a directory can answer: from when it has reached its database once, and has keys to
/// sign with. It stays so while the database is away: then the answers say that, and to
/// whom they say it can ask again.
pub type Readiness = watch::Receiver<bool>;

/// Looks after a directory on the current runtime until `stop`.
#[must_use]
pub fn keep_up(directory: Directory, stop: CancellationToken) -> Readiness {
    let (ready, readiness) = watch::channel(false);
    let (ready, metrics) = (Arc::new(ready), directory.metrics().clone());
    let (soon, announced) = watch::channel(Vec::new());
    let (swept, foreseen) = (directory.clone(), directory.clone());
    let ahead = move || look_ahead(foreseen.clone(), soon.clone());
    let looking = move || {
        let upkeep = Upkeep::new(directory.clone(), announced.clone());
        look_after(directory.clone(), upkeep, Arc::clone(&ready))
    };
    run("looking", looking, metrics.clone(), stop.clone());
    run("looking ahead", ahead, metrics.clone(), stop.clone());
    run("sweeping", move || sweep(swept.clone()), metrics, stop);
    readiness
}

fn run<F>(
    task: &'static str,
    begin: impl FnMut() -> F + Send + 'static,
    metrics: Metrics,
    stop: CancellationToken,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let died = move || metrics.died(task);
    tokio::spawn(keep_running(begin, died, AGAIN, stop));
}

/// Looks at the database whenever it is time; for ever.
async fn look_after(directory: Directory, mut upkeep: Upkeep, ready: Arc<watch::Sender<bool>>) {
    let mut looking = Looking::new(Instant::now());
    loop {
        let due = looking.next_timeout().expect("no look is under way");
        tokio::select! {
            () = directory.changed().notified() => looking.changed(Instant::now()),
            () = directory.heard().notified() => looking.heard(Instant::now()),
            () = sleep_until(due.into()) => {
                let look = looking.begin(Instant::now());
                let done = upkeep.look(look).await;
                let now = Instant::now();
                if done.is_ok() { looking.done(now) } else { looking.failed(now) }
                upkeep.note(done, &ready);
            }
        }
    }
}

/// Throws away what is old; for ever. By itself, so that nothing else waits for it.
async fn sweep(directory: Directory) {
    let mut sweeping = Sweeping::new(Instant::now());
    loop {
        sleep_until(sweeping.next_timeout().into()).await;
        let swept = within(SWEEP_PATIENCE, directory.sweep()).await;
        if let Err(error) = &swept {
            tracing::debug!(%error, "what is old stays for now");
        }
        sweeping.done(swept.ok(), Instant::now());
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, store::Error> {
    let silent = || store::Error::Unavailable("it does not answer".to_owned());
    timeout(limit, answer)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// Which database it is, and the number of its last change; of a replica's, what it follows and
/// how far it has come, `None` before its first page. Of one that was set back the number is lower
/// than it was.
async fn place(directory: &Directory) -> Result<Option<(FeedId, Revision)>, store::Error> {
    if directory.config().read_only {
        let followed = directory.store().followed().await?;
        return Ok(followed.map(|it| (it.feed, it.at)));
    }
    directory.store().head().await.map(Some)
}

/// What is known of the database.
struct Upkeep {
    directory: Directory,
    keys: Keys,
    /// Meetings that begin soon.
    announced: watch::Receiver<Vec<Announced>>,
    zones: Vec<Zone>,
    reports: BTreeMap<(ZoneName, String), StoredReport>,
    ended: Ended,
    /// Up to where reports have been read; `None` before the first time.
    read_up_to: Option<Timestamp>,
    /// Since when nothing was missed; `None` while the database is away.
    listening: Option<Timestamp>,
    /// It did not answer the last time.
    away: bool,
}

impl Upkeep {
    fn new(directory: Directory, announced: watch::Receiver<Vec<Announced>>) -> Self {
        Self {
            keys: Keys::new(directory.clone()),
            announced,
            directory,
            zones: Vec::new(),
            reports: BTreeMap::new(),
            ended: Ended::default(),
            read_up_to: None,
            listening: None,
            away: false,
        }
    }

    async fn look(&mut self, look: Look) -> Result<(), store::Error> {
        within(PATIENCE, self.read(look)).await
    }

    async fn read(&mut self, look: Look) -> Result<(), store::Error> {
        if look == Look::All {
            let time = self.directory.store().time().await?;
            self.directory.set_clock(Clock::new(time, Instant::now()));
            self.keys.read(time).await?;
            self.zones = self.read_zones().await?;
            self.ended.read(&self.directory, time).await?;
        }
        self.read_reports().await?;
        let now = self.directory.time();
        let listening = *self.listening.get_or_insert(now);
        let reports: Vec<_> = self.reports.values().collect();
        let board = Board::new(self.zones.clone(), &reports, listening).ended(self.ended.known());
        let board = board.expecting(&self.announced.borrow(), now);
        let counts = board.counts(now);
        // Zones of other sites never speak to a replica: whether these are there it cannot know.
        let is_replica = self.directory.config().read_only;
        let missed = if is_replica { 0 } else { counts.never_heard };
        let metrics = self.directory.metrics();
        metrics.zones(counts.healthy, counts.other + missed);
        self.directory.boards().show(board);
        Ok(())
    }

    /// Tells of it, once for each time that the database goes away or comes back.
    fn note(&mut self, done: Result<(), store::Error>, ready: &watch::Sender<bool>) {
        self.directory.metrics().database(done.is_ok());
        let was_away = std::mem::replace(&mut self.away, done.is_err());
        match done {
            Ok(()) if was_away => tracing::info!("the database answers again"),
            Ok(()) => {}
            Err(error) => {
                if !was_away {
                    tracing::warn!(%error, "the database is away; answers say so");
                }
                // What zones say meanwhile reaches nobody: they are not to blame.
                self.listening = None;
            }
        }
        let is = self.directory.keys().is_ok();
        let first = ready.send_if_modified(|ready| is && !std::mem::replace(ready, true));
        if first {
            tracing::info!("the directory is ready");
        }
    }

    async fn read_zones(&self) -> Result<Vec<Zone>, store::Error> {
        let mut zones = Vec::new();
        let mut after = None;
        loop {
            let page = Page::new(after, PAGE_LIMIT);
            let listed = self.directory.store().zones(&page).await?;
            zones.extend(listed.items);
            after = listed.next;
            if after.is_none() {
                return Ok(zones);
            }
        }
    }

    async fn read_reports(&mut self) -> Result<(), store::Error> {
        let now = self.directory.time();
        let since = self
            .read_up_to
            .map_or(now - REMEMBER, |last| last - OVERLAP);
        for stored in self.directory.store().reports(since).await? {
            let key = (stored.zone.clone(), stored.report.controller.clone());
            self.reports.insert(key, stored);
        }
        lasting(&self.zones, &mut self.reports, now - REMEMBER);
        self.read_up_to = Some(now);
        Ok(())
    }
}
