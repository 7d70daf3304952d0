//! The pipeline: fetch -> validate -> build -> plan -> apply -> status.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use plenum_crds::conditions::{ZoneCondition, ZoneReason};
use plenum_crds::{MeetingZone, MeetingZoneStatus, labels};
use tracing::{Instrument as _, debug_span};

use super::apply::{Applied, apply};
use super::deletion::{Deletion, deletion};
use super::fetch::{Fetched, Secrets, Stores, fetch, live_pools};
use super::numbers::numbers;
use super::plan::{Plan, plan};
use super::problems::Problem;
use super::status::{Outcome, status};
use super::validate::{Intent, ValidZone, intent, validate};
use crate::apply::WriteError;
use crate::cache::Key;
use crate::context::Context;
use crate::events::EventType;
use crate::pki::renew::Note;
use crate::traces;

/// What a reconcile is given.
pub struct Scope {
    /// The operator's.
    pub context: Context,
    /// Caches.
    pub stores: Stores,
}

/// Why a reconcile did not come to its end. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// Something could not be read.
    #[error("reading the zone's objects: {0}")]
    Read(#[from] kube::Error),
    /// Something could not be written for now.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Even if nothing happens, each zone is looked at this often.
const RESYNC: Duration = Duration::from_hours(1);
/// What was refused is tried again this often: the cause may be in another object, such as
/// the Service that holds a port, of which no event tells.
const REFUSED: Duration = Duration::from_secs(30);
/// Until a conflict or a lost answer is looked at again.
const SOON: Duration = Duration::from_secs(1);
/// Until other errors are tried again.
const LATER: Duration = Duration::from_secs(5);

/// Makes the zone what its spec says. Idempotent; writes nothing when nothing changed.
pub async fn reconcile(zone: Arc<MeetingZone>, scope: Arc<Scope>) -> Result<Action, ZoneError> {
    // Once after a start, and no part of a reconcile.
    scope.stores.ready().await;
    let metrics = &scope.context.metrics;
    metrics.begun("zone", &Key::of(zone.as_ref()));
    let measured = metrics.reconcile("zone");
    let traced = traces::reconcile("zone", zone.as_ref());
    let result = Box::pin(run(zone, &scope).instrument(traced.clone())).await;
    traces::done(&traced, &result);
    measured.done(&result);
    result
}

/// When to try again after an error.
#[must_use]
// The form that kube's applier asks for.
#[allow(clippy::needless_pass_by_value)]
pub fn retry(_zone: Arc<MeetingZone>, error: &ZoneError, _scope: Arc<Scope>) -> Action {
    match error {
        ZoneError::Write(error) if error.is_conflict() => Action::requeue(SOON),
        ZoneError::Write(WriteError::Timeout { .. }) => Action::requeue(SOON),
        _ => Action::requeue(LATER),
    }
}

async fn run(zone: Arc<MeetingZone>, scope: &Scope) -> Result<Action, ZoneError> {
    let (writer, zones) = (&scope.context.writer, &scope.context.metrics.zones);
    let deleting = zone.meta().deletion_timestamp.is_some();
    if deleting {
        // Nobody waits for it to be ready.
        zones.forget(&Key::of(zone.as_ref()));
    }
    let held = zone.finalizers().iter().any(|f| f == labels::FINALIZER);
    if deleting && !held {
        // Others may still hold it. Its children go by their owner references.
        return Ok(Action::await_change());
    }
    let now = Timestamp::now();
    let fetching = fetch(&scope.context.client, &scope.stores, zone, Secrets::Cached);
    let fetched = fetching.instrument(debug_span!("fetch")).await?;
    let intent = intent(&fetched);
    let pools = fetched.pools.iter().map(Arc::as_ref);
    let deletion = deletion(intent, pools, now);
    if !intent.paused {
        if deletion == Deletion::Over && is_over(scope, &fetched, intent, now).await? {
            writer
                .set_finalizer(fetched.zone.as_ref(), labels::FINALIZER, false)
                .await?;
            return Ok(Action::await_change());
        }
        if !deleting {
            writer
                .set_finalizer(fetched.zone.as_ref(), labels::FINALIZER, true)
                .await?;
        }
    }
    let image = &scope.context.image;
    let (fetched, planned) = match validate(&fetched, image, now) {
        Err(problem) => (fetched, Err(problem)),
        Ok(valid) => {
            let (fetched, plan, applied) = act(scope, valid, fetched, intent, now).await?;
            (fetched, Ok((plan, applied)))
        }
    };
    let outcome = Outcome {
        planned: planned.as_ref().map(|(plan, applied)| (plan, applied)),
        intent,
        deletion: &deletion,
    };
    let new = status(&fetched, &outcome, now);
    if !deleting {
        zones.see(&Key::of(fetched.zone.as_ref()), numbers(&fetched, &new));
    }
    let old = fetched.zone.status.as_ref();
    writer
        .apply_status(fetched.zone.as_ref(), old, &new)
        .await?;
    tell(scope, &fetched, planned.as_ref().ok(), &new).await;
    Ok(Action::requeue(next_look(planned.as_ref(), &deletion, now)))
}

/// Plans and, unless paused, acts. Secrets are changed only on the API server's own word.
async fn act(
    scope: &Scope,
    valid: ValidZone,
    fetched: Fetched,
    intent: Intent,
    now: Timestamp,
) -> Result<(Fetched, Plan, Applied), ZoneError> {
    let mut planned = debug_span!("plan").in_scope(|| plan(&valid, &fetched, now));
    if intent.paused {
        if planned.changes_secrets(&fetched) {
            let message = "Certificates have to be made or renewed; remove the annotation \
                           plenum.dev/paused.";
            planned.certificates = Err(Problem::new(ZoneReason::Paused, message));
        }
        return Ok((fetched, planned, Applied::default()));
    }
    let (fetched, planned) = if planned.changes_secrets(&fetched) {
        let zone = fetched.zone.clone();
        let fetching = fetch(&scope.context.client, &scope.stores, zone, Secrets::Live);
        let live = fetching.instrument(debug_span!("confirm")).await?;
        let planned = debug_span!("plan").in_scope(|| plan(&valid, &live, now));
        (live, planned)
    } else {
        (fetched, planned)
    };
    let applied = apply(&scope.context.writer, &planned, &fetched).await?;
    Ok((fetched, planned, applied))
}

/// Whether the API server, not only the cache, knows of no router to wait for.
async fn is_over(
    scope: &Scope,
    fetched: &Fetched,
    intent: Intent,
    now: Timestamp,
) -> Result<bool, ZoneError> {
    let pools = live_pools(&scope.context.client, &fetched.zone).await?;
    Ok(deletion(intent, &pools, now) == Deletion::Over)
}

fn next_look(
    planned: Result<&(Plan, Applied), &Problem>,
    deletion: &Deletion,
    now: Timestamp,
) -> Duration {
    let until =
        |time: Timestamp| Duration::try_from(time.duration_since(now)).unwrap_or_default() + SOON;
    let mut next = RESYNC;
    if let Ok((plan, applied)) = planned {
        if let Some(time) = plan.look_again {
            next = next.min(until(time));
        }
        let refused = applied.refused.any() || applied.secrets_refused.is_some();
        if refused || plan.problems.any() || plan.certificates.is_err() {
            next = next.min(REFUSED);
        }
    }
    if let Deletion::Waiting { until: end, .. } = deletion {
        next = next.min(until(*end));
    }
    next
}

/// Events: what happened to certificates, and a Ready condition that says something else.
async fn tell(
    scope: &Scope,
    fetched: &Fetched,
    planned: Option<&(Plan, Applied)>,
    new: &MeetingZoneStatus,
) {
    let events = &scope.context.events;
    let about = fetched.zone.object_ref(&());
    if let Some((plan, _)) = planned.filter(|(_, applied)| applied.secrets_changed) {
        let (done, repaired) = sentences(&plan.notes);
        let renewed = ("CertificatesRenewed", "Renew");
        let damage = ("SecretRepaired", "Repair");
        for (type_, what, note) in [
            (EventType::Normal, renewed, done),
            (EventType::Warning, damage, repaired),
        ] {
            if !note.is_empty() {
                events.publish(type_, &about, None, what, note).await;
            }
        }
    }
    let ready = |status: &MeetingZoneStatus| {
        let is_ready = |c: &&_| is_ready(c);
        status.conditions.iter().find(is_ready).cloned()
    };
    let (old, Some(new)) = (fetched.zone.status.as_ref().and_then(ready), ready(new)) else {
        return;
    };
    if old.is_some_and(|old| old.reason == new.reason && old.status == new.status) {
        return;
    }
    let calm = [ZoneReason::Deleting, ZoneReason::Paused].map(ZoneReason::as_str);
    let type_ = if new.status == "True" || calm.contains(&new.reason.as_str()) {
        EventType::Normal
    } else {
        EventType::Warning
    };
    events
        .publish(type_, &about, None, (&new.reason, "Reconcile"), new.message)
        .await;
}

/// All that was done, and all that was repaired: one Event each, since of several with one
/// reason only the first text would be kept.
fn sentences(notes: &[Note]) -> (String, String) {
    let (mut done, mut repaired) = (Vec::new(), Vec::new());
    for note in notes {
        match note {
            Note::Done(text) => done.push(text.as_str()),
            Note::Repaired(text) => repaired.push(text.as_str()),
        }
    }
    (done.join(" "), repaired.join(" "))
}

fn is_ready(condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition) -> bool {
    condition.type_ == ZoneCondition::Ready.as_str()
}
