//! What shall be done about a pool: a pure function of what is known.
//!
//! Guarantees, checked by `tests/pool_simulation/` in every state it reaches:
//! - A node loses its active label (which kills its router) only when its router is gone,
//!   or every controller has freshly heard from it that it drains and is empty, or its
//!   drain deadline has passed; that of one of which nobody ever heard is `rolloutDeadlineSeconds`
//!   at most, in which it could have been heard.
//! - The active routers never fall below the minimum by our hand, but for deletion.
//! - At most `maxDraining` drain at once, but for deletion. The mark of a rollout counts until its
//!   new router takes people; where that had its time, no more against nodes that somebody wants
//!   empty.
//! - Nothing is taken away on missing, stale or partial reports. What is missing makes the
//!   pool hold its size, never shrink. A router that is silent for `rolloutDeadlineSeconds`, while
//!   every controller is heard, is not waited for any longer: it is no room for anybody, and is left
//!   alone but for a rollout and a node that somebody wants empty.
//! - A template whose routers do not take people replaces no further router, but for those that
//!   never came up themselves, or ended and did not come back for `rolloutDeadlineSeconds`.
//! - A node that died during a rollout holds up no drain: it is replaced, and rolled when it comes
//!   back. Nor does it hold up the rollout, unless it died with its new router before anybody heard
//!   of that one: then it counts as one that drains, to the rollout alone. When more such nodes died
//!   than may drain, and nobody ever heard a router of that template, it is sent to no further one.
//! - No router is sent, or made anew, where it would wait for an address; one that does is none, and
//!   its node is given back when it would be one too many.
//! - The same state gives an empty plan: what is as it should be is not written.
//!
//! | file | decides |
//! |---|---|
//! | `size` | how many routers are wanted, and how surely |
//! | `overload` | which seats nobody gets, on routers that have as much to do as they can |
//! | `unplaced` | how many routers are wanted for meetings that fit on none, and which of these keep their router from being emptied |
//! | `ahead` | what the forecast is told, and what is wanted by it |
//! | `hearing`, `runs` | which routers nobody ever heard of since they run, and which are silent |
//! | `member`, `members` | what each labelled node is: serving, leaving, lost |
//! | `grow`, `shrink`, `give_back` | which nodes to take, which to empty, which to give back |
//! | `rollout` | which router of another template is replaced next, and what is said of it |
//! | `draft` | what is written at last, with the marks that somebody else changed |
//! | `numbers` | status numbers and pod conditions |
//! | `addresses` | where clients are told that routers are, and where they could not be |
//! | `verdicts`, `sentences` | conditions, and what they say |

mod addresses;
mod ahead;
mod draft;
mod give_back;
mod grow;
mod hearing;
mod member;
mod members;
mod numbers;
mod overload;
mod rollout;
mod runs;
mod sentences;
mod shrink;
mod size;
mod unplaced;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plenum_crds::RouterAddresses;
use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;

use super::observed::{Drain, Observed, Said};
use super::validate::ValidPool;
use crate::conditions::Verdict;
use crate::metrics::PoolNumbers;

use draft::Draft;
use hearing::Hearing;
use members::Members;
pub use size::Memory;

/// How a node shall be marked; the complete set of our marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marks {
    /// The active label, the annotations against node autoscalers, and the drain if any: in
    /// one write, so that no router ever runs on an unprotected node.
    Active(Option<Drain>),
    /// None.
    Bare,
}

/// Why a node's marks change: for Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It gets a router.
    Label,
    /// Its router begins to drain.
    StartDrain(DrainReason),
    /// Its router shall stay after all.
    CancelDrain,
    /// Its router is empty or gone.
    UnlabelEmpty,
    /// Its drain deadline passed, with people on it for all we know.
    UnlabelLate,
    /// Its router had its time to be heard, and nobody ever heard of it: nobody is on it.
    UnlabelUnheard,
    /// Somebody took marks off (or left some): they are put right.
    Repair,
}

/// How a router is, whose pod is made anew: for Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// Empty, or gone.
    Empty,
    /// With people on it for all we know: its drain deadline passed.
    Late,
    /// Nobody ever heard of it, and it had its time to be heard.
    Unheard,
}

/// One write to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeWrite {
    /// The marks it shall have.
    pub marks: Marks,
    /// Why.
    pub change: Change,
}

/// What shall be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Writes to nodes, by name.
    pub nodes: BTreeMap<String, NodeWrite>,
    /// Pods to delete, for the `DaemonSet` to make anew from the template wanted now.
    pub replace: BTreeMap<RouterId, Replaced>,
    /// The complete set of routers that shall be empty, for the controllers. It counts once
    /// the writes to nodes are done.
    pub draining: BTreeSet<RouterId>,
    /// Pod conditions to write.
    pub pods: BTreeMap<RouterId, Said>,
    /// Addresses to write on pods, for their routers to announce.
    pub addresses: BTreeMap<RouterId, RouterAddresses>,
    /// Pods to have that bring nodes and hold them, for routers that are wanted soon.
    pub placeholders: u32,
    /// For status and metrics.
    pub numbers: PoolNumbers,
    /// For status.
    pub verdicts: Vec<Verdict>,
    /// The pool is being deleted, and nothing of it is left on any node: its finalizer may go.
    pub finished: bool,
    /// To be given to the next plan.
    pub memory: Memory,
    /// Nobody could be heard yet: not the time for a status.
    pub settling: bool,
    /// Plan again then, if nothing happens before.
    pub look_again: Option<Timestamp>,
}

impl Plan {
    /// Whether it starts to take something away: worth to look once more, at the API server
    /// itself, before doing it.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        let harmless = |write: &NodeWrite| {
            matches!(
                write.change,
                Change::Label | Change::CancelDrain | Change::Repair
            )
        };
        self.finished || !self.replace.is_empty() || !self.nodes.values().all(harmless)
    }
}

/// Plans. `memory` is that of the last plan of this very pool (by UID), or a new one.
#[must_use]
pub fn plan(pool: &ValidPool, seen: &Observed, memory: &Memory, now: Timestamp) -> Plan {
    let hearing = Hearing::new(pool, seen, &memory.heard, now);
    let members = Members::sort(seen, hearing);
    let size = size::size(pool, seen, &members, memory, now);
    let mut draft = Draft::new(pool, seen, now);
    if !pool.paused {
        draft.repair(members.ending);
        if members.ending.is_some() {
            draft.end_all(&members);
        } else {
            draft.grow(&members, &size);
            draft.shrink(&members, &size);
        }
        draft.give_back(&members);
        draft.await_new_routers(&members);
        draft.await_words(&members.hearing);
    }
    let numbers = numbers::numbers(pool, seen, &members, &size, now);
    let (pods, addresses) = if pool.paused {
        (BTreeMap::new(), BTreeMap::new())
    } else {
        let pods = numbers::pod_conditions(seen, &members);
        (pods, addresses::addresses(seen))
    };
    let mut verdicts = verdicts::verdicts(pool, seen, &members, &size, &numbers);
    verdicts.push(rollout::verdict(pool, &members, &size, now));
    Plan {
        finished: draft.finished(),
        draining: draft.draining_routers(),
        verdicts,
        look_again: draft.look_again(&size),
        nodes: draft.writes,
        replace: draft.replace,
        pods,
        addresses,
        placeholders: ahead::placeholders(pool, &members, &size),
        numbers,
        settling: seen.view.settling,
        memory: size.memory,
    }
}
