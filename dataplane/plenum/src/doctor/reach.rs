//! Whether a server can be reached: its name, its port, its certificate.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_client::Network;
use plenum_transport::route::Route;
use plenum_transport::tls;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig};
use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::findings::{Finding, Health, Party, Subject};

/// How long one of these may take: what a person would wait, and a lost packet or two.
const WITHIN: Duration = Duration::from_secs(4);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// `HOST:PORT` of an address.
pub fn host_and_port(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or_default();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    (host, url.port_or_known_default().unwrap_or(443))
}

/// Asks DNS.
pub async fn name(url: &Url, party: Party) -> (Finding, Vec<SocketAddr>) {
    let (host, port) = host_and_port(url);
    let finding = |health| Finding::new(Subject::Name, party, host.clone(), health);
    if let Ok(address) = host.parse::<IpAddr>() {
        let says = finding(Health::Works).saying("an address, no name");
        return (says, vec![SocketAddr::new(address, port)]);
    }
    let began = Instant::now();
    let found = timeout(WITHIN, lookup_host((host.as_str(), port))).await;
    let took = began.elapsed();
    match found {
        Ok(Ok(found)) => {
            let mut all: Vec<SocketAddr> = found.collect();
            all.dedup();
            all.truncate(ADDRESSES);
            let health = if all.is_empty() {
                Health::Blocked
            } else {
                Health::Works
            };
            (finding(health).saying(families(&all)).taking(took), all)
        }
        Ok(Err(error)) => (
            finding(Health::Blocked)
                .saying(error.to_string())
                .taking(took),
            Vec::new(),
        ),
        Err(_) => (
            finding(Health::Blocked)
                .saying("DNS does not answer")
                .taking(took),
            Vec::new(),
        ),
    }
}

/// The addresses, and which family has none.
fn families(addresses: &[SocketAddr]) -> String {
    let list = |v6: bool| {
        let of = addresses.iter().filter(|address| address.is_ipv6() == v6);
        let of: Vec<String> = of.map(|address| address.ip().to_string()).collect();
        of.join(", ")
    };
    match (list(false), list(true)) {
        (v4, v6) if v4.is_empty() && v6.is_empty() => "no address".to_owned(),
        (v4, v6) if v6.is_empty() => format!("{v4}; no IPv6"),
        (v4, v6) if v4.is_empty() => format!("{v6}; no IPv4"),
        (v4, v6) => format!("{v4}; {v6}"),
    }
}

/// Connects to one address.
pub async fn port(address: SocketAddr, party: Party) -> Finding {
    let finding = |health| Finding::new(Subject::Port, party, format!("TCP {address}"), health);
    let began = Instant::now();
    let route = Route::direct();
    let connected = timeout(
        WITHIN,
        route.connect(&address.ip().to_string(), address.port()),
    )
    .await;
    let took = began.elapsed();
    match connected {
        Ok(Ok(_)) => finding(Health::Works).taking(took),
        Ok(Err(error)) => finding(Health::Blocked)
            .saying(error.to_string())
            .taking(took),
        Err(_) => finding(Health::Blocked)
            .saying("no answer: something on the way drops the packets")
            .taking(took),
    }
}

/// Whether a proxy leads to a server.
pub async fn through(network: &Network, url: &Url, proxy: &str) -> Finding {
    let (host, port) = host_and_port(url);
    let finding = |health| Finding::new(Subject::Proxy, Party::Proxy, proxy, health);
    let began = Instant::now();
    let connected = timeout(2 * WITHIN, network.route().connect(&host, port)).await;
    let took = began.elapsed();
    match connected {
        Ok(Ok(_)) => finding(Health::Works)
            .saying(format!("leads to {host}"))
            .taking(took),
        Ok(Err(error)) => finding(Health::Blocked)
            .saying(error.to_string())
            .taking(took),
        Err(_) => finding(Health::Blocked)
            .saying("it does not answer")
            .taking(took),
    }
}

/// Shakes hands, and looks at the certificate. One that is out of date, or not good yet, by this
/// machine's clock, comes with a time at which its dates would be good.
pub async fn certificate(
    network: &Network,
    url: &Url,
    party: Party,
) -> (Finding, Option<UnixTime>) {
    let (host, port) = host_and_port(url);
    let at = format!("{host}:{port}");
    let finding = |health| Finding::new(Subject::Certificate, party, at.clone(), health);
    let began = Instant::now();
    let shaken = timeout(2 * WITHIN, shake(network, &host, port)).await;
    let took = began.elapsed();
    let (finding, good) = match shaken {
        Ok(Ok(says)) => (finding(Health::Works).saying(says), None),
        Ok(Err(why)) => (finding(Health::Blocked).saying(why.says), why.good),
        Err(_) => (finding(Health::Blocked).saying("no answer to TLS"), None),
    };
    (finding.taking(took), good)
}

/// Why there is no connection.
struct Unshaken {
    says: String,
    /// Its certificate's dates would be good then.
    good: Option<UnixTime>,
}

impl<E: std::error::Error> From<E> for Unshaken {
    fn from(error: E) -> Self {
        Self {
            says: error.to_string(),
            good: None,
        }
    }
}

async fn shake(network: &Network, host: &str, port: u16) -> Result<String, Unshaken> {
    let stream = network.route().connect(host, port).await?;
    let config: Arc<ClientConfig> = tls::client_config(network.trust(), None, &[b"http/1.1"])?;
    let name = ServerName::try_from(host.to_owned())?;
    let tls = TlsConnector::from(config).connect(name, stream).await;
    let tls = tls.map_err(|error| Unshaken {
        good: would_be_good(&error),
        ..error.into()
    })?;
    let (_, connection) = tls.get_ref();
    let certificates = connection.peer_certificates().unwrap_or_default();
    let read = certificates
        .first()
        .and_then(|der| X509Certificate::from_der(der).ok());
    Ok(match read {
        Some((_, certificate)) => format!(
            "issued by {}, good until {}",
            certificate.issuer(),
            certificate.validity().not_after
        ),
        None => "trusted".to_owned(),
    })
}

/// When a certificate's dates would be good that is refused for these.
fn would_be_good(error: &std::io::Error) -> Option<UnixTime> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(why) = error else {
        return None;
    };
    match why {
        CertificateError::NotValidYetContext { not_before, .. } => Some(*not_before),
        CertificateError::ExpiredContext { not_after, .. } => Some(*not_after),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_without_an_address_is_named() {
        let of =
            |all: &[&str]| families(&all.iter().map(|it| it.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(of(&["192.0.2.1:443"]), "192.0.2.1; no IPv6");
        assert_eq!(of(&["[2001:db8::1]:443"]), "2001:db8::1; no IPv4");
        assert_eq!(
            of(&["192.0.2.1:443", "[2001:db8::1]:443"]),
            "192.0.2.1; 2001:db8::1"
        );
        assert_eq!(of(&[]), "no address");
    }

    #[test]
    fn an_address_of_ipv6_loses_its_brackets() {
        let url = |text: &str| text.parse().unwrap();
        assert_eq!(
            host_and_port(&url("https://[::1]:8443")),
            ("::1".to_owned(), 8_443)
        );
        assert_eq!(
            host_and_port(&url("https://a.example")),
            ("a.example".to_owned(), 443)
        );
    }
}
