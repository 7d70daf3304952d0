//! Instant meetings that nobody uses any more.
//!
//! A meeting is used while people are in it, or wait for it. That people are in it is noted to a
//! day, past the feed, and only of meetings in use: what has no row was not used for as long as
//! uses have been noted. What was missed meanwhile nobody knows, so nothing is deleted before that
//! time is long enough.

use jiff::{SignedDuration, Timestamp};

use super::super::database::{Row, Statement, Value, among, time, word};
use super::super::leftovers::PIECE;
use super::super::write::Write;
use super::super::{Error, Store};
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

const DELETE: [Statement; 4] = [
    among!("DELETE FROM meeting_person WHERE meeting", "BIGINT"),
    among!("DELETE FROM host_seen WHERE meeting", "BIGINT"),
    among!("DELETE FROM waiting WHERE meeting", "BIGINT"),
    among!("DELETE FROM meeting WHERE number", "BIGINT"),
];

const GONE: Statement = Statement {
    sqlite: "INSERT INTO gone (kind, key, revision)
        SELECT 'meeting', CAST(value AS TEXT), $2 + row_number() OVER (ORDER BY value)
        FROM json_each($1)",
    postgres: "INSERT INTO gone (kind, key, revision)
        SELECT 'meeting', number, $2 + row_number() OVER (ORDER BY number)
        FROM json_array_elements_text($1::json) AS numbers (number)",
};

impl Store {
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
    /// have been noted `since` long enough. Says how many rows are gone. Not on a replica, which
    /// hears of it.
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
        // What says no more than that there is no row; the meeting may be gone.
        let sql = "DELETE FROM meeting_used WHERE meeting IN
            (SELECT meeting FROM meeting_used WHERE at <= $1 LIMIT $2)";
        let notes = self.database.execute(sql, values()).await?;
        let sql = "SELECT number FROM meeting WHERE kind = 'instant' AND created <= $1
            AND NOT EXISTS (SELECT 1 FROM meeting_used WHERE meeting = number)
            AND NOT EXISTS (SELECT 1 FROM waiting WHERE meeting = number)
            ORDER BY created, number LIMIT $2";
        if self.database.rows(sql, values()).await?.is_empty() {
            return Ok(notes);
        }
        let mut write = self.write().await?;
        let unused = write.rows(sql, values()).await?;
        let deleted = delete_all(&mut write, &unused).await?;
        write.commit().await?;
        Ok(notes + deleted)
    }
}

/// So long before, or the beginning of all times.
fn before(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// Deletes meetings, whose numbers these rows are, and what hangs on them. Each gets a change of
/// its own, in a few statements however many there are.
pub(super) async fn delete_all(write: &mut Write, meetings: &[Row]) -> Result<u64, Error> {
    let count = meetings.len() as u64;
    if count == 0 {
        return Ok(0);
    }
    let numbers = meetings.iter().map(|row| row.unsigned("number"));
    let numbers = numbers.collect::<Result<Vec<u64>, _>>()?;
    let last = write.further(count).await?;
    let sql = write.transaction().words(&GONE);
    let values = vec![word(&numbers), (last.0 - count).into()];
    write.execute(sql, values).await?;
    for statement in &DELETE {
        let sql = write.transaction().words(statement);
        write.execute(sql, vec![word(&numbers)]).await?;
    }
    Ok(count)
}
