//! Keeps what is in memory as the database says: zones and their reports, signing keys. What
//! several directories on one database do at the same time does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plenum_wire::ZoneName;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::{Directory, now};
use crate::model::{PAGE_LIMIT, Page, PublicKey, SigningKey, StoredReport, Zone, active_key};
use crate::store;
use crate::tokens::{self, KeyRing, Signer, generate};
use crate::{model::KeyId, random};

/// How often zones and reports are read again: reports come each second where things change.
const LOOK: Duration = Duration::from_secs(1);
/// How soon after a look the next one may follow, when something changed here.
const AT_LEAST: Duration = Duration::from_millis(50);
/// How often keys are looked after, and what is old is thrown away.
const SWEEP: Duration = Duration::from_mins(1);
/// How long the database may take for all that. It is away if it takes longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Reports of zones that were heard of so long ago say where those zones are.
const REMEMBER: SignedDuration = SignedDuration::from_hours(1);
/// Reports are read again from a little before the last: clocks of two directories differ.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);

/// Whether the database could be reached a moment ago and there are keys to sign with.
pub type Readiness = watch::Receiver<bool>;

/// Looks after a directory on the current runtime until `stop`.
#[must_use]
pub fn keep_up(directory: Directory, stop: CancellationToken) -> Readiness {
    let (ready, readiness) = watch::channel(false);
    tokio::spawn(async move {
        let mut upkeep = Upkeep::new(directory);
        let changed = upkeep.directory.changed();
        while !stop.is_cancelled() {
            let done = timeout(PATIENCE, upkeep.pass()).await;
            let done = done.unwrap_or_else(|_| {
                Err(store::Error::Unavailable("it does not answer".to_owned()))
            });
            upkeep.after(done, &ready);
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(LOOK) => {}
                () = soon(&changed) => {}
            }
        }
    });
    readiness
}

async fn soon(changed: &Notify) {
    changed.notified().await;
    sleep(AT_LEAST).await;
}

struct Upkeep {
    directory: Directory,
    reports: BTreeMap<(ZoneName, String), StoredReport>,
    /// Up to where reports have been read; `None` before the first time.
    read_up_to: Option<Timestamp>,
    /// Since when nothing was missed; `None` while the database is away.
    listening: Option<Timestamp>,
    swept: Option<Instant>,
    /// When the next key begins to sign.
    next_key: Option<Timestamp>,
}

impl Upkeep {
    fn new(directory: Directory) -> Self {
        Self {
            directory,
            reports: BTreeMap::new(),
            read_up_to: None,
            listening: None,
            swept: None,
            next_key: None,
        }
    }

    async fn pass(&mut self) -> Result<(), store::Error> {
        let sweep = self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP);
        let due = self.next_key.is_some_and(|signs| signs <= now());
        if self.directory.take_news() || sweep || due || self.directory.keys().is_err() {
            self.keys().await?;
        }
        if sweep {
            self.tidy().await?;
            self.swept = Some(Instant::now());
        }
        let zones = self.zones().await?;
        self.read_reports().await?;
        let listening = *self.listening.get_or_insert_with(now);
        let reports: Vec<_> = self.reports.values().collect();
        let board = Board::new(zones, &reports, listening);
        let (healthy, all) = board.healthy(now());
        self.directory.metrics().zones(healthy, all);
        self.directory.set_board(board);
        Ok(())
    }

    fn after(&mut self, done: Result<(), store::Error>, ready: &watch::Sender<bool>) {
        let was = *ready.borrow();
        match done {
            Ok(()) => {}
            Err(error) => {
                if was || self.read_up_to.is_none() {
                    tracing::warn!(%error, "the directory is not ready");
                }
                // What zones say meanwhile reaches nobody: they are not to blame.
                self.listening = None;
                ready.send_replace(false);
                return;
            }
        }
        let is = self.directory.keys().is_ok();
        if is && !was {
            tracing::info!("the directory is ready");
        }
        ready.send_replace(is);
    }

    async fn keys(&mut self) -> Result<(), store::Error> {
        if self.waits().await? {
            return Ok(());
        }
        let store = self.directory.store();
        let now = now();
        let keys = store
            .rotate_keys(now, |active_from| new_key(now, active_from))
            .await?;
        let others = store.public_keys().await?;
        let ring = ring(&self.directory.config().issuer, &keys, &others, now);
        if let Some(ring) = ring {
            self.directory.set_keys(ring);
        } else {
            tracing::warn!("there is no signing key yet");
        }
        let later = keys.iter().map(|key| key.active_from);
        self.next_key = later.filter(|signs| *signs > now).min();
        Ok(())
    }

    /// Whether this is a replica that has not had everything yet: it would say of meetings
    /// that they do not exist.
    async fn waits(&self) -> Result<bool, store::Error> {
        if !self.directory.config().read_only {
            return Ok(false);
        }
        let followed = self.directory.store().followed().await?;
        Ok(!followed.is_some_and(|followed| followed.whole))
    }

    async fn tidy(&mut self) -> Result<(), store::Error> {
        let oldest = now() - REMEMBER;
        self.reports.retain(|_, report| report.heard > oldest);
        self.directory.store().tidy(now()).await?;
        Ok(())
    }

    async fn zones(&self) -> Result<Vec<Zone>, store::Error> {
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
        let now = now();
        let since = self
            .read_up_to
            .map_or(now - REMEMBER, |last| last - OVERLAP);
        for stored in self.directory.store().reports(since).await? {
            let key = (stored.zone.clone(), stored.report.controller.clone());
            self.reports.insert(key, stored);
        }
        self.read_up_to = Some(now);
        Ok(())
    }
}

fn new_key(created: Timestamp, active_from: Timestamp) -> SigningKey {
    SigningKey {
        id: KeyId::from_random(random::bits()),
        pkcs8: generate(),
        created,
        active_from,
        retired: None,
    }
}

/// `others` are those of replicas, or what a replica knows of others. One that cannot be read
/// is left out: the others go on.
fn ring(
    issuer: &str,
    keys: &[SigningKey],
    others: &[PublicKey],
    now: Timestamp,
) -> Option<KeyRing> {
    let active = active_key(keys, now)?;
    let signer = Signer::new(active.id, &active.pkcs8)
        .inspect_err(|error| tracing::error!(%error, "the key that signs"))
        .ok()?;
    let own: Vec<PublicKey> = keys.iter().filter_map(SigningKey::public).collect();
    let published = own.iter().chain(others).map(tokens::PublicKey::from);
    Some(KeyRing::new(issuer.to_owned(), signer, published.collect()))
}
