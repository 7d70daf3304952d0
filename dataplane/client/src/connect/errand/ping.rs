//! The network test of one controller or tunnel: a few timed requests on one connection.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use plenum_transport::route::Http;
use tokio::sync::mpsc::Sender;
use url::Url;

use super::failure;
use super::lookup::at;
use crate::connect::SAMPLES;
use crate::connect::words::{Attempt, Failure, Fault, Input};

/// Where controllers and tunnels answer in a few bytes.
const PATH: &str = "/v1/ping";
/// How long one that answers late is waited for: until tunnels have taken over for certain.
const WITHIN: Duration = Duration::from_secs(6);

/// Pings, and tells each answer as it comes.
pub(crate) async fn ping(http: &Http, server: &Url, attempt: Attempt, tell: &Sender<Input>) {
    let pinged = async {
        let first = once(http, server).await?;
        // Who no longer waits needs no answer.
        let _ = tell.send(Input::Opened(attempt, first)).await;
        for _ in 0..SAMPLES {
            let sample = once(http, server).await?;
            let _ = tell.send(Input::Sample(attempt, sample)).await;
        }
        Ok(())
    };
    let last = match pinged.await {
        Ok(()) => Input::Measured(attempt),
        Err(failure) => Input::PingFailed(attempt, failure),
    };
    let _ = tell.send(last).await;
}

/// One timed request.
pub(crate) async fn once(http: &Http, server: &Url) -> Result<Duration, Failure> {
    let odd = |fault, reason| Failure {
        fault,
        at: server.to_string(),
        reason,
        proxy: None,
    };
    let get = Request::get(at(server, PATH).as_str()).body(Bytes::new());
    let get = get.map_err(|error| odd(Fault::Nonsense, error.to_string()))?;
    let began = Instant::now();
    match http.send(get, WITHIN).await {
        Ok(answer) if answer.status().is_success() => Ok(began.elapsed()),
        // A load balancer without anything behind it.
        Ok(answer) if answer.status().is_server_error() => Err(odd(
            Fault::Refused,
            format!("it answered {}", answer.status()),
        )),
        Ok(answer) => {
            let reason = format!("it answered {} to a ping", answer.status());
            Err(odd(Fault::Nonsense, reason))
        }
        Err(error) => Err(failure(http, server, error).await),
    }
}
