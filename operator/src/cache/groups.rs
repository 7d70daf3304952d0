//! Which objects belong together: those of a zone, of a pool, of a node.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Key;

/// Objects by what they belong to. Its clones are the same one.
///
/// Asking for a group costs as much as the group is large, however many there are. What it
/// says may be older or newer than a cache filled beside it: whoever asks looks each key up.
#[derive(Debug)]
pub struct Groups<G>(Arc<Mutex<Content<G>>>);

#[derive(Debug)]
struct Content<G> {
    members: HashMap<G, BTreeSet<Key>>,
    of: HashMap<Key, Vec<G>>,
}

impl<G> Default for Groups<G> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Content {
            members: HashMap::new(),
            of: HashMap::new(),
        })))
    }
}

impl<G> Clone for Groups<G> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<G: Hash + Eq + Clone> Groups<G> {
    /// The object belongs to these groups from now on, and to no others.
    pub fn set(&self, key: &Key, groups: Vec<G>) {
        let mut content = self.lock();
        let old = content.of.get(key).map(Vec::as_slice).unwrap_or_default();
        if old == groups {
            return;
        }
        for group in content.of.remove(key).unwrap_or_default() {
            content.leave(&group, key);
        }
        for group in &groups {
            let members = content.members.entry(group.clone()).or_default();
            members.insert(key.clone());
        }
        if !groups.is_empty() {
            content.of.insert(key.clone(), groups);
        }
    }

    /// The members of a group, by name.
    #[must_use]
    pub fn members(&self, group: &G) -> Vec<Key> {
        let content = self.lock();
        let members = content.members.get(group);
        members.into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Content<G>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G: Hash + Eq> Content<G> {
    fn leave(&mut self, group: &G, key: &Key) {
        if let Some(members) = self.members.get_mut(group) {
            members.remove(key);
            if members.is_empty() {
                self.members.remove(group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_moves_leaves_nothing_behind() {
        let groups = Groups::default();
        let (a, b) = (Key::new("n", "a"), Key::new("n", "b"));
        groups.set(&b, vec!["x"]);
        groups.set(&a, vec!["x", "y"]);
        assert_eq!(groups.members(&"x"), [a.clone(), b.clone()]);
        groups.set(&a, vec!["z"]);
        assert_eq!(groups.members(&"x"), std::slice::from_ref(&b));
        assert!(groups.members(&"y").is_empty());
        groups.set(&a, Vec::new());
        groups.set(&b, Vec::new());
        let content = groups.lock();
        assert!(content.members.is_empty() && content.of.is_empty());
    }
}
