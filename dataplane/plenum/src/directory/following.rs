//! `--replica-of`: pulls what has changed at another directory, outward only, and tells it which
//! keys this one signs with. [`plenum_directory::replica`] decides when.

#[cfg(test)]
mod beginning;
#[cfg(test)]
mod documented;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use axum::http::Uri;
use plenum_directory::api::{Directory, ReplicaKeys};
use plenum_directory::model::{ChangePage, Mark, PublicKey, Revision, SigningKey};
use plenum_directory::replica::{Pulling, Verdict};
use plenum_directory::store::{self, Store};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::upstream::{Failed, Upstream};

/// How long one question may take: longer than the directory takes to give up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer in bytes. The directory cuts at a quarter of that.
const ANSWER_BYTES: usize = 1 << 20;
/// Changes of one answer at most.
const CHANGES: u32 = 1_000;
/// How often the database is asked where this replica is, until it says so.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What makes a directory a replica.
#[derive(Debug, clap::Args)]
pub struct ReplicaArgs {
    /// Be a replica of this directory, `https://HOST[:PORT]`: answer lookups with what it
    /// knows, also while it is away, and change nothing. A proxy is taken from `HTTPS_PROXY`.
    #[arg(long, value_name = "URL", requires = "replica_token")]
    replica_of: Option<Uri>,
    /// File with the token that `plenum directory replica add` printed.
    #[arg(long, value_name = "FILE", requires = "replica_of")]
    replica_token: Option<PathBuf>,
    /// File with the authority that vouches for that directory, in PEM; the public web's
    /// authorities otherwise.
    #[arg(long, value_name = "FILE", requires = "replica_of")]
    replica_ca: Option<PathBuf>,
}

impl ReplicaArgs {
    /// The directory that is followed, if this is a replica.
    pub fn upstream(&self) -> anyhow::Result<Option<Upstream>> {
        let (Some(url), Some(token)) = (&self.replica_of, &self.replica_token) else {
            return Ok(None);
        };
        let upstream = Upstream::new(url, token, self.replica_ca.as_deref())
            .context("--replica-of, --replica-token and --replica-ca")?;
        Ok(Some(upstream.with_answers_of(ANSWER_BYTES)))
    }
}

/// A replica keeps what the directory says and nothing else: it is not let into the database
/// of a directory, which it would empty, nor a directory into a replica's, whose changes
/// nobody would hear of.
pub async fn check(store: &Store, replica: bool) -> anyhow::Result<()> {
    match misplaced(store, replica).await? {
        Some(why) => bail!(why),
        None => Ok(()),
    }
}

/// Why it is not let into this database, if it is not.
pub async fn misplaced(store: &Store, replica: bool) -> Result<Option<&'static str>, store::Error> {
    let followed = store.followed().await?.is_some();
    if followed {
        let why = "--database is a replica's: give --replica-of, or another database";
        return Ok((!replica).then_some(why));
    }
    // A new one has the key of its passcodes.
    let used = store.changes(Revision(0), 2).await?.changes.len() > 1;
    let why = "--database is a directory's own: give a replica a database of its own, a new one";
    Ok((replica && used).then_some(why))
}

/// What is written into a replica's database from a shell would be lost with the next page, or
/// stay where no zone and no other replica hears of it.
pub async fn writable(store: &Store) -> anyhow::Result<()> {
    if store.followed().await?.is_some() {
        bail!(
            "--database is a replica's, which changes nothing: do this at the directory that it follows"
        );
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

/// Questions by result, and the age of what is known.
fn metrics(registry: &mut Registry) -> (Family<ByResult, Counter>, Gauge) {
    let (pulls, behind) = (Family::default(), Gauge::default());
    let replica = registry.sub_registry_with_prefix("plenum_directory_replica");
    replica.register(
        "pulls",
        "Questions to the directory that is followed",
        pulls.clone(),
    );
    replica.register(
        "behind_seconds",
        "Age of what is known, since the start at most",
        behind.clone(),
    );
    (pulls, behind)
}

/// Follows a directory.
pub struct Following {
    upstream: Upstream,
    directory: Directory,
    pulls: Family<ByResult, Counter>,
    behind: Gauge,
    mark: Option<Mark>,
    /// The keys could not be published, and somebody was told.
    told: bool,
}

impl Following {
    /// `directory` is this one, whose database takes what comes.
    pub fn new(upstream: Upstream, directory: Directory, registry: &mut Registry) -> Self {
        let (pulls, behind) = metrics(registry);
        Self {
            upstream,
            directory,
            pulls,
            behind,
            mark: None,
            told: false,
        }
    }

    /// Follows until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&mut self) {
        let began = Instant::now();
        let mut pulling = self.begin(began).await;
        loop {
            let due = pulling.next_timeout().expect("no question is on its way");
            tokio::time::sleep_until(due.into()).await;
            let failures = pulling.failures();
            let pulled = self.pull(&mut pulling).await;
            let now = Instant::now();
            let behind = pulling.behind(now).unwrap_or(now - began);
            self.count(pulled.is_ok(), behind);
            tell(failures, pulled);
        }
    }

    fn count(&self, good: bool, behind: Duration) {
        let result = if good { "pulled" } else { "failed" };
        self.pulls.get_or_create(&ByResult { result }).inc();
        let seconds = i64::try_from(behind.as_secs()).unwrap_or(i64::MAX);
        self.behind.set(seconds);
    }

    /// Goes on where the database is, once it has said where: a replica that took its silence
    /// for emptiness would ask for everything again.
    async fn begin(&mut self, began: Instant) -> Pulling {
        let mut told = false;
        loop {
            match self.directory.store().followed().await {
                Ok(followed) => {
                    self.mark = followed.map(|it| it.mark);
                    let at = followed.map(|it| (it.feed, it.at));
                    return Pulling::new(at, Instant::now());
                }
                Err(error) => {
                    self.count(false, began.elapsed());
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "the database does not say where this replica is");
                    }
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
    }

    async fn pull(&mut self, pulling: &mut Pulling) -> anyhow::Result<()> {
        let page = match self.ask(pulling.ask()).await {
            Ok(page) => page,
            Err(Failed { why, after }) => {
                pulling.failed(rand::random(), after, Instant::now());
                return Err(why);
            }
        };
        match pulling.answered(&page, rand::random(), Instant::now()) {
            Verdict::Apply => {}
            Verdict::Anew => {
                tracing::warn!(
                    "what the directory says does not fit to what is here: all of it is read again"
                );
                return Ok(());
            }
            Verdict::Nonsense(what) => bail!("the directory's answer makes no sense: {what}"),
        }
        match self.directory.store().apply(&page).await {
            Ok(()) => {}
            // Another process has the same database.
            Err(store::Error::Conflict { .. }) => return self.overtaken(pulling).await,
            Err(error) => {
                pulling.failed(rand::random(), None, Instant::now());
                return Err(anyhow::Error::new(error).context("it could not be written down"));
            }
        }
        pulling.applied(&page, Instant::now());
        self.mark = Some(page.mark);
        if !page.changes.is_empty() || page.after == Revision(0) {
            self.directory.look_again();
        }
        if page.is_last() {
            self.publish().await;
        }
        Ok(())
    }

    async fn overtaken(&mut self, pulling: &mut Pulling) -> anyhow::Result<()> {
        let read = self.directory.store().followed().await;
        let followed = match read.context("where it was written to") {
            Ok(followed) => followed,
            Err(error) => {
                pulling.failed(rand::random(), None, Instant::now());
                return Err(error);
            }
        };
        self.mark = followed.map(|it| it.mark);
        pulling.overtaken(followed.map(|it| (it.feed, it.at)), Instant::now());
        Ok(())
    }

    async fn ask(&self, after: Revision) -> Result<ChangePage, Failed> {
        let mark = self.mark.map(|mark| format!("&mark={mark}"));
        let mark = mark.unwrap_or_default();
        let path = format!("/v1/replica/changes?after={after}&limit={CHANGES}{mark}");
        self.upstream.get(&path, PATIENCE).await
    }

    /// Tells the directory which keys sign here. Where that fails the zones that report here
    /// know the keys all the same, and it is tried again with the next page.
    async fn publish(&mut self) {
        let told = self.tell_keys().await;
        if let Err(error) = &told
            && !self.told
        {
            let error = format!("{error:#}");
            tracing::warn!(error, "the directory did not take this replica's keys");
        }
        self.told = told.is_err();
    }

    /// If it does not say so itself.
    async fn tell_keys(&self) -> anyhow::Result<()> {
        let store = self.directory.store();
        let (own, known) = (store.signing_keys().await?, store.public_keys().await?);
        let keys: Vec<PublicKey> = own.iter().filter_map(SigningKey::public).collect();
        if keys.iter().all(|key| known.contains(key)) {
            return Ok(());
        }
        let keys = ReplicaKeys { keys };
        let told = self.upstream.tell("/v1/replica/keys", &keys, PATIENCE);
        told.await.map_err(|failed| failed.why)
    }
}

/// Says what came of a question, once for each time that the directory is away. So many had
/// failed before.
fn tell(failures: u32, pulled: anyhow::Result<()>) {
    match pulled {
        Err(why) if failures == 0 => tracing::warn!(
            error = format!("{why:#}"),
            "the directory that is followed does not answer; this replica does, with what it has"
        ),
        Ok(()) if failures > 0 => {
            tracing::info!(failures, "the directory that is followed answers again");
        }
        Ok(()) | Err(_) => {}
    }
}
