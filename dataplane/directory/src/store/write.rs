//! Changes that replicas hear of.
//!
//! Each takes a lock first, the one row of `feed`, and with it the next [`Revision`]; it is
//! released when the change is made. So changes happen one after the other, in both databases
//! alike: what is visible is always all changes up to some number, a replica that asks for
//! what came after N misses nothing, and what a transaction reads stays so until it is done,
//! at any isolation level. The price is one change at a time, some hundred in a second; what
//! happens more often (reports, waiting, the last use of a session) goes past it.

use super::database::{Row, Transaction, Value, text};
use super::{Error, Store};
use crate::model::Revision;

pub(super) struct Write {
    open: Transaction,
    revision: Revision,
}

impl Store {
    pub(super) async fn write(&self) -> Result<Write, Error> {
        let mut open = self.database.begin().await?;
        let revision = advance(&mut open, 1).await?;
        Ok(Write { open, revision })
    }
}

/// Takes so many numbers and answers the last.
async fn advance(open: &mut Transaction, by: u64) -> Result<Revision, Error> {
    let sql = "UPDATE feed SET head = head + $1 WHERE one = 1 RETURNING head";
    let row = open.row(sql, vec![by.into()]).await?;
    row.ok_or_else(|| Error::corrupt("the table feed is empty"))?
        .revision("head")
}

impl Write {
    /// The number of this change.
    pub(super) const fn revision(&self) -> Revision {
        self.revision
    }

    /// The number of a further change in the same transaction.
    pub(super) async fn next(&mut self) -> Result<Revision, Error> {
        self.further(1).await
    }

    /// So many further numbers; the last of them.
    pub(super) async fn further(&mut self, count: u64) -> Result<Revision, Error> {
        self.revision = advance(&mut self.open, count).await?;
        Ok(self.revision)
    }

    /// Whether `what`, which `sql` finds by `key`, has that number still, where that matters.
    pub(super) async fn still(
        &mut self,
        what: &'static str,
        sql: &'static str,
        key: Value,
        number: Option<Revision>,
    ) -> Result<(), Error> {
        let Some(number) = number else { return Ok(()) };
        let row = self.row(sql, vec![key]).await?;
        let found = row.ok_or(Error::NotFound { what })?.revision("revision")?;
        if found == number {
            Ok(())
        } else {
            Err(Error::Changed { what })
        }
    }

    /// Notes that something is gone, with the number of this change.
    pub(super) async fn gone(&mut self, kind: &str, key: impl ToString) -> Result<(), Error> {
        let sql = "INSERT INTO gone (kind, key, revision) VALUES ($1, $2, $3)
            ON CONFLICT (kind, key) DO UPDATE SET revision = excluded.revision";
        let values = vec![text(kind), text(key.to_string()), self.revision.0.into()];
        self.open.execute(sql, values).await.map(drop)
    }

    /// Takes that back: there is one of that name again.
    pub(super) async fn back(&mut self, kind: &str, key: impl ToString) -> Result<(), Error> {
        let sql = "DELETE FROM gone WHERE kind = $1 AND key = $2";
        self.open
            .execute(sql, vec![text(kind), text(key.to_string())])
            .await
            .map(drop)
    }

    pub(super) async fn row(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        self.open.row(sql, values).await
    }

    pub(super) async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        self.open.rows(sql, values).await
    }

    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<u64, Error> {
        self.open.execute(sql, values).await
    }

    pub(super) const fn transaction(&mut self) -> &mut Transaction {
        &mut self.open
    }

    /// How many rows the statement counts, as its column `count`.
    pub(super) async fn count(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<u64, Error> {
        match self.open.row(sql, values).await? {
            Some(row) => row.unsigned("count"),
            None => Ok(0),
        }
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.open.commit().await
    }
}
