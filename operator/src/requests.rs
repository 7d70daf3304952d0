//! A client of the API server whose requests are counted: what this operator costs the
//! cluster while nothing happens is a metric, not a guess.

use std::sync::Arc;

use http::{Method, Request};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use tower::util::MapRequestLayer;

use crate::metrics::Metrics;

/// A client that counts each request in `metrics`.
///
/// # Errors
/// As [`ClientBuilder::try_from`]: certificates or proxies of the configuration that do not work.
pub fn counted(config: Config, metrics: Arc<Metrics>) -> kube::Result<Client> {
    let count = MapRequestLayer::new(move |request: Request<Body>| {
        metrics.request(verb(&request));
        request
    });
    Ok(ClientBuilder::try_from(config)?.with_layer(&count).build())
}

/// The verb in Kubernetes' words, but one for reading: get or list is told by the path only.
fn verb<B>(request: &Request<B>) -> &'static str {
    let watches = || {
        let query = request.uri().query().unwrap_or_default();
        query
            .split('&')
            .any(|pair| matches!(pair, "watch=true" | "watch=1"))
    };
    match *request.method() {
        Method::GET if watches() => "watch",
        Method::GET => "read",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_told_from_a_read() {
        let verb_of = |method: Method, uri: &str| {
            verb(&Request::builder().method(method).uri(uri).body(()).unwrap())
        };
        assert_eq!(verb_of(Method::GET, "/api/v1/pods?limit=5"), "read");
        assert_eq!(
            verb_of(Method::GET, "/api/v1/pods?limit=5&watch=true"),
            "watch"
        );
        assert_eq!(
            verb_of(Method::PATCH, "/api/v1/pods/a?fieldManager=watch"),
            "patch"
        );
    }
}
