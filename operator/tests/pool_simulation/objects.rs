//! What there is in the world: nodes, routers' pods, and what these are made from.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plenum_operator::pool::observed::{Drain, Said};

#[derive(Clone)]
// Independent facts of a node, as in the planner's own view of it.
#[allow(clippy::struct_excessive_bools)]
pub struct SimNode {
    pub version: u64,
    pub active: bool,
    pub protected: bool,
    pub drain: Option<Drain>,
    /// Its label was taken off at the drain's deadline, or before its pod had started: such a
    /// one may take people if it starts where no order reaches, until the `DaemonSet`'s
    /// controller stops it.
    pub excused: bool,
    pub schedulable: bool,
    /// It has the labels that the pool selects.
    pub selected: bool,
    /// Somebody wants its router drained.
    pub requested: bool,
    pub alive: bool,
    /// Clients can be told where it is.
    pub addressed: bool,
}

#[derive(Clone)]
// As for nodes.
#[allow(clippy::struct_excessive_bools)]
pub struct SimPod {
    pub node: String,
    /// What it was made from.
    pub template: Template,
    pub born: i64,
    /// When its process runs.
    pub starts: i64,
    pub gone: Option<i64>,
    pub people: u32,
    /// The sizes of the meetings among them that are on one router as a whole.
    pub meetings: Vec<u32>,
    /// More people want into the first of these than there is room for.
    pub outgrown: bool,
    /// Since when one of these needs a place elsewhere and finds none, and how many seats.
    pub needs: Option<(i64, u32)>,
    pub draining: bool,
    /// Its way to these controllers is broken.
    pub deaf_to: BTreeSet<String>,
    pub boot: u64,
    /// How often its process began anew.
    pub run: u32,
    /// Since when its process could be seen to run, or the first of several, one after the other, of
    /// which no operator was told.
    pub began: i64,
    /// An operator was told of its process.
    pub told: bool,
    /// Some controller heard of it at some time since its process began.
    pub known: bool,
    /// The same of any process of it.
    pub ever_known: bool,
    pub said: Said,
    /// It was told its address, without which it says no word.
    pub announces: bool,
}

/// What pods are made from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Template {
    pub version: u64,
    pub works: Works,
}

/// What comes of pods of a template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Works {
    /// They take people.
    Yes,
    /// The scheduler never binds them to their node, as there is no room for what they ask for.
    NeverScheduled,
    /// Their process never starts, as for an image that is not there.
    NeverStarts,
    /// Their process starts, and ends before it has said a word.
    Crashes,
    /// Their node dies with them when they start, before they have said a word.
    TakesDown,
    /// Their process runs, and never finds a controller.
    Mute,
}

/// When a node dies in a rollout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dies {
    /// While its router is emptied.
    Before,
    /// When that was made anew.
    After,
}

/// What is being deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Pool,
    /// With the time until when its meetings may go on, and whether it is gone.
    Zone {
        until: Timestamp,
        gone: bool,
    },
}
