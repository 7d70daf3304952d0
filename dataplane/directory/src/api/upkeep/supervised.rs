//! Tasks that never end. One that dies all the same, by a fault in it, is begun anew: a
//! directory whose upkeep is dead would answer for days with what was so when it died.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Until a task that died is begun anew.
pub const AGAIN: Duration = Duration::from_secs(1);

/// Runs what `begin` begins until `stop`, and begins it anew `again` after it ended. `died` is
/// told each time.
pub async fn keep_running<F>(
    mut begin: impl FnMut() -> F,
    mut died: impl FnMut(),
    again: Duration,
    stop: CancellationToken,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while !stop.is_cancelled() {
        let mut running = tokio::spawn(begin());
        tokio::select! {
            () = stop.cancelled() => return running.abort(),
            ended = &mut running => {
                let error = ended.err().map(|error| error.to_string());
                tracing::error!(error, "a task that never ends has ended; it begins anew");
                died();
            }
        }
        stop.run_until_cancelled(sleep(again)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Dies by a fault, then ends by itself, and then goes on for ever.
    async fn turn(turn: u32, stop: CancellationToken) {
        match turn {
            0 => panic!("a fault"),
            1 => {}
            _ => {
                stop.cancel();
                std::future::pending::<()>().await;
            }
        }
    }

    #[tokio::test]
    async fn a_task_that_dies_begins_anew_and_that_is_counted() {
        let (turns, deaths) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let stop = CancellationToken::new();
        let begin = {
            let (turns, stop) = (Arc::clone(&turns), stop.clone());
            move || turn(turns.fetch_add(1, Ordering::Relaxed), stop.clone())
        };
        let count = Arc::clone(&deaths);
        let counting = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let running = keep_running(begin, counting, Duration::ZERO, stop);
        let limit = Duration::from_mins(2);
        tokio::time::timeout(limit, running).await.expect("it ends");
        assert_eq!(turns.load(Ordering::Relaxed), 3);
        assert_eq!(deaths.load(Ordering::Relaxed), 2);
    }
}
