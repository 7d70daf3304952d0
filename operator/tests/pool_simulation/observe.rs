//! What the operator is shown of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plenum_crds::{NoAddress, RouterAddresses};
use plenum_operator::pool::observed::{self, Observed, Owner, Reached, Said, Zone};
use plenum_operator::reports::merge::{Heard, merge};

use crate::objects::{Ending, SimNode, SimPod, Works};
use crate::world::World;

fn address() -> RouterAddresses {
    "203.0.113.7".parse().unwrap()
}

impl World {
    /// What a fetch sees, with the versions of the nodes.
    pub fn observe(&self) -> (Observed, BTreeMap<String, u64>) {
        let at = |ms: i64| self.epoch + Duration::from_millis(u64::try_from(ms).unwrap());
        let heard = self
            .heard
            .iter()
            .map(|(name, (ms, routers))| {
                let said = Heard::new(at(*ms), routers.clone());
                let said = said.expecting(&self.expected[name], Self::time_of(*ms));
                (name.clone(), said)
            })
            .collect();
        let expected = self.controllers.keys().cloned().collect();
        let node = |node: &SimNode| observed::Node {
            selected: node.selected,
            schedulable: node.schedulable,
            drain_requested: node.requested,
            ready: node.alive,
            owner: if node.active {
                Owner::Us
            } else {
                Owner::Nobody
            },
            protected: node.protected,
            drain: node.drain,
            reached: self.reached(node),
        };
        let seen = Observed {
            zone: match self.ending {
                Some(Ending::Zone { gone: true, .. }) => Zone::Missing,
                Some(Ending::Zone { until, .. }) => Zone::Deleting { until },
                _ => Zone::Found,
            },
            pool_deleting: self.ending == Some(Ending::Pool),
            startable: true,
            nodes: self
                .nodes
                .iter()
                .map(|(k, v)| (k.clone(), node(v)))
                .collect(),
            pods: self
                .pods
                .iter()
                .map(|(k, v)| (k.clone(), self.observe_pod(v)))
                .collect(),
            view: merge(&expected, &heard, &self.pool.wire, at(self.now)),
            rivals: BTreeSet::new(),
            placeholder_trouble: None,
        };
        let versions = self
            .nodes
            .iter()
            .map(|(k, v)| (k.clone(), v.version))
            .collect();
        (seen, versions)
    }

    fn observe_pod(&self, pod: &SimPod) -> observed::Pod {
        let began = pod.starts <= self.now;
        let starts = !matches!(
            pod.template.works,
            Works::NeverScheduled | Works::NeverStarts | Works::TakesDown
        );
        let started = starts && (began || pod.run > 0);
        observed::Pod {
            node: pod.node.clone(),
            born: Self::time_of(pod.born),
            stopped: match pod.template.works {
                Works::Crashes => began,
                _ => started && !began,
            },
            // It counts when the new process begins.
            run: pod.run - u32::from(pod.run > 0 && !began),
            trouble: None,
            started,
            ready: self.runs(pod),
            terminating: pod.gone.is_some(),
            outdated: pod.template != self.template,
            said: Said {
                // Nobody can tell of one that ran before the first look.
                heard: pod.said.heard || (started && !pod.said.written),
                ..pod.said
            },
            announced: (self.addresses && pod.announces).then(address),
        }
    }

    fn reached(&self, node: &SimNode) -> Reached {
        match node.addressed {
            _ if !self.addresses => Reached::ByItself,
            true => Reached::At(address()),
            false => Reached::Nowhere(NoAddress::NotAnnotated),
        }
    }
}
