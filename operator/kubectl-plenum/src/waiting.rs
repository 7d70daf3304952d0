//! Waiting until a drain is over, also while the API server does not answer: an upgrade of its
//! control plane, or a laptop that slept, ends no drain.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::drain::Outcome;
use crate::snapshot::Trouble;

/// How often it looks.
const WATCH: Duration = Duration::from_secs(1);

/// Looks until there is no router any more, for so many seconds at most. Each news is said once,
/// and that a look failed once until one succeeds again. What the last look came to is the answer.
pub async fn until_drained<F>(
    seconds: u64,
    look: impl Fn() -> F,
    mut say: impl FnMut(&str),
) -> Result<Outcome, Trouble>
where
    F: Future<Output = Result<Outcome, Trouble>>,
{
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let (mut said, mut failing) = (String::new(), false);
    loop {
        let seen = look().await;
        if seen.as_ref().is_ok_and(|outcome| outcome.drained) {
            return seen;
        }
        if Instant::now() >= deadline {
            return given_up(seen, seconds);
        }
        match &seen {
            Ok(outcome) if outcome.message != said => {
                say(&outcome.message);
                said.clone_from(&outcome.message);
            }
            Err(trouble) if !failing => {
                say(&format!("{}; asking again", trouble.what));
                said.clear();
            }
            _ => {}
        }
        failing = seen.is_err();
        sleep(WATCH).await;
    }
}

fn given_up(seen: Result<Outcome, Trouble>, seconds: u64) -> Result<Outcome, Trouble> {
    let end = |what: &str| format!("{what}; given up after {seconds} s, the drain goes on");
    match seen {
        Ok(outcome) => Ok(Outcome {
            message: end(&outcome.message),
            ..outcome
        }),
        Err(trouble) => Err(Trouble {
            what: end(&trouble.what),
            ..trouble
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;

    use super::*;

    fn seen(message: &str, drained: bool) -> Outcome {
        Outcome {
            schema: crate::drain::SCHEMA,
            node: "n1".to_owned(),
            requested: true,
            drained,
            participants: None,
            message: message.to_owned(),
        }
    }

    fn failed(what: &str) -> Trouble {
        Trouble {
            what: what.to_owned(),
            remedy: "wait".to_owned(),
        }
    }

    /// What it comes to and what is said where looks come to these, and then to the last for ever.
    async fn watched(
        mut looks: Vec<Result<Outcome, Trouble>>,
        seconds: u64,
    ) -> (Result<Outcome, Trouble>, Vec<String>) {
        looks.reverse();
        let looks = RefCell::new(looks);
        let look = || {
            let mut looks = looks.borrow_mut();
            let more = looks.len() > 1;
            let next = if more {
                looks.pop()
            } else {
                looks.last().cloned()
            };
            ready(next.unwrap())
        };
        let mut said = Vec::new();
        let end = until_drained(seconds, look, |news| said.push(news.to_owned())).await;
        (end, said)
    }

    #[tokio::test(start_paused = true)]
    async fn looks_that_fail_are_said_once_and_end_nothing() {
        let looks = vec![
            Ok(seen("drains", false)),
            Err(failed("no answer")),
            Err(failed("too much to do")),
            Ok(seen("drains", false)),
            Ok(seen("drains", false)),
            Err(failed("no answer")),
            Ok(seen("gone", true)),
        ];
        let (end, said) = watched(looks, 60).await;
        assert_eq!(end.unwrap().message, "gone");
        let expected = [
            "drains",
            "no answer; asking again",
            "drains",
            "no answer; asking again",
        ];
        assert_eq!(said, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_of_the_time_the_last_look_counts() {
        let begun = Instant::now();
        let looks = vec![Err(failed("no answer")), Ok(seen("drains", false))];
        let (end, _) = watched(looks, 60).await;
        let end = end.unwrap();
        assert!(!end.drained);
        assert_eq!(
            end.message,
            "drains; given up after 60 s, the drain goes on"
        );
        assert_eq!(begun.elapsed(), Duration::from_mins(1));
        let (end, said) = watched(
            vec![Ok(seen("drains", false)), Err(failed("no answer"))],
            60,
        )
        .await;
        let end = end.unwrap_err();
        assert_eq!(
            end.what,
            "no answer; given up after 60 s, the drain goes on"
        );
        assert_eq!((end.remedy.as_str(), said.len()), ("wait", 2));
    }
}
