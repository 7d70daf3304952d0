//! Deleting meetings, and what hangs on them: one, those of an account, those that nobody uses.
//!
//! All alike have ended with it, for whoever was in them, and replicas hear of each.

use jiff::Timestamp;

use super::super::database::{Row, Statement, among, word};
use super::super::write::Write;
use super::super::{Error, endings};
use crate::model::MeetingNumber;

/// The meetings themselves at last, which says how many were there.
const DELETE: [Statement; 5] = [
    among!("DELETE FROM meeting_person WHERE meeting", "BIGINT"),
    among!("DELETE FROM meeting_used WHERE meeting", "BIGINT"),
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

/// Deletes meetings that are there, or one that may be; says how many were. Each gets a change of
/// its own, in a few statements however many there are.
pub(super) async fn delete(
    write: &mut Write,
    meetings: &[MeetingNumber],
    now: Timestamp,
) -> Result<u64, Error> {
    let count = remove(write, meetings, now).await?;
    if count > 0 {
        let last = write.further(count).await?;
        let sql = write.transaction().words(&GONE);
        let values = vec![word(&meetings), (last.0 - count).into()];
        write.execute(sql, values).await?;
    }
    Ok(count)
}

/// The same without telling replicas: this is one, which heard of it.
pub(in super::super) async fn remove(
    write: &mut Write,
    meetings: &[MeetingNumber],
    now: Timestamp,
) -> Result<u64, Error> {
    let mut count = 0;
    if meetings.is_empty() {
        return Ok(count);
    }
    endings::note_all(write, meetings, now).await?;
    for statement in &DELETE {
        let sql = write.transaction().words(statement);
        count = write.execute(sql, vec![word(&meetings)]).await?;
    }
    Ok(count)
}

/// The numbers that a statement found.
pub(super) fn numbers(rows: &[Row]) -> Result<Vec<MeetingNumber>, Error> {
    rows.iter().map(super::rows::number).collect()
}
