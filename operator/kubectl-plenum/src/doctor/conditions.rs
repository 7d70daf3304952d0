//! What resources say of themselves, as findings.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use plenum_crds::labels;

use crate::finding::{Finding, Level, Object};
use crate::render::span;
use crate::snapshot::{annotation, name_of, namespace_of};

/// Starting is no trouble for so long: an image is pulled, a node is awaited.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// What is being judged.
pub(super) struct Subject<'a, R> {
    pub kind: &'static str,
    /// As `kubectl` knows it.
    pub resource: &'static str,
    pub object: &'a R,
    pub observed: Option<i64>,
    pub conditions: &'a [Condition],
    pub now: Timestamp,
}

impl<R: Resource> Subject<'_, R> {
    pub fn about(&self) -> Object {
        Object::of(self.kind, self.object)
    }

    /// `kubectl -n NAMESPACE VERB RESOURCE NAME`.
    pub fn command(&self, verb: &str) -> String {
        format!(
            "kubectl -n {} {verb} {} {}",
            namespace_of(self.object),
            self.resource,
            name_of(self.object)
        )
    }

    /// The condition, where the operator has written it.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|it| it.type_ == type_)
    }

    /// A condition that does not hold, in its own words.
    pub fn fails(&self, condition: &Condition, level: Level) -> Finding {
        let since = self.now.duration_since(condition.last_transition_time.0);
        let what = format!("{} is False: {}", condition.type_, condition.message);
        Finding {
            level,
            ..Finding::wrong(&condition.reason, self.about(), what)
        }
        .why(format!("so for {}", span(since.as_secs())))
    }

    /// Whether it has been so for longer than a start takes.
    pub fn lasts(&self, condition: &Condition) -> bool {
        self.now.duration_since(condition.last_transition_time.0) > PATIENCE
    }

    /// Whether it was made just now.
    pub fn is_new(&self) -> bool {
        let born = self.object.meta().creation_timestamp.as_ref();
        born.is_some_and(|born| self.now.duration_since(born.0) <= PATIENCE)
    }

    /// What is to be said whatever the conditions: nobody looks after it, or nobody may.
    pub fn neglect(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let meta = self.object.meta();
        if self.conditions.is_empty() && !self.is_new() {
            findings.push(
                Finding::wrong("NotLookedAt", self.about(), "it has no status")
                    .why("the operator has not looked at it: it does not run, or nobody leads")
                    .remedy("kubectl plenum doctor"),
            );
        } else if self.observed < meta.generation {
            let what = "what its spec says now was not yet looked at";
            findings.push(
                Finding::advice("NotYetObserved", self.about(), what)
                    .why("it was made or changed just now, or the operator does not run")
                    .remedy("kubectl plenum doctor"),
            );
        }
        if annotation(self.object, labels::PAUSED).is_some() {
            let what = "it is paused: the operator watches and changes nothing";
            findings.push(
                Finding::advice("Paused", self.about(), what)
                    .why(format!("the annotation {} is set", labels::PAUSED))
                    .remedy(self.command("annotate") + &format!(" {}-", labels::PAUSED)),
            );
        }
        if let Some(deleted) = &meta.deletion_timestamp {
            let since = self.now.duration_since(deleted.0).as_secs();
            let what = format!("it is being deleted, for {}", span(since));
            findings.push(
                Finding::advice("Deleting", self.about(), what)
                    .why("its routers drain first; without a running operator that never ends"),
            );
        }
        findings
    }
}
