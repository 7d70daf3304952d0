//! Step 4: what is to be written, and what is to be said. Pure but for the keys that are drawn
//! where a certificate has to be made.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::{Resource, ResourceExt as _};
use plenum_crds::conditions::ZoneReason;

use super::build::{Children, build};
use super::children::{Part, is_ours, secrets};
use super::fetch::Fetched;
use super::names::ZoneSecret;
use super::problems::{Problem, Problems};
use super::validate::{PublicCertificate, ValidZone};
use crate::pki::Data;
use crate::pki::leaf::Role;
use crate::pki::renew::{Note, Renewed, Seen, renew};

/// What is to be done. A child that is left out stays as it is.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In the order in which they are written.
    pub secrets: Vec<(ZoneSecret, Secret)>,
    /// The Services.
    pub services: Vec<Service>,
    /// The disruption budgets.
    pub budgets: Vec<PodDisruptionBudget>,
    /// The tunnels.
    pub deployment: Option<Deployment>,
    /// The controllers; last, so that what they mount is there.
    pub stateful_set: Option<StatefulSet>,
    /// What is said once the Secrets were written.
    pub notes: Vec<Note>,
    /// A sentence about the certificates, or why they are not as they should be.
    pub certificates: Result<String, Problem>,
    /// Why children besides the Secrets are left as they are.
    pub problems: Problems,
    /// When to look again if nothing happens.
    pub look_again: Option<Timestamp>,
}

impl Plan {
    /// Whether carrying it out would change a Secret of those fetched. Then they are to be
    /// fetched anew from the API server, and planned anew, before anything is written.
    #[must_use]
    pub fn changes_secrets(&self, fetched: &Fetched) -> bool {
        self.secrets.iter().any(|(which, wanted)| {
            fetched.secrets.get(which).is_none_or(|held| {
                let (held_data, wanted_data) = (secrets::data(held), secrets::data(wanted));
                let since =
                    |secret: &Secret| secret.annotations().get(secrets::BUNDLE_SINCE).cloned();
                since(held) != since(wanted)
                    || wanted_data
                        .iter()
                        .any(|(key, value)| held_data.get(key) != Some(value))
            })
        })
    }
}

/// Decides it.
#[must_use]
pub fn plan(zone: &ValidZone, fetched: &Fetched, now: Timestamp) -> Plan {
    let certificates = certificates(zone, fetched, now);
    let Children {
        stateful_set,
        deployment,
        services,
        budgets,
    } = build(zone);
    let mut foreign = Foreign::of(zone);
    let services = services.into_iter().filter_map(|service| {
        let held = fetched.services.get(&service.name_any());
        foreign.unless(held, service)
    });
    let services: Vec<Service> = services.collect();
    let budgets = budgets.into_iter().filter_map(|budget| {
        let held = fetched.budgets.get(&budget.name_any());
        foreign.unless(held, budget)
    });
    let budgets: Vec<PodDisruptionBudget> = budgets.collect();
    let deployment = foreign.unless(fetched.deployment.as_ref(), deployment);
    let stateful_set = foreign.unless(fetched.stateful_set.as_ref(), stateful_set);
    // New pods would not start without what they mount; those that run go on.
    let mountable = zone.directory.is_ok() && !certificates.secrets.is_empty();
    let problems = problems(zone, foreign);
    Plan {
        secrets: certificates.secrets,
        services,
        budgets,
        deployment: deployment.filter(|_| mountable),
        // The Service's port comes back with the Service, and wakes us.
        stateful_set: stateful_set.filter(|_| mountable && (zone.has_ports || !zone.tells_urls())),
        notes: certificates.notes,
        certificates: certificates.outcome,
        problems,
        look_again: certificates.look_again,
    }
}

/// What is missing of the directory keeps both parts from being changed.
fn problems(zone: &ValidZone, foreign: Foreign) -> Problems {
    let Err(problem) = &zone.directory else {
        return foreign.problems;
    };
    let mut problems = Problems::default();
    for part in [Part::Controllers, Part::Tunnels] {
        problems.note(part, problem.clone());
    }
    problems
}

struct Certificates {
    secrets: Vec<(ZoneSecret, Secret)>,
    notes: Vec<Note>,
    outcome: Result<String, Problem>,
    look_again: Option<Timestamp>,
}

impl Certificates {
    /// Nothing is touched.
    fn none(problem: Problem) -> Self {
        Self {
            secrets: Vec::new(),
            notes: Vec::new(),
            outcome: Err(problem),
            look_again: None,
        }
    }
}

fn certificates(zone: &ValidZone, fetched: &Fetched, now: Timestamp) -> Certificates {
    let mut foreign = Foreign::of(zone);
    for secret in fetched.secrets.values() {
        foreign.check(Some(secret), Part::Controllers);
    }
    if let Some(problem) = foreign.problems.of(Part::Controllers) {
        return Certificates::none(problem.clone());
    }
    let renewed = match renew(&seen(zone, fetched), &zone.names, roles(zone), now) {
        Ok(renewed) => renewed,
        Err(error) => {
            let message = format!("No certificate can be issued: {error}.");
            return Certificates::none(Problem::new(ZoneReason::InvalidSpec, message));
        }
    };
    let mut look_again = renewed.look_again;
    let outcome = match &zone.public {
        PublicCertificate::Authority => Ok(of_the_authority(&renewed)),
        PublicCertificate::Provided(provided) => {
            look_again = look_again.min(provided.not_after());
            Ok(format!(
                "The certificate that you gave is valid until {}.",
                provided.not_after()
            ))
        }
        PublicCertificate::Refused(problem) => Err(problem.clone()),
    };
    Certificates {
        secrets: all_secrets(zone, &renewed),
        notes: renewed.notes,
        outcome,
        look_again: Some(look_again),
    }
}

fn of_the_authority(renewed: &Renewed) -> String {
    let until = renewed.until;
    if renewed.announced {
        format!(
            "The zone's authority is valid until {until}; its successor is in ca.crt and will \
             sign within 30 days: give clients the new ca.crt."
        )
    } else {
        format!("The zone's authority is valid until {until}; certificates renew themselves.")
    }
}

fn roles(zone: &ValidZone) -> &'static [Role] {
    match zone.public {
        PublicCertificate::Authority => &[
            Role::Public,
            Role::Controller,
            Role::Router,
            Role::Operator,
            Role::Tunnel,
        ],
        _ => &[Role::Controller, Role::Router, Role::Operator, Role::Tunnel],
    }
}

fn seen(zone: &ValidZone, fetched: &Fetched) -> Seen {
    let data = |which: ZoneSecret| fetched.secrets.get(&which).map(|held| secrets::data(held));
    let leaf = |role: &Role| {
        let held = fetched.secrets.get(&ZoneSecret::Certificate(*role))?;
        Some((*role, secrets::certificate(held)))
    };
    Seen {
        authority: data(ZoneSecret::Authority),
        leaves: roles(zone).iter().filter_map(leaf).collect(),
        signing_key: data(ZoneSecret::SigningKey),
    }
}

/// A public certificate that was refused is not among them: what is there stays.
fn all_secrets(zone: &ValidZone, renewed: &Renewed) -> Vec<(ZoneSecret, Secret)> {
    let mut contents: BTreeMap<ZoneSecret, (Data, Option<Timestamp>)> = renewed
        .leaves
        .iter()
        .map(|(role, leaf)| (ZoneSecret::Certificate(*role), (leaf.write(), leaf.since)))
        .collect();
    contents.insert(ZoneSecret::Authority, (renewed.authority.clone(), None));
    contents.insert(ZoneSecret::SigningKey, (renewed.signing_key.clone(), None));
    if let PublicCertificate::Provided(provided) = &zone.public {
        let public = ZoneSecret::Certificate(Role::Public);
        contents.insert(public, (provided.write(), None));
    }
    contents
        .into_iter()
        .map(|(which, (data, since))| (which, secrets::secret(zone, which, data, since)))
        .collect()
}

/// Finds children that belong to somebody else.
struct Foreign<'a> {
    zone: &'a ValidZone,
    problems: Problems,
}

impl<'a> Foreign<'a> {
    fn of(zone: &'a ValidZone) -> Self {
        Self {
            zone,
            problems: Problems::default(),
        }
    }

    fn check<K: Resource<DynamicType = ()>>(&mut self, found: Option<&Arc<K>>, part: Part) -> bool {
        let Some(found) = found.filter(|found| !is_ours(found.as_ref(), self.zone)) else {
            return false;
        };
        let message = format!(
            "The {} {} is there already and was not made for this zone, so it is left alone: \
             remove it, or name the zone otherwise.",
            K::kind(&()),
            found.name_any()
        );
        let problem = Problem::new(ZoneReason::ApplyRefused, message);
        self.problems.note(part, problem);
        true
    }

    fn unless<K: Resource<DynamicType = ()>>(
        &mut self,
        found: Option<&Arc<K>>,
        wanted: K,
    ) -> Option<K> {
        let part = Part::of(&wanted);
        (!self.check(found, part)).then_some(wanted)
    }
}
