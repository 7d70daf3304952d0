//! What stands in the schema as a default is what the types take as one.

use crate::api_server;
use k8s_openapi::api::core::v1::ResourceRequirements;
use plenum_crds::{
    AddressSource, AdmissionMode, CertificateSource, ExposureType, MMRPool, MMRPoolSpec,
    MeetingZone, MeetingZoneSpec, Resources,
};
use serde_json::{from_value, json};

#[test]
fn an_empty_zone_is_an_open_one_with_two_controllers_on_443() {
    let stored = api_server::create(&json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone",
        "metadata": { "name": "berlin" }, "spec": {},
    }))
    .unwrap();

    let spec = from_value::<MeetingZone>(stored).unwrap().spec;
    assert_eq!(spec, MeetingZoneSpec::default());
    assert_eq!(spec.controllers.replicas, 2);
    assert_eq!(spec.exposure.type_, ExposureType::ClusterIp);
    assert_eq!(spec.exposure.port, 443);
    assert_eq!(spec.admission.mode, AdmissionMode::Open);
    assert_eq!(spec.certificates.source, CertificateSource::ZoneAuthority);
    assert_eq!(spec.drain_deadline_seconds, 3600);
}

#[test]
fn a_pool_needs_a_zone_and_a_selector_only() {
    let stored = api_server::create(&json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MMRPool",
        "metadata": { "name": "routers" },
        "spec": { "zone": "berlin", "nodeSelector": { "plenum.dev/routers": "true" } },
    }))
    .unwrap();

    let spec = from_value::<MMRPool>(stored).unwrap().spec;
    assert_eq!(
        spec,
        MMRPoolSpec::new("berlin", [("plenum.dev/routers", "true")])
    );
    assert_eq!(
        (spec.min_routers, spec.max_routers, spec.replicas),
        (1, 10, None)
    );
    assert_eq!(
        (spec.participants_per_router, spec.spare_participants),
        (200, 50)
    );
    assert_eq!(
        (spec.scale_down_delay_seconds, spec.drain_deadline_seconds),
        (300, 3600)
    );
    assert_eq!(
        (spec.https_port, spec.media_port, spec.health_port),
        (443, 8801, 9808)
    );
    assert_eq!((spec.max_draining, spec.rollout_deadline_seconds), (1, 300));
    assert_eq!(spec.public_address.source, AddressSource::NodeInternalIp);
}

#[test]
fn what_the_types_write_is_what_they_read() {
    let mut zone = MeetingZone::new("berlin", MeetingZoneSpec::default());
    zone.status = Some(plenum_crds::MeetingZoneStatus::default());
    let written = serde_json::to_value(&zone).unwrap();
    assert_eq!(
        from_value::<MeetingZone>(api_server::create(&written).unwrap()).unwrap(),
        zone
    );

    let mut pool = MMRPool::new("routers", MMRPoolSpec::new("berlin", [("a", "b")]));
    pool.status = Some(plenum_crds::MMRPoolStatus::default());
    let written = serde_json::to_value(&pool).unwrap();
    assert_eq!(
        from_value::<MMRPool>(api_server::create(&written).unwrap()).unwrap(),
        pool
    );
}

#[test]
fn resources_become_those_of_a_container() {
    let asked: Resources =
        from_value(json!({ "requests": { "cpu": 2, "memory": "1Gi" } })).unwrap();
    let container: ResourceRequirements = (&asked).into();
    assert_eq!(container.requests.unwrap()["cpu"].0, "2");
    assert_eq!(container.limits, None);
}
