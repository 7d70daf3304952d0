//! What is waited for, and what is learnt from an answer that is an error.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::super::{Config, Error};

/// `PostgreSQL`'s `feature_not_supported`. What is not supported in statements that we have is
/// "cached plan must not change result type": somebody has changed a table since the statement
/// was prepared on this connection, such as a newer version of the program that runs beside.
pub(in super::super) const RESULT_CHANGED: &str = "0A000";

/// How long an answer may take, and which connections give no good ones any more.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    limit: Duration,
    pub(super) outdated: Outdated,
}

impl Answers {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            limit: config.answer,
            outdated: Outdated::default(),
        }
    }

    /// The answer, or that there was none in time.
    pub(super) async fn on<T>(
        &self,
        answer: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer.map_err(|error| {
                if is_outdated(&error) {
                    self.outdated.are_all();
                }
                error.into()
            }),
            Err(_) => Err(Error::Unavailable(format!("no answer in {:?}", self.limit))),
        }
    }
}

fn is_outdated(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(|error| error.code().is_some_and(|code| code == RESULT_CHANGED))
}

/// Before when connections were made that are used no more: what one has prepared too early,
/// the others have too.
#[derive(Debug, Clone, Default)]
pub(super) struct Outdated(Arc<RwLock<Option<Instant>>>);

impl Outdated {
    fn are_all(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether that is one of them, by how long ago it was made.
    pub(super) fn is(&self, age: Duration) -> bool {
        let before = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        before.is_some_and(|before| before.elapsed() < age)
    }
}
