//! What a cluster consists of, as one that attaches to it reads it.

use serde::{Deserialize, Serialize};

use crate::Labelled;
use crate::cluster::addresses::NodeNumber;

/// What [`super::Cluster::attach`] has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub nodes: usize,
    pub label: String,
    pub labelled: Labelled,
}

impl Record {
    /// The label that the node carries, if it does.
    pub(super) fn label_of(&self, node: NodeNumber) -> Option<&str> {
        let carries = match self.labelled {
            Labelled::All => true,
            Labelled::First(count) => NodeNumber::new(count).is_ok_and(|last| node <= last),
        };
        carries.then_some(self.label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_goes_to_the_first_nodes() {
        let record = |labelled| Record {
            nodes: 3,
            label: "a=b".into(),
            labelled,
        };
        let carrying = |record: &Record| {
            NodeNumber::first(3)
                .unwrap()
                .iter()
                .filter(|node| record.label_of(**node) == Some("a=b"))
                .count()
        };
        assert_eq!(carrying(&record(Labelled::All)), 3);
        assert_eq!(carrying(&record(Labelled::First(2))), 2);
        assert_eq!(carrying(&record(Labelled::First(0))), 0);
    }
}
