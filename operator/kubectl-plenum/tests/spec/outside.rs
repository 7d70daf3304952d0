//! A zone that is to be reached from outside, and is not.

use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::Snapshot;
use plenum_crds::ExposureType;

use crate::world::{findings, found, now, with};

fn exposed(type_: ExposureType) -> Snapshot {
    let mut seen = with("https://meet.example.org", "https://main-zc.meetings.svc");
    seen.zones.items[0].spec.exposure.type_ = type_;
    seen
}

#[test]
fn a_load_balancer_that_never_comes_is_told_with_the_way_without_one() {
    let mut seen = exposed(ExposureType::LoadBalancer);
    let finding = found(&seen, "LoadBalancerPending");
    assert_eq!(finding.level, Level::Wrong);
    assert!(finding.remedies[0].contains("describe service main-zc"));
    assert!(finding.remedies[1].contains("NodePort"), "{finding:?}");
    // Clouds take a while.
    let made = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now());
    seen.zones.items[0].metadata.creation_timestamp = Some(made);
    assert_eq!(findings(&seen), []);
}

#[test]
fn ports_of_nodes_need_a_name_for_the_nodes() {
    let mut seen = exposed(ExposureType::NodePort);
    let finding = found(&seen, "HostnamesMissing");
    assert_eq!(finding.level, Level::Advice);
    assert!(finding.remedies[0].contains("hostnames"), "{finding:?}");
    seen.zones.items[0].spec.exposure.hostnames = vec!["192.0.2.7".to_owned()];
    assert_eq!(findings(&seen), []);
}

#[test]
fn who_wants_to_be_reached_from_inside_only_is_left_alone() {
    assert_eq!(findings(&exposed(ExposureType::ClusterIp)), []);
}
