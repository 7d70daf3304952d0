//! This machine's clock, by the `Date` of an answer (RFC 9110 section 6.6.1). It matters where it
//! makes a certificate too old or too new: tokens and tickets are judged by those who take them.

use std::time::{Duration, SystemTime};

use axum::http::Request;
use axum::http::header::DATE;
use bytes::Bytes;
use plenum_client::Network;
use plenum_transport::route::Http;
use plenum_transport::tls;
use rustls::pki_types::UnixTime;
use url::Url;

use super::findings::{Finding, Health, Party, Subject};
use super::reach::host_and_port;

/// Below this it is the certificate that is wrong: they are made to be good for days.
const WRONG: Duration = Duration::from_secs(60);
const WITHIN: Duration = Duration::from_secs(4);

/// Asks a server what time it is whose certificate, looked at as if it were `then`, is trusted;
/// `None` if it is not, or if the server does not say.
pub async fn clock(network: &Network, server: &Url, then: UnixTime) -> Option<Finding> {
    let mut url = server.clone();
    url.set_path("/v1/ping");
    let get = Request::get(url.as_str()).body(Bytes::new()).ok()?;
    let tls = tls::client_config_at(network.trust(), &[b"http/1.1"], then).ok()?;
    let http = Http::new(network.route().clone(), tls);
    let answer = http.send(get, WITHIN).await.ok()?;
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    let there = httpdate::parse_http_date(date).ok()?;
    let (host, port) = host_and_port(server);
    Some(judge(&host, port, there, SystemTime::now()))
}

fn judge(host: &str, port: u16, there: SystemTime, here: SystemTime) -> Finding {
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
    let at = format!("{host}:{port}");
    Finding::new(Subject::Clock, Party::Here, at, health).saying(says)
}

#[cfg(test)]
mod tests {
    use plenum_transport::https;
    use plenum_transport::tls::Identity;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use tokio::net::TcpListener;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::super::reach;
    use super::*;

    /// A server whose certificate was good in 2001 only, and the authority that issued it.
    async fn out_of_date() -> (Url, String) {
        let authority = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&authority).unwrap().pem();
        let issuer = Issuer::new(params, authority);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        let identity =
            Identity::from_pem(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let config = tls::server_config(&identity, None, &[b"http/1.1"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (_keep, config) = watch::channel(config);
            https::serve(
                listener,
                config,
                axum::Router::new(),
                CancellationToken::new(),
            )
            .await;
        });
        (url.parse().unwrap(), root)
    }

    #[tokio::test]
    async fn a_certificate_that_is_out_of_date_is_held_against_the_servers_clock() {
        let (url, root) = out_of_date().await;
        let network = Network::new(Some(root.as_bytes())).unwrap();
        let (certificate, good) = reach::certificate(&network, &url, Party::Controller).await;
        assert_eq!(certificate.health, Health::Blocked);
        let found = clock(&network, &url, good.unwrap()).await.unwrap();
        assert_eq!(
            (found.at, found.health),
            (certificate.at, Health::Works),
            "both clocks are this machine's: the certificate is to be renewed"
        );
    }

    #[tokio::test]
    async fn whose_certificate_nobody_vouches_for_is_not_asked_for_the_time() {
        let (url, _) = out_of_date().await;
        let (_, other) = out_of_date().await;
        let network = Network::new(Some(other.as_bytes())).unwrap();
        let then = UnixTime::since_unix_epoch(Duration::from_secs(990_000_000));
        assert_eq!(clock(&network, &url, then).await, None);
    }

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
            judge("zone.example", 443, there, here)
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
