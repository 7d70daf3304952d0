//! A transaction of either database. Dropped without [`Transaction::commit`] it has not been.

use sqlx::{Postgres, Sqlite};

use super::super::Error;
use super::{Answers, Row, Statement, Value, run, value};

pub(in super::super) struct Transaction {
    pub(super) open: Open,
    pub(super) answers: Answers,
}

pub(super) enum Open {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// One row, if there is one.
    pub(in super::super) async fn row(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, Error> {
        match &mut self.open {
            Open::Sqlite(open) => self
                .answers
                .on(run!(&mut **open, sql, values, fetch_optional))
                .await
                .map(|row| row.map(Row::Sqlite)),
            Open::Postgres(open) => self
                .answers
                .on(run!(&mut **open, sql, values, fetch_optional))
                .await
                .map(|row| row.map(Row::Postgres)),
        }
    }

    /// All rows; the statement has a limit.
    pub(in super::super) async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        match &mut self.open {
            Open::Sqlite(open) => self
                .answers
                .on(run!(&mut **open, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Open::Postgres(open) => self
                .answers
                .on(run!(&mut **open, sql, values, fetch_all))
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
    }

    /// Says how many rows it touched.
    pub(in super::super) async fn execute(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<u64, Error> {
        match &mut self.open {
            Open::Sqlite(open) => self
                .answers
                .on(run!(&mut **open, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
            Open::Postgres(open) => self
                .answers
                .on(run!(&mut **open, sql, values, execute))
                .await
                .map(|done| done.rows_affected()),
        }
    }

    /// The statement in this database's own words.
    pub(in super::super) const fn words(&self, statement: &Statement) -> &'static str {
        match &self.open {
            Open::Sqlite(_) => statement.sqlite,
            Open::Postgres(_) => statement.postgres,
        }
    }

    /// Makes it so. With [`Error::Unavailable`] nobody knows whether it is.
    pub(in super::super) async fn commit(self) -> Result<(), Error> {
        match self.open {
            Open::Sqlite(open) => self.answers.on(open.commit()).await,
            Open::Postgres(open) => self.answers.on(open.commit()).await,
        }
    }
}
