//! The rules of the stage by themselves; what a meeting sees of it is in `tests/spec`.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plenum_wire::rtp::AudioLevel;

use super::{REVIEW, SLOTS, Stage, TAKES_SLOT, TAKES_TURN, Voice};

const TICK: Duration = Duration::from_millis(20);

/// Speech and a quiet room, in dB below full scale.
const SPEECH: u8 = 26;
const ROOM: u8 = 70;

/// A meeting of people who send each 20 ms, at levels that the test sets.
struct Hall {
    stage: Stage<u32>,
    voices: BTreeMap<u32, Voice>,
    /// `None`: packets without a level.
    levels: BTreeMap<u32, Option<u8>>,
    now: Instant,
    changes: u32,
}

impl Hall {
    fn of(people: u32) -> Self {
        let mut hall = Self {
            stage: Stage::default(),
            voices: BTreeMap::new(),
            levels: BTreeMap::new(),
            now: Instant::now(),
            changes: 0,
        };
        for who in 0..people {
            hall.stage.enter(who);
            hall.voices.insert(who, Voice::default());
            hall.levels.insert(who, Some(ROOM));
        }
        hall
    }

    fn level(&mut self, who: u32, below: u8) {
        self.levels.insert(who, Some(below));
    }

    /// Everybody sends for so long.
    fn pass(&mut self, during: Duration) {
        let until = self.now + during;
        while self.now < until {
            self.now += TICK;
            for (who, level) in &self.levels {
                let level = level.map(|below| AudioLevel { voice: true, below });
                self.voices.entry(*who).or_default().hear(level, self.now);
            }
            if self.stage.due(self.now).is_ok() {
                let standings = self.voices.iter();
                let standings = standings.map(|(who, voice)| (*who, voice.standing(self.now)));
                self.stage.review(&standings.collect(), self.now);
                self.changes += u32::from(self.stage.news());
            }
        }
    }

    fn leave(&mut self, who: u32) {
        let voices = &self.voices;
        self.stage
            .leave(who, |other| voices[&other].last_loudness());
        self.voices.remove(&who);
        self.levels.remove(&who);
    }

    fn slots(&self) -> Vec<Option<u32>> {
        self.stage.slots().collect()
    }

    fn heard(&self, who: u32) -> bool {
        self.slots().contains(&Some(who))
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn whoever_begins_to_speak_is_heard_and_only_one_slot_changes() {
    let mut hall = Hall::of(8);
    for who in 0..5 {
        hall.level(who, SPEECH);
        hall.pass(seconds(1));
    }
    hall.level(2, ROOM);
    hall.pass(seconds(3));
    assert_eq!(
        hall.slots(),
        [0, 1, 2, 3, 4].map(Some),
        "silence costs no slot"
    );
    hall.level(7, SPEECH);
    hall.pass(TAKES_SLOT + 2 * REVIEW);
    assert_eq!(hall.slots(), [0, 1, 7, 3, 4].map(Some));
}

#[test]
fn the_longest_silent_goes_first() {
    let mut hall = Hall::of(8);
    (0..5).for_each(|who| hall.level(who, SPEECH));
    hall.pass(seconds(2));
    for who in [3, 1] {
        hall.level(who, ROOM);
        hall.pass(seconds(2));
    }
    hall.level(6, SPEECH);
    hall.pass(seconds(1));
    assert_eq!(hall.slots(), [0, 1, 2, 6, 4].map(Some));
    hall.level(7, SPEECH);
    hall.pass(seconds(1));
    assert_eq!(hall.slots(), [0, 7, 2, 6, 4].map(Some));
}

#[test]
fn among_speakers_only_clearly_louder_counts() {
    let mut hall = Hall::of(6);
    (0..5).for_each(|who| hall.level(who, 30));
    hall.pass(seconds(2));
    hall.level(5, 26);
    hall.pass(seconds(10));
    assert!(!hall.heard(5), "4 dB are not clear");
    hall.level(5, 20);
    hall.pass(seconds(1));
    assert!(hall.heard(5));
}

#[test]
fn a_cough_takes_no_slot_from_a_speaker() {
    let mut hall = Hall::of(6);
    (0..5).for_each(|who| hall.level(who, 30));
    hall.pass(seconds(2));
    hall.level(5, 5);
    hall.pass(Duration::from_millis(100));
    hall.level(5, ROOM);
    hall.pass(seconds(2));
    assert!(!hall.heard(5));
}

#[test]
fn a_slot_that_was_only_free_is_taken_at_once() {
    let mut hall = Hall::of(30);
    hall.pass(seconds(1));
    hall.level(29, SPEECH);
    hall.pass(2 * REVIEW);
    assert!(hall.heard(29));
}

#[test]
fn noise_takes_no_slot() {
    let mut hall = Hall::of(6);
    (0..5).for_each(|who| hall.level(who, 127));
    hall.pass(seconds(2));
    hall.level(5, 60);
    hall.pass(seconds(5));
    assert!(!hall.heard(5));
}

#[test]
fn a_peer_without_levels_is_heard_among_the_silent() {
    let mut hall = Hall::of(9);
    hall.levels.insert(8, None);
    hall.pass(seconds(1));
    assert!(hall.heard(8));
    // But not instead of those who speak up.
    (0..5).for_each(|who| hall.level(who, SPEECH));
    hall.pass(seconds(2));
    assert!(!hall.heard(8));
}

#[test]
fn the_slot_of_who_leaves_goes_to_the_loudest_at_once() {
    let mut hall = Hall::of(8);
    (0..5).for_each(|who| hall.level(who, SPEECH));
    hall.level(6, 30);
    hall.pass(seconds(1));
    hall.leave(3);
    assert_eq!(hall.slots(), [0, 1, 2, 6, 4].map(Some));
}

#[test]
fn turns_pass_more_slowly_than_slots() {
    let mut hall = Hall::of(3);
    hall.level(0, SPEECH);
    hall.pass(seconds(2));
    assert_eq!(hall.stage.active(), Some(0));
    hall.level(1, 10);
    hall.pass(Duration::from_millis(300));
    hall.level(1, ROOM);
    hall.pass(seconds(1));
    assert_eq!(hall.stage.active(), Some(0), "an interjection is no turn");
    hall.level(0, ROOM);
    hall.pass(seconds(5));
    assert_eq!(hall.stage.active(), Some(0), "nobody else speaks");
    hall.level(1, SPEECH);
    hall.pass(seconds(1) + TAKES_TURN);
    assert_eq!(hall.stage.active(), Some(1));
}

#[test]
fn steady_voices_are_no_news() {
    let mut hall = Hall::of(30);
    for who in 0..30 {
        hall.level(who, 20 + u8::try_from(who).unwrap());
    }
    hall.pass(seconds(3));
    hall.changes = 0;
    hall.pass(seconds(60));
    assert_eq!(hall.changes, 0);
}

#[test]
fn who_stops_sending_is_silent() {
    let mut hall = Hall::of(6);
    (0..5).for_each(|who| hall.level(who, SPEECH));
    hall.pass(seconds(2));
    hall.levels.remove(&2);
    hall.level(5, SPEECH);
    hall.pass(seconds(2));
    assert!(hall.heard(5) && !hall.heard(2));
    assert_eq!(hall.slots().iter().flatten().count(), SLOTS);
}
