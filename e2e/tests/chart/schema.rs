//! Wrong values are refused, with a message that says where and what.

use crate::monitoring::files;
use crate::render::{chart, try_render};

/// A setting, and what its refusal has to contain.
const WRONG: &[(&str, &[&str])] = &[
    ("operatr.replicas=2", &["operatr", "not allowed"]),
    ("operator.replica=2", &["/operator", "replica"]),
    ("operator.replicas=two", &["/operator/replicas", "integer"]),
    ("operator.replicas=9", &["/operator/replicas", "5"]),
    ("operator.logLevel=loud", &["/operator/logLevel", "loud"]),
    (
        "operator.resources.limits.memory=much",
        &["/operator/resources/limits/memory", "much"],
    ),
    (
        "operator.resources.wishes.cpu=1",
        &["/operator/resources", "wishes"],
    ),
    (
        "operator.tolerations[0].effect=Never",
        &["/operator/tolerations/0/effect", "NoSchedule"],
    ),
    (
        "operator.topologySpreadConstraints[0].maxSkew=1",
        &["/operator/topologySpreadConstraints/0", "topologyKey"],
    ),
    (
        "operator.podLabels.helm\\.sh/chart=x",
        &[
            "operator.podLabels",
            "helm.sh/chart",
            "write a label of yours",
        ],
    ),
    (
        "directory.podLabels.plenum\\.dev/zone=x",
        &[
            "directory.podLabels",
            "plenum.dev/zone",
            "write a label of yours",
        ],
    ),
    (
        "directory.topologySpreadConstraints[0].maxSkew=1",
        &["/directory/topologySpreadConstraints/0", "topologyKey"],
    ),
    (
        "commonLabels.app\\.kubernetes\\.io/name=x",
        &[
            "commonLabels",
            "app.kubernetes.io/name",
            "write a label of yours",
        ],
    ),
    ("commonLabels.team=a b", &["/commonLabels/team", "a b"]),
    (
        "image.pullPolicy=Sometimes",
        &["/image/pullPolicy", "IfNotPresent"],
    ),
    ("image.repository=", &["/image/repository"]),
    (
        "imagePullSecrets[0]=registry",
        &["/imagePullSecrets/0", "object"],
    ),
    (
        "zoneNamespaces={Meetings}",
        &["/zoneNamespaces/0", "Meetings"],
    ),
    (
        "serviceMonitor.interval=often",
        &["/serviceMonitor/interval", "often"],
    ),
    (
        "serviceMonitor.enabled=true,serviceMonitor.interval=41s,prometheusRule.enabled=true",
        &["serviceMonitor.interval is 41s", "write 40s or less"],
    ),
    (
        "serviceMonitor.enabled=true,serviceMonitor.interval=1m,prometheusRule.enabled=true",
        &["serviceMonitor.interval is 1m", "write 40s or less"],
    ),
    (
        "tracing.otlpEndpoint=collector:4317",
        &["/tracing/otlpEndpoint", "http"],
    ),
    (
        "tracing.otlpEndpoint=https://collector:4317",
        &["/tracing/otlpEndpoint", "http"],
    ),
    ("tracing.ratio=2", &["/tracing/ratio", "1"]),
    ("tracing.dataPlane=some", &["/tracing/dataPlane", "boolean"]),
    ("operator.logFormat=xml", &["/operator/logFormat", "json"]),
    ("directory.logFormat=xml", &["/directory/logFormat", "json"]),
    ("dataPlane.logFormat=xml", &["/dataPlane/logFormat", "json"]),
    (
        "networkPolicy.apiServerPorts[0]=70000",
        &["/networkPolicy/apiServerPorts/0", "65"],
    ),
    (
        "networkPolicy.routersFrom[0].ipBlock.cidr=nodes",
        &["/networkPolicy/routersFrom/0/ipBlock/cidr", "nodes"],
    ),
    (
        "networkPolicy.routersFrom[0].cidr=10.0.0.0/8",
        &["/networkPolicy/routersFrom/0", "cidr"],
    ),
    (
        "priorityClasses.media=2000000000",
        &["/priorityClasses/media"],
    ),
    (
        "certManager.certificates[0].secretName=x",
        &["/certManager/certificates/0", "namespace", "dnsNames"],
    ),
    (
        "directory.url=http://meet.example.org",
        &["/directory/url", "https"],
    ),
    (
        "directory.replicaOf.proxy.url=http://ada:secret@proxy:3128",
        &["/directory/replicaOf/proxy/url"],
    ),
    (
        "directory.enabled=true,directory.hostnames={a},directory.replicaOf.proxy.url=http://p:1,\
         directory.replicaOf.proxy.existingSecret=p",
        &["write directory.replicaOf.proxy.url, or .existingSecret"],
    ),
    (
        "directory.service.sessionAffinity=Always",
        &["/directory/service/sessionAffinity", "ClientIP"],
    ),
    (
        "directory.service.type=Ingress",
        &["/directory/service/type", "LoadBalancer"],
    ),
    (
        "directory.enabled=true",
        &["write directory.hostnames, or directory.tls.existingSecret"],
    ),
    (
        "directory.enabled=true,directory.hostnames={a},directory.replicas=2",
        &["write directory.database.existingSecret"],
    ),
];

#[test]
#[ignore = "needs helm: make test-chart"]
fn wrong_values_are_refused_with_a_message() {
    for &(setting, contents) in WRONG {
        let refused = try_render(&chart(), &["--set", setting])
            .err()
            .unwrap_or_else(|| panic!("{setting} was taken"));
        for &content in contents {
            assert!(
                refused.contains(content),
                "{setting}: {content:?} is not in {refused}"
            );
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn scrapes_may_be_as_seldom_as_alerts_allow_and_without_alerts_as_one_likes() {
    let monitor = "serviceMonitor.enabled=true,serviceMonitor.interval";
    for rest in [
        "40s,prometheusRule.enabled=true",
        "500ms,prometheusRule.enabled=true",
        "5m",
    ] {
        let settings = format!("{monitor}={rest}");
        let taken = try_render(&chart(), &["--set", &settings]);
        assert!(taken.is_ok(), "{settings}: {}", taken.unwrap_err());
    }
}

/// Of which the chart's refusal of long intervals speaks.
#[test]
fn no_alert_looks_at_less_than_two_minutes() {
    for (file, text) in files("files/alerts", "yaml") {
        for window in text.split('[').skip(1) {
            let window = window.split([']', ':']).next().unwrap_or_default();
            let minutes = window.strip_suffix('m').and_then(|it| it.parse().ok());
            let enough = window.ends_with('h') || minutes.is_some_and(|it: u32| it >= 2);
            assert!(enough, "{file}: [{window}]");
        }
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn certificates_without_an_issuer_are_refused() {
    let certificate = "certManager.certificates[0]";
    let settings = format!(
        "{certificate}.namespace=m,{certificate}.secretName=s,{certificate}.dnsNames={{a.example.org}}"
    );
    let refused = try_render(&chart(), &["--set", &settings]).expect_err("no issuer");
    assert!(
        refused.contains("write certManager.issuerRef.name"),
        "{refused}"
    );
}
