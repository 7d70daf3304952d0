//! Instant meetings that nobody uses: deleted after a while, by the directory and not by its
//! replicas, which hear of it.
//!
//! What is used, lookups and zones say. A zone that is cut off says nothing, though its people may be in any
//! meeting by a replica; so as long as one is nothing is deleted, and what is noted has a gap.

use jiff::{SignedDuration, Timestamp};

use super::Directory;
use crate::model::{Meeting, MeetingKind, MeetingNumber};
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
    /// For how long they are kept, if it is here that they are deleted.
    fn keeps_meetings_for(&self) -> Option<SignedDuration> {
        let config = self.config();
        config.instant_meetings_kept.filter(|_| !config.read_only)
    }

    /// Somebody is let into a meeting: no zone has said yet that they are there.
    pub(super) async fn note_use(
        &self,
        meeting: &Meeting,
        now: Timestamp,
    ) -> Result<(), store::Error> {
        if meeting.kind == MeetingKind::Instant && self.keeps_meetings_for().is_some() {
            self.store().note_use(meeting.number, now).await?;
        }
        Ok(())
    }

    /// Notes what is used, and then deletes a piece of what is not; says how many.
    pub(super) async fn delete_unused_meetings(&self, now: Timestamp) -> Result<u64, store::Error> {
        let Some(kept) = self.keeps_meetings_for() else {
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
        let deleted = self
            .store()
            .delete_unused_meetings(kept, since, now)
            .await?;
        if deleted > 0 {
            self.metrics().unused_deleted(deleted);
            tracing::info!(
                meetings = deleted,
                "instant meetings that nobody used are deleted"
            );
        }
        Ok(deleted)
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
