//! What time makes worthless. Every call does a bounded piece of work.

use jiff::{SignedDuration, Timestamp};

use super::database::time;
use super::logins::judged_at;
use super::{Error, Store, endings};

/// Rows of one kind that one call deletes.
pub const PIECE: u32 = 500;
/// How long the last word of a controller is kept.
const REPORTS: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Deletes what has expired: sessions, API tokens, waiting people, placements, reports,
    /// endings; [`PIECE`] of each at most; and keys of replicas that are none any more. Says how many
    /// rows; to be called every minute, on a replica too, and again where there was a whole
    /// piece. What has expired opens nothing in any case.
    pub async fn tidy(&self, now: Timestamp) -> Result<u64, Error> {
        let heard = now.checked_sub(REPORTS).unwrap_or(Timestamp::MIN);
        let over = now.checked_sub(endings::KEPT).unwrap_or(Timestamp::MIN);
        let mut deleted = 0;
        // Replicas do the same by themselves and need not be told.
        for (sql, before) in [
            (
                concat!(
                    "DELETE FROM login WHERE id IN (SELECT id FROM login WHERE expires <= ",
                    judged_at!(),
                    " LIMIT $2)"
                ),
                now,
            ),
            (
                "DELETE FROM waiting WHERE id IN
                 (SELECT id FROM waiting WHERE expires <= $1 LIMIT $2)",
                now,
            ),
            (
                "DELETE FROM placement WHERE meeting IN
                 (SELECT meeting FROM placement WHERE expires <= $1 LIMIT $2)",
                now,
            ),
            (
                "DELETE FROM zone_report WHERE (zone, controller) IN
                 (SELECT zone, controller FROM zone_report WHERE heard <= $1 LIMIT $2)",
                heard,
            ),
            (
                "DELETE FROM ending WHERE meeting IN
                 (SELECT meeting FROM ending WHERE at <= $1 LIMIT $2)",
                over,
            ),
        ] {
            deleted += self
                .database
                .execute(sql, vec![time(before), PIECE.into()])
                .await?;
        }
        deleted += self.withdraw_keys().await?;
        deleted += self.forget_gone().await?;
        self.forget_marks().await?;
        Ok(deleted)
    }
}
