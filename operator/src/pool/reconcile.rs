//! One look at one pool: fetch -> validate -> build -> plan -> apply -> status.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use plenum_crds::{MMRPool, MMRPoolStatus, labels};
use plenum_wire::PoolName;
use tracing::{Instrument as _, debug_span};

use super::caches::Caches;
use super::fetch::Snapshot;
use super::forecast::share::part;
use super::observed::{Observed, Zone};
use super::plan::{Memory, Plan, plan};
use super::remembered::{Kept, Remembered};
use super::routers::{self, Built};
use super::turns::Turns;
use super::validate::{ValidPool, validate};
use super::{apply, placeholders, status, telling};
use crate::apply::WriteError;
use crate::cache::Key;
use crate::conditions::Verdict;
use crate::context::Context;
use crate::reports::{Reports, ZoneKey};
use crate::traces;

/// Even with nothing to do a pool is looked at this often, against missed events.
const RESYNC: Duration = Duration::from_mins(5);

/// How soon to look again while links to the controllers are being made.
const SETTLING: Duration = Duration::from_millis(500);

/// Why a look at a pool failed; it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The placeholder pods could not be kept.
    #[error(transparent)]
    Placeholders(#[from] placeholders::Error),
    /// The API server could not be read.
    #[error("cannot read nodes and pods: {0}")]
    Read(#[from] kube::Error),
}

/// What the pool controller works with.
pub struct Pools {
    /// Of every controller.
    pub context: Context,
    /// Everything watched.
    pub caches: Caches,
    /// Links to the zone controllers.
    pub reports: Reports,
    remembered: Remembered,
    turns: Mutex<Turns>,
}

impl Pools {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(context: Context, caches: Caches, reports: Reports) -> Self {
        Self {
            context,
            caches,
            reports,
            remembered: Remembered::default(),
            turns: Mutex::default(),
        }
    }

    /// When to try again after a failure: soon after a conflict (somebody wrote first), then
    /// ever later.
    pub fn after(&self, object: &MMRPool, error: &Error) -> Action {
        let failures = self.remembered.of(object, |kept| {
            kept.failures = kept.failures.saturating_add(1);
            kept.failures
        });
        match error {
            Error::Write(error) if error.is_conflict() => {
                tracing::debug!(pool = %Key::of(object), %error, "looking again");
            }
            error => {
                let pool = Key::of(object);
                tracing::warn!(%pool, %error, "a pool was not reconciled; trying again");
            }
        }
        Action::requeue(Duration::from_millis(100 << failures.min(8)))
    }

    /// One look.
    pub async fn reconcile(&self, object: Arc<MMRPool>) -> Result<Action, Error> {
        let metrics = &self.context.metrics;
        metrics.begun("pool", &Key::of(object.as_ref()));
        let timer = metrics.reconcile("pool");
        let traced = traces::reconcile("pool", object.as_ref());
        let result = self.look(&object).instrument(traced.clone()).await;
        traces::done(&traced, &result);
        timer.done(&result);
        if result.is_ok() {
            self.remembered.succeeded(&object);
        }
        result
    }

    async fn look(&self, object: &MMRPool) -> Result<Action, Error> {
        let pool = match validate(object) {
            Ok(pool) => pool,
            Err(verdict) => return self.refuse(object, &verdict).await,
        };
        let zone = ZoneKey {
            namespace: pool.namespace.clone(),
            name: pool.spec.zone.clone(),
        };
        let deleting = object.metadata.deletion_timestamp.is_some();
        if deleting && !object.finalizers().iter().any(|f| f == labels::FINALIZER) {
            self.gone(object, &pool, &zone);
            return Ok(Action::await_change());
        }
        if !deleting && !pool.paused {
            let writer = &self.context.writer;
            writer
                .set_finalizer(object, labels::FINALIZER, true)
                .await?;
        }
        let snapshot = debug_span!("fetch").in_scope(|| self.caches.snapshot(&pool));
        self.reports
            .follow(&zone, &pool.wire, &snapshot.controllers);
        let Built { template, refused } =
            routers::keep(&self.context, object, &pool, &snapshot).await?;
        let look = Look {
            object,
            pool: &pool,
            zone: &zone,
            template: template.as_deref(),
        };
        let (snapshot, plan) = self.decide(&look, snapshot).await?;
        self.act(&look, &snapshot, plan, refused).await
    }

    /// Plans on what is cached; before something is taken away, once more on what is true.
    async fn decide(&self, look: &Look<'_>, snapshot: Snapshot) -> Result<(Snapshot, Plan), Error> {
        let memory = self.remembered.of(look.object, |kept| kept.memory.clone());
        let first = self.plan(look, &snapshot, &memory);
        let (snapshot, plan) = if first.takes_away() {
            let confirming = snapshot.confirmed(&self.context.client, look.pool);
            let snapshot = confirming.instrument(debug_span!("confirm")).await?;
            let plan = self.plan(look, &snapshot, &memory);
            (snapshot, plan)
        } else {
            (snapshot, first)
        };
        self.remembered
            .of(look.object, |kept| kept.memory = plan.memory.clone());
        Ok((snapshot, plan))
    }

    fn plan(&self, look: &Look, snapshot: &Snapshot, memory: &Memory) -> Plan {
        let mut view = self.reports.view(look.zone, &look.pool.wire);
        let zone = Key::new(&look.zone.namespace, &look.zone.name);
        view.expected = part(view.expected, look.object, &self.caches.pools_of(&zone));
        let mut seen: Observed = snapshot.observed(look.object, look.pool, look.template, view);
        let current = snapshot.placeholders.as_deref();
        seen.placeholder_trouble = self.remembered.of(look.object, |kept| {
            placeholders::trouble(look.pool, current, &kept.placeholders)
        });
        let plan =
            debug_span!("plan").in_scope(|| plan(look.pool, &seen, memory, Timestamp::now()));
        let ValidPool {
            namespace, name, ..
        } = look.pool;
        self.context.metrics.pool(namespace, name, plan.numbers);
        if seen.zone == Zone::Missing {
            tracing::debug!(pool = %Key::of(look.object), "its zone is missing");
        }
        plan
    }

    async fn act(
        &self,
        look: &Look<'_>,
        snapshot: &Snapshot,
        mut plan: Plan,
        refused: Option<Verdict>,
    ) -> Result<Action, Error> {
        // What falls due while nodes are written is due after it.
        let now = Timestamp::now();
        let context = &self.context;
        let (marked, written) =
            apply::nodes(context, look.object, look.pool, snapshot, &plan).await;
        let told = apply::announce(context, look.object, marked);
        if let Err(error) = written {
            told.await;
            return Err(error.into());
        }
        // Orders follow the marks: a router drains only when its node says since when and why.
        self.reports
            .order(look.zone, &look.pool.wire, &plan.draining);
        if let Some(verdict) = refused {
            plan.verdicts.retain(|v| v.type_ != verdict.type_);
            plan.verdicts.insert(0, verdict);
        }
        let (action, ()) = tokio::join!(self.act_after_nodes(look, snapshot, &plan, now), told);
        action
    }

    async fn act_after_nodes(
        &self,
        look: &Look<'_>,
        snapshot: &Snapshot,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<Action, Error> {
        let context = &self.context;
        let pods = async {
            apply::addresses(context, snapshot, plan).await?;
            apply::pods(context, look.object, snapshot, plan, now).await
        };
        if plan.finished {
            pods.await?;
            let writer = &context.writer;
            writer
                .set_finalizer(look.object, labels::FINALIZER, false)
                .await?;
            self.gone(look.object, look.pool, look.zone);
            return Ok(Action::await_change());
        }
        if plan.settling && look.object.status.is_some() {
            pods.await?;
            return Ok(Action::requeue(SETTLING));
        }
        let mut wanted = status::status(look.object, plan.numbers, &plan.verdicts, now);
        wanted.placeholders = placeholders::there(look.pool, snapshot.placeholders.as_deref());
        // A status says what was seen and is planned, not what was written: it needs none of them.
        let (pods, kept, postponed) = tokio::join!(
            pods,
            self.keep_placeholders(look, snapshot, plan),
            self.write_status(look.object, &wanted, plan)
        );
        let (kept, postponed) = all(pods.map_err(Error::from), kept, postponed)?;
        let at_once = kept.then_some(Duration::ZERO);
        let again = plan
            .look_again
            .and_then(|at| Duration::try_from(at.duration_since(now)).ok());
        // The next look must be after the moment, not just before it.
        let again = again.map(|wait| wait + Duration::from_millis(10));
        let again = again.into_iter().chain(postponed).chain(at_once);
        let wait = again.chain([RESYNC]).min();
        Ok(Action::requeue(wait.unwrap_or(RESYNC)))
    }

    /// Whether something is wrong with them that was not, or the other way round: the next plan
    /// judges it.
    async fn keep_placeholders(
        &self,
        look: &Look<'_>,
        snapshot: &Snapshot,
        plan: &Plan,
    ) -> Result<bool, Error> {
        if look.pool.paused {
            return Ok(false);
        }
        let remember = &self.remembered;
        let current = snapshot.placeholders.as_deref();
        let before = remember.of(look.object, |kept| kept.placeholders.clone());
        let wanted = (plan.placeholders, current);
        let after =
            placeholders::keep(&self.context, look.object, look.pool, wanted, &before).await?;
        let trouble = |known| placeholders::trouble(look.pool, current, known).is_some();
        let news = trouble(&before) != trouble(&after);
        remember.of(look.object, |kept| kept.placeholders = after);
        Ok(news)
    }

    async fn write_status(
        &self,
        object: &MMRPool,
        wanted: &MMRPoolStatus,
        plan: &Plan,
    ) -> Result<Option<Duration>, Error> {
        let clock = Instant::now();
        let old = object.status.as_ref();
        if old == Some(wanted) {
            self.remembered.of(object, |kept| kept.turn.rest(clock));
            return Ok(None);
        }
        if old.is_some_and(|old| status::differ_in_people_alone(old, wanted)) {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = |kept: &mut Kept| kept.turn.wait(&mut turns, clock);
            if let Some(wait) = self.remembered.of(object, waits) {
                return Ok(Some(wait));
            }
        }
        self.context
            .writer
            .apply_status(object, old, wanted)
            .await?;
        telling::changes(&self.context, object, &plan.verdicts).await;
        self.remembered.of(object, |kept| kept.turn.written(clock));
        Ok(None)
    }

    async fn refuse(&self, object: &MMRPool, verdict: &Verdict) -> Result<Action, Error> {
        if object.metadata.deletion_timestamp.is_some() {
            // It never was valid under this name, so it has marked nothing.
            let writer = &self.context.writer;
            writer
                .set_finalizer(object, labels::FINALIZER, false)
                .await?;
            return Ok(Action::await_change());
        }
        let wanted = status::refused(object, verdict, Timestamp::now());
        let old = object.status.as_ref();
        self.context
            .writer
            .apply_status(object, old, &wanted)
            .await?;
        Ok(Action::requeue(RESYNC))
    }

    /// The pool is in the cache no more. A look at a cache that was behind may have followed
    /// its zone once more after the last one, and nobody else would end that.
    pub fn went(&self, namespace: &str, name: &str) {
        if let Ok(pool) = PoolName::try_from(format!("{namespace}.{name}")) {
            self.reports.forget_everywhere(&pool);
        }
        let metrics = &self.context.metrics;
        metrics.begun("pool", &Key::new(namespace, name));
        metrics.forget_pool(namespace, name);
    }

    fn gone(&self, object: &MMRPool, pool: &ValidPool, zone: &ZoneKey) {
        self.reports.forget(zone, &pool.wire);
        self.context
            .metrics
            .forget_pool(&pool.namespace, &pool.name);
        self.remembered.forget(object);
    }
}

/// What two of them gave, or what went wrong: a conflict is looked into at once, and hides nothing.
fn all<K, P>(
    done: Result<(), Error>,
    kept: Result<K, Error>,
    postponed: Result<P, Error>,
) -> Result<(K, P), Error> {
    match (done, kept, postponed) {
        (Ok(()), Ok(kept), Ok(postponed)) => Ok((kept, postponed)),
        (done, kept, postponed) => {
            let errors = [done.err(), kept.err(), postponed.err()];
            let conflict = |error: &Error| matches!(error, Error::Write(e) if e.is_conflict());
            let worst = errors.into_iter().flatten().min_by_key(conflict);
            Err(worst.expect("one of them failed"))
        }
    }
}

/// One pool being looked at.
struct Look<'a> {
    object: &'a MMRPool,
    pool: &'a ValidPool,
    zone: &'a ZoneKey,
    template: Option<&'a str>,
}
