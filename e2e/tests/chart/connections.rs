//! What the directory connects to, and who connects to it.

use serde_yaml::Value;

use crate::render::{Object, at, chart, try_render, values};

/// The directory with `PostgreSQL`, and what is set besides; `Deployment` or `Service`.
fn directory(kind: &str, settings: &str) -> Object {
    let file = values("own-certificate");
    let file = file.to_str().expect("a path in UTF-8");
    let arguments = ["--values", file, "--set", settings];
    let objects = try_render(&chart(), &arguments)
        .unwrap_or_else(|complaint| panic!("{settings}: {complaint}"));
    let id = format!("{kind} plenum-system/plenum-directory");
    let found = objects.into_iter().find(|object| object.id() == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

/// The program in its pods.
fn program(deployment: &Object) -> &Value {
    deployment.at("spec.template.spec.containers.0")
}

/// A variable of the program, `Null` where it has none.
fn variable(deployment: &Object, name: &str) -> Value {
    let listed = at(program(deployment), "env").as_sequence();
    let mut named = listed.into_iter().flatten().filter(|it| it["name"] == name);
    let found = named.next().cloned().unwrap_or_default();
    assert_eq!(named.next(), None, "{name} is there twice");
    found
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn both_families_are_served() {
    let deployment = directory("Deployment", "directory.replicas=2");
    let arguments = at(program(&deployment), "args")
        .as_sequence()
        .expect("a list");
    for argument in ["--listen=[::]:8443", "--health=[::]:8080"] {
        assert!(arguments.contains(&argument.into()), "{arguments:?}");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn how_long_instant_meetings_are_kept_is_told_only_where_it_is_said() {
    let told = |settings: &str| -> Vec<String> {
        let deployment = directory("Deployment", settings);
        let arguments = at(program(&deployment), "args").as_sequence();
        let words = arguments.into_iter().flatten().filter_map(Value::as_str);
        let flags = words.filter(|word| word.contains("instant-meetings"));
        flags.map(str::to_owned).collect()
    };
    // The image may be of a version that does not know the flag.
    assert!(told("directory.replicas=2").is_empty());
    for days in [0, 90] {
        let set = format!("directory.instantMeetingsKept={days}");
        assert_eq!(told(&set), [format!("--instant-meetings-kept={days}")]);
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_database_of_a_private_authority_has_to_prove_itself() {
    let plain = directory("Deployment", "directory.replicas=2");
    assert_eq!(variable(&plain, "PGSSLMODE"), Value::Null);
    let verified = directory(
        "Deployment",
        "directory.database.authoritySecret=postgres-ca",
    );
    assert_eq!(variable(&verified, "PGSSLMODE")["value"], "verify-full");
    let file = variable(&verified, "PGSSLROOTCERT")["value"].clone();
    let mounts = at(program(&verified), "volumeMounts").as_sequence();
    let mount = mounts
        .into_iter()
        .flatten()
        .find(|mount| mount["name"] == "database-ca")
        .expect("a mount");
    let directory = mount["mountPath"].as_str().expect("a path");
    assert_eq!(file, format!("{directory}/ca.crt"));
    let volumes = verified.at("spec.template.spec.volumes").as_sequence();
    let volume = volumes
        .into_iter()
        .flatten()
        .find(|volume| volume["name"] == "database-ca")
        .expect("a volume");
    assert_eq!(volume["secret"]["secretName"], "postgres-ca");
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_replica_gets_out_by_a_proxy() {
    let with = |settings: &str| {
        let replica = "directory.replicaOf.url=https://cloud.example.org,\
                       directory.replicaOf.existingSecret=replica";
        directory("Deployment", &format!("{replica},{settings}"))
    };
    let proxy = "directory.replicaOf.proxy";
    let none = with("directory.replicas=2");
    assert_eq!(variable(&none, "HTTPS_PROXY"), Value::Null);
    let open = with(&format!(
        "{proxy}.url=http://proxy:3128,{proxy}.noProxy={{a.example,10.0.0.0/8}}"
    ));
    assert_eq!(variable(&open, "HTTPS_PROXY")["value"], "http://proxy:3128");
    assert_eq!(variable(&open, "NO_PROXY")["value"], "a.example,10.0.0.0/8");
    let closed = with(&format!("{proxy}.existingSecret=proxy"));
    let named = variable(&closed, "HTTPS_PROXY")["valueFrom"]["secretKeyRef"].clone();
    assert_eq!(named["name"], "proxy");
    assert_eq!(named["key"], "url");
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn one_address_may_be_kept_with_one_pod() {
    let usual = directory("Service", "directory.replicas=2");
    assert_eq!(usual.at("spec.sessionAffinity"), &Value::Null);
    let kept = directory("Service", "directory.service.sessionAffinity=ClientIP");
    assert_eq!(kept.text("spec.sessionAffinity"), "ClientIP");
}
