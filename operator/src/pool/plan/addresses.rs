//! Where clients are told that routers are: what is to be written on their pods, and which nodes
//! have no address. What a router announces is never taken from it: the people on it are there
//! already, and those who come later are better off with an address that was good than with none.

use std::collections::BTreeMap;

use plenum_crds::RouterAddresses;
use plenum_wire::RouterId;

use super::sentences::some_of;
use crate::pool::observed::{Node, Observed, Owner, Reached};

impl Node {
    /// Clients could not be told where a router on it is.
    pub(super) fn is_out_of_reach(&self) -> bool {
        matches!(self.reached, Reached::Nowhere(_))
    }
}

/// Routers whose pods do not say, or say otherwise, where clients reach them.
pub(super) fn addresses(seen: &Observed) -> BTreeMap<RouterId, RouterAddresses> {
    let pods = seen.pods.iter().filter(|(_, pod)| !pod.terminating);
    pods.filter_map(|(router, pod)| {
        let Reached::At(wanted) = &seen.nodes.get(&pod.node)?.reached else {
            return None;
        };
        let news = pod.announced.as_ref() != Some(wanted);
        news.then(|| (router.clone(), wanted.clone()))
    })
    .collect()
}

/// Which nodes carry a router, or would, and have no address; and what to do.
pub(super) fn unknown(seen: &Observed) -> Option<String> {
    let concerns = |node: &Node| match node.owner {
        Owner::Us => true,
        Owner::Nobody => node.selected && node.schedulable && !node.drain_requested,
        Owner::Other => false,
    };
    let nodes = seen.nodes.iter().filter(|(_, node)| concerns(node));
    let nodes: Vec<_> = nodes
        .filter_map(|(name, node)| match &node.reached {
            Reached::Nowhere(why) => Some((name.as_str(), why)),
            _ => None,
        })
        .collect();
    let (first, why) = nodes.first()?;
    let names: Vec<&str> = nodes.iter().map(|(name, _)| *name).collect();
    Some(format!(
        "clients could not be told where a router on {} is; until then no router starts there, and \
         one that runs keeps what it announces. Node {first}: {why}: {}",
        some_of(&names),
        why.remedy(first)
    ))
}
