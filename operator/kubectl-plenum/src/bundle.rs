//! What support needs to see of an installation, and nothing that is secret.
//!
//! Everything passes [`redact`]: Secrets are there by name and by the names of their keys only,
//! the values of environment variables are left out, and in every text what looks like a key, a
//! token or a password is masked, as is every value of every Secret that was listed.

pub mod archive;
pub mod pods;
pub mod redact;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::snapshot::{Snapshot, Trouble, name_of, namespace_of};
use crate::{doctor, status};
use redact::Mask;

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the root of the bundle.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A Secret, as far as anybody may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretOutline {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// The names of its keys.
    pub keys: Vec<String>,
}

/// Everything that was gathered, as it came.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// What is judged.
    pub snapshot: Snapshot,
    /// Objects as the API server has them.
    pub objects: Vec<Value>,
    /// Secrets without their values.
    pub secrets: Vec<SecretOutline>,
    /// The values of those Secrets, only to be looked for.
    pub secret_values: Vec<String>,
    /// Logs and metrics, by the path that they get.
    pub texts: Vec<File>,
    /// What could not be had.
    pub troubles: Vec<Trouble>,
}

/// The files of the bundle; nothing that is secret is in them.
#[must_use]
pub fn files(gathered: &Gathered) -> Vec<File> {
    let mask = Mask::new(&gathered.secret_values, &vocabulary(gathered));
    let mut files = judged(gathered);
    let objects = gathered.objects.iter().map(|object| {
        let object = redact::object(object.clone(), &mask);
        File {
            path: place(&object),
            text: serde_yaml::to_string(&object).unwrap_or_default(),
        }
    });
    files.extend(objects);
    files.extend(gathered.texts.iter().cloned());
    for file in &mut files {
        file.text = mask.text(&file.text);
    }
    // By name, so that two bundles can be compared.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    files
}

fn judged(gathered: &Gathered) -> Vec<File> {
    let report = doctor::diagnose(&gathered.snapshot);
    let plain = anstream::adapter::strip_str(&report.to_string()).to_string();
    let status = status::report(&gathered.snapshot, None);
    let about = json!({
        "schema": "kubectl-plenum.bundle/1",
        "made": gathered.snapshot.now.to_string(),
        "kubectlPlenum": env!("CARGO_PKG_VERSION"),
        "kubernetes": gathered.snapshot.server,
        "namespace": gathered.snapshot.namespace,
        "notSeen": gathered.troubles,
    });
    vec![
        file("README.txt", README.to_owned()),
        file("about.json", pretty(&about)),
        file("doctor.txt", plain),
        file("doctor.json", pretty(&report)),
        file("status.json", pretty(&status)),
        file("secrets.json", pretty(&gathered.secrets)),
    ]
}

const README: &str =
    "Made by `kubectl plenum support-bundle`, for who helps with an installation of Plenum.

about.json    when, by which versions, and what could not be had
doctor.*      what is wrong, in words and as JSON
status.json   the zones
objects/      resources, workloads, pods, nodes, events, by namespace
secrets.json  the names of Secrets and of their keys; never a value
logs/         the last lines of each container, of a hundred pods at most
metrics/      what these pods say at /metrics

Removed: values of Secrets and of environment variables, keys, certificates, tokens and passwords
(\"REDACTED\"). Names of nodes, addresses and ids of meetings are left: look before you send it.
";

fn file(path: &str, text: String) -> File {
    File {
        path: path.to_owned(),
        text,
    }
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// `objects/NAMESPACE/KIND-NAME.yaml`.
fn place(object: &Value) -> String {
    let word = |value: &Value, or: &str| value.as_str().unwrap_or(or).to_owned();
    let kind = word(&object["kind"], "Object").to_lowercase();
    let name = word(&object["metadata"]["name"], "unnamed");
    let namespace = word(&object["metadata"]["namespace"], "cluster");
    // Names are DNS labels; whatever else comes must not lead out of the folder.
    let safe = |text: String| text.replace(['/', '\\'], "_").replace("..", "_");
    format!(
        "objects/{}/{}-{}.yaml",
        safe(namespace),
        safe(kind),
        safe(name)
    )
}

/// Words that are no secrets, though a Secret may hold them: a user called `plenum`.
fn vocabulary(gathered: &Gathered) -> Vec<String> {
    let snapshot = &gathered.snapshot;
    let zones = snapshot.zones.iter();
    let zones = zones.flat_map(|it| [namespace_of(it), name_of(it)]);
    let pools = snapshot.pools.iter().map(name_of);
    let nodes = snapshot.nodes.iter().map(name_of);
    let secrets = gathered.secrets.iter();
    let secrets = secrets.flat_map(|it| [it.name.as_str(), it.namespace.as_str()]);
    let fixed = ["plenum", "postgres", "kubernetes", "username", "password"];
    let all = zones.chain(pools).chain(nodes).chain(secrets).chain(fixed);
    all.map(str::to_owned).collect()
}

/// The name of a bundle made now.
#[must_use]
pub fn default_name(now: Timestamp) -> String {
    format!("plenum-support-{}.tar.gz", now.strftime("%Y%m%dT%H%M%SZ"))
}
