//! Instant meetings that nobody uses any more.

use jiff::{SignedDuration, Timestamp};

use super::super::database::{Row, Statement, Value, among, time, word};
use super::super::leftovers::PIECE;
use super::super::write::Write;
use super::super::{Error, Store};
use crate::model::MeetingNumber;

/// How exactly it is known when a meeting was used: not every look is a write.
const USED: SignedDuration = SignedDuration::from_hours(24);
/// Meetings that one statement asks about.
const AT_ONCE: usize = 10_000;

const NOTE: Statement = among!(
    "UPDATE meeting SET used = $2
     WHERE kind = 'instant' AND used <= $3 AND number",
    "BIGINT"
);

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
    /// Notes which meetings people are in now, to a day.
    pub async fn are_used(&self, running: &[MeetingNumber], now: Timestamp) -> Result<(), Error> {
        // Those that are new, or older than this column, are used from now on.
        let sql = "UPDATE meeting SET used = $1 WHERE kind = 'instant' AND used IS NULL";
        self.database.execute(sql, vec![time(now)]).await?;
        let before = now.checked_sub(USED).unwrap_or(Timestamp::MIN);
        let sql = self.database.words(&NOTE)?;
        for some in running.chunks(AT_ONCE) {
            let numbers: Vec<u64> = some.iter().map(|number| number.value()).collect();
            let values = vec![word(&numbers), time(now), time(before)];
            self.database.execute(sql, values).await?;
        }
        Ok(())
    }

    /// Deletes instant meetings that nobody has used since `before`, [`PIECE`] at most. Says how
    /// many. Not on a replica, which hears of it.
    pub async fn delete_idle_meetings(&self, before: Timestamp) -> Result<u64, Error> {
        let sql = "SELECT number FROM meeting WHERE kind = 'instant' AND used <= $1
            ORDER BY used, number LIMIT $2";
        let values = || -> Vec<Value> { vec![time(before), PIECE.into()] };
        if self.database.rows(sql, values()).await?.is_empty() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let idle = write.rows(sql, values()).await?;
        let deleted = delete_all(&mut write, &idle).await?;
        write.commit().await?;
        Ok(deleted)
    }
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
