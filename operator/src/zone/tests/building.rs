//! What a zone consists of.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plenum_crds::{
    Admission, AdmissionMode, Directory, Exposure, ExposureType, PodMetadata, Proxy,
    SecretReference, TrafficPolicy, labels,
};
use proptest::prelude::*;
use serde_json::json;

use super::super::build::{Children, build};
use super::*;

fn built(spec: MeetingZoneSpec) -> Children {
    build(&valid(&fresh(spec)))
}

fn pod(children: &Children) -> PodSpec {
    let set = children.stateful_set.spec.clone().unwrap();
    set.template.spec.unwrap()
}

fn container(children: &Children) -> Container {
    pod(children).containers.remove(0)
}

fn argument<'a>(container: &'a Container, flag: &str) -> Option<&'a str> {
    let arguments = container.args.as_ref().unwrap();
    let at = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(at + 1).map(String::as_str)
}

#[test]
fn controllers_start_with_the_flags_of_the_contract() {
    let container = container(&built(MeetingZoneSpec::default()));
    assert_eq!(container.image.as_deref(), Some(IMAGE));
    assert_eq!(
        container.command.as_ref().unwrap().join(" "),
        "/usr/local/bin/plenum zc"
    );
    assert_eq!(
        container.args.unwrap().join(" "),
        "--zone meetings.berlin --name $(POD_NAME) --listen [::]:8443 --link [::]:9443 \
         --health [::]:8080 --tls /etc/plenum/tls --link-tls /etc/plenum/link \
         --signing-key /etc/plenum/signing-key --admission open"
    );
}

#[test]
fn a_directory_and_a_list_of_meetings_reach_the_controllers() {
    let children = built(MeetingZoneSpec {
        admission: Admission {
            mode: AdmissionMode::Directory,
            meetings: Some(vec!["a".into(), "b".into()]),
            directory_keys_secret: Some(SecretReference {
                name: "keys".into(),
            }),
        },
        ..MeetingZoneSpec::default()
    });
    let container = container(&children);
    assert_eq!(argument(&container, "--admission"), Some("directory"));
    assert_eq!(argument(&container, "--meetings"), Some("a,b"));
    let file = argument(&container, "--directory-keys").unwrap();
    assert_eq!(file, "/etc/plenum/directory/jwks.json");
    let volumes = pod(&children).volumes.unwrap();
    let volume = volumes
        .iter()
        .find(|volume| volume.name == "directory")
        .unwrap();
    assert_eq!(
        volume.secret.as_ref().unwrap().secret_name.as_deref(),
        Some("keys")
    );
}

fn reference(name: &str) -> SecretReference {
    SecretReference { name: name.into() }
}

#[test]
fn controllers_report_to_the_directory_of_the_zone() {
    let mut spec = MeetingZoneSpec {
        directory: Some(Directory {
            url: "https://meet.example.org".into(),
            replica_urls: Vec::new(),
            credential_secret: reference("us"),
            authority_secret: Some(reference("them")),
            proxy: None,
        }),
        ..MeetingZoneSpec::default()
    };
    spec.exposure.hostnames = vec!["a.example.org".into(), "b.example.org".into()];
    spec.tunnels.exposure.hostnames = vec!["c.example.org".into()];
    spec.tunnels.replicas = 1;
    let children = built(spec.clone());
    let zc = container(&children);
    for (flag, value) in [
        ("--directory", "https://meet.example.org"),
        (
            "--directory-credential",
            "/etc/plenum/directory-credential/credential",
        ),
        ("--directory-ca", "/etc/plenum/directory-ca/ca.crt"),
        (
            "--public-urls",
            "https://a.example.org,https://b.example.org",
        ),
        ("--tunnel-urls", "https://c.example.org"),
    ] {
        assert_eq!(argument(&zc, flag), Some(value));
    }
    let mounted = |volume: &str| {
        let volumes = pod(&children).volumes.unwrap();
        let volume = volumes.into_iter().find(|it| it.name == volume).unwrap();
        volume.secret.unwrap().secret_name.unwrap()
    };
    assert_eq!(mounted("directory-credential"), "us");
    assert_eq!(mounted("directory-ca"), "them");

    let directory = spec.directory.as_mut().unwrap();
    directory.replica_urls = vec![
        "https://a.example.net".into(),
        "https://b.example.net".into(),
    ];
    let told = container(&built(spec.clone()));
    assert_eq!(
        argument(&told, "--directory"),
        Some("https://meet.example.org,https://a.example.net,https://b.example.net")
    );

    // Nobody outside reaches a Service without a name for people.
    let mut unreached = spec.clone();
    unreached.tunnels.exposure.hostnames.clear();
    let told = container(&built(unreached));
    assert_eq!(argument(&told, "--tunnel-urls"), None);
    spec.tunnels.replicas = 0;
    assert_eq!(argument(&container(&built(spec)), "--tunnel-urls"), None);
}

#[test]
fn controllers_get_out_by_the_proxy_of_the_directory_and_nobody_else_does() {
    let told = |proxy: Proxy| {
        let mut spec = MeetingZoneSpec::default();
        spec.tunnels.replicas = 1;
        spec.directory = Some(Directory {
            url: "https://meet.example.org".into(),
            replica_urls: Vec::new(),
            credential_secret: reference("us"),
            authority_secret: None,
            proxy: Some(proxy),
        });
        let children = built(spec);
        let tunnels = serde_json::to_string(&children.deployment).unwrap();
        assert!(!tunnels.contains("PROXY"), "{tunnels}");
        let mut environment = container(&children).env.unwrap();
        environment.retain(|variable| variable.name.ends_with("PROXY"));
        serde_json::to_value(environment).unwrap()
    };
    let open = told(Proxy {
        url: Some("http://proxy.example.org:3128".into()),
        no_proxy: vec!["site.example.org".into(), "10.0.0.0/8".into()],
        ..Proxy::default()
    });
    let expected = json!([
        { "name": "HTTPS_PROXY", "value": "http://proxy.example.org:3128" },
        { "name": "NO_PROXY", "value": "site.example.org,10.0.0.0/8" },
    ]);
    assert_eq!(open, expected);
    // A password is in no pod.
    let closed = told(Proxy {
        url_secret: Some(reference("proxy")),
        ..Proxy::default()
    });
    let secret = json!({ "secretKeyRef": { "name": "proxy", "key": "url" } });
    let expected = json!([{ "name": "HTTPS_PROXY", "valueFrom": secret }]);
    assert_eq!(closed, expected);
}

#[test]
fn tunnels_start_with_the_flags_of_the_contract() {
    let mut spec = MeetingZoneSpec::default();
    spec.tunnels.replicas = 3;
    let children = built(spec);
    let public = argument(&container(&children), "--public-urls").map(str::to_owned);
    assert_eq!(public.as_deref(), Some("https://berlin-zc.meetings.svc"));
    let deployment = children.deployment;
    assert_eq!(deployment.metadata.name.as_deref(), Some("berlin-ht"));
    let spec = deployment.spec.unwrap();
    assert_eq!(spec.replicas, Some(3));
    let container = spec.template.spec.unwrap().containers.remove(0);
    assert_eq!(
        container.command.unwrap().join(" "),
        "/usr/local/bin/plenum ht"
    );
    assert_eq!(
        container.args.unwrap().join(" "),
        "--zone meetings.berlin --name $(POD_NAME) --listen [::]:8443 --health [::]:8080 \
         --tls /etc/plenum/tls --link-tls /etc/plenum/link \
         --controllers berlin-zc-link.meetings.svc:9443 --admission open"
    );
}

#[test]
fn tunnels_carry_as_much_as_the_spec_allows() {
    let mut spec = MeetingZoneSpec::default();
    spec.tunnels.connections = Some(16_000);
    spec.tunnels.connections_per_network = Some(9_000);
    spec.tunnels.rate_mbps = Some(2_400);
    let deployment = built(spec).deployment.spec.unwrap();
    let tunnel = deployment.template.spec.unwrap().containers.remove(0);
    for (flag, value) in [
        ("--connections", "16000"),
        ("--connections-per-network", "9000"),
        ("--rate", "2400"),
    ] {
        assert_eq!(argument(&tunnel, flag), Some(value));
    }
}

#[test]
fn no_service_selects_the_pods_of_another_part() {
    let children = built(MeetingZoneSpec::default());
    let [clients, link, tunnels] = children
        .services
        .map(|service| service.spec.unwrap().selector.unwrap());
    let set = children.stateful_set.spec.unwrap().selector.match_labels;
    let deployment = children.deployment.spec.unwrap().selector.match_labels;
    assert_eq!(set.as_ref(), Some(&clients));
    assert_eq!(clients, link);
    assert_eq!(deployment.as_ref(), Some(&tunnels));
    assert_ne!(clients, tunnels);
}

#[test]
fn a_pod_can_do_no_more_than_it_must() {
    let children = built(MeetingZoneSpec::default());
    let pod = pod(&children);
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.service_account_name, None);
    assert_eq!(pod.termination_grace_period_seconds, Some(15));
    let context = pod.security_context.unwrap();
    assert_eq!(
        (context.run_as_non_root, context.run_as_user),
        (Some(true), Some(65532))
    );
    assert_eq!(context.seccomp_profile.unwrap().type_, "RuntimeDefault");
    let context = container(&children).security_context.unwrap();
    assert_eq!(context.allow_privilege_escalation, Some(false));
    assert_eq!(context.read_only_root_filesystem, Some(true));
    assert_eq!(context.capabilities.unwrap().drop, Some(vec!["ALL".into()]));
}

#[test]
fn renewed_secrets_reach_the_pods_without_a_restart() {
    let fetched = settled(MeetingZoneSpec::default());
    let template = |at: Timestamp| {
        let zone = validate(&fetched, &image(), at).unwrap();
        let plan = plan(&zone, &fetched, at);
        assert_eq!(plan.changes_secrets(&fetched), at > now() + days(1));
        plan.stateful_set.unwrap().spec.unwrap().template
    };
    assert_eq!(template(now()), template(now() + days(70)));
    let container = container(&built(MeetingZoneSpec::default()));
    for mount in container.volume_mounts.unwrap() {
        assert_eq!(mount.sub_path, None, "the kubelet does not renew sub-paths");
    }
}

#[test]
fn pods_name_the_pull_secrets_of_the_operator_and_no_empty_list() {
    assert_eq!(
        pod(&built(MeetingZoneSpec::default())).image_pull_secrets,
        None
    );
    let fetched = fresh(MeetingZoneSpec::default());
    let image = Image {
        pull_secrets: vec!["registry".into()],
        ..image()
    };
    let children = build(&validate(&fetched, &image, now()).unwrap());
    let secrets = pod(&children).image_pull_secrets.unwrap();
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].name, "registry");
}

#[test]
fn controllers_and_tunnels_are_told_where_traces_go() {
    let fetched = fresh(MeetingZoneSpec::default());
    let image = Image {
        environment: vec!["OTEL_EXPORTER_OTLP_ENDPOINT=http://a:4317".parse().unwrap()],
        ..image()
    };
    let children = build(&validate(&fetched, &image, now()).unwrap());
    let environment = pod(&children).containers[0].env.clone().unwrap();
    let names: Vec<&str> = environment.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["POD_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let tunnels = serde_json::to_string(&children.deployment).unwrap();
    assert!(tunnels.contains("http://a:4317"), "{tunnels}");
}

#[test]
fn no_version_of_the_operator_stands_in_the_template() {
    let set = built(MeetingZoneSpec::default()).stateful_set;
    let text = serde_json::to_string(&set).unwrap();
    assert!(!text.contains(env!("CARGO_PKG_VERSION")), "{text}");
}

#[test]
fn controllers_start_at_once_and_stay_apart() {
    let children = built(MeetingZoneSpec::default());
    let set = children.stateful_set.spec.clone().unwrap();
    assert_eq!(set.pod_management_policy.as_deref(), Some("Parallel"));
    assert_eq!(set.service_name.as_deref(), Some("berlin-zc-link"));
    assert_eq!(set.replicas, Some(2));
    let anti = pod(&children).affinity.unwrap().pod_anti_affinity.unwrap();
    assert_eq!(
        anti.required_during_scheduling_ignored_during_execution,
        None
    );
    let budget = children.budgets[0].spec.clone().unwrap();
    assert_eq!(budget.selector.unwrap(), set.selector);
    let labels = set.template.metadata.unwrap().labels.unwrap();
    for (key, value) in set.selector.match_labels.unwrap() {
        assert_eq!(labels.get(&key), Some(&value));
    }
}

#[test]
fn controllers_are_replaced_one_by_one_and_the_next_goes_when_the_last_has_settled() {
    let set = built(MeetingZoneSpec::default()).stateful_set.spec.unwrap();
    let strategy = set.update_strategy.unwrap();
    assert_eq!(strategy.type_.as_deref(), Some("RollingUpdate"));
    assert_eq!(
        strategy.rolling_update, None,
        "its default is one at a time"
    );
    assert_eq!(set.min_ready_seconds, Some(5));
}

#[test]
fn routers_find_each_controller_before_it_is_ready() {
    let [_, service, _] = built(MeetingZoneSpec::default()).services;
    assert_eq!(service.metadata.name.as_deref(), Some("berlin-zc-link"));
    let spec = service.spec.unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("None"));
    assert_eq!(spec.publish_not_ready_addresses, Some(true));
    assert_eq!(spec.ports.unwrap()[0].port, 9443);
}

#[test]
fn exposure_shapes_the_service_for_clients() {
    let [service, ..] = built(MeetingZoneSpec {
        exposure: Exposure {
            type_: ExposureType::NodePort,
            port: 8444,
            node_port: Some(30443),
            annotations: BTreeMap::from([("cloud".into(), "big".into())]),
            ..Exposure::default()
        },
        ..MeetingZoneSpec::default()
    })
    .services;
    assert_eq!(service.metadata.annotations.unwrap()["cloud"], "big");
    let spec = service.spec.unwrap();
    assert_eq!(spec.type_.as_deref(), Some("NodePort"));
    let port = spec.ports.unwrap().remove(0);
    assert_eq!((port.port, port.node_port), (8444, Some(30443)));
}

#[test]
fn controllers_and_tunnels_see_who_comes_from_outside_where_that_is_asked_for() {
    let policies = |type_, external_traffic_policy| {
        let exposure = Exposure {
            type_,
            external_traffic_policy,
            ..Exposure::default()
        };
        let mut spec = MeetingZoneSpec::default();
        spec.tunnels.exposure = exposure.clone();
        spec.exposure = exposure;
        let policies = built(spec)
            .services
            .map(|service| service.spec.unwrap().external_traffic_policy);
        let [controllers, link, tunnels] = policies;
        assert_eq!(link, None);
        assert_eq!(controllers, tunnels);
        controllers
    };
    for type_ in [ExposureType::LoadBalancer, ExposureType::NodePort] {
        let asked = Some(TrafficPolicy::Local);
        assert_eq!(policies(type_, asked).as_deref(), Some("Local"));
        // What runs stays as it is: a load balancer takes its time to see where a pod went.
        assert_eq!(policies(type_, None), None);
    }
    // The API server refuses a Service of this type that says anything.
    assert_eq!(policies(ExposureType::ClusterIp, None), None);
}

#[test]
fn what_people_write_on_pods_stands_beside_what_the_operator_does() {
    let theirs = |key: &str| {
        let pairs = [(key, "meetings"), (labels::APP_NAME, "stolen")];
        let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Some(PodMetadata {
            labels: owned.into(),
            annotations: [("scrape".to_owned(), key.to_owned())].into(),
        })
    };
    let mut spec = MeetingZoneSpec::default();
    spec.controllers.pod_metadata = theirs("of-controllers");
    spec.tunnels.pod_metadata = theirs("of-tunnels");
    let children = built(spec);
    let metadata = |template: PodTemplateSpec| template.metadata.unwrap();
    let controllers = metadata(children.stateful_set.spec.unwrap().template);
    let tunnels = metadata(children.deployment.spec.unwrap().template);
    for (pods, key) in [(controllers, "of-controllers"), (tunnels, "of-tunnels")] {
        let written = pods.labels.unwrap();
        assert_eq!(written[key], "meetings");
        assert_eq!(written[labels::APP_NAME], labels::APPLICATION);
        assert_eq!(pods.annotations.unwrap()["scrape"], key);
    }
    let plain = built(MeetingZoneSpec::default()).stateful_set.spec.unwrap();
    assert_eq!(metadata(plain.template).annotations, None);
}

#[test]
fn everything_goes_with_the_zone() {
    let children = built(MeetingZoneSpec::default());
    let plan = planned(&fresh(MeetingZoneSpec::default()));
    let check = |meta: &ObjectMeta| {
        let owner = &meta.owner_references.as_ref().unwrap()[0];
        assert_eq!((owner.uid.as_str(), owner.controller), ("1234", Some(true)));
        assert_eq!(meta.namespace.as_deref(), Some("meetings"));
        assert_eq!(meta.labels.as_ref().unwrap()["plenum.dev/zone"], "berlin");
    };
    check(&children.stateful_set.metadata);
    check(&children.deployment.metadata);
    for service in &children.services {
        check(&service.metadata);
    }
    for budget in &children.budgets {
        check(&budget.metadata);
    }
    assert_eq!(plan.secrets.len(), ZoneSecret::ALL.len());
    for (_, secret) in &plan.secrets {
        check(&secret.metadata);
    }
}

proptest! {
    #[test]
    fn the_same_zone_gives_the_same_objects(
        replicas in 1..6u32,
        port in 1..=u16::MAX,
        hostnames in prop::collection::vec("[a-z]{1,8}\\.example", 0..4),
        annotations in prop::collection::btree_map("[a-z]{1,6}", "[a-z]{0,6}", 0..4),
        selector in prop::option::of(prop::collection::btree_map("[a-z]{1,6}", "[a-z]{1,6}", 0..4)),
        tolerated in prop::option::of("[a-z]{1,6}"),
    ) {
        let mut spec = MeetingZoneSpec::default();
        spec.controllers.replicas = replicas;
        spec.controllers.node_selector = selector;
        spec.controllers.tolerations = tolerated.map(|key| vec![Toleration {
            key: Some(key),
            ..Toleration::default()
        }]);
        spec.exposure.port = port;
        spec.exposure.hostnames = hostnames;
        spec.exposure.annotations = annotations;
        let text = |spec: MeetingZoneSpec| {
            let children = built(spec);
            [
                serde_json::to_string(&children.stateful_set).unwrap(),
                serde_json::to_string(&children.deployment).unwrap(),
                serde_json::to_string(&children.services).unwrap(),
                serde_json::to_string(&children.budgets).unwrap(),
            ]
        };
        prop_assert_eq!(text(spec.clone()), text(spec));
    }
}
