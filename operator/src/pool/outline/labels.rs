//! Labels in one piece of memory: a node has some fifteen, which as a map take several times what
//! they say.

use std::collections::BTreeMap;

/// Labels of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(
    /// `key=value` a line; Kubernetes lets neither have one of these two characters.
    Box<str>,
);

impl Labels {
    /// The value of this one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.split_terminator('\n').find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name == key).then_some(value)
        })
    }
}

impl From<&BTreeMap<String, String>> for Labels {
    fn from(labels: &BTreeMap<String, String>) -> Self {
        let lines = labels.iter().map(|(key, value)| format!("{key}={value}\n"));
        Self(lines.collect::<String>().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_is_found_by_its_whole_key() {
        let map = [("a", "1"), ("a/b", ""), ("b", "a")];
        let map = map.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let labels = Labels::from(&BTreeMap::from(map));
        assert_eq!(labels.get("a"), Some("1"));
        assert_eq!(labels.get("a/b"), Some(""));
        assert_eq!(labels.get("b"), Some("a"));
        assert_eq!((labels.get("a/"), labels.get("1")), (None, None));
        assert_eq!(Labels::default().get("a"), None);
    }
}
