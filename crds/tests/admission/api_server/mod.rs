//! An API server as far as a custom resource meets it: defaults, schema, CEL, field validation.
//!
//! The texts are those of the real one, so that the same expectation holds against both; the
//! end-to-end tests apply the same files to a real one.

mod schema;

use std::sync::LazyLock;

use kube::core::cel::{Validator, apply_defaults};
use plenum_crds::yaml;
use serde::Deserialize;
use serde_json::Value;

/// Creates the object: as it would be stored, or why it would not.
pub fn create(object: &Value) -> Result<Value, Vec<String>> {
    admit(object, None)
}

/// Updates the stored object to this one.
pub fn update(object: &Value, stored: &Value) -> Result<Value, Vec<String>> {
    admit(object, Some(stored))
}

/// Every document of a file of YAML.
pub fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).expect("the file is YAML"))
        .collect()
}

fn admit(object: &Value, stored: Option<&Value>) -> Result<Value, Vec<String>> {
    let schema = schema_of(object);
    let object = apply_defaults(&schema, &schema::pruned_of_nulls(object));
    let mut refusals = schema::violations(&schema, &object);
    // The real one runs the rules only on what the schema allows.
    if refusals.is_empty()
        && let Err(errors) = Validator::new().validate(&schema, &object, stored)
    {
        refusals.extend(errors.into_vec().into_iter().map(|error| error.message));
    }
    if refusals.is_empty() {
        Ok(object)
    } else {
        Err(refusals)
    }
}

fn schema_of(object: &Value) -> Value {
    static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(yaml::definitions);
    let definition = DEFINITIONS
        .iter()
        .find(|crd| crd["spec"]["names"]["kind"] == object["kind"])
        .unwrap_or_else(|| panic!("no CRD for kind {}", object["kind"]));
    let version = &definition["spec"]["versions"][0];
    let group = definition["spec"]["group"].as_str().unwrap();
    let name = version["name"].as_str().unwrap();
    assert_eq!(object["apiVersion"], format!("{group}/{name}"));
    version["schema"]["openAPIV3Schema"].clone()
}
