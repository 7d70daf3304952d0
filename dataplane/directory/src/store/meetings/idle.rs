//! Instant meetings that nobody uses any more.
//!
//! A meeting is used when somebody is let in, and while people are in it, or wait for it. The
//! first two are noted to a day, past the feed, and only of meetings in use: what has no row was
//! not used for as long as uses have been noted. What was missed meanwhile nobody knows, so nothing
//! is deleted before that time is long enough.

use jiff::{SignedDuration, Timestamp};

use super::super::database::{Statement, Value, time, word};
use super::super::leftovers::PIECE;
use super::super::{Error, Store};
use super::deleting;
use crate::model::MeetingNumber;

/// How exactly it is known when a meeting was used: not every look is a write.
const GRAIN: SignedDuration = SignedDuration::from_hours(24);
/// How long nothing may be noted until what was noted before is worth nothing: meanwhile replicas,
/// or a former version of this program, may have let people in.
const GAP: SignedDuration = SignedDuration::from_hours(1);
/// Meetings that one statement asks about.
const AT_ONCE: usize = 1_000;

/// What was noted within a day is left alone, and so not even locked.
const NOTE: Statement = Statement {
    sqlite: "INSERT INTO meeting_used (meeting, at)
        SELECT number, $2 FROM meeting WHERE kind = 'instant'
        AND number IN (SELECT value FROM json_each($1))
        AND NOT EXISTS (SELECT 1 FROM meeting_used WHERE meeting = number AND at > $3)
        ON CONFLICT (meeting) DO UPDATE SET at = excluded.at",
    postgres: "INSERT INTO meeting_used (meeting, at)
        SELECT number, $2 FROM meeting WHERE kind = 'instant'
        AND number IN (SELECT CAST(json_array_elements_text($1::json) AS BIGINT))
        AND NOT EXISTS (SELECT 1 FROM meeting_used WHERE meeting = number AND at > $3)
        ON CONFLICT (meeting) DO UPDATE SET at = excluded.at",
};

impl Store {
    /// Notes that somebody was let into an instant meeting. Most often a look says that it is
    /// noted already, which keeps no other write waiting.
    pub async fn note_use(&self, meeting: MeetingNumber, now: Timestamp) -> Result<(), Error> {
        let sql = "SELECT 1 AS noted FROM meeting_used WHERE meeting = $1 AND at > $2";
        let values = vec![meeting.value().into(), time(before(now, GRAIN))];
        if self.database.row(sql, values).await?.is_some() {
            return Ok(());
        }
        self.note_uses(&[meeting], now).await
    }

    /// Notes which instant meetings people are in now.
    pub async fn note_uses(&self, running: &[MeetingNumber], now: Timestamp) -> Result<(), Error> {
        let sql = self.database.words(&NOTE)?;
        for some in running.chunks(AT_ONCE) {
            let numbers: Vec<u64> = some.iter().map(|number| number.value()).collect();
            let values = vec![word(&numbers), time(now), time(before(now, GRAIN))];
            self.database.execute(sql, values).await?;
        }
        Ok(())
    }

    /// Says that every use until now has been noted that is still to be seen; returns since when
    /// that was said without a [`GAP`]. A clock that was ahead counts for nothing.
    pub async fn uses_are_noted(&self, now: Timestamp) -> Result<Timestamp, Error> {
        let sql = "INSERT INTO meeting_watch (one, since, latest) VALUES (1, $1, $1)
            ON CONFLICT (one) DO UPDATE SET latest = excluded.latest,
            since = CASE
                WHEN meeting_watch.latest < $2 OR meeting_watch.since > $1 THEN $1
                ELSE meeting_watch.since
            END RETURNING since";
        let values = vec![time(now), time(before(now, GAP))];
        let row = self.database.written(sql, values).await?;
        row.ok_or_else(|| Error::corrupt("the table meeting_watch is empty"))?
            .time("since")
    }

    /// Deletes instant meetings that nobody has used for `kept`, [`PIECE`] at most, where uses
    /// have been noted `since` long enough. Says how many. Not on a replica, which hears of it.
    pub async fn delete_unused_meetings(
        &self,
        kept: SignedDuration,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Error> {
        // A use may be almost as much younger than its note.
        let before = before(now, kept.saturating_add(GRAIN));
        if since > before {
            return Ok(0);
        }
        let values = || -> Vec<Value> { vec![time(before), PIECE.into()] };
        let sql = "SELECT number FROM meeting WHERE kind = 'instant' AND created <= $1
            AND NOT EXISTS (SELECT 1 FROM meeting_used WHERE meeting = number AND at > $1)
            AND NOT EXISTS (SELECT 1 FROM waiting WHERE meeting = number)
            ORDER BY created, number LIMIT $2";
        if self.database.rows(sql, values()).await?.is_empty() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let unused = deleting::numbers(&write.rows(sql, values()).await?)?;
        let deleted = deleting::delete(&mut write, &unused, now).await?;
        write.commit().await?;
        Ok(deleted)
    }
}

/// So long before, or the beginning of all times.
fn before(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
