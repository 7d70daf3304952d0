//! Requests over a route.

use std::time::Duration;

use ::http::{Method, Request, StatusCode};
use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use plenum_transport::route::{Http, HttpError};
use plenum_transport::tls::{Trust, client_config};

use super::*;
use crate::common::{Authority, serve, within};

/// Nothing here depends on how fast the machine is.
const LONG: Duration = Duration::from_mins(1);

fn app() -> Router {
    Router::new()
        .route("/double", post(async |body: String| body.repeat(2)))
        .route("/long", get(async || "x".repeat(65 * 1_024)))
        .route("/never", get(async || std::future::pending::<()>().await))
}

fn client(route: Route, trust: &Trust) -> Http {
    Http::new(route, client_config(trust, None, &[b"http/1.1"]).unwrap())
}

fn request(method: Method, port: u16, path: &str) -> Request<Bytes> {
    let request = Request::builder().method(method);
    let request = request.uri(format!("https://localhost:{port}{path}"));
    request.body(Bytes::from_static(b"once")).unwrap()
}

#[tokio::test]
async fn requests_go_through_the_proxies_and_share_a_connection() {
    within(async {
        let authority = Authority::new();
        let identity = authority.issue("localhost", None);
        let (address, ..) = serve(&identity, None, app());
        let (outer, inner) = (
            proxy(ProxyRules::default()).await,
            tls_proxy(ProxyRules::default(), &identity).await,
        );
        let tunnel = Hop::tls("localhost", inner.address().port(), &authority.trust()).unwrap();
        let http = client(via(hop(&outer)).then(tunnel), &authority.trust());
        for _ in 0..3 {
            let request = request(Method::POST, address.port(), "/double");
            let answer = http.send(request, LONG).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.body().as_ref(), b"onceonce");
        }
        assert_eq!(inner.asked(), [format!("localhost:{}", address.port())]);
        assert_eq!(outer.asked().len(), 1);
        http.clone().forget_connections();
        let request = request(Method::POST, address.port(), "/double");
        assert!(http.send(request, LONG).await.is_ok());
        assert_eq!(inner.asked().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn errors_are_told_apart() {
    within(async {
        let authority = Authority::new();
        let identity = authority.issue("localhost", None);
        let (address, ..) = serve(&identity, None, app());
        let port = address.port();
        let direct = client(Route::direct(), &authority.trust());
        let long = direct.send(request(Method::GET, port, "/long"), LONG).await;
        assert_eq!(long.unwrap_err(), HttpError::TooLong);
        let soon = Duration::from_millis(50);
        let never = direct
            .send(request(Method::GET, port, "/never"), soon)
            .await;
        assert_eq!(never.unwrap_err(), HttpError::TimedOut);
        let stranger = client(Route::direct(), &Authority::new().trust());
        let refused = stranger.send(request(Method::GET, port, "/long"), LONG);
        assert!(matches!(refused.await, Err(HttpError::Untrusted(_))));
        let locked = proxy(behind(PROOF)).await;
        let outside = client(via(hop(&locked)), &authority.trust());
        let error = outside
            .send(request(Method::GET, port, "/long"), LONG)
            .await;
        let Err(HttpError::Route(error)) = error else {
            panic!("{error:?}");
        };
        assert!(error.proxy_problem().is_some(), "{error}");
        let other = Request::get("ftp://localhost/").body(Bytes::new()).unwrap();
        let error = direct.send(other, LONG).await;
        assert!(matches!(error, Err(HttpError::Request(_))), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_page_elsewhere_is_not_followed() {
    within(async {
        let authority = Authority::new();
        let identity = authority.issue("localhost", None);
        let elsewhere = Router::new().route(
            "/",
            get(async || axum::response::Redirect::temporary("https://sign.in/")),
        );
        let (address, ..) = serve(&identity, None, elsewhere);
        let http = client(Route::direct(), &authority.trust());
        let answer = http
            .send(request(Method::GET, address.port(), "/"), LONG)
            .await;
        assert_eq!(answer.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
    })
    .await;
}
