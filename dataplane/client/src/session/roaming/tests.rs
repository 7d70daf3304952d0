//! Who waits for a host goes on waiting from another network: over real TLS, and real sockets.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::routing::post;
use axum::{Json, Router};
use plenum_transport::{https, tls};
use plenum_wire::directory::{Denial, DirectoryProblem, LOOKUP_PATH, LookupRequest};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::moving::Moving;
use crate::network::Network;
use crate::session::{JoinConfig, Session};

/// Against hanging only.
const GUARD: Duration = Duration::from_mins(2);

/// What a directory was asked, and sent along.
type Asked = mpsc::UnboundedReceiver<Option<String>>;

/// A directory that has everybody wait for a host, and not ask again soon; and who vouches for it.
async fn directory() -> (String, String, Asked) {
    let (tell, asked) = mpsc::unbounded_channel();
    let answer = async move |Json(question): Json<LookupRequest>| {
        tell.send(question.waiting).unwrap();
        let problem = DirectoryProblem {
            waiting: Some("proof".to_owned()),
            ..DirectoryProblem::new(Denial::WaitingForHost, "")
        };
        (StatusCode::FORBIDDEN, [(RETRY_AFTER, "30")], Json(problem))
    };
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(params, key).unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap().pem();
    let key = key.serialize_pem();
    let identity = tls::Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let config = tls::server_config(&identity, None, &[b"http/1.1"]).unwrap();
    let (keep, config) = watch::channel(config);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let app = Router::new().route(LOOKUP_PATH, post(answer));
    tokio::spawn(async move {
        https::serve(listener, config, app, CancellationToken::new()).await;
        drop(keep);
    });
    (url, authority.pem(), asked)
}

/// Somebody who has been told to wait for a host.
async fn waiting() -> (Session, Asked) {
    let (url, authority, mut asked) = directory().await;
    let network = Network::new(Some(authority.as_bytes())).unwrap();
    let mut config = JoinConfig::new(network, Vec::new(), "4711".parse().unwrap());
    config.directories = vec![url];
    let mut session = Session::begin(config).unwrap();
    assert_eq!(asked.recv().await.unwrap(), None, "a stranger knocks");
    session.waiting.wait_for(Option::is_some).await.unwrap();
    (session, asked)
}

#[tokio::test]
async fn who_has_knocked_is_the_same_one_from_the_next_network_on() {
    let goes_on = async {
        let (mut session, mut asked) = waiting().await;
        // A slow machine may have asked twice for the first answer.
        while asked.try_recv().is_ok() {}
        session.network_changed();
        assert_eq!(asked.recv().await.unwrap().as_deref(), Some("proof"));
    };
    tokio::time::timeout(GUARD, goes_on).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_host_waits_on_in_the_next_network_after_the_time_to_join() {
    let goes_on = async {
        let (mut session, _asked) = waiting().await;
        // As if it had begun that long ago.
        let now = Instant::now();
        let began = now.checked_sub(session.config.join_within).unwrap();
        session.moving = Moving::new(began, now, 1);
        session.network_changed();
        let told = session.waiting.wait_for(Option::is_some).await;
        assert!(told.is_ok(), "it has given up");
    };
    tokio::time::timeout(GUARD, goes_on).await.unwrap();
}
