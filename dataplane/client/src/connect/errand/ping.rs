//! Pinging a controller or tunnel: one timed request, on the connection that is kept. And whether
//! a directory can be reached at all.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use plenum_transport::route::Http;
use url::Url;

use super::fault::{failure, failure_among};
use super::lookup::at;
use super::portal::Looks;
use crate::connect::words::{Failure, Fault};

/// Where controllers and tunnels answer in a few bytes.
const PATH: &str = "/v1/ping";
/// What every directory has for everybody, and what nobody counts.
const PUBLIC: &str = "/.well-known/jwks.json";
/// How long a directory may take, with connecting.
const REACHED_WITHIN: Duration = Duration::from_secs(4);
/// How long one that answers late is waited for: until tunnels have taken over for certain.
const WITHIN: Duration = Duration::from_secs(6);

/// One timed request, one of many at once.
pub(crate) async fn ping(http: &Http, server: &Url, looks: &Looks) -> Result<Duration, Failure> {
    let get = Request::get(at(server, PATH).as_str()).body(Bytes::new());
    let get = get.map_err(|error| failed(server, Fault::Nonsense, error.to_string()))?;
    let began = Instant::now();
    match http.send(get, WITHIN).await {
        Ok(answer) => judge(server, answer.status()).map(|()| began.elapsed()),
        Err(error) => Err(failure_among(looks, http, server, error).await),
    }
}

/// What an answer shows.
fn judge(server: &Url, status: StatusCode) -> Result<(), Failure> {
    let fault = match status {
        _ if status.is_success() => return Ok(()),
        _ if status.is_server_error() => Fault::NotReady,
        _ => Fault::Nonsense,
    };
    let reason = format!("it answered {status} to a ping");
    Err(failed(server, fault, reason))
}

fn failed(server: &Url, fault: Fault, reason: String) -> Failure {
    Failure {
        fault,
        at: server.to_string(),
        reason,
        proxy: None,
    }
}

/// Whether a directory can be reached: any answer shows that, on a connection that is kept.
pub(crate) async fn reach(http: &Http, directory: &Url) -> Result<(), Failure> {
    let get = Request::get(at(directory, PUBLIC).as_str()).body(Bytes::new());
    let get = get.map_err(|error| failed(directory, Fault::Nonsense, error.to_string()))?;
    match http.send(get, REACHED_WITHIN).await {
        Ok(_) => Ok(()),
        Err(error) => Err(failure(http, directory, error).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_balancer_with_nothing_behind_it_is_told_from_one_that_refuses() {
        let zone: Url = "https://zone.example".parse().unwrap();
        let fault = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            judge(&zone, status).err().map(|failure| failure.fault)
        };
        for status in [500, 502, 503, 504] {
            assert_eq!(fault(status), Some(Fault::NotReady), "{status}");
        }
        assert_eq!(fault(204), None);
        assert_eq!(fault(404), Some(Fault::Nonsense));
    }
}
