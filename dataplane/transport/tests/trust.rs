//! Who is let in, what their certificate says they are, and certificates that change.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::routing::get;
use common::{Authority, connect_tls, get_over, loopback, serve, within};
use plenum_transport::tls::{Files, Identity, TlsError, Trust};
use plenum_transport::{https, socket};
use tokio_util::sync::CancellationToken;

const NAME: &str = "controller.test";
const HTTP: &[u8] = b"http/1.1";

async fn whoami(
    Extension(peer): Extension<https::Peer>,
) -> ([(&'static str, String); 1], &'static str) {
    (
        [(
            "x-role",
            format!("{:?}", peer.member.map(|member| member.role)),
        )],
        "here",
    )
}

fn app() -> axum::Router {
    axum::Router::new().route("/", get(whoami))
}

#[tokio::test]
async fn the_role_is_read_from_the_certificate() {
    within(async {
        let authority = Authority::new();
        let identity = authority.issue(NAME, Some("controller"));
        let (address, ..) = serve(&identity, Some(&authority.trust()), app());
        for (role, seen) in [
            (Some("router"), "Some(Router)"),
            (Some("operator"), "Some(Operator)"),
            (Some("controller"), "Some(Controller)"),
            (Some("king"), "None"),
            (None, "None"),
        ] {
            let client = authority.issue("client.test", role);
            let mut stream = connect_tls(address, NAME, &authority.trust(), Some(&client), HTTP)
                .await
                .unwrap();
            let answer = get_over(&mut stream).await.unwrap();
            assert!(
                answer.contains(&format!("x-role: {seen}\r\n")),
                "{role:?}: {answer}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_certificate_of_the_zone_nobody_is_let_in() {
    within(async {
        let (authority, other) = (Authority::new(), Authority::new());
        let identity = authority.issue(NAME, None);
        let (address, counters, _) = serve(&identity, Some(&authority.trust()), app());
        let stranger = other.issue("client.test", Some("router"));
        for client in [None, Some(&stranger)] {
            // In TLS 1.3 a client learns of it with the first bytes it reads.
            let answer = match connect_tls(address, NAME, &authority.trust(), client, HTTP).await {
                Ok(mut stream) => get_over(&mut stream).await,
                Err(error) => Err(error),
            };
            assert!(answer.is_err(), "{answer:?}");
        }
        assert_eq!((counters.garbage(), counters.opened()), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_is_refused() {
    within(async {
        let (authority, other) = (Authority::new(), Authority::new());
        let identity = authority.issue(NAME, None);
        let (address, ..) = serve(&identity, None, app());
        let good = authority.trust();
        assert!(connect_tls(address, NAME, &good, None, HTTP).await.is_ok());
        assert!(
            connect_tls(address, NAME, &other.trust(), None, HTTP)
                .await
                .is_err()
        );
        assert!(
            connect_tls(address, NAME, &Trust::WebPki, None, HTTP)
                .await
                .is_err()
        );
        assert!(
            connect_tls(address, "another.test", &good, None, HTTP)
                .await
                .is_err()
        );
    })
    .await;
}

#[test]
fn what_does_not_fit_together_is_refused_at_once() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue_pem(NAME, None);
    let (_, another_key) = authority.issue_pem(NAME, None);
    let load =
        |certificate: &str, key: &str| Identity::from_pem(certificate.as_bytes(), key.as_bytes());
    assert!(load(&certificate, &key).is_ok());
    assert!(matches!(
        load(&certificate, &another_key),
        Err(TlsError::Settings(_))
    ));
    assert!(matches!(load("", &key), Err(TlsError::Pem { .. })));
    assert!(matches!(
        load(&certificate, "no key"),
        Err(TlsError::Pem { .. })
    ));
    assert!(matches!(
        Trust::from_pem(b"nothing"),
        Err(TlsError::Pem { .. })
    ));
}

/// As those of public authorities come, by ACME or by hand.
#[tokio::test]
async fn a_certificate_needs_no_authority_where_nobody_is_asked_for_theirs() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue_pem(NAME, None);
    fs::write(directory.path().join("tls.crt"), certificate).unwrap();
    fs::write(directory.path().join("tls.key"), key).unwrap();
    let files = Files::new(directory.path());
    let needs_it = || {
        let asks = files.watch_server(true, &[HTTP]).err();
        [files.load().err(), files.watch().err(), asks].map(Option::unwrap)
    };
    assert!(files.watch_server(false, &[HTTP]).is_ok());
    assert!(files.watch_identity().is_ok());
    for error in needs_it() {
        assert!(error.to_string().contains("ca.crt"), "{error}");
    }
    // cert-manager leaves it empty with some issuers.
    fs::write(directory.path().join("ca.crt"), "").unwrap();
    assert!(files.watch_server(false, &[HTTP]).is_ok());
    for error in needs_it() {
        assert!(matches!(error, TlsError::Pem { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_connections_and_old_ones_stay() {
    within(async {
        let authority = Authority::new();
        let directory = tempfile::tempdir().unwrap();
        let write = |certificate: &str, key: &str| {
            fs::write(directory.path().join("tls.key"), key).unwrap();
            fs::write(directory.path().join("tls.crt"), certificate).unwrap();
        };
        fs::write(directory.path().join("ca.crt"), authority.pem()).unwrap();
        let (certificate, key) = authority.issue_pem(NAME, None);
        write(&certificate, &key);
        let first = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();

        let files = Files::new(directory.path()).polled_every(Duration::from_millis(10));
        let mut changes = files.watch().unwrap();
        let tls = files.watch_server(false, &[HTTP]).unwrap();
        let mut swapped = tls.clone();
        let listener = socket::listen(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(https::serve(listener, tls, app(), CancellationToken::new()));

        let pin = |identity: &Identity| Trust::Pinned(identity.fingerprint());
        let mut old = connect_tls(address, NAME, &pin(&first), None, HTTP)
            .await
            .unwrap();

        // Half a change: the key is of another certificate. Nothing happens until it fits.
        let before = Arc::clone(&swapped.borrow_and_update());
        let (certificate, key) = authority.issue_pem(NAME, None);
        fs::write(directory.path().join("tls.key"), &key).unwrap();
        assert!(files.load().is_err());
        write(&certificate, &key);
        let second = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        changes.changed().await.unwrap();
        assert_eq!(
            changes.borrow().identity.fingerprint(),
            second.fingerprint()
        );
        swapped.changed().await.unwrap();
        assert!(!Arc::ptr_eq(&before, &swapped.borrow()));

        assert!(
            connect_tls(address, NAME, &pin(&first), None, HTTP)
                .await
                .is_err()
        );
        let mut new = connect_tls(address, NAME, &pin(&second), None, HTTP)
            .await
            .unwrap();
        for stream in [&mut old, &mut new] {
            assert!(get_over(stream).await.unwrap().contains("200 OK"));
        }
    })
    .await;
}

#[tokio::test]
async fn files_that_are_missing_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let Err(TlsError::File { path, .. }) = Files::new(directory.path()).load() else {
        panic!("there are no files");
    };
    assert!(path.ends_with("tls.crt"), "{path}");
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_takes_no_new_ones() {
    within(async {
        let identity = Identity::self_signed(&[NAME.to_owned()]).unwrap();
        let started = Arc::new(tokio::sync::Notify::new());
        let go_on = Arc::new(tokio::sync::Notify::new());
        let (in_handler, wait) = (Arc::clone(&started), Arc::clone(&go_on));
        let slow = async move || {
            in_handler.notify_one();
            wait.notified().await;
            "here"
        };
        let (address, _, stop) = serve(&identity, None, axum::Router::new().route("/", get(slow)));
        let trust = Trust::Pinned(identity.fingerprint());
        let mut stream = connect_tls(address, NAME, &trust, None, HTTP)
            .await
            .unwrap();
        let request = tokio::spawn(async move { get_over(&mut stream).await });
        started.notified().await;
        stop.cancel();
        // Refused once the listener is gone, which the task that served it does next.
        while connect_tls(address, NAME, &trust, None, HTTP).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        assert!(request.await.unwrap().unwrap().ends_with("here"));
    })
    .await;
}
