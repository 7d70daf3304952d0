//! Pinging a controller or tunnel: one timed request, on the connection that is kept. And whether
//! a directory can be reached at all.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use plenum_transport::route::Http;
use url::Url;

use super::failure;
use super::lookup::at;
use crate::connect::words::{Failure, Fault};

/// Where controllers and tunnels answer in a few bytes.
const PATH: &str = "/v1/ping";
/// What every directory has for everybody, and what nobody counts.
const PUBLIC: &str = "/.well-known/jwks.json";
/// How long a directory may take, with connecting.
const REACHED_WITHIN: Duration = Duration::from_secs(4);
/// How long one that answers late is waited for: until tunnels have taken over for certain.
const WITHIN: Duration = Duration::from_secs(6);

/// One timed request.
pub(crate) async fn ping(http: &Http, server: &Url) -> Result<Duration, Failure> {
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

/// Whether a directory can be reached: any answer shows that, on a connection that is kept.
pub(crate) async fn reach(http: &Http, directory: &Url) -> Result<(), Failure> {
    let get = Request::get(at(directory, PUBLIC).as_str()).body(Bytes::new());
    let get = get.map_err(|error| Failure {
        fault: Fault::Nonsense,
        at: directory.to_string(),
        reason: error.to_string(),
        proxy: None,
    })?;
    match http.send(get, REACHED_WITHIN).await {
        Ok(_) => Ok(()),
        Err(error) => Err(failure(http, directory, error).await),
    }
}
