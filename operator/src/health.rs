//! `/livez`, `/readyz` and `/metrics`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use plenum_transport::socket::listen;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Serves until `stop`. A replica that waits for the lead is ready: it is of use. Nothing
/// here asks the API server, so that its absence restarts no operator.
pub async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
        .route(
            "/metrics",
            get(move || std::future::ready(exposition(&metrics))),
        );
    let listener = bound(address, listen)?;
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// `[::]` serves both families; a host without IPv6 has the other one only.
fn bound<T>(
    address: SocketAddr,
    listen: impl Fn(SocketAddr) -> std::io::Result<T>,
) -> std::io::Result<T> {
    let everywhere = address.is_ipv6() && address.ip().is_unspecified();
    match listen(address) {
        Err(_) if everywhere => listen((Ipv4Addr::UNSPECIFIED, address.port()).into()),
        result => result,
    }
}

fn exposition(metrics: &Metrics) -> impl IntoResponse + use<> {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], metrics.text())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn clients_of_both_families_are_served_at_one_address() {
        let listener = bound("[::]:0".parse().unwrap(), listen).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect(("::1", port)).unwrap();
        }
    }

    #[test]
    fn a_host_without_ipv6_serves_the_other_family() {
        let without = |address: SocketAddr| match address {
            SocketAddr::V6(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
            SocketAddr::V4(address) => Ok(address.to_string()),
        };
        let both = "[::]:8081".parse().unwrap();
        assert_eq!(bound(both, without).unwrap(), "0.0.0.0:8081");
        let one = "[::1]:8081".parse().unwrap();
        assert!(bound(one, without).is_err(), "it was asked for by name");
    }
}
