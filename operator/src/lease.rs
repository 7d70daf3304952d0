//! Leader election by a Lease, with a fence of our own.
//!
//! State flow: a candidate watches the Lease; when its holder has not renewed it for its
//! duration, as measured by OUR monotonic clock since WE saw it change (clocks of machines
//! differ), it takes it over with the resource version it read. The holder renews it and
//! moves its [`Fence`]; a fence that is not moved in time falls by itself, and all writing
//! and all orders stop, [`WRITE_TIMEOUT`] before anybody else may take over. On SIGTERM the
//! Lease is given back, so that the next replica need not wait. A term that is over, for
//! whatever reason, is never renewed: its work has [`GRACE`] to end and is dropped then, and
//! only afterwards may this replica lead again. Where the work ended by itself, as a controller
//! that panicked does, the replica is no candidate for a while, each time for longer: another
//! may do better, and what makes it end is not met again and again at full speed.
//!
//! Guarantee: two replicas both believing they lead, at rates of clocks that differ by less
//! than a tenth, never both start a write. A write already on its way is bounded by the
//! timeout; objects that matter (nodes) are guarded by their resource version besides.

mod pauses;

pub use pauses::{FIRST_PAUSE, LONGEST_PAUSE};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use pauses::Pauses;

/// How long a Lease holds without renewal. Short enough that a killed leader is followed
/// before a drain misses its deadline, long enough for an API server that restarts.
pub const LEASE_DURATION: Duration = Duration::from_secs(12);
/// How often it is renewed, and looked at by who waits for it: three chances before the fence
/// falls, and with two replicas less than one request a second.
const RENEW_EVERY: Duration = Duration::from_millis(2_500);
/// No write takes longer; so what is started before the fence falls is over before the
/// Lease can pass on.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long work may take to end once its term is over: more than one write under way, and
/// less than what is left of the fence when the API server is quick.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long after a renewal was asked for writes may start.
const WRITING: Duration = LEASE_DURATION.saturating_sub(WRITE_TIMEOUT);

/// Tells whether this replica may write now. Cheap to clone and to ask.
#[derive(Clone, Default)]
pub struct Fence {
    /// Until when, by the monotonic clock; `None` while another replica leads.
    until: Arc<Mutex<Option<Instant>>>,
}

impl Fence {
    /// Whether a write may start now.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.holds_at(Instant::now())
    }

    /// Whether a write may start at `now`.
    #[must_use]
    pub fn holds_at(&self, now: Instant) -> bool {
        self.until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|until| now < until)
    }

    /// The Lease was renewed by a request that STARTED at `asked`: the API server cannot
    /// have counted from earlier.
    fn renewed(&self, asked: Instant) {
        self.set(Some(asked + WRITING));
    }

    fn drop_now(&self) {
        self.set(None);
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// A fence that always holds, for tests and tools without rivals.
    #[must_use]
    pub fn open() -> Self {
        let fence = Self::default();
        fence.set(Some(
            Instant::now() + Duration::from_secs(u64::from(u32::MAX)),
        ));
        fence
    }
}

/// What to do about the Lease.
#[derive(Debug, PartialEq)]
enum Decision {
    /// It is ours (or free): write this.
    Take(Box<LeaseSpec>),
    /// Somebody else holds it.
    Wait,
}

/// What we saw of a rival, and when it last moved.
#[derive(Debug, Default)]
struct Sighting {
    seen: Option<(LeaseSpec, Instant)>,
}

impl Sighting {
    /// Decides from the Lease as read at `now` (`wall` is only written, never compared).
    fn decide(
        &mut self,
        lease: Option<&LeaseSpec>,
        identity: &str,
        now: Instant,
        wall: Timestamp,
    ) -> Decision {
        let Some(spec) = lease else {
            return Decision::Take(Box::new(held_by(identity, None, wall)));
        };
        let ours = spec.holder_identity.as_deref() == Some(identity);
        let free = spec.holder_identity.as_deref().is_none_or(str::is_empty);
        if ours || free || self.expired(spec, now) {
            return Decision::Take(Box::new(held_by(identity, Some(spec), wall)));
        }
        Decision::Wait
    }

    fn expired(&mut self, spec: &LeaseSpec, now: Instant) -> bool {
        let duration = spec
            .lease_duration_seconds
            .and_then(|s| u64::try_from(s).ok())
            .map_or(LEASE_DURATION, Duration::from_secs);
        match &self.seen {
            Some((seen, since)) if seen == spec => now.duration_since(*since) > duration,
            _ => {
                self.seen = Some((spec.clone(), now));
                false
            }
        }
    }
}

fn held_by(identity: &str, old: Option<&LeaseSpec>, wall: Timestamp) -> LeaseSpec {
    let same = old.filter(|o| o.holder_identity.as_deref() == Some(identity));
    let transitions = old.and_then(|o| o.lease_transitions).unwrap_or(0);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
        acquire_time: same
            .and_then(|o| o.acquire_time.clone())
            .or(Some(MicroTime(wall))),
        renew_time: Some(MicroTime(wall)),
        lease_transitions: Some(transitions + i32::from(same.is_none() && old.is_some())),
        ..LeaseSpec::default()
    }
}

/// A candidate for one Lease.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    fence: Fence,
    sighting: Sighting,
    /// As we wrote it last: it need not be read to be renewed.
    held: Option<Lease>,
}

impl Candidate {
    /// A candidate that holds the Lease `namespace/name` as `identity` (its pod's name).
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            fence: Fence::default(),
            sighting: Sighting::default(),
            held: None,
        }
    }

    /// The fence to write behind.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits for the lead, runs `work` for as long as it lasts, and starts over when it was
    /// lost; gives the Lease back and returns when `stop` is cancelled. `work` gets a token
    /// that is cancelled when it has to end; [`GRACE`] later it is dropped. Work that ends by
    /// itself, or cancels its token, gives the lead back, and [`FIRST_PAUSE`] to
    /// [`LONGEST_PAUSE`] later this replica is a candidate again.
    pub async fn lead<W>(
        mut self,
        stop: &CancellationToken,
        mut work: impl FnMut(CancellationToken) -> W,
    ) where
        W: Future<Output = ()>,
    {
        let mut pauses = Pauses::default();
        while self.acquire(stop).await {
            tracing::info!(identity = self.identity, "leading");
            let (term, began) = (stop.child_token(), Instant::now());
            let lost = self.serve(&term, work(term.clone())).await;
            self.release().await;
            if lost || stop.is_cancelled() {
                continue;
            }
            let pause = pauses.after(began.elapsed());
            tracing::warn!(?pause, "work ended by itself: no candidate for a while");
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Runs `work` and renews the Lease until the term is over, however that comes; whether it
    /// was because the Lease was lost.
    async fn serve(&mut self, term: &CancellationToken, work: impl Future<Output = ()>) -> bool {
        let mut work = std::pin::pin!(work);
        // Renewing must not starve the work: both are polled here.
        let lost = tokio::select! {
            () = &mut work => return false,
            () = term.cancelled() => false,
            () = self.renew() => {
                tracing::warn!("the lease could not be renewed: no more writing");
                term.cancel();
                true
            }
        };
        if tokio::time::timeout(GRACE, work).await.is_err() {
            tracing::warn!(after = ?GRACE, "work did not end after its term, and was dropped");
        }
        lost
    }

    /// Renews the Lease for as long as that succeeds.
    async fn renew(&mut self) {
        while self.fence.holds() {
            tokio::time::sleep(RENEW_EVERY).await;
            self.attempt().await;
        }
    }

    async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                led = self.attempt() => if led { return true },
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
        }
    }

    /// One try to take or renew; whether we lead.
    async fn attempt(&mut self) -> bool {
        let asked = Instant::now();
        let result = tokio::time::timeout(WRITE_TIMEOUT, self.try_once()).await;
        match result {
            Ok(Ok(true)) => self.fence.renewed(asked),
            Ok(Ok(false)) => self.fence.drop_now(),
            Ok(Err(error)) => tracing::warn!(%error, "a try for the lease failed"),
            Err(_) => tracing::warn!("a try for the lease failed: no answer from the API server"),
        }
        self.fence.holds()
    }

    async fn try_once(&mut self) -> Result<bool, kube::Error> {
        // Taken, so that after an error or a timeout it is read again.
        if let Some(held) = self.held.take()
            && self.try_from(Some(held)).await?
        {
            return Ok(true);
        }
        // Never held, or changed since by somebody else: by a rival, or by hand.
        let lease = self.api.get_opt(&self.name).await?;
        self.try_from(lease).await
    }

    /// Takes or renews the Lease that is `lease`; whether it is ours then.
    async fn try_from(&mut self, lease: Option<Lease>) -> Result<bool, kube::Error> {
        let spec = lease.as_ref().and_then(|l| l.spec.as_ref());
        let decision = self
            .sighting
            .decide(spec, &self.identity, Instant::now(), Timestamp::now());
        let Decision::Take(spec) = decision else {
            return Ok(false);
        };
        match self.write(lease, *spec).await {
            Ok(written) => {
                self.held = Some(written);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, old: Option<Lease>, spec: LeaseSpec) -> Result<Lease, kube::Error> {
        let params = PostParams::default();
        if let Some(mut lease) = old {
            lease.spec = Some(spec);
            return self.api.replace(&self.name, &params, &lease).await;
        }
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        };
        self.api.create(&params, &lease).await
    }

    /// Gives the Lease back. Best effort: it expires anyway.
    async fn release(&mut self) {
        let held = self.fence.holds();
        self.fence.drop_now();
        self.held = None;
        if !held {
            return;
        }
        let give_back = async {
            let Some(lease) = self.api.get_opt(&self.name).await? else {
                return Ok(());
            };
            let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.clone());
            if holder.as_deref() != Some(&self.identity) {
                return Ok(());
            }
            let free = LeaseSpec {
                holder_identity: Some(String::new()),
                ..lease.spec.clone().unwrap_or_default()
            };
            self.write(Some(lease), free).await.map(drop)
        };
        match tokio::time::timeout(WRITE_TIMEOUT, give_back).await {
            Ok(Ok(())) => tracing::info!("lease given back"),
            Ok(Err(error)) => tracing::warn!(%error, "lease not given back; it expires"),
            Err(_) => tracing::warn!("lease not given back; it expires"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(s: i64) -> Timestamp {
        Timestamp::from_second(s).unwrap()
    }

    fn taken(decision: Decision) -> LeaseSpec {
        match decision {
            Decision::Take(spec) => *spec,
            Decision::Wait => panic!("should take the lease"),
        }
    }

    #[test]
    fn a_rival_is_followed_only_when_it_stood_still_for_its_whole_duration() {
        let start = Instant::now();
        let rival = held_by("rival", None, wall(0));
        let mut me = Sighting::default();
        let second = Duration::from_secs(1);
        assert_eq!(
            me.decide(Some(&rival), "me", start, wall(0)),
            Decision::Wait
        );
        let late = start + LEASE_DURATION;
        assert_eq!(me.decide(Some(&rival), "me", late, wall(0)), Decision::Wait);

        // It renewed: the count starts again.
        let renewed = held_by("rival", Some(&rival), wall(9));
        let seen = late + second;
        assert_eq!(
            me.decide(Some(&renewed), "me", seen, wall(0)),
            Decision::Wait
        );
        let not_yet = seen + LEASE_DURATION;
        assert_eq!(
            me.decide(Some(&renewed), "me", not_yet, wall(0)),
            Decision::Wait
        );

        let spec = taken(me.decide(Some(&renewed), "me", not_yet + second, wall(40)));
        assert_eq!(spec.holder_identity.as_deref(), Some("me"));
        assert_eq!(spec.lease_transitions, Some(1));
    }

    #[test]
    fn a_lease_that_was_given_back_is_taken_at_once() {
        let free = LeaseSpec {
            holder_identity: Some(String::new()),
            ..held_by("rival", None, wall(0))
        };
        let mut me = Sighting::default();
        taken(me.decide(Some(&free), "me", Instant::now(), wall(1)));
    }

    #[test]
    fn the_wall_clock_of_the_rival_means_nothing() {
        let rival = held_by("rival", None, wall(-1_000_000));
        let mut me = Sighting::default();
        let decision = me.decide(Some(&rival), "me", Instant::now(), wall(0));
        assert_eq!(decision, Decision::Wait);
    }

    #[test]
    fn the_fence_falls_before_the_lease_can_pass_on() {
        let fence = Fence::default();
        let asked = Instant::now();
        assert!(!fence.holds_at(asked));
        fence.renewed(asked);
        assert!(fence.holds_at(asked));
        let last_write = asked + WRITING;
        assert!(WRITING + WRITE_TIMEOUT <= LEASE_DURATION);
        assert!(!fence.holds_at(last_write));
        fence.renewed(asked);
        fence.drop_now();
        assert!(!fence.holds_at(asked));
    }
}
