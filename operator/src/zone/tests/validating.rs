//! What cannot be built is refused with what to write instead.

use plenum_crds::conditions::ZoneReason;
use plenum_crds::{Admission, AdmissionMode, Directory, ExposureType, SecretReference};

use super::super::children::Part;
use super::super::problems::Problem;
use super::super::validate::{PublicCertificate, intent};
use super::*;

fn refused(public: PublicCertificate) -> Problem {
    match public {
        PublicCertificate::Refused(problem) => problem,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn without_any_image_nothing_is_built() {
    let problem =
        validate(&fresh(MeetingZoneSpec::default()), &Image::default(), now()).unwrap_err();
    assert_eq!(problem.reason, ZoneReason::InvalidSpec);
    assert!(problem.message.contains("spec.controllers.image"));
}

#[test]
fn an_image_of_the_zone_is_preferred() {
    let mut spec = MeetingZoneSpec::default();
    spec.controllers.image = Some("mine:1".into());
    assert_eq!(valid(&fresh(spec)).image.name, "mine:1");
}

#[test]
fn a_certificate_of_the_users_is_taken_or_refused_with_its_reason() {
    let mut fetched = fresh(with_own_certificate());
    fetched.certificate = Some(named("mine", Some(given("meet.example.org", now()))));
    assert!(matches!(
        valid(&fetched).public,
        PublicCertificate::Provided(_)
    ));

    let cases = [
        (None, ZoneReason::SecretNotFound, "no Secret mine"),
        (Some(BTreeMap::new()), ZoneReason::SecretInvalid, "tls.crt"),
        (
            Some(given("other.example.org", now())),
            ZoneReason::SecretInvalid,
            "meet.example.org",
        ),
        (
            Some(given("meet.example.org", now() - days(91))),
            ZoneReason::CertificateExpired,
            "ran out",
        ),
    ];
    for (data, reason, words) in cases {
        fetched.certificate = Some(named("mine", data));
        let problem = refused(valid(&fetched).public);
        assert_eq!(problem.reason, reason);
        assert!(problem.message.contains(words), "{}", problem.message);
    }
}

#[test]
fn a_name_that_a_certificate_does_not_cover_is_said_with_where_it_is_written() {
    let certificate = named("mine", Some(given("meet.example.org", now())));
    let with = |change: fn(&mut MeetingZoneSpec)| {
        let mut spec = with_own_certificate();
        change(&mut spec);
        let mut fetched = fresh(spec);
        fetched.certificate = Some(certificate.clone());
        valid(&fetched).public
    };
    let problem = refused(with(|spec| {
        spec.exposure.hostnames.push("b.example.org".into());
    }));
    let words = "b.example.org, which is in spec.exposure.hostnames;";
    assert!(problem.message.contains(words), "{}", problem.message);

    let problem = refused(with(|spec| {
        spec.tunnels.replicas = 1;
        spec.tunnels.exposure.hostnames = vec!["tunnel.example.org".into()];
    }));
    let words = "tunnel.example.org, which is in spec.tunnels.exposure.hostnames;";
    assert!(problem.message.contains(words), "{}", problem.message);

    let nobody_asks = with(|spec| {
        spec.tunnels.replicas = 0;
        spec.tunnels.exposure.hostnames = vec!["tunnel.example.org".into()];
    });
    assert!(matches!(nobody_asks, PublicCertificate::Provided(_)));
}

#[test]
fn the_directorys_keys_are_looked_at_before_controllers_get_them() {
    let mut fetched = fresh(MeetingZoneSpec {
        admission: Admission {
            mode: AdmissionMode::Directory,
            meetings: None,
            directory_keys_secret: Some(SecretReference {
                name: "keys".into(),
            }),
        },
        ..MeetingZoneSpec::default()
    });
    let jwks = |text: &str| Some(BTreeMap::from([("jwks.json".into(), text.into())]));
    fetched.directory_keys = Some(named("keys", jwks(r#"{"keys":[{"kty":"OKP"}]}"#)));
    assert_eq!(valid(&fetched).directory, Ok(()));
    for (data, words) in [
        (None, "no Secret keys"),
        (Some(BTreeMap::new()), "no jwks.json"),
        (jwks("hello"), "no JWKS"),
        (jwks("[]"), "no JWKS"),
        (jwks(r#"{"keys":[]}"#), "holds no key"),
    ] {
        fetched.directory_keys = Some(named("keys", data));
        let problem = valid(&fetched).directory.unwrap_err();
        assert!(problem.message.contains(words), "{}", problem.message);
        let plan = planned(&fetched);
        assert!(plan.stateful_set.is_none(), "what runs goes on as it is");
        for part in [Part::Controllers, Part::Tunnels] {
            assert_eq!(plan.problems.of(part), Some(&problem));
        }
    }
}

#[test]
fn what_proves_the_zone_to_its_directory_has_to_be_there() {
    let mut fetched = fresh(MeetingZoneSpec {
        directory: Some(Directory {
            replica_urls: Vec::new(),
            url: "https://meet.example.org".into(),
            credential_secret: SecretReference { name: "us".into() },
            authority_secret: Some(SecretReference {
                name: "them".into(),
            }),
            proxy: None,
        }),
        ..MeetingZoneSpec::default()
    });
    let holding = |key: &str, value: &str| Some(BTreeMap::from([(key.into(), value.into())]));
    let credential = holding("credential", "plz_1234");
    for (us, them, words) in [
        (None, None, "no Secret us"),
        (holding("token", "plz_1234"), None, "has no credential"),
        (holding("credential", " \n"), None, "has no credential"),
        (credential.clone(), None, "no Secret them"),
        (credential.clone(), holding("tls.crt", "x"), "has no ca.crt"),
    ] {
        fetched.directory_credential = Some(named("us", us));
        fetched.directory_authority = Some(named("them", them));
        let problem = valid(&fetched).directory.unwrap_err();
        assert!(problem.message.contains(words), "{}", problem.message);
        let plan = planned(&fetched);
        assert!(plan.stateful_set.is_none(), "what runs goes on as it is");
    }
    fetched.directory_credential = Some(named("us", credential));
    fetched.directory_authority = Some(named("them", holding("ca.crt", "a certificate")));
    assert_eq!(valid(&fetched).directory, Ok(()));
    fetched.directory_proxy = Some(named("proxy", holding("password", "x")));
    let problem = valid(&fetched).directory.unwrap_err();
    assert!(
        problem.message.contains("has no url"),
        "{}",
        problem.message
    );
    fetched.directory_proxy = Some(named("proxy", holding("url", "http://u:p@proxy:3128")));
    assert_eq!(valid(&fetched).directory, Ok(()));
}

#[test]
fn the_certificate_covers_what_the_load_balancer_is_called() {
    let mut spec = MeetingZoneSpec::default();
    spec.exposure.type_ = ExposureType::LoadBalancer;
    let mut fetched = fresh(spec);
    let entries = [
        LoadBalancerIngress {
            ip: Some("192.0.2.9".into()),
            ..LoadBalancerIngress::default()
        },
        LoadBalancerIngress {
            hostname: Some("not a name".into()),
            ..LoadBalancerIngress::default()
        },
    ];
    balanced(&mut fetched, &entries);
    assert_eq!(valid(&fetched).names.hostnames, ["192.0.2.9"]);
}

#[test]
fn a_deletion_ends_when_the_spec_says() {
    let mut fetched = fresh(MeetingZoneSpec {
        drain_deadline_seconds: 60,
        ..MeetingZoneSpec::default()
    });
    assert_eq!(intent(&fetched).ends, None);
    let mut zone = fetched.zone.as_ref().clone();
    zone.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    zone.metadata.annotations = Some(BTreeMap::from([(
        "plenum.dev/paused".into(),
        String::new(),
    )]));
    fetched.zone = Arc::new(zone);
    let intent = intent(&fetched);
    assert_eq!(intent.ends, Some(now() + SignedDuration::from_secs(60)));
    assert!(intent.paused);
}
