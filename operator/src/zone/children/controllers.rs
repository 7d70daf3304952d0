//! The zone controllers.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};
use plenum_crds::{AdmissionMode, Directory};

use super::mount::Mount;
use super::pod::{HEALTH_PORT, POD_NAME, Pods};
use super::services::{HTTPS_PORT, LINK_PORT};
use super::{Part, metadata, selector};
use crate::pki::leaf::Role;
use crate::zone::names::{self, ZoneSecret};
use crate::zone::validate::{PROXY_URL, ValidZone};

/// Enough for the joins in flight; media does not pass here.
const GRACE_SECONDS: i64 = 15;

/// From "ready" to the end of the next one, in an upgrade: by then this one has heard every
/// router, and not only the first, and every kube-proxy sends clients to it.
const SETTLES_SECONDS: i32 = 5;

const SIGNING_KEY: &str = "/etc/plenum/signing-key";

/// The controllers of the zone.
#[must_use]
pub fn controllers(zone: &ValidZone) -> StatefulSet {
    let part = Part::Controllers;
    StatefulSet {
        metadata: metadata(zone, part, part.name(zone)),
        spec: Some(StatefulSetSpec {
            replicas: i32::try_from(zone.spec.controllers.replicas).ok(),
            service_name: Some(names::link_service(&zone.names.name)),
            // They do not know each other, so nobody has to wait for anybody.
            pod_management_policy: Some("Parallel".to_owned()),
            // Changes come one by one all the same, the next when the last is ready.
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            min_ready_seconds: Some(SETTLES_SECONDS),
            revision_history_limit: Some(3),
            selector: selector(zone, part),
            template: pods(zone).template(zone),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn pods(zone: &ValidZone) -> Pods {
    let controllers = zone.spec.controllers.clone();
    Pods {
        part: Part::Controllers,
        role: "zc",
        arguments: arguments(zone),
        ports: vec![("https", HTTPS_PORT), ("link", LINK_PORT)],
        environment: proxy(zone),
        mounts: mounts(zone),
        grace_seconds: GRACE_SECONDS,
        resources: controllers.resources,
        node_selector: controllers.node_selector,
        tolerations: controllers.tolerations,
        priority_class_name: controllers.priority_class_name,
        metadata: controllers.pod_metadata,
    }
}

fn arguments(zone: &ValidZone) -> Vec<String> {
    let pairs = [
        ("--zone", zone.names.qualified()),
        ("--name", format!("$({POD_NAME})")),
        ("--listen", format!("[::]:{HTTPS_PORT}")),
        ("--link", format!("[::]:{LINK_PORT}")),
        ("--health", format!("[::]:{HEALTH_PORT}")),
        ("--tls", Mount::TLS.to_owned()),
        ("--link-tls", Mount::LINK_TLS.to_owned()),
        ("--signing-key", SIGNING_KEY.to_owned()),
    ];
    let mut arguments: Vec<String> = pairs
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
    arguments.extend(admission(zone));
    if let Some(meetings) = &zone.spec.admission.meetings {
        arguments.extend(["--meetings".to_owned(), meetings.join(",")]);
    }
    arguments.extend(directory_keys(zone));
    arguments.extend(outward(zone));
    arguments
}

/// Who may join: the same for controllers and tunnels.
pub fn admission(zone: &ValidZone) -> [String; 2] {
    let mode = match zone.spec.admission.mode {
        AdmissionMode::Open => "open",
        AdmissionMode::Directory => "directory",
    };
    ["--admission".to_owned(), mode.to_owned()]
}

/// By whose keys: the same for controllers and tunnels.
pub fn directory_keys(zone: &ValidZone) -> Vec<String> {
    match zone.spec.admission.directory_keys_secret {
        Some(_) => vec!["--directory-keys".to_owned(), Mount::directory_keys_file()],
        None => Vec::new(),
    }
}

/// Where clients reach the zone, for its tunnels, and what the directory is told. A zone with
/// neither starts its controllers as it always did: their image may be an older one.
fn outward(zone: &ValidZone) -> Vec<String> {
    if !zone.tells_urls() {
        return Vec::new();
    }
    let mut pairs = vec![("--public-urls", zone.urls.join(","))];
    if let Some(directory) = &zone.spec.directory {
        pairs.push(("--directory", directories(directory)));
        pairs.push(("--directory-credential", Mount::credential_file()));
        // One that nobody outside reaches would only be tried in vain.
        if zone.spec.tunnels.replicas > 0 && !zone.tunnel_urls.is_empty() {
            pairs.push(("--tunnel-urls", zone.tunnel_urls.join(",")));
        }
        if directory.authority_secret.is_some() {
            pairs.push(("--directory-ca", Mount::directory_authority_file()));
        }
    }
    pairs
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}

/// The one that the zone belongs to, and its replicas: each is told by itself.
fn directories(directory: &Directory) -> String {
    let mut all = vec![directory.url.as_str()];
    all.extend(directory.replica_urls.iter().map(String::as_str));
    all.join(",")
}

/// How they get out of their network. What is written in a pod everybody may read who may read
/// pods, so a password stays in its Secret.
fn proxy(zone: &ValidZone) -> Vec<EnvVar> {
    let directory = zone.spec.directory.as_ref();
    let Some(proxy) = directory.and_then(|directory| directory.proxy.as_ref()) else {
        return Vec::new();
    };
    let secret = proxy.url_secret.as_ref().map(|secret| EnvVarSource {
        secret_key_ref: Some(SecretKeySelector {
            name: secret.name.clone(),
            key: PROXY_URL.to_owned(),
            optional: None,
        }),
        ..EnvVarSource::default()
    });
    let mut environment = vec![EnvVar {
        name: "HTTPS_PROXY".to_owned(),
        value: proxy.url.clone(),
        value_from: secret,
    }];
    if !proxy.no_proxy.is_empty() {
        environment.push(EnvVar {
            name: "NO_PROXY".to_owned(),
            value: Some(proxy.no_proxy.join(",")),
            value_from: None,
        });
    }
    environment
}

fn mounts(zone: &ValidZone) -> Vec<Mount> {
    let mut mounts = vec![
        Mount::of_the_zone(
            zone,
            "tls",
            ZoneSecret::Certificate(Role::Public),
            Mount::TLS,
        ),
        Mount::of_the_zone(
            zone,
            "link",
            ZoneSecret::Certificate(Role::Controller),
            Mount::LINK_TLS,
        ),
        Mount::of_the_zone(zone, "signing-key", ZoneSecret::SigningKey, SIGNING_KEY),
    ];
    mounts.extend(Mount::directory_keys(zone));
    mounts.extend(Mount::directory(zone));
    mounts
}
