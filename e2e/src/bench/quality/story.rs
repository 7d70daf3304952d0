//! What a timeline of `plenum load` tells of one listener's picture.

use anyhow::{Context as _, Result};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Line {
    unix_ms: u64,
    #[serde(default)]
    participant: Option<String>,
    #[serde(default)]
    event: String,
    height: Option<u16>,
}

/// When the network changed, and when which picture was how high.
#[derive(Debug)]
pub struct Story {
    phases: Vec<u64>,
    heights: Vec<(u64, String, u16)>,
}

impl Story {
    /// Reads the lines `network` and `shown`; others are passed over.
    pub fn parse(timeline: &str) -> Result<Self> {
        let (mut phases, mut heights) = (Vec::new(), Vec::new());
        for text in timeline.lines() {
            let line: Line = serde_json::from_str(text).with_context(|| text.to_owned())?;
            match (line.event.as_str(), line.participant, line.height) {
                ("network", ..) => phases.push(line.unix_ms),
                ("shown", Some(who), Some(height)) => heights.push((line.unix_ms, who, height)),
                _ => {}
            }
        }
        phases.sort_unstable();
        heights.sort();
        Ok(Self { phases, heights })
    }

    /// Who saw pictures; with several, the first.
    pub fn listener(&self) -> &str {
        self.heights.first().map_or("", |(_, who, _)| who)
    }

    fn of<'a>(&'a self, who: &'a str) -> impl DoubleEndedIterator<Item = (u64, u16)> + 'a {
        let mine = self.heights.iter().filter(move |(_, one, _)| one == who);
        mine.map(|(at, _, height)| (*at, *height))
    }

    /// How high the picture was when this phase began.
    pub fn height_before(&self, who: &str, phase: usize) -> Option<u16> {
        let start = *self.phases.get(phase)?;
        let before = self.of(who).rev().find(|(at, _)| *at < start);
        before.map(|(_, height)| height)
    }

    /// Milliseconds from the begin of a phase until the picture was lower than that.
    pub fn until_below(&self, who: &str, phase: usize, height: u16) -> Option<f64> {
        self.until(who, phase, |now| now < height)
    }

    /// Milliseconds from the begin of a phase until the picture was that high.
    pub fn until_at_least(&self, who: &str, phase: usize, height: u16) -> Option<f64> {
        self.until(who, phase, |now| now >= height)
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
    fn until(&self, who: &str, phase: usize, fits: impl Fn(u16) -> bool) -> Option<f64> {
        let start = *self.phases.get(phase)?;
        if self.height_before(who, phase).is_some_and(&fits) {
            return Some(0.0);
        }
        let mut after = self.of(who).filter(|(at, _)| *at >= start);
        let (at, _) = after.find(|(_, height)| fits(*height))?;
        Some((at - start) as f64)
    }

    /// How often the picture got lower in a phase, from so many milliseconds after its begin.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
    pub fn falls(&self, who: &str, phase: usize, settled_ms: f64) -> f64 {
        let start = self
            .phases
            .get(phase)
            .map_or(0.0, |at| *at as f64 + settled_ms);
        let end = self.phases.get(phase + 1).map_or(f64::MAX, |at| *at as f64);
        let within = |at: u64| (start..end).contains(&(at as f64));
        let changes = self.of(who).zip(self.of(who).skip(1));
        let falls = changes.filter(|((_, before), (at, now))| within(*at) && now < before);
        falls.count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: &str = r#"
{"unix_ms":1000,"event":"network","phase":1}
{"unix_ms":1500,"participant":"1/2","event":"shown","of":"1/1","height":720}
{"unix_ms":5000,"event":"network","phase":2}
{"unix_ms":5600,"participant":"1/2","event":"shown","of":"1/1","height":360}
{"unix_ms":8500,"participant":"1/2","event":"shown","of":"1/1","height":180}
{"unix_ms":9000,"event":"network","phase":3}
{"unix_ms":9900,"participant":"1/2","event":"shown","of":"1/1","height":360}
{"unix_ms":12000,"participant":"1/2","event":"shown","of":"1/1","height":720}
{"unix_ms":13000,"participant":"1/2","event":"left","router":"r"}"#;

    #[test]
    fn heights_are_told_from_the_begin_of_a_phase() {
        let story = Story::parse(TIMELINE.trim()).unwrap();
        let who = story.listener();
        assert_eq!(story.height_before(who, 1), Some(720));
        assert_eq!(story.until_below(who, 1, 720), Some(600.0));
        assert_eq!(story.until_at_least(who, 2, 720), Some(3_000.0));
        assert_eq!(story.until_at_least(who, 2, 1_080), None);
        assert!((story.falls(who, 1, 0.0) - 2.0).abs() < 0.1);
        assert!((story.falls(who, 1, 3_000.0) - 1.0).abs() < 0.1);
        assert!(story.falls(who, 2, 0.0) < 0.1, "up again is no fall");
        assert!(Story::parse("{").is_err());
    }
}
