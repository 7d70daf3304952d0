//! What the server keeps, and what changed since when.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Objects by their paths. Nothing is ever deleted.
#[derive(Default)]
pub struct Store {
    objects: BTreeMap<String, Value>,
    /// Paths and events of a watch; the first made version 1.
    changes: Vec<(String, Value)>,
}

impl Store {
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.objects.get(path)
    }

    pub fn objects(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.objects.iter()
    }

    /// Of the last change.
    pub fn version(&self) -> u64 {
        self.changes.len() as u64
    }

    /// Changes after this version.
    pub fn since(&self, version: u64) -> impl Iterator<Item = (&str, &Value)> {
        let known = usize::try_from(version).unwrap();
        let new = self.changes.iter().skip(known);
        new.map(|(path, event)| (path.as_str(), event))
    }

    /// Creates or replaces an object.
    pub fn put(&mut self, path: &str, mut object: Value) -> Value {
        let known = self.objects.contains_key(path);
        object["metadata"]["resourceVersion"] = (self.version() + 1).to_string().into();
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = path.into();
        }
        let kind = if known { "MODIFIED" } else { "ADDED" };
        let event = json!({ "type": kind, "object": object });
        self.changes.push((path.to_owned(), event));
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Gives an object that is there these fields. As it was, it keeps its version.
    pub fn apply(&mut self, path: &str, fields: &Value) -> Value {
        let old = &self.objects[path];
        let mut fields = fields.clone();
        fields["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        let mut new = old.clone();
        merge(&mut new, &fields, "");
        if new == *old {
            return new;
        }
        self.put(path, new)
    }
}

/// As a server-side apply of one manager does that leaves out nothing.
fn merge(object: &mut Value, fields: &Value, name: &str) {
    match (object, fields) {
        (Value::Object(object), Value::Object(fields)) => {
            for (name, field) in fields {
                merge(object.entry(name).or_insert(Value::Null), field, name);
            }
        }
        // A list that is merged by key; all others are replaced.
        (Value::Array(object), Value::Array(fields)) if name == "conditions" => {
            for field in fields {
                match object.iter_mut().find(|one| one["type"] == field["type"]) {
                    Some(one) => merge(one, field, ""),
                    None => object.push(field.clone()),
                }
            }
        }
        (object, fields) => *object = fields.clone(),
    }
}
