//! Meetings that say how many people they expect.

use std::collections::BTreeSet;

use super::super::database::{Statement, among, word};
use super::super::{Error, Store};
use crate::model::{MeetingNumber, PAGE_LIMIT, Revision, Schedule};

const THERE: Statement = among!("SELECT number FROM meeting WHERE number", "BIGINT");

impl Store {
    /// Meetings that changed after a number, in order, 1,000 at most: each with its last change,
    /// and with its schedule where it expects people and nobody has ended it. What was deleted is
    /// not among them.
    pub async fn expecting(
        &self,
        after: Revision,
    ) -> Result<Vec<(MeetingNumber, Option<Schedule>, Revision)>, Error> {
        // As JSON has it: a quote in a string would be escaped.
        let sql = "SELECT number, revision, CASE
                WHEN ended IS NULL AND schedule LIKE '%\"expected\":%' THEN schedule
            END AS schedule
            FROM meeting WHERE revision > $1 ORDER BY revision LIMIT $2";
        let values = vec![after.0.into(), PAGE_LIMIT.into()];
        let rows = self.database.rows(sql, values).await?;
        let read = rows.iter().map(|row| {
            let number = super::rows::number(row)?;
            // One that cannot be read keeps nobody from the others.
            let schedule = row.json_maybe("schedule").unwrap_or_default();
            Ok((number, schedule, row.revision("revision")?))
        });
        read.collect()
    }

    /// Which of these meetings there are.
    pub async fn which_are_there(
        &self,
        numbers: &[MeetingNumber],
    ) -> Result<BTreeSet<MeetingNumber>, Error> {
        if numbers.is_empty() {
            return Ok(BTreeSet::new());
        }
        let sql = self.database.words(&THERE)?;
        let rows = self.database.rows(sql, vec![word(&numbers)]).await?;
        rows.iter().map(super::rows::number).collect()
    }
}
