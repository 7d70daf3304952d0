//! Where clients are told that routers are: what is to be written on their pods, and which nodes
//! have no address. What a router announces is never taken from it: the people on it are there
//! already, and those who come later are better off with an address that was good than with none.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plenum_crds::{NoAddress, RouterAddresses};
use plenum_wire::RouterId;

use super::members::Members;
use super::sentences::some_of;
use super::size::elapsed;
use crate::pool::observed::{Observed, Reached};

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
pub(super) fn unknown(seen: &Observed, members: &Members) -> Option<String> {
    let nodes = members.out_of_reach().chain(seen.unreached_nodes());
    let nodes: BTreeMap<&str, &NoAddress> = nodes.collect();
    let (first, why) = nodes.first_key_value()?;
    let names: Vec<&str> = nodes.keys().copied().collect();
    Some(format!(
        "clients could not be told where a router on {} is; until then no router starts there, and \
         one that runs keeps what it announces. Node {first}: {why}: {}",
        some_of(&names),
        why.remedy(first)
    ))
}

/// Nodes that nothing but their address keeps from a router, and since when they were seen so. Many
/// get theirs soon after they came: that is no reason to bring others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unreached(BTreeMap<String, Timestamp>);

impl Unreached {
    /// Those that are so now.
    pub(super) fn with(&self, seen: &Observed, now: Timestamp) -> Self {
        let since = |name: &str| self.0.get(name).copied().unwrap_or(now);
        let nodes = seen.unreached_nodes();
        Self(
            nodes
                .map(|(name, _)| (name.to_owned(), since(name)))
                .collect(),
        )
    }

    /// How many have been so for longer than a new router may take.
    pub(super) fn lasting(&self, patience: Duration, now: Timestamp) -> u32 {
        let lasts = |since: &&Timestamp| elapsed(**since, now) >= patience;
        u32::try_from(self.0.values().filter(lasts).count()).unwrap_or(u32::MAX)
    }

    /// When the next of them will have been.
    pub(super) fn look_again(&self, patience: Duration, now: Timestamp) -> Option<Timestamp> {
        let ends = self.0.values().map(|since| since.checked_add(patience));
        ends.filter_map(Result::ok).filter(|at| *at > now).min()
    }
}
