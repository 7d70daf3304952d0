//! `helm template`, and what it printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use plenum_e2e::{Layout, Tools};
use serde::Deserialize as _;
use serde_yaml::Value;

/// The value files of this test that the chart of now has to take.
pub const FILES: [&str; 4] = ["default", "small", "everything", "own-certificate"];
/// Where the chart is installed to.
pub const NAMESPACE: &str = "plenum-system";

static HELM: LazyLock<PathBuf> = LazyLock::new(|| {
    let layout = Layout::from_environment().expect("a cache directory");
    Tools::ensure(&layout)
        .expect("the pinned tools")
        .kubernetes("helm")
});

/// The root of the sources.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The chart's directory.
pub fn chart() -> PathBuf {
    sources().join("charts/plenum")
}

/// One of the value files of this test.
pub fn values(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/chart/values/{name}.yaml"))
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One object of the API, as rendered.
#[derive(Debug, Clone)]
pub struct Object(pub Value);

impl Object {
    /// What is at this path of names and numbers, `Null` where nothing is.
    pub fn at(&self, path: &str) -> &Value {
        at(&self.0, path)
    }

    pub fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// `Kind namespace/name`.
    pub fn id(&self) -> String {
        let [kind, namespace, name] =
            ["kind", "metadata.namespace", "metadata.name"].map(|path| self.text(path));
        format!("{kind} {namespace}/{name}")
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        strings(self.at("metadata.labels"))
    }

    /// The template of its pods, if it has one.
    pub fn pods(&self) -> Option<Self> {
        let template = self.at("spec.template");
        (!template.is_null() && !template["spec"]["containers"].is_null())
            .then(|| Self(template.clone()))
    }
}

static NULL: Value = Value::Null;

/// As [`Object::at`].
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, step| {
        let next = match step.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(step),
        };
        next.unwrap_or(&NULL)
    })
}

/// A mapping from text to text.
pub fn strings(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_mapping().into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.as_str()?.to_owned())))
        .collect()
}

/// The objects, or what helm complains about.
pub fn try_render(chart: &Path, arguments: &[&str]) -> Result<Vec<Object>, String> {
    try_render_as("plenum", chart, arguments)
}

/// The same for a release of this name.
pub fn try_render_as(
    release: &str,
    chart: &Path,
    arguments: &[&str],
) -> Result<Vec<Object>, String> {
    let output = Command::new(&*HELM)
        .args(["template", release])
        .arg(chart)
        .args(["--namespace", NAMESPACE])
        .args(arguments)
        .output()
        .expect("helm starts");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).expect("helm prints UTF-8");
    Ok(serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).expect("helm prints YAML"))
        .filter(|document| !document.is_null())
        .map(Object)
        .collect())
}

/// The chart of now, with one of the value files.
pub fn render(name: &str) -> Vec<Object> {
    let file = values(name);
    let file = file.to_str().expect("a path in UTF-8");
    try_render(&chart(), &["--values", file])
        .unwrap_or_else(|complaint| panic!("values {name}: {complaint}"))
}

/// All that was rendered, with the value file it came from.
pub fn all() -> Vec<(&'static str, Object)> {
    let named = |name| render(name).into_iter().map(move |object| (name, object));
    FILES.into_iter().flat_map(named).collect()
}

/// What helm says after an installation with these settings.
pub fn notes(settings: &str) -> String {
    let output = Command::new(&*HELM)
        .args(["install", "plenum"])
        .arg(chart())
        .args(["--namespace", NAMESPACE, "--dry-run=client"])
        .args(["--set", settings])
        .output()
        .expect("helm starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let notes = said.split_once("\nNOTES:\n");
    let complaint = String::from_utf8_lossy(&output.stderr);
    notes.unwrap_or_else(|| panic!("{complaint}")).1.to_owned()
}
