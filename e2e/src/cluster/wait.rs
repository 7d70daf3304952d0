//! Waiting for something to become true, with a deadline and an error that says where to look.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use crate::cluster::process::Process;

/// Short beside everything that is waited for, long beside what a question costs.
const INTERVAL: Duration = Duration::from_millis(100);
/// Lines of a log that an error repeats.
const TAIL: usize = 8;

/// What is waited for.
pub(crate) struct Wait<'a> {
    /// Completes the sentence "gave up waiting for ...".
    pub what: &'a str,
    pub limit: Duration,
    /// Where the reason of a failure is likely found.
    pub log: PathBuf,
    /// Without it there is nothing to wait for.
    pub process: Option<&'a Process>,
}

impl Wait<'_> {
    /// Asks `probe` until it succeeds; its last error is part of ours.
    pub(crate) async fn until<T>(&self, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + self.limit;
        loop {
            // A probe that hangs must not outlive the deadline.
            let reason = match tokio::time::timeout_at(deadline, probe()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer".to_owned(),
            };
            if self.process.is_some_and(|process| !process.is_alive()) {
                bail!(
                    "the process ended while waiting for {}\n{}",
                    self.what,
                    tail(&self.log)
                );
            }
            if Instant::now() >= deadline {
                bail!(
                    "gave up waiting for {} after {} s: {reason}\n{}",
                    self.what,
                    self.limit.as_secs(),
                    tail(&self.log)
                );
            }
            sleep(INTERVAL).await;
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().rev().take(TAIL).collect();
    let lines: Vec<_> = lines.into_iter().rev().collect();
    format!("see {}\n{}", log.display(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[tokio::test]
    async fn giving_up_names_the_reason_and_the_end_of_the_log() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let lines = (1..=20)
            .map(|line| format!("line {line}"))
            .collect::<Vec<_>>()
            .join("\n");
        std::io::Write::write_all(&mut log, lines.as_bytes()).unwrap();
        let wait = Wait {
            what: "rain",
            limit: Duration::ZERO,
            log: log.path().into(),
            process: None,
        };
        let error = wait
            .until(async || Err::<(), _>(anyhow!("dry")))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("waiting for rain") && error.contains("dry"),
            "{error}"
        );
        assert!(error.contains(&log.path().display().to_string()), "{error}");
        assert!(
            error.contains("line 13\n")
                && !error.contains("line 12\n")
                && error.ends_with("line 20"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn it_asks_again_until_the_answer_comes() {
        let wait = Wait {
            what: "three",
            limit: Duration::from_mins(2),
            log: PathBuf::new(),
            process: None,
        };
        let mut asked = 0;
        let answer = wait.until(async || {
            asked += 1;
            if asked == 3 {
                Ok(asked)
            } else {
                Err(anyhow!("not yet"))
            }
        });
        assert_eq!(answer.await.unwrap(), 3);
    }
}
