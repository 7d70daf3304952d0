//! How long a router takes, from the label on its node to the first participant that it would
//! take.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// Starts remembered; the longest of them counts.
const KEPT: usize = 8;
/// Routers seen to start at the same time; more tell nothing new.
const WATCHED: usize = 64;
/// Before any was seen: what a node takes that has the image.
const FIRST: Duration = Duration::from_secs(30);
/// What is believed: a shorter one was not seen from its beginning, and one that takes longer
/// has something wrong with it that room does not mend.
const BELIEVED: [Duration; 2] = [Duration::from_secs(5), Duration::from_mins(10)];
/// Until somebody who came is in a report, the report in a plan, and the plan on a node.
const REACTION: Duration = Duration::from_secs(5);

/// What the router of a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is about to start: nothing of it runs yet. One that runs and of which nobody has heard
    /// may have run for long, for controllers that just begin.
    Starts,
    /// It takes participants.
    Accepts,
    /// Neither.
    Other,
}

/// What was seen of routers that started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Startups {
    /// Nodes whose routers start, and since when.
    waiting: BTreeMap<String, Timestamp>,
    /// How long the last took.
    took: Vec<Duration>,
}

impl Startups {
    /// With what the nodes of the pool show now; none, where that cannot be told.
    pub(super) fn with<'a>(
        &self,
        nodes: impl Iterator<Item = (&'a str, Stage)>,
        now: Timestamp,
    ) -> Self {
        let mut waiting = BTreeMap::new();
        let mut took = self.took.clone();
        for (node, stage) in nodes {
            let since = self.waiting.get(node).copied();
            match (stage, since) {
                (Stage::Accepts, Some(since)) => took.push(elapsed(since, now)),
                (Stage::Other, Some(since)) => {
                    waiting.insert(node.to_owned(), since);
                }
                (Stage::Starts, since) if waiting.len() < WATCHED => {
                    waiting.insert(node.to_owned(), since.unwrap_or(now));
                }
                _ => {}
            }
        }
        took.drain(..took.len().saturating_sub(KEPT));
        Self { waiting, took }
    }

    /// From the need until a router that was started for it takes people.
    pub(super) fn lead(&self) -> Duration {
        let longest = self.took.iter().max().copied();
        let [least, most] = BELIEVED;
        longest.map_or(FIRST, |took| took.clamp(least, most)) + REACTION
    }
}

/// Time from `from` to `to`; none when the clock was put back.
pub(in crate::pool) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n) + REACTION
    }

    #[test]
    fn the_longest_of_the_last_starts_counts_from_label_to_accepting() {
        let mut seen = Startups::default();
        assert_eq!(seen.lead(), FIRST + REACTION);
        seen = seen.with([("a", Stage::Starts)].into_iter(), at(0));
        seen = seen.with(
            [("a", Stage::Other), ("b", Stage::Starts)].into_iter(),
            at(8),
        );
        seen = seen.with(
            [("a", Stage::Accepts), ("b", Stage::Starts)].into_iter(),
            at(9),
        );
        assert_eq!(seen.lead(), seconds(9));
        seen = seen.with([("b", Stage::Accepts)].into_iter(), at(40));
        assert_eq!(seen.lead(), seconds(32));
        // Eight quick ones, and the slow one is forgotten.
        for second in (100..).step_by(10).take(8) {
            seen = seen.with([("c", Stage::Starts)].into_iter(), at(second));
            seen = seen.with([("c", Stage::Accepts)].into_iter(), at(second + 6));
        }
        assert_eq!(seen.lead(), seconds(6));
    }

    #[test]
    fn routers_that_took_people_before_tell_nothing() {
        let mut seen = Startups::default();
        for (second, stage) in [
            (0, Stage::Accepts),
            (5, Stage::Other),
            (500, Stage::Accepts),
        ] {
            seen = seen.with([("a", stage)].into_iter(), at(second));
        }
        assert_eq!(seen.lead(), FIRST + REACTION);
    }

    #[test]
    fn one_that_never_starts_is_not_waited_for_and_a_slow_one_only_so_long() {
        let mut seen = Startups::default();
        seen = seen.with(
            [("a", Stage::Starts), ("b", Stage::Starts)].into_iter(),
            at(0),
        );
        seen = seen.with([("b", Stage::Starts)].into_iter(), at(10));
        assert_eq!(seen.waiting.len(), 1, "its label is off");
        seen = seen.with([("b", Stage::Accepts)].into_iter(), at(5_000));
        assert_eq!(seen.lead(), seconds(600));
    }
}
