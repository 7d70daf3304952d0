//! What is written, and what is left alone.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use plenum_crds::ExposureType;
use plenum_crds::conditions::ZoneReason;

use super::super::children::Part;
use super::*;

#[test]
fn a_new_zone_gets_everything_and_its_authority_first() {
    let fetched = fresh(MeetingZoneSpec::default());
    let plan = planned(&fetched);
    assert_eq!(plan.secrets[0].0, ZoneSecret::Authority);
    assert_eq!(plan.secrets.len(), 7);
    assert_eq!((plan.services.len(), plan.budgets.len()), (3, 2));
    assert!(plan.deployment.is_some() && plan.stateful_set.is_some());
    assert!(plan.certificates.is_ok() && !plan.problems.any());
    assert!(plan.changes_secrets(&fetched));
}

#[test]
fn controllers_start_once_with_the_port_that_kubernetes_chose() {
    let mut spec = MeetingZoneSpec::default();
    spec.exposure.type_ = ExposureType::NodePort;
    spec.exposure.hostnames = vec!["meet.example.org".into()];
    assert!(
        planned(&fresh(spec.clone())).stateful_set.is_some(),
        "nobody is told the port"
    );
    spec.tunnels.replicas = 1;
    let mut fetched = fresh(spec);
    let plan = planned(&fetched);
    assert!(plan.stateful_set.is_none() && !plan.problems.any());
    fetched = carried_out(fetched, &plan);
    let service = Arc::make_mut(fetched.services.get_mut("berlin-zc").unwrap());
    service.spec.as_mut().unwrap().ports.as_mut().unwrap()[0].node_port = Some(31234);
    let set = planned(&fetched).stateful_set.unwrap();
    let text = serde_json::to_string(&set).unwrap();
    assert!(text.contains("https://meet.example.org:31234"), "{text}");
}

#[test]
fn a_settled_zone_is_left_as_it_is() {
    let fetched = settled(MeetingZoneSpec::default());
    let plan = planned(&fetched);
    assert!(!plan.changes_secrets(&fetched));
    for (which, wanted) in &plan.secrets {
        assert_eq!(fetched.secrets[which].as_ref(), wanted);
    }
    assert_eq!(plan.notes, []);
    assert!(plan.look_again.unwrap() > now() + days(30));
}

#[test]
fn a_secret_that_was_edited_or_deleted_is_seen() {
    let settled = settled(MeetingZoneSpec::default());
    for which in ZoneSecret::ALL {
        let mut fetched = settled.clone();
        fetched.secrets.remove(&which);
        assert!(
            planned(&fetched).changes_secrets(&fetched),
            "{which:?} deleted"
        );

        let mut fetched = settled.clone();
        let mut secret = fetched.secrets[&which].as_ref().clone();
        for value in secret.data.as_mut().unwrap().values_mut() {
            value.0 = b"edited".to_vec();
        }
        fetched.secrets.insert(which, Arc::new(secret));
        assert!(
            planned(&fetched).changes_secrets(&fetched),
            "{which:?} edited"
        );
    }
}

/// An object of somebody else under the name of a child.
fn foreign(name: &str, owner: Option<&str>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        owner_references: owner.map(|uid| {
            vec![OwnerReference {
                uid: uid.into(),
                controller: Some(true),
                ..OwnerReference::default()
            }]
        }),
        ..ObjectMeta::default()
    }
}

#[test]
fn secrets_of_others_are_left_alone_and_named() {
    for owner in [None, Some("the uid of a zone that was deleted")] {
        let mut fetched = fresh(MeetingZoneSpec::default());
        let theirs = Secret {
            metadata: foreign("berlin-ca", owner),
            ..Secret::default()
        };
        fetched
            .secrets
            .insert(ZoneSecret::Authority, Arc::new(theirs));
        let plan = planned(&fetched);
        assert!(plan.secrets.is_empty());
        assert!(plan.stateful_set.is_none(), "it would mount their Secret");
        let problem = plan.certificates.unwrap_err();
        assert_eq!(problem.reason, ZoneReason::ApplyRefused);
        assert!(
            problem.message.contains("Secret berlin-ca"),
            "{}",
            problem.message
        );
    }
}

#[test]
fn a_service_of_others_is_left_alone_and_the_rest_goes_on() {
    let mut fetched = fresh(MeetingZoneSpec::default());
    let service = Service {
        metadata: foreign("berlin-zc", None),
        ..Service::default()
    };
    fetched
        .services
        .insert("berlin-zc".into(), Arc::new(service));
    let plan = planned(&fetched);
    assert_eq!(plan.services.len(), 2);
    assert!(plan.stateful_set.is_some());
    let problem = plan.problems.of(Part::Controllers).unwrap();
    assert!(problem.message.contains("Service berlin-zc"));
    assert_eq!(plan.problems.of(Part::Tunnels), None);
}

#[test]
fn a_tunnel_of_others_stands_in_the_way_of_tunnels_alone() {
    let mut fetched = fresh(MeetingZoneSpec::default());
    let deployment = Deployment {
        metadata: foreign("berlin-ht", None),
        ..Deployment::default()
    };
    fetched.deployment = Some(Arc::new(deployment));
    let plan = planned(&fetched);
    assert!(plan.deployment.is_none() && plan.stateful_set.is_some());
    let problem = plan.problems.of(Part::Tunnels).unwrap();
    assert!(problem.message.contains("Deployment berlin-ht"));
    assert_eq!(plan.problems.of(Part::Controllers), None);
}

#[test]
fn a_child_whose_owner_was_taken_off_is_still_ours_by_its_labels() {
    let mut fetched = settled(MeetingZoneSpec::default());
    for secret in fetched.secrets.values_mut() {
        Arc::make_mut(secret).metadata.owner_references = None;
    }
    let plan = planned(&fetched);
    assert!(plan.certificates.is_ok());
    assert!(!plan.changes_secrets(&fetched), "no key is drawn anew");
}

#[test]
fn the_users_certificate_is_handed_to_the_controllers() {
    let data = given("meet.example.org", now());
    let mut fetched = fresh(with_own_certificate());
    fetched.certificate = Some(named("mine", Some(data.clone())));
    let plan = planned(&fetched);
    let served = public(&plan).unwrap().data.as_ref().unwrap();
    assert_eq!(served["tls.crt"].0, data["tls.crt"]);
    assert_eq!(served["tls.key"].0, data["tls.key"]);
    let until = now() + days(90);
    assert!(plan.certificates.unwrap().contains(&until.to_string()));

    let settled = carried_out(fetched.clone(), &planned(&fetched));
    assert!(!planned(&settled).changes_secrets(&settled));
}

#[test]
fn a_bad_certificate_of_the_users_leaves_the_good_one_in_place() {
    let mut fetched = fresh(with_own_certificate());
    fetched.certificate = Some(named("mine", Some(given("meet.example.org", now()))));
    let mut fetched = carried_out(fetched.clone(), &planned(&fetched));
    fetched.certificate = Some(named("mine", Some(given("other.example.org", now()))));
    let plan = planned(&fetched);
    assert!(public(&plan).is_none());
    assert!(plan.stateful_set.is_some());
    assert_eq!(
        plan.certificates.as_ref().unwrap_err().reason,
        ZoneReason::SecretInvalid
    );
    assert!(secret(&plan, ZoneSecret::Certificate(Role::Router)).is_some());
}

#[test]
fn going_back_to_the_zones_authority_issues_a_certificate() {
    let mut fetched = fresh(with_own_certificate());
    fetched.certificate = Some(named("mine", Some(given("meet.example.org", now()))));
    let mut fetched = carried_out(fetched.clone(), &planned(&fetched));
    fetched.zone = Arc::new(zone(MeetingZoneSpec::default()));
    fetched.certificate = None;
    let plan = planned(&fetched);
    let before = fetched.secrets[&ZoneSecret::Certificate(Role::Public)].as_ref();
    assert_ne!(public(&plan).unwrap().data, before.data);
    let kept = ZoneSecret::Certificate(Role::Router);
    assert_eq!(
        secret(&plan, kept).unwrap(),
        fetched.secrets[&kept].as_ref()
    );
}
