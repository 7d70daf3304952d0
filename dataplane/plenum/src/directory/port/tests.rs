//! The metrics follow the certificate that is shown, and are those of docs/observability.md.

use std::time::Duration;

use plenum_transport::tls::Identity;
use prometheus_client::registry::Registry;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Port;

/// One that holds for that year.
fn of_the_year(year: i32) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["meet.example.org".to_owned()]).unwrap();
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year + 1, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
}

#[test]
fn the_page_lists_what_is_told_of_the_port() {
    let mut registry = Registry::default();
    let _port = Port::new(&mut registry);
    plenum_documented::check("The port of a directory", &registry);
}

#[tokio::test]
async fn the_life_of_a_certificate_is_told_and_that_of_the_next_one() {
    let port = Port::new(&mut Registry::default());
    let (shown, seen) = watch::channel(of_the_year(2026));
    let end = CancellationToken::new();
    let told = async |begins, ends| {
        while (port.begins.get(), port.ends.get()) != (begins, ends) {
            tokio::task::yield_now().await;
        }
    };
    let renews = async {
        told(1_767_225_600, 1_798_761_600).await;
        shown.send_replace(of_the_year(2027));
        told(1_798_761_600, 1_830_297_600).await;
        end.cancel();
    };
    let both = async { tokio::join!(port.follow(seen, &end), renews) };
    let ended = tokio::time::timeout(Duration::from_mins(1), both).await;
    assert!(ended.is_ok(), "{:?}", (port.begins.get(), port.ends.get()));
}
