//! Where everybody was, by what the loads wrote down as it happened.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::observe::Timeline;

/// Everything that happened to people, in order of time.
#[derive(Debug, Default)]
pub struct People(Vec<Happening>);

/// One line of a load's timeline. Lines about anything else are skipped.
#[derive(Debug, Clone, Deserialize)]
struct Happening {
    unix_ms: i64,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What {
    Joined {
        router: String,
    },
    Left {
        router: String,
    },
    Moved {
        from: String,
        to: String,
        audio_gap_ms: f64,
    },
    #[serde(other)]
    Other,
}

impl People {
    /// Reads timelines; one that is not there yet is empty.
    pub fn read<P: AsRef<Path>>(timelines: &[P]) -> Result<Self> {
        let mut happenings = Vec::new();
        for path in timelines
            .iter()
            .map(AsRef::as_ref)
            .filter(|path| path.exists())
        {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            happenings.extend(parse(&text));
        }
        happenings.sort_by_key(|happening: &Happening| happening.unix_ms);
        Ok(Self(happenings))
    }

    /// When more than so many were in for the first time, in Unix time in ms.
    #[must_use]
    pub fn first_above(&self, count: u32) -> Option<i64> {
        let mut present = 0_u32;
        self.0.iter().find_map(|happening| {
            match happening.what {
                What::Joined { .. } => present += 1,
                What::Left { .. } => present = present.saturating_sub(1),
                What::Moved { .. } | What::Other => {}
            }
            (present > count).then_some(happening.unix_ms)
        })
    }

    /// How many were on a node's routers at a time.
    #[must_use]
    pub fn on_node(&self, node: &str, at: i64, timeline: &Timeline) -> u32 {
        self.by_node(at, timeline).get(node).copied().unwrap_or(0)
    }

    /// The node with most people on it now, and how many.
    #[must_use]
    pub fn fullest(&self, timeline: &Timeline) -> Option<(String, u32)> {
        let by_node = self.by_node(i64::MAX, timeline);
        by_node.into_iter().max_by_key(|(_, people)| *people)
    }

    /// The longest audio gap of those who were moved away from a node, in ms.
    #[must_use]
    pub fn worst_gap(&self, node: &str, during: RangeInclusive<i64>, timeline: &Timeline) -> f64 {
        let gaps = self.0.iter().filter_map(|happening| match &happening.what {
            What::Moved {
                from, audio_gap_ms, ..
            } if during.contains(&happening.unix_ms) && runs_on(timeline, from) == Some(node) => {
                Some(*audio_gap_ms)
            }
            _ => None,
        });
        gaps.fold(0.0, f64::max)
    }

    fn by_node(&self, at: i64, timeline: &Timeline) -> BTreeMap<String, u32> {
        let mut people: BTreeMap<String, u32> = BTreeMap::new();
        let mut come = |router: &str| {
            if let Some(node) = runs_on(timeline, router) {
                *people.entry(node.to_owned()).or_default() += 1;
            }
        };
        let past = || {
            self.0
                .iter()
                .take_while(|happening| happening.unix_ms <= at)
        };
        for happening in past() {
            match &happening.what {
                What::Joined { router } | What::Moved { to: router, .. } => come(router),
                What::Left { .. } | What::Other => {}
            }
        }
        for happening in past() {
            let (What::Left { router } | What::Moved { from: router, .. }) = &happening.what else {
                continue;
            };
            let here = runs_on(timeline, router).and_then(|node| people.get_mut(node));
            if let Some(here) = here {
                *here = here.saturating_sub(1);
            }
        }
        people
    }
}

fn runs_on<'a>(timeline: &'a Timeline, router: &str) -> Option<&'a str> {
    timeline.routers.get(router).map(String::as_str)
}

/// The last line may be cut short while the load writes on.
fn parse(text: &str) -> impl Iterator<Item = Happening> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Seen;

    const LINES: &str = r#"
{"unix_ms":10,"event":"joined","participant":"a","router":"r1"}
{"unix_ms":20,"event":"joined","participant":"b","router":"r1"}
{"unix_ms":30,"event":"second","joined":2}
{"unix_ms":40,"event":"moved","participant":"a","from":"r1","to":"r2","ok":true,"audio_gap_ms":31.5}
{"unix_ms":50,"event":"left","participant":"b","router":"r1"}
{"unix_ms":60,"event":"jo"#;

    fn people() -> (People, Timeline) {
        let mut timeline = Timeline::default();
        for (router, node) in [("r1", "n1"), ("r2", "n2")] {
            timeline.see(
                0,
                Seen::Runs {
                    router: router.into(),
                    node: node.into(),
                },
            );
        }
        (People(parse(LINES).collect()), timeline)
    }

    #[test]
    fn people_are_where_they_joined_or_were_moved_to() {
        let (people, timeline) = people();
        let at = |at| ["n1", "n2"].map(|node| people.on_node(node, at, &timeline));
        assert_eq!(at(5), [0, 0]);
        assert_eq!(at(20), [2, 0]);
        assert_eq!(at(40), [1, 1]);
        assert_eq!(at(50), [0, 1]);
        assert_eq!(people.fullest(&timeline), Some(("n2".into(), 1)));
    }

    #[test]
    fn the_threshold_is_crossed_by_the_join_above_it() {
        let (people, _) = people();
        assert_eq!(people.first_above(1), Some(20));
        assert_eq!(people.first_above(2), None);
    }

    #[test]
    fn gaps_are_those_of_the_drain() {
        let (people, timeline) = people();
        let gap = |node, during| people.worst_gap(node, during, &timeline);
        assert!((gap("n1", 30..=45) - 31.5).abs() < 1e-9);
        assert!(gap("n1", 41..=90) < 1e-9);
        assert!(gap("n2", 30..=45) < 1e-9);
    }
}
