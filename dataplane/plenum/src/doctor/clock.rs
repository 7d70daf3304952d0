//! This machine's clock, by the `Date` of an answer (RFC 9110 section 6.6.1).

use std::time::{Duration, SystemTime};

use axum::http::Request;
use axum::http::header::DATE;
use bytes::Bytes;
use plenum_client::Network;
use url::Url;

use super::findings::{Finding, Health, Party, Subject};

/// How wrong a clock may be: a ticket opens a door for 120 s.
const WRONG: Duration = Duration::from_secs(60);
const WITHIN: Duration = Duration::from_secs(4);

/// Asks a server what time it is; `None` if it does not say.
pub async fn clock(network: &Network, server: &Url) -> Option<Finding> {
    let mut url = server.clone();
    url.set_path("/v1/ping");
    let get = Request::get(url.as_str()).body(Bytes::new()).ok()?;
    let answer = network.http().send(get, WITHIN).await.ok()?;
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    let there = httpdate::parse_http_date(date).ok()?;
    let host = server.host_str().unwrap_or_default();
    Some(judge(host, there, SystemTime::now()))
}

fn judge(host: &str, there: SystemTime, here: SystemTime) -> Finding {
    let (apart, how) = match here.duration_since(there) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let health = if apart > WRONG {
        Health::Odd
    } else {
        Health::Works
    };
    let says = if health == Health::Works {
        "agrees to the minute".to_owned()
    } else {
        format!("this machine is {} s {how} {host}", apart.as_secs())
    };
    Finding::new(Subject::Clock, Party::Here, host, health).saying(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_minutes_off_is_told_with_its_direction() {
        let there = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds: i64| {
            let apart = Duration::from_secs(seconds.unsigned_abs());
            let here = if seconds < 0 {
                there - apart
            } else {
                there + apart
            };
            judge("zone.example", there, here)
        };
        assert_eq!(at(2).health, Health::Works);
        assert_eq!(at(-59).health, Health::Works);
        let ahead = at(300);
        assert_eq!(ahead.health, Health::Odd);
        assert!(
            ahead.says.contains("300 s ahead of zone.example"),
            "{ahead:?}"
        );
        assert!(at(-300).says.contains("300 s behind"), "{:?}", at(-300));
    }
}
