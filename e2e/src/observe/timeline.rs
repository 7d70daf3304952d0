//! Figures from what was seen: the pool over time, how fast it grew, how long drains took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Seen;

/// A pool's status at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RouterCounts {
    /// Routers the operator wants.
    pub desired: u32,
    /// Routers on labelled nodes.
    pub active: u32,
    /// Routers that take participants.
    pub accepting: u32,
    /// Routers being emptied.
    pub draining: u32,
    /// People on them.
    pub participants: u32,
    /// People the accepting ones take.
    pub capacity: u32,
}

/// A node became active and its router accepting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScaleUp {
    /// The node.
    pub node: String,
    /// Unix time in ms of the label.
    pub labelled_at: i64,
    /// From the label to the router's first participants, in ms; `None` if it never came.
    pub accepting_after_ms: Option<i64>,
}

/// A router was emptied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drain {
    /// The node.
    pub node: String,
    /// Unix time in ms.
    pub began_at: i64,
    /// From the decision until the label was gone, in ms; `None` while it goes on.
    pub took_ms: Option<i64>,
    /// The drain was called off because the router was wanted again.
    pub cancelled: bool,
}

/// Everything seen so far.
#[derive(Debug, Default)]
pub struct Timeline {
    nodes: BTreeMap<String, NodeState>,
    /// The node of every router that was seen.
    pub routers: BTreeMap<String, String>,
    /// The pool's status whenever it changed, by Unix time in ms.
    pub counts: Vec<(i64, RouterCounts)>,
    /// Routers that came.
    pub scale_ups: Vec<ScaleUp>,
    /// Routers that were emptied.
    pub drains: Vec<Drain>,
}

#[derive(Debug, Default, Clone, Copy)]
struct NodeState {
    active: bool,
    draining: bool,
}

impl Timeline {
    /// Takes what was seen at a Unix time in ms.
    pub fn see(&mut self, at: i64, seen: Seen) {
        match seen {
            Seen::Active { node, active } => self.active(at, node, active),
            Seen::Draining { node, draining } => self.draining(at, node, draining),
            Seen::Accepting { node, accepting } => self.accepting(at, &node, accepting),
            Seen::Runs { router, node } => {
                self.routers.insert(router, node);
            }
            Seen::Pool(counts) => {
                if self.counts.last().map(|(_, last)| *last) != Some(counts) {
                    self.counts.push((at, counts));
                }
            }
        }
    }

    /// The pool's last known status.
    #[must_use]
    pub fn now(&self) -> RouterCounts {
        self.counts
            .last()
            .map(|(_, counts)| *counts)
            .unwrap_or_default()
    }

    fn active(&mut self, at: i64, node: String, active: bool) {
        let state = self.nodes.entry(node.clone()).or_default();
        if std::mem::replace(&mut state.active, active) == active {
            return;
        }
        if active {
            self.scale_ups.push(ScaleUp {
                node,
                labelled_at: at,
                accepting_after_ms: None,
            });
        } else if let Some(drain) = open_drain(&mut self.drains, &node) {
            drain.took_ms = Some(at - drain.began_at);
        }
    }

    fn draining(&mut self, at: i64, node: String, draining: bool) {
        let state = self.nodes.entry(node.clone()).or_default();
        if std::mem::replace(&mut state.draining, draining) == draining {
            return;
        }
        let active = state.active;
        if draining {
            self.drains.push(Drain {
                node,
                began_at: at,
                took_ms: None,
                cancelled: false,
            });
        } else if active && let Some(drain) = open_drain(&mut self.drains, &node) {
            drain.cancelled = true;
            drain.took_ms = Some(at - drain.began_at);
        }
    }

    fn accepting(&mut self, at: i64, node: &str, accepting: bool) {
        let waiting = self
            .scale_ups
            .iter_mut()
            .rev()
            .find(|up| up.node == node && up.accepting_after_ms.is_none());
        if accepting && let Some(up) = waiting {
            up.accepting_after_ms = Some(at - up.labelled_at);
        }
    }
}

fn open_drain<'a>(drains: &'a mut [Drain], node: &str) -> Option<&'a mut Drain> {
    drains
        .iter_mut()
        .rev()
        .find(|drain| drain.node == node && drain.took_ms.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(active: bool) -> Seen {
        Seen::Active {
            node: "n1".into(),
            active,
        }
    }

    fn draining(draining: bool) -> Seen {
        Seen::Draining {
            node: "n1".into(),
            draining,
        }
    }

    fn accepting(accepting: bool) -> Seen {
        Seen::Accepting {
            node: "n1".into(),
            accepting,
        }
    }

    fn timeline(seen: impl IntoIterator<Item = (i64, Seen)>) -> Timeline {
        let mut timeline = Timeline::default();
        seen.into_iter()
            .for_each(|(at, seen)| timeline.see(at, seen));
        timeline
    }

    #[test]
    fn growing_takes_from_the_label_to_the_first_accepting() {
        let seen = [
            (10, active(true)),
            (40, accepting(false)),
            (90, accepting(true)),
            (95, accepting(true)),
        ];
        assert_eq!(timeline(seen).scale_ups[0].accepting_after_ms, Some(80));
    }

    #[test]
    fn a_drain_takes_from_its_annotation_to_the_loss_of_the_label() {
        let timeline = timeline([
            (0, active(true)),
            (100, draining(true)),
            (150, draining(true)),
            (400, active(false)),
            (400, draining(false)),
        ]);
        assert_eq!(timeline.drains.len(), 1);
        assert_eq!(timeline.drains[0].took_ms, Some(300));
        assert!(!timeline.drains[0].cancelled);
    }

    #[test]
    fn a_drain_called_off_is_no_drain_done() {
        let timeline = timeline([
            (0, active(true)),
            (100, draining(true)),
            (200, draining(false)),
        ]);
        assert!(timeline.drains[0].cancelled);
    }

    #[test]
    fn the_pool_is_kept_only_where_it_changed() {
        let counts = RouterCounts {
            desired: 1,
            ..RouterCounts::default()
        };
        let timeline = timeline([(0, Seen::Pool(counts)), (5, Seen::Pool(counts))]);
        assert_eq!(timeline.counts, [(0, counts)]);
    }
}
