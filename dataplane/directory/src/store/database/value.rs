//! What statements are given.

use std::fmt::Display;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::query::Query;
use sqlx::{Encode, Type};

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub(in super::super) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Truth(bool),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<u64> for Value {
    /// Numbers beyond 2^63 are none of ours: not revisions, not meetings.
    fn from(value: u64) -> Self {
        Self::Integer(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Truth(value)
    }
}

/// A thing with a name, by its name.
pub(in super::super) fn text(value: impl Display) -> Value {
    Value::Text(Some(value.to_string()))
}

/// The same where there may be none.
pub(in super::super) fn texts(value: Option<impl Display>) -> Value {
    Value::Text(value.map(|value| value.to_string()))
}

/// One of a few words, or a thing in JSON.
pub(in super::super) fn word(value: &impl Serialize) -> Value {
    let word = match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Some(word),
        Ok(serde_json::Value::Null) => None,
        Ok(other) => Some(other.to_string()),
        Err(_) => unreachable!("our own types have plain JSON"),
    };
    Value::Text(word)
}

/// A thing in JSON that may be long.
pub(in super::super) fn json(value: &impl Serialize) -> Value {
    match serde_json::to_string(value) {
        Ok(text) => Value::Text(Some(text)),
        Err(_) => unreachable!("our own types have plain JSON"),
    }
}

/// A moment, in milliseconds.
pub(in super::super) fn time(value: Timestamp) -> Value {
    Value::Integer(Some(value.as_millisecond()))
}

/// The same where there may be none.
pub(in super::super) fn times(value: Option<Timestamp>) -> Value {
    Value::Integer(value.map(Timestamp::as_millisecond))
}

/// The statement with its parameters.
pub(super) fn query<DB: sqlx::Database>(
    sql: &'static str,
    values: Vec<Value>,
) -> Query<'static, DB, DB::Arguments>
where
    Option<String>: for<'q> Encode<'q, DB> + Type<DB>,
    Option<i64>: for<'q> Encode<'q, DB> + Type<DB>,
    bool: for<'q> Encode<'q, DB> + Type<DB>,
{
    values
        .into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Text(value) => query.bind(value),
            Value::Integer(value) => query.bind(value),
            Value::Truth(value) => query.bind(value),
        })
}
