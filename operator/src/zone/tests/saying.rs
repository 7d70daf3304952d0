//! What the zone says of itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use plenum_crds::conditions::ZoneReason;
use plenum_crds::{ExposureType, MeetingZoneStatus};

use super::super::apply::Applied;
use super::super::children::Part;
use super::super::deletion::Deletion;
use super::super::problems::{Problem, Problems};
use super::super::status::{Outcome, status};
use super::super::url::urls;
use super::super::validate::intent;
use super::*;

fn said(fetched: &Fetched, applied: &Applied, deletion: &Deletion) -> MeetingZoneStatus {
    let plan = planned(fetched);
    let outcome = Outcome {
        planned: Ok((&plan, applied)),
        intent: intent(fetched),
        deletion,
    };
    status(fetched, &outcome, now())
}

pub(super) fn simply(fetched: &Fetched) -> MeetingZoneStatus {
    said(fetched, &Applied::default(), &Deletion::None)
}

fn condition<'a>(status: &'a MeetingZoneStatus, type_: &str) -> &'a Condition {
    status.conditions.iter().find(|c| c.type_ == type_).unwrap()
}

fn brief(status: &MeetingZoneStatus, type_: &str) -> String {
    let condition = condition(status, type_);
    format!("{} {}", condition.status, condition.reason)
}

#[test]
fn a_zone_without_pools_is_ready_and_says_so() {
    let status = simply(&settled(MeetingZoneSpec::default()));
    assert_eq!(brief(&status, "Ready"), "True Serving");
    let ready = condition(&status, "Ready");
    assert_eq!(
        ready.message,
        "2 of 2 zone controllers answer; no pool yet."
    );
    assert_eq!(ready.observed_generation, Some(3));
    assert_eq!(
        brief(&status, "CertificatesReady"),
        "True CertificatesIssued"
    );
    assert_eq!(
        brief(&status, "ControllersReady"),
        "True ControllersServing"
    );
    assert_eq!(brief(&status, "RoutersAccepting"), "False NoPool");
    assert_eq!(
        (status.controllers.desired, status.controllers.ready),
        (2, 2)
    );
}

#[test]
fn one_controller_is_enough_and_none_is_not() {
    let mut fetched = settled(MeetingZoneSpec::default());
    let set = fetched.stateful_set.as_deref().unwrap().clone();
    fetched.stateful_set = Some(Arc::new(running(set.clone(), 1)));
    let status = simply(&fetched);
    assert_eq!(brief(&status, "Ready"), "True Serving");
    assert_eq!(
        brief(&status, "ControllersReady"),
        "True ControllersStarting"
    );
    assert!(condition(&status, "Ready").message.contains("1 of 2"));

    fetched.stateful_set = Some(Arc::new(running(set.clone(), 0)));
    let status = simply(&fetched);
    assert_eq!(brief(&status, "Ready"), "False ControllersUnavailable");

    let mut rolling = running(set, 1);
    rolling.status.as_mut().unwrap().update_revision = Some("b".into());
    fetched.stateful_set = Some(Arc::new(rolling));
    let status = simply(&fetched);
    assert_eq!(brief(&status, "Ready"), "True Serving");
    assert_eq!(
        brief(&status, "ControllersReady"),
        "False ControllersStarting"
    );
}

#[test]
fn pools_are_summed() {
    let mut fetched = settled(MeetingZoneSpec::default());
    let routers = |desired, accepting| Routers {
        desired,
        active: desired,
        accepting,
        draining: 1,
    };
    let people = |in_use, capacity| Participants { in_use, capacity };
    fetched.pools = vec![
        pool("a", routers(3, 2), people(100, 400)),
        pool("b", routers(1, 1), people(7, 200)),
        Arc::new(MMRPool::new(
            "new",
            MMRPoolSpec::new("berlin", [("a", "b")]),
        )),
    ];
    let status = simply(&fetched);
    assert_eq!(
        status.routers,
        Routers {
            draining: 2,
            ..routers(4, 3)
        }
    );
    assert_eq!(status.participants, people(107, 600));
    assert_eq!(brief(&status, "RoutersAccepting"), "True RoutersAccepting");

    fetched.pools = vec![pool("a", routers(3, 0), people(0, 0))];
    let status = simply(&fetched);
    assert_eq!(
        brief(&status, "RoutersAccepting"),
        "False NoRouterAccepting"
    );
    assert_eq!(brief(&status, "Ready"), "True Serving");
}

#[test]
fn a_refusal_of_the_api_server_is_told_in_its_words() {
    let fetched = settled(MeetingZoneSpec::default());
    let applied = refusing(Part::Controllers, "port 30443 is taken");
    let status = said(&fetched, &applied, &Deletion::None);
    assert_eq!(brief(&status, "Ready"), "False ApplyRefused");
    assert_eq!(
        condition(&status, "ControllersReady").message,
        "port 30443 is taken"
    );
    assert_eq!(
        brief(&status, "CertificatesReady"),
        "True CertificatesIssued"
    );
}

/// The API server refused a child of this part.
fn refusing(part: Part, sentence: &str) -> Applied {
    let mut refused = Problems::default();
    refused.note(part, Problem::new(ZoneReason::ApplyRefused, sentence));
    Applied {
        refused,
        ..Applied::default()
    }
}

/// Two tunnels on a port of the nodes.
fn with_tunnels() -> MeetingZoneSpec {
    let mut spec = MeetingZoneSpec::default();
    spec.tunnels.replicas = 2;
    spec.tunnels.exposure.type_ = ExposureType::NodePort;
    spec.tunnels.exposure.node_port = Some(30454);
    spec.tunnels.exposure.hostnames = vec!["tunnel.example.org".into()];
    spec
}

#[test]
fn a_refused_tunnel_is_told_of_the_tunnels_and_the_zone_stays_ready() {
    let applied = refusing(Part::Tunnels, "exceeded quota: services");
    let status = said(&settled(with_tunnels()), &applied, &Deletion::None);
    assert_eq!(brief(&status, "TunnelsReady"), "False ApplyRefused");
    let told = &condition(&status, "TunnelsReady").message;
    assert_eq!(told, "exceeded quota: services");
    assert_eq!(brief(&status, "Ready"), "True Serving");
    let controllers = brief(&status, "ControllersReady");
    assert_eq!(controllers, "True ControllersServing");
    // Where there are to be none, none are missed.
    let without = settled(MeetingZoneSpec::default());
    let status = said(&without, &applied, &Deletion::None);
    assert_eq!(brief(&status, "TunnelsReady"), "True NoTunnels");
}

#[test]
fn tunnels_that_nobody_outside_reaches_are_told_as_such() {
    let status = simply(&settled(with_tunnels()));
    assert_eq!(brief(&status, "TunnelsReady"), "True TunnelsStarting");
    let url = status.tunnel_url.as_deref();
    assert_eq!(url, Some("https://tunnel.example.org:30454"));
    for (type_, words) in [
        (ExposureType::ClusterIp, "NodePort or LoadBalancer"),
        (ExposureType::NodePort, "exposure.hostnames"),
        (ExposureType::LoadBalancer, "no address yet"),
    ] {
        let mut spec = with_tunnels();
        spec.tunnels.exposure.type_ = type_;
        spec.tunnels.exposure.hostnames.clear();
        let status = simply(&settled(spec));
        assert_eq!(brief(&status, "TunnelsReady"), "False TunnelsUnreachable");
        let told = &condition(&status, "TunnelsReady").message;
        assert!(told.contains(words), "{told}");
        assert_eq!(status.tunnel_url, None);
        assert_eq!(brief(&status, "Ready"), "True Serving");
    }
}

#[test]
fn a_bad_certificate_is_told_while_the_controllers_serve() {
    let mut fetched = settled(MeetingZoneSpec::default());
    fetched.zone = Arc::new(zone(with_own_certificate()));
    fetched.certificate = Some(named("mine", None));
    let status = simply(&fetched);
    assert_eq!(brief(&status, "Ready"), "False SecretNotFound");
    assert_eq!(brief(&status, "CertificatesReady"), "False SecretNotFound");
    assert_eq!(
        brief(&status, "ControllersReady"),
        "True ControllersServing"
    );
}

#[test]
fn a_deletion_says_what_it_waits_for() {
    let fetched = settled(MeetingZoneSpec::default());
    let waiting = Deletion::Waiting {
        pools: vec!["east".into(), "west".into()],
        until: now(),
    };
    let status = said(&fetched, &Applied::default(), &waiting);
    assert_eq!(brief(&status, "Ready"), "False Deleting");
    assert!(condition(&status, "Ready").message.contains("east, west"));
}

#[test]
fn a_paused_zone_says_so_and_still_tells_whether_it_serves() {
    let mut fetched = settled(MeetingZoneSpec::default());
    let mut paused = fetched.zone.as_ref().clone();
    paused.metadata.annotations = Some(BTreeMap::from([("plenum.dev/paused".into(), "x".into())]));
    fetched.zone = Arc::new(paused);
    assert_eq!(brief(&simply(&fetched), "Ready"), "True Paused");
}

#[test]
fn nothing_changed_gives_the_same_status() {
    let mut fetched = settled(MeetingZoneSpec::default());
    let first = simply(&fetched);
    let mut zone = fetched.zone.as_ref().clone();
    zone.status = Some(first.clone());
    fetched.zone = Arc::new(zone);
    let plan = planned(&fetched);
    let outcome = Outcome {
        planned: Ok((&plan, &Applied::default())),
        intent: intent(&fetched),
        deletion: &Deletion::None,
    };
    let later = now() + SignedDuration::from_mins(7);
    assert_eq!(status(&fetched, &outcome, later), first);
}

#[test]
fn an_invalid_spec_is_told_by_every_condition_it_concerns() {
    let fetched = fresh(MeetingZoneSpec::default());
    let problem = validate(&fetched, &Image::default(), now()).unwrap_err();
    let outcome = Outcome {
        planned: Err(&problem),
        intent: intent(&fetched),
        deletion: &Deletion::None,
    };
    let status = status(&fetched, &outcome, now());
    for type_ in ["Ready", "CertificatesReady", "ControllersReady"] {
        assert_eq!(brief(&status, type_), "False InvalidSpec");
    }
}

fn url(fetched: &Fetched) -> String {
    urls(fetched, Part::Controllers).remove(0)
}

#[test]
fn the_url_is_the_one_that_clients_reach() {
    let mut spec = MeetingZoneSpec::default();
    assert_eq!(url(&fresh(spec.clone())), "https://berlin-zc.meetings.svc");

    spec.exposure.hostnames = vec!["meet.example.org".into(), "192.0.2.1".into()];
    assert_eq!(url(&fresh(spec.clone())), "https://meet.example.org");
    spec.exposure.type_ = ExposureType::NodePort;
    let mut fetched = settled(spec.clone());
    let service = Arc::make_mut(fetched.services.get_mut("berlin-zc").unwrap());
    service.spec.as_mut().unwrap().ports.as_mut().unwrap()[0].node_port = Some(31234);
    assert_eq!(url(&fetched), "https://meet.example.org:31234");
    spec.exposure.node_port = Some(30443);
    assert_eq!(url(&fresh(spec.clone())), "https://meet.example.org:30443");

    spec.exposure.hostnames = vec!["2001:db8::1".into()];
    assert_eq!(url(&fresh(spec.clone())), "https://[2001:db8::1]:30443");

    spec.exposure.hostnames.clear();
    spec.exposure.type_ = ExposureType::LoadBalancer;
    let mut fetched = fresh(spec);
    balanced(
        &mut fetched,
        &[LoadBalancerIngress {
            ip: Some("192.0.2.9".into()),
            ..LoadBalancerIngress::default()
        }],
    );
    assert_eq!(url(&fetched), "https://192.0.2.9");
}
