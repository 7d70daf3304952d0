//! Trying several addresses, the preferred ones first.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

/// Connection attempt delay of RFC 8305 section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// The first attempt that succeeds; when all fail, what the last to fail says, and `none`
/// where there is nothing to try.
pub(crate) async fn first<T, E, F>(
    addresses: &[SocketAddr],
    none: E,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut running = FuturesUnordered::new();
    let mut failure = none;
    for address in addresses.iter().copied() {
        running.push(attempt(address));
        let mut head_start = pin!(sleep(HEAD_START));
        tokio::select! {
            Some(outcome) = running.next() => match outcome {
                Ok(success) => return Ok(success),
                Err(error) => failure = error,
            },
            () = &mut head_start => {}
        }
    }
    while let Some(outcome) = running.next().await {
        match outcome {
            Ok(success) => return Ok(success),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
