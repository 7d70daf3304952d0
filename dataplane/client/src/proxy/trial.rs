//! Both ways at once, and the better one that works.
//!
//! A way works when whoever is asked proves who it is over TLS: a network that lets the
//! connection through to its own sign-in page does not count.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use plenum_transport::route::{HttpError, Route};
use tokio::time::sleep;
use url::Url;

use super::{ProxySettings, ProxySource, Way};
use crate::Network;

/// How long the direct way may take until the proxy's answer counts: what RFC 8305 gives the
/// better address family.
const DIRECT_WITHIN: Duration = Duration::from_millis(250);
/// How long a way is tried. The tunnels' turn comes after 5.5 s.
const TRY: Duration = Duration::from_secs(3);

/// A way that works.
#[derive(Clone)]
pub struct Found {
    /// The network on that way.
    pub network: Network,
    /// Who named the proxy that it goes through; `None`: it goes through none.
    pub by: Option<ProxySource>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (route, by) = (self.network.route(), &self.by);
        write!(f, "Found {{ {route:?}, by {by:?} }}")
    }
}

/// Neither way works.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("directly: {direct}; by {source_of_proxy}: {proxy}")]
pub struct NoWay {
    /// What is wrong with the direct way.
    pub direct: HttpError,
    /// What is wrong with the one through the proxy.
    pub proxy: HttpError,
    /// Who named the proxy.
    pub source_of_proxy: ProxySource,
}

/// The network on the way to `url`. Nothing is tried where the settings leave no choice: it
/// then shows when the network is used. Where both ways work it is the direct one.
pub async fn find(network: &Network, settings: &ProxySettings, url: &Url) -> Result<Found, NoWay> {
    let on = |route, by| Found {
        network: network.via(route),
        by,
    };
    let (hop, source) = match settings.way_to(url) {
        Way::Direct => return Ok(on(Route::direct(), None)),
        Way::Through(hop) => return Ok(on(Route::through([hop]), Some(ProxySource::User))),
        Way::Perhaps(hop, source) => (hop, source),
    };
    let direct = on(Route::direct(), None);
    let proxied = on(Route::through([hop]), Some(source.clone()));
    let outcome = better(
        knock(&direct.network, url),
        knock(&proxied.network, url),
        sleep(DIRECT_WITHIN),
    )
    .await;
    match outcome {
        Ok(Better::First) => Ok(direct),
        Ok(Better::Second) => Ok(proxied),
        Err((direct, proxy)) => Err(NoWay {
            direct,
            proxy,
            source_of_proxy: source,
        }),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Better {
    First,
    Second,
}

/// The first, unless the second works and the first fails or is not there after its head start.
async fn better<E>(
    first: impl Future<Output = Result<(), E>>,
    second: impl Future<Output = Result<(), E>>,
    head_start: impl Future<Output = ()>,
) -> Result<Better, (E, E)> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let mut head_start = std::pin::pin!(head_start);
    let (mut late, mut works) = (false, false);
    let (mut first_failed, mut second_failed) = (None, None);
    loop {
        if works && (late || first_failed.is_some()) {
            return Ok(Better::Second);
        }
        if let (Some(_), Some(_)) = (&first_failed, &second_failed) {
            break;
        }
        tokio::select! {
            outcome = &mut first, if first_failed.is_none() => match outcome {
                Ok(()) => return Ok(Better::First),
                Err(error) => first_failed = Some(error),
            },
            outcome = &mut second, if !works && second_failed.is_none() => match outcome {
                Ok(()) => works = true,
                Err(error) => second_failed = Some(error),
            },
            () = &mut head_start, if !late => late = true,
        }
    }
    let both = first_failed.zip(second_failed);
    Err(both.expect("the loop ends when both have failed"))
}

/// Any answer will do: TLS has shown whose it is. The connection is kept for what follows.
async fn knock(network: &Network, url: &Url) -> Result<(), HttpError> {
    let mut url = url.clone();
    url.set_path("/");
    let request = Request::builder().method(Method::HEAD).uri(url.as_str());
    let request = request.body(Bytes::new());
    let request = request.map_err(|error| HttpError::Request(error.to_string()))?;
    network.http().send(request, TRY).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    type Outcome = Result<(), &'static str>;

    const WORKS: Outcome = Ok(());

    /// Ready only when everything else was looked at so often.
    async fn after(turns: usize, outcome: Outcome) -> Outcome {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        outcome
    }

    async fn at(turns: usize) {
        let _ = after(turns, WORKS).await;
    }

    #[tokio::test]
    async fn the_direct_way_is_kept_where_both_work() {
        let found = better(after(5, WORKS), ready(WORKS), at(9)).await;
        assert_eq!(found, Ok(Better::First));
        let found = better(ready(WORKS), pending(), at(9)).await;
        assert_eq!(found, Ok(Better::First));
    }

    #[tokio::test]
    async fn the_proxy_is_taken_where_the_direct_way_is_closed_or_slow() {
        let found = better(after(1, Err("closed")), after(2, WORKS), pending()).await;
        assert_eq!(found, Ok(Better::Second));
        let found = better(after(2, Err("closed")), after(1, WORKS), pending()).await;
        assert_eq!(found, Ok(Better::Second));
        for (proxy, head_start) in [(2, 9), (9, 2)] {
            let found = better(pending(), after(proxy, WORKS), at(head_start)).await;
            assert_eq!(found, Ok(Better::Second));
        }
    }

    #[tokio::test]
    async fn a_proxy_that_fails_leaves_the_direct_way_its_time() {
        let found = better(after(9, WORKS), after(1, Err("407")), at(2)).await;
        assert_eq!(found, Ok(Better::First));
    }

    #[tokio::test]
    async fn both_failures_are_told() {
        let found = better(after(9, Err("closed")), after(1, Err("407")), at(2)).await;
        assert_eq!(found, Err(("closed", "407")));
    }
}
