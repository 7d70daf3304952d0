//! What time makes worthless. Every call does a bounded piece of work.

use jiff::{SignedDuration, Timestamp};

use super::database::time;
use super::{Error, Store, meetings};
use crate::model::MeetingNumber;

/// Rows of one kind that one call deletes.
const PIECE: u32 = 500;
/// How long the last word of a controller is kept.
const REPORTS: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Deletes what has expired: sessions, API tokens, waiting people, reports. Says how many
    /// rows; to be called every minute, on a replica too. What has expired opens nothing in
    /// any case.
    pub async fn tidy(&self, now: Timestamp) -> Result<u64, Error> {
        let heard = now.checked_sub(REPORTS).unwrap_or(Timestamp::MIN);
        let mut deleted = 0;
        // Replicas do the same by themselves and need not be told.
        for (sql, before) in [
            (
                "DELETE FROM login WHERE id IN
                 (SELECT id FROM login WHERE expires <= $1 LIMIT $2)",
                now,
            ),
            (
                "DELETE FROM waiting WHERE id IN
                 (SELECT id FROM waiting WHERE expires <= $1 LIMIT $2)",
                now,
            ),
            (
                "DELETE FROM zone_report WHERE (zone, controller) IN
                 (SELECT zone, controller FROM zone_report WHERE heard <= $1 LIMIT $2)",
                heard,
            ),
        ] {
            deleted += self
                .database
                .execute(sql, vec![time(before), PIECE.into()])
                .await?;
        }
        deleted += self.forget_gone().await?;
        self.forget_marks().await?;
        Ok(deleted)
    }

    /// Deletes instant meetings that were made before a moment and have seen no host since;
    /// says how many. Not on a replica: it is told.
    pub async fn forget_instant_meetings(&self, before: Timestamp) -> Result<u64, Error> {
        let sql = "SELECT number FROM meeting LEFT JOIN host_seen ON host_seen.meeting = number
            WHERE kind = 'instant' AND created <= $1 AND (at IS NULL OR at <= $1)
            ORDER BY created LIMIT $2";
        let old = self
            .database
            .rows(sql, vec![time(before), PIECE.into()])
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let mut deleted = 0;
        for row in old {
            let Some(number) = MeetingNumber::new(row.unsigned("number")?) else {
                continue;
            };
            if meetings::delete(&mut write, number).await? {
                write.gone(meetings::KIND, number).await?;
                write.next().await?;
                deleted += 1;
            }
        }
        write.commit().await?;
        Ok(deleted)
    }
}
