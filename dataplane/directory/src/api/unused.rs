//! Instant meetings that nobody uses: deleted after a while, by the directory and not by its
//! replicas, which hear of it.
//!
//! What is used, zones say. One that is cut off says nothing, though its people may be in any
//! meeting by a replica; so as long as one is nothing is deleted, and what is noted has a gap.

use jiff::{SignedDuration, Timestamp};

use super::Directory;
use crate::model::MeetingNumber;
use crate::store;

/// How many days instant meetings are kept that nobody uses, where nothing else is said: who has
/// sent somebody a link finds it there for a month.
pub const INSTANT_MEETINGS_KEPT_DAYS: u32 = 30;

/// So many days; with none, for ever.
#[must_use]
pub fn kept_for_days(days: u32) -> Option<SignedDuration> {
    (days > 0).then(|| SignedDuration::from_hours(24 * i64::from(days)))
}

impl Directory {
    /// Notes what is used, and then deletes a piece of what is not; says how many rows.
    pub(super) async fn delete_unused_meetings(&self, now: Timestamp) -> Result<u64, store::Error> {
        let kept = self.config().instant_meetings_kept;
        let Some(kept) = kept.filter(|_| !self.config().read_only) else {
            return Ok(0);
        };
        let board = self.board();
        let running = board.running().filter_map(|it| it.as_str().parse().ok());
        let running: Vec<MeetingNumber> = running.collect();
        self.store().note_uses(&running, now).await?;
        if !board.hears_all(now) {
            return Ok(0);
        }
        let since = self.store().uses_are_noted(now).await?;
        self.store().delete_unused_meetings(kept, since, now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_no_days_they_are_kept_for_ever() {
        assert_eq!(kept_for_days(0), None);
        let month = SignedDuration::from_hours(720);
        assert_eq!(kept_for_days(INSTANT_MEETINGS_KEPT_DAYS), Some(month));
    }
}
