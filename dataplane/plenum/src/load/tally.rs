//! What came of all participants.

use std::time::Duration;

use plenum_client::{JoinError, exit};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::figures::Figures;
use super::participant::Outcome;

/// How long leaving may take.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// What came of all participants.
#[derive(Default)]
pub struct Tally {
    /// Of everybody.
    pub all: Figures,
    /// Of all but those whose figures are told apart.
    pub most: Figures,
    /// Of those, if there are any.
    pub apart: Option<Figures>,
    /// The user ended the load before they had joined.
    pub abandoned: u64,
    first_failure: Option<JoinError>,
    /// Did not leave in time, or broke.
    unaccounted: u64,
}

impl Tally {
    /// Waits until everybody has left, but not for long.
    pub async fn collect(tasks: &mut JoinSet<Outcome>) -> Self {
        let mut tally = Self::default();
        let deadline = Instant::now() + LEAVE_WITHIN;
        while let Ok(Some(outcome)) = timeout_at(deadline, tasks.join_next()).await {
            match outcome {
                Ok(outcome) => tally.enter(outcome),
                Err(error) => {
                    tracing::error!(%error, "a participant broke");
                    tally.unaccounted += 1;
                }
            }
        }
        tally.unaccounted += tasks.len() as u64;
        tally
    }

    fn enter(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Took { figures, apart } => {
                self.all.merge(&figures);
                if apart {
                    self.apart.get_or_insert_default().merge(&figures);
                } else {
                    self.most.merge(&figures);
                }
            }
            Outcome::Abandoned => self.abandoned += 1,
            Outcome::Failed(error) => {
                self.first_failure.get_or_insert(error);
            }
        }
    }

    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match &self.first_failure {
            Some(error) => error.exit_status(),
            None if self.all.dropped + self.unaccounted > 0 => exit::OTHER,
            None => exit::OK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(moves: u64, dropped: u64, apart: bool) -> Outcome {
        let figures = Figures {
            moves,
            dropped,
            ..Figures::default()
        };
        Outcome::Took {
            figures: Box::new(figures),
            apart,
        }
    }

    #[test]
    fn figures_told_apart_are_in_no_others_but_all() {
        let mut tally = Tally::default();
        tally.enter(took(1, 0, false));
        assert!(tally.apart.is_none());
        tally.enter(took(2, 1, true));
        assert_eq!((tally.all.moves, tally.most.moves), (3, 1));
        assert_eq!(tally.apart.as_ref().map(|apart| apart.moves), Some(2));
        assert_eq!(tally.status(), exit::OTHER, "who is apart was dropped too");
    }
}
