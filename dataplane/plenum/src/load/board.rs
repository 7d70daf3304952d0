//! What the participants of a load share: counters, who sent how much, what went wrong.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::happening::{Happening, What, unix_ms};

/// How many errors are listed; the others are counted.
const ERRORS: usize = 100;

/// A number that many tasks count up and one reads.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    /// Takes one off.
    pub fn subtract_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Trouble {
    /// Seconds since the load began.
    pub at_s: f64,
    /// Whose: its number in the load.
    pub participant: String,
    /// What.
    pub what: String,
}

/// Shared by all participants.
#[derive(Debug)]
pub struct Board {
    /// When the load began.
    pub start: Instant,
    /// Joins begun.
    pub attempted: Count,
    /// Joins failed.
    pub failed: Count,
    /// Participants in their meetings now.
    pub present: Count,
    /// Packets sent.
    pub sent: Count,
    /// Packets received.
    pub received: Count,
    /// Moves begun.
    pub moves: Count,
    /// Routers lost, once for each participant.
    pub reconnections: Count,
    /// How many of each track have been sent, by source.
    tracks: Mutex<HashMap<(usize, u32), Arc<Count>>>,
    troubles: Mutex<(Vec<Trouble>, u64)>,
    /// What nobody has written down yet; `None` when nobody will.
    happenings: Mutex<Option<Vec<Happening>>>,
}

impl Board {
    /// An empty one; `told` when somebody writes down what happens.
    #[must_use]
    pub fn new(start: Instant, told: bool) -> Self {
        Self {
            start,
            attempted: Count::default(),
            failed: Count::default(),
            present: Count::default(),
            sent: Count::default(),
            received: Count::default(),
            moves: Count::default(),
            reconnections: Count::default(),
            tracks: Mutex::default(),
            troubles: Mutex::default(),
            happenings: Mutex::new(told.then(Vec::new)),
        }
    }

    /// The counter of a track, for its sender.
    pub fn publish(&self, meeting: usize, ssrc: u32) -> Arc<Count> {
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tracks.entry((meeting, ssrc)).or_default())
    }

    /// The counter of a track, for its receivers; `None` while its sender has not begun.
    pub fn track(&self, meeting: usize, ssrc: u32) -> Option<Arc<Count>> {
        let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        tracks.get(&(meeting, ssrc)).cloned()
    }

    /// Tells what happened to a participant.
    pub fn tell(&self, participant: &str, what: What) {
        self.note(Some(participant), what);
    }

    /// Tells what happened to nobody in particular.
    pub fn announce(&self, what: What) {
        self.note(None, what);
    }

    fn note(&self, participant: Option<&str>, what: What) {
        let mut happenings = self
            .happenings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(happenings) = happenings.as_mut() {
            happenings.push(Happening {
                unix_ms: unix_ms(),
                participant: participant.map(str::to_owned),
                what,
            });
        }
    }

    /// What happened since this was last asked.
    pub fn happenings(&self) -> Vec<Happening> {
        let mut happenings = self
            .happenings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        happenings.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Notes what went wrong.
    pub fn trouble(&self, participant: &str, what: String) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.1 += 1;
        if troubles.0.len() < ERRORS {
            troubles.0.push(Trouble {
                at_s: seconds(self.start.elapsed().as_secs_f64()),
                participant: participant.to_owned(),
                what,
            });
        }
    }

    /// The first errors, and how many there were.
    pub fn troubles(&self) -> (Vec<Trouble>, u64) {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.clone()
    }
}

/// Rounded to milliseconds, for reports.
pub fn seconds(exact: f64) -> f64 {
    (exact * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_listed_up_to_a_bound_and_counted_beyond() {
        let board = Board::new(Instant::now(), true);
        for number in 0..ERRORS + 5 {
            board.trouble("1", format!("{number}"));
        }
        let (listed, count) = board.troubles();
        assert_eq!((listed.len(), count), (ERRORS, 105));
        assert_eq!(listed[0].what, "0");
    }

    #[test]
    fn sender_and_receivers_of_a_track_read_the_same_counter() {
        let board = Board::new(Instant::now(), true);
        assert!(board.track(1, 7).is_none());
        board.publish(1, 7).add(3);
        assert_eq!(board.track(1, 7).unwrap().get(), 3);
        assert!(board.track(2, 7).is_none(), "another meeting's");
    }
}
