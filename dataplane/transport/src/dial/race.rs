//! Trying several addresses, the preferred ones first.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use super::DialError;

/// Connection attempt delay of RFC 8305 section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// The first attempt that succeeds; when all fail, what the last to fail says.
pub(super) async fn first<T, F>(
    addresses: &[SocketAddr],
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, DialError>
where
    F: Future<Output = Result<T, DialError>>,
{
    let mut running = FuturesUnordered::new();
    let mut failure = DialError::NoAddress;
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
