//! Every object that is judged, as it was at one moment.

mod objects;
mod pods;

use std::collections::BTreeMap;
use std::ops::Deref;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Namespace, Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use plenum_crds::{MMRPool, MeetingZone};
use serde::Serialize;

use crate::exposition::Page;

pub use objects::{Name, annotation, label, name_of, namespace_of};
pub use plenum_crds::pods::node_of;
pub use pods::{Waiting, condition, health_port, is_ready, restarts, waiting};

/// What could be listed of a kind, and what could not.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    /// What was there.
    pub items: Vec<T>,
    /// Why some or all could not be looked at.
    pub troubles: Vec<Trouble>,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What was tried, and what came of it.
    pub what: String,
    /// What to do about it.
    #[serde(rename = "do")]
    pub remedy: String,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl<T> Seen<T> {
    /// All there is.
    #[must_use]
    pub const fn of(items: Vec<T>) -> Self {
        Self {
            items,
            troubles: Vec::new(),
        }
    }

    /// Nothing could be seen.
    #[must_use]
    pub fn refused(trouble: Trouble) -> Self {
        Self {
            items: Vec::new(),
            troubles: vec![trouble],
        }
    }

    /// These as well.
    pub fn add(&mut self, more: Self) {
        self.items.extend(more.items);
        self.troubles.extend(more.troubles);
    }

    /// Whether what is not here is not there either.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.troubles.is_empty()
    }
}

/// Of all together, in this order.
impl<T> Extend<Self> for Seen<T> {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, more: I) {
        more.into_iter().for_each(|it| self.add(it));
    }
}

impl<T> Deref for Seen<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

/// A certificate of a zone, or of a directory beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The Secret's namespace.
    pub namespace: String,
    /// The zone; empty where it is of none.
    pub zone: String,
    /// The Secret that holds it.
    pub secret: String,
    /// Under this key: `tls.crt`, or `ca.crt` for authorities that somebody else has.
    pub key: &'static str,
    /// Who shows it, to whom.
    pub purpose: &'static str,
    /// Whether somebody gave it, so that the operator does not renew it.
    pub provided: bool,
    /// When it is good, or why it cannot be read.
    pub life: Result<Life, String>,
}

/// When a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// From.
    pub not_before: Timestamp,
    /// Until.
    pub not_after: Timestamp,
}

/// Whether the operator may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// `system:serviceaccount:NAMESPACE:NAME`.
    pub who: String,
    /// The API group; empty for the core.
    pub group: String,
    /// The resource, with its subresource after a `/`.
    pub resource: String,
    /// The verb.
    pub verb: String,
    /// In this namespace; `None` is everywhere.
    pub namespace: Option<String>,
    /// The API server's answer.
    pub allowed: bool,
}

/// Everything at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When.
    pub now: Timestamp,
    /// Only this namespace was looked at; `None` is all.
    pub namespace: Option<String>,
    /// The API server's version.
    pub server: Option<String>,
    /// Of Plenum's kinds.
    pub definitions: Seen<CustomResourceDefinition>,
    /// The zones looked at.
    pub zones: Seen<MeetingZone>,
    /// All pools of their namespaces.
    pub pools: Seen<MMRPool>,
    /// All nodes of the cluster.
    pub nodes: Seen<Node>,
    /// Pods of Plenum.
    pub pods: Seen<Pod>,
    /// Deployments of Plenum: operator, tunnels, directory.
    pub deployments: Seen<Deployment>,
    /// Zone controllers.
    pub stateful_sets: Seen<StatefulSet>,
    /// Routers.
    pub daemon_sets: Seen<DaemonSet>,
    /// All of the namespaces looked at.
    pub budgets: Seen<PodDisruptionBudget>,
    /// The namespaces looked at.
    pub namespaces: Seen<Namespace>,
    /// In the namespaces of operators.
    pub leases: Seen<Lease>,
    /// Warnings in the namespaces looked at.
    pub events: Seen<Event>,
    /// Of the zones; of directories where Deployments were looked at.
    pub certificates: Seen<Certificate>,
    /// Of the operators.
    pub rights: Seen<Right>,
    /// What routers say at `/metrics`.
    pub figures: BTreeMap<Name, Page>,
    /// Why some did not.
    pub silent: BTreeMap<Name, Trouble>,
    /// The last lines of containers that do not stay up.
    pub last_words: BTreeMap<Name, String>,
}

impl Snapshot {
    /// An empty cluster.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            namespace: None,
            server: None,
            definitions: Seen::default(),
            zones: Seen::default(),
            pools: Seen::default(),
            nodes: Seen::default(),
            pods: Seen::default(),
            deployments: Seen::default(),
            stateful_sets: Seen::default(),
            daemon_sets: Seen::default(),
            budgets: Seen::default(),
            namespaces: Seen::default(),
            leases: Seen::default(),
            events: Seen::default(),
            certificates: Seen::default(),
            rights: Seen::default(),
            figures: BTreeMap::new(),
            silent: BTreeMap::new(),
            last_words: BTreeMap::new(),
        }
    }

    /// The pools of a zone.
    pub fn pools_of<'a>(&'a self, zone: &'a MeetingZone) -> impl Iterator<Item = &'a MMRPool> {
        self.pools.iter().filter(move |pool| {
            namespace_of(*pool) == namespace_of(zone) && pool.spec.zone == name_of(zone)
        })
    }

    /// The pods of a component in a zone, or of one of its pools.
    pub fn pods_of<'a>(
        &'a self,
        namespace: &'a str,
        component: &'a str,
        (key, value): (&'a str, &'a str),
    ) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(move |pod| {
            namespace_of(*pod) == namespace
                && label(*pod, plenum_crds::labels::APP_COMPONENT) == Some(component)
                && label(*pod, key) == Some(value)
        })
    }

    /// Everything that could not be looked at.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        // Named one by one, so that no other is forgotten.
        let Self {
            now: _,
            namespace: _,
            server: _,
            definitions,
            zones,
            pools,
            nodes,
            pods,
            deployments,
            stateful_sets,
            daemon_sets,
            budgets,
            namespaces,
            leases,
            events,
            certificates,
            rights,
            figures: _,
            silent,
            last_words: _,
        } = self;
        let listed = [
            &definitions.troubles,
            &zones.troubles,
            &pools.troubles,
            &nodes.troubles,
            &pods.troubles,
            &deployments.troubles,
            &stateful_sets.troubles,
            &daemon_sets.troubles,
            &budgets.troubles,
            &namespaces.troubles,
            &leases.troubles,
            &events.troubles,
            &certificates.troubles,
            &rights.troubles,
        ];
        listed.into_iter().flatten().chain(silent.values())
    }

    /// Namespaces with a zone or a pool, each once.
    #[must_use]
    pub fn inhabited(&self) -> Vec<&str> {
        let zones = self.zones.iter().map(namespace_of);
        let mut all: Vec<&str> = zones.chain(self.pools.iter().map(namespace_of)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
