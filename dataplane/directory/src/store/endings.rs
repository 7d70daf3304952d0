//! Meetings that were ended or deleted, for the zones that people are in.

use jiff::{SignedDuration, Timestamp};
use plenum_wire::ticket::IDENTITY_S;

use super::database::{Row, Statement, time, word};
use super::write::Write;
use super::{Error, Store};
use crate::model::{Ending, MeetingNumber};

/// How long tickets bring anybody back who was let in before: tokens last shorter.
pub const KEPT: SignedDuration = SignedDuration::from_secs(IDENTITY_S.cast_signed());
/// Endings that are looked at: twice as many as an account has meetings, which may be deleted all
/// together.
pub const LAST: u32 = 20_000;

const NOTE_ALL: Statement = Statement {
    sqlite: "INSERT INTO ending (meeting, at) SELECT number, $2 FROM meeting
        WHERE number IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
        ON CONFLICT (meeting) DO UPDATE SET at = excluded.at WHERE ending.at < excluded.at",
    postgres: "INSERT INTO ending (meeting, at) SELECT number, $2 FROM meeting
        WHERE number IN (SELECT CAST(json_array_elements_text($1::json) AS BIGINT))
        ON CONFLICT (meeting) DO UPDATE SET at = excluded.at WHERE ending.at < excluded.at",
};

impl Store {
    /// Meetings that were ended or deleted after a time, the latest first. Of more than 20,000 the
    /// earliest are not among them.
    pub async fn endings(&self, since: Timestamp) -> Result<Vec<Ending>, Error> {
        let sql = "SELECT * FROM ending WHERE at > $1 ORDER BY at DESC, meeting LIMIT $2";
        let values = vec![time(since), LAST.into()];
        let rows = self.database.rows(sql, values).await?;
        rows.iter().map(ending).collect()
    }
}

/// Notes that a meeting was ended or deleted, within that change.
pub(super) async fn note(
    write: &mut Write,
    meeting: MeetingNumber,
    at: Timestamp,
) -> Result<(), Error> {
    let sql = "INSERT INTO ending (meeting, at) VALUES ($1, $2)
        ON CONFLICT (meeting) DO UPDATE SET at = excluded.at WHERE ending.at < excluded.at";
    let values = vec![meeting.value().into(), time(at)];
    write.execute(sql, values).await.map(drop)
}

/// The same for those of these meetings that are there.
pub(super) async fn note_all(
    write: &mut Write,
    meetings: &[MeetingNumber],
    at: Timestamp,
) -> Result<(), Error> {
    let sql = write.transaction().words(&NOTE_ALL);
    let values = vec![word(&meetings), time(at)];
    write.execute(sql, values).await.map(drop)
}

fn ending(row: &Row) -> Result<Ending, Error> {
    Ok(Ending {
        meeting: MeetingNumber::new(row.unsigned("meeting")?)
            .ok_or_else(|| Error::corrupt("column meeting"))?,
        at: row.time("at")?,
    })
}
