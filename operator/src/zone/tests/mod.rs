//! What the zone controller decides, step by step, without a cluster.

mod building;
mod counting;
mod planning;
mod saying;
mod validating;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{DeploymentStatus, StatefulSet, StatefulSetStatus};

use k8s_openapi::api::core::v1::{
    LoadBalancerIngress, LoadBalancerStatus, Secret, Service, ServiceStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt as _;
use plenum_crds::{
    CertificateSource, Certificates, MMRPool, MMRPoolSpec, MMRPoolStatus, MeetingZone,
    MeetingZoneSpec, Participants, Routers,
};

use super::fetch::{Fetched, Named};
use super::names::ZoneSecret;
use super::plan::{Plan, plan};
use super::validate::{ValidZone, validate};
use crate::context::Image;
use crate::pki::leaf::{Role, ZoneNames};
use crate::pki::renew::{Seen, renew};

const IMAGE: &str = "registry.example/plenum:1.2.3";

fn image() -> Image {
    Image {
        name: IMAGE.into(),
        ..Image::default()
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn zone(spec: MeetingZoneSpec) -> MeetingZone {
    let mut zone = MeetingZone::new("berlin", spec);
    zone.metadata.namespace = Some("meetings".into());
    zone.metadata.uid = Some("1234".into());
    zone.metadata.generation = Some(3);
    zone
}

/// A zone of which nothing exists yet.
fn fresh(spec: MeetingZoneSpec) -> Fetched {
    Fetched {
        zone: Arc::new(zone(spec)),
        pools: Vec::new(),
        stateful_set: None,
        deployment: None,
        services: BTreeMap::new(),
        budgets: BTreeMap::new(),
        secrets: BTreeMap::new(),
        certificate: None,
        directory_keys: None,
        directory_credential: None,
        directory_authority: None,
        directory_proxy: None,
    }
}

fn valid(fetched: &Fetched) -> ValidZone {
    validate(fetched, &image(), now()).unwrap()
}

fn planned(fetched: &Fetched) -> Plan {
    plan(&valid(fetched), fetched, now())
}

/// The zone after `plan` was carried out, with all controllers running.
fn carried_out(mut fetched: Fetched, plan: &Plan) -> Fetched {
    for (which, secret) in &plan.secrets {
        fetched.secrets.insert(*which, Arc::new(secret.clone()));
    }
    for service in &plan.services {
        let name = service.name_any();
        fetched.services.insert(name, Arc::new(service.clone()));
    }
    for budget in &plan.budgets {
        let name = budget.name_any();
        fetched.budgets.insert(name, Arc::new(budget.clone()));
    }
    if let Some(deployment) = &plan.deployment {
        let mut deployment = deployment.clone();
        deployment.status = Some(DeploymentStatus {
            ready_replicas: Some(1),
            ..DeploymentStatus::default()
        });
        fetched.deployment = Some(Arc::new(deployment));
    }
    if let Some(set) = &plan.stateful_set {
        fetched.stateful_set = Some(Arc::new(running(set.clone(), 2)));
    }
    fetched
}

fn running(mut set: StatefulSet, ready: i32) -> StatefulSet {
    set.metadata.generation = Some(1);
    set.status = Some(StatefulSetStatus {
        observed_generation: Some(1),
        replicas: 2,
        ready_replicas: Some(ready),
        current_revision: Some("a".into()),
        update_revision: Some("a".into()),
        ..StatefulSetStatus::default()
    });
    set
}

fn settled(spec: MeetingZoneSpec) -> Fetched {
    let fetched = fresh(spec);
    let plan = planned(&fetched);
    carried_out(fetched, &plan)
}

fn pool(name: &str, routers: Routers, participants: Participants) -> Arc<MMRPool> {
    let mut pool = MMRPool::new(name, MMRPoolSpec::new("berlin", [("a", "b")]));
    pool.status = Some(MMRPoolStatus {
        routers,
        participants,
        ..MMRPoolStatus::default()
    });
    Arc::new(pool)
}

fn named(name: &str, data: Option<BTreeMap<String, Vec<u8>>>) -> Named {
    Named {
        name: name.into(),
        secret: data.map(|data| {
            let data = data.into_iter().map(|(k, v)| (k, ByteString(v)));
            Arc::new(Secret {
                data: Some(data.collect()),
                ..Secret::default()
            })
        }),
    }
}

/// A certificate for `hostname` as a user would give it.
fn given(hostname: &str, made: Timestamp) -> BTreeMap<String, Vec<u8>> {
    let names = ZoneNames {
        namespace: "elsewhere".into(),
        name: "other".into(),
        hostnames: vec![hostname.into()],
    };
    let renewed = renew(&Seen::default(), &names, &[Role::Public], made).unwrap();
    let mut data = renewed.leaves[&Role::Public].write();
    data.remove("ca.crt");
    data
}

fn with_own_certificate() -> MeetingZoneSpec {
    let mut spec = MeetingZoneSpec {
        certificates: Certificates {
            source: CertificateSource::Secret,
            secret_name: Some("mine".into()),
        },
        ..MeetingZoneSpec::default()
    };
    spec.exposure.hostnames = vec!["meet.example.org".into()];
    spec
}

/// The load balancer of the controllers answers at these.
fn balanced(fetched: &mut Fetched, entries: &[LoadBalancerIngress]) {
    let service = Service {
        metadata: ObjectMeta {
            name: Some("berlin-zc".into()),
            ..ObjectMeta::default()
        },
        status: Some(ServiceStatus {
            load_balancer: Some(LoadBalancerStatus {
                ingress: Some(entries.to_vec()),
            }),
            ..ServiceStatus::default()
        }),
        ..Service::default()
    };
    fetched
        .services
        .insert("berlin-zc".into(), Arc::new(service));
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

fn public(plan: &Plan) -> Option<&Secret> {
    secret(plan, ZoneSecret::Certificate(Role::Public))
}

fn secret(plan: &Plan, which: ZoneSecret) -> Option<&Secret> {
    plan.secrets
        .iter()
        .find(|(found, _)| *found == which)
        .map(|(_, secret)| secret)
}
