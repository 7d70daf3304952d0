//! What statements give back.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::super::Error;
use crate::model::Revision;

/// A row of either database. What it should not hold is [`Error::Corrupt`].
pub(in super::super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn get<T>(&self, column: &str) -> Result<T, Error>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(Error::corrupt)
    }

    pub(in super::super) fn text(&self, column: &str) -> Result<String, Error> {
        self.get(column)
    }

    pub(in super::super) fn truth(&self, column: &str) -> Result<bool, Error> {
        self.get(column)
    }

    /// A thing by its name.
    pub(in super::super) fn named<T>(&self, column: &str) -> Result<T, Error>
    where
        T: FromStr<Err: Display>,
    {
        parse(column, &self.get::<String>(column)?)
    }

    /// The same where there may be none.
    pub(in super::super) fn named_maybe<T>(&self, column: &str) -> Result<Option<T>, Error>
    where
        T: FromStr<Err: Display>,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|text| parse(column, &text)).transpose()
    }

    /// One of a few words.
    pub(in super::super) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, Error> {
        let word = serde_json::Value::String(self.get(column)?);
        serde_json::from_value(word)
            .map_err(|error| Error::Corrupt(format!("column {column}: {error}")))
    }

    /// A thing in JSON.
    pub(in super::super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, Error> {
        from_json(column, &self.get::<String>(column)?)
    }

    /// The same where there may be none.
    pub(in super::super) fn json_maybe<T: DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<Option<T>, Error> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| from_json(column, &text)).transpose()
    }

    pub(in super::super) fn time(&self, column: &str) -> Result<Timestamp, Error> {
        Timestamp::from_millisecond(self.get(column)?).map_err(Error::corrupt)
    }

    pub(in super::super) fn time_maybe(&self, column: &str) -> Result<Option<Timestamp>, Error> {
        let at: Option<i64> = self.get(column)?;
        at.map(Timestamp::from_millisecond)
            .transpose()
            .map_err(Error::corrupt)
    }

    pub(in super::super) fn revision(&self, column: &str) -> Result<Revision, Error> {
        self.unsigned(column).map(Revision)
    }

    pub(in super::super) fn unsigned(&self, column: &str) -> Result<u64, Error> {
        u64::try_from(self.get::<i64>(column)?).map_err(Error::corrupt)
    }
}

fn parse<T: FromStr<Err: Display>>(column: &str, text: &str) -> Result<T, Error> {
    text.parse()
        .map_err(|error| Error::Corrupt(format!("column {column}: {error}")))
}

fn from_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("column {column}: {error}")))
}
