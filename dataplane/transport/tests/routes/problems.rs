//! Ways that lead nowhere, and what is said of them.

use std::time::Duration;

use plenum_transport::route::{ProxyProblem, RouteError};
use plenum_transport::tls::Trust;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpSocket;

use super::*;
use crate::common::{Authority, within};

/// Answers everything with these words, and hangs up.
async fn says(words: impl Into<Vec<u8>>) -> SocketAddr {
    let words: Arc<[u8]> = words.into().into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = tokio::io::BufReader::new(stream);
            let mut line = String::new();
            while matches!(stream.read_line(&mut line).await, Ok(1..)) && line != "\r\n" {
                line.clear();
            }
            // Who has heard enough hangs up before.
            let _ = stream.write_all(&words).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

/// What comes of asking a proxy for a host that it is never to reach.
async fn problem_of(hop: Hop) -> ProxyProblem {
    let name = hop.to_string();
    let error = within(via(hop).connect("target.example", 443)).await;
    let error = error.unwrap_err();
    let text = error.to_string();
    for secret in ["Aladdin", "sesame", "QWxh"] {
        assert!(!text.contains(secret), "{text}");
    }
    let RouteError::Proxy { proxy, problem } = error else {
        panic!("{text}");
    };
    assert!(name.ends_with(&proxy), "{name}: {text}");
    problem
}

async fn problem_when_it_says(words: impl Into<Vec<u8>>) -> ProxyProblem {
    problem_of(plain(says(words).await)).await
}

#[tokio::test]
async fn a_missing_password_is_told_from_a_wrong_one() {
    let proxy = proxy(behind(PROOF)).await;
    let schemes = vec!["Basic".to_owned()];
    assert_eq!(
        problem_of(hop(&proxy)).await,
        ProxyProblem::CredentialsWanted {
            schemes: schemes.clone()
        }
    );
    let wrong = hop(&proxy).with(&aladdin("open barley")).unwrap();
    assert_eq!(
        problem_of(wrong).await,
        ProxyProblem::CredentialsRefused { schemes }
    );
}

#[tokio::test]
async fn a_scheme_that_we_do_not_speak_is_named() {
    let asks = "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\n\
                Proxy-Authenticate: NTLM TlRMTVNTUAAC\r\nContent-Length: 0\r\n\r\n";
    let schemes = vec!["Negotiate".to_owned(), "NTLM".to_owned()];
    let problem = problem_when_it_says(asks).await;
    assert_eq!(problem, ProxyProblem::CredentialsWanted { schemes });
    assert!(problem.to_string().contains("Negotiate, NTLM"));
}

#[tokio::test]
async fn a_proxy_that_forbids_is_told_from_one_that_cannot() {
    let rules = ProxyRules {
        ports: vec![8801],
        ..ProxyRules::default()
    };
    let target = "target.example:443".to_owned();
    let forbids = proxy(rules).await;
    assert_eq!(
        problem_of(hop(&forbids)).await,
        ProxyProblem::Forbidden {
            target: target.clone()
        }
    );
    for status in [502, 503, 504] {
        let words = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        let target = target.clone();
        assert_eq!(
            problem_when_it_says(words).await,
            ProxyProblem::TargetFailed { target, status }
        );
    }
}

#[tokio::test]
async fn a_busy_one_says_when_to_come_back() {
    for status in [429, 503] {
        let words = format!("HTTP/1.1 {status} No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(
            problem_when_it_says(words).await,
            ProxyProblem::Busy { retry_after }
        );
    }
}

#[tokio::test]
async fn a_sign_in_page_is_no_connection() {
    let pages = [
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
        "HTTP/1.1 200 OK\r\nContent-Type: text/HTML; charset=utf-8\r\n\r\n<html></html>",
        "HTTP/1.1 200 OK\r\n\r\n<html></html>",
        "HTTP/1.1 302 Found\r\nLocation: http://sign.in/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 307 Off\r\nLocation: http://sign.in/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\u{15}\u{3}\u{3}\0\u{2}\u{2}F",
    ];
    for page in pages {
        let problem = problem_when_it_says(page).await;
        assert!(
            matches!(problem, ProxyProblem::NotAProxy(_)),
            "{page}: {problem:?}"
        );
    }
}

#[tokio::test]
async fn an_empty_page_that_calls_itself_html_is_a_connection_all_the_same() {
    let words = "HTTP/1.0 200 Connection established\r\nContent-Type: text/html\r\n\
                 Content-Length: 0\r\n\r\n";
    let route = via(plain(says(words).await));
    within(route.connect("target.example", 443)).await.unwrap();
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: x\r\n".repeat(10_000));
    for words in [endless, many] {
        let problem = problem_when_it_says(words).await;
        assert!(matches!(problem, ProxyProblem::NotAProxy(_)), "{problem:?}");
    }
}

#[tokio::test]
async fn one_that_hangs_up_or_is_not_there_is_unreachable() {
    let problem = problem_when_it_says("").await;
    assert!(
        matches!(problem, ProxyProblem::Unreachable(_)),
        "{problem:?}"
    );
    // Bound, so that nobody else gets the port, but listening to nobody.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = deaf.local_addr().unwrap();
    let problem = problem_of(plain(address)).await;
    assert!(
        matches!(problem, ProxyProblem::Unreachable(_)),
        "{problem:?}"
    );
    let error = Route::direct().connect("127.0.0.1", address.port()).await;
    assert!(
        matches!(error, Err(RouteError::Unreachable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn one_that_accepts_and_then_says_nothing_is_given_up() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    assert_eq!(problem_of(plain(address)).await, ProxyProblem::TimedOut);
}

#[tokio::test]
async fn a_proxy_over_tls_must_be_the_one_that_we_trust() {
    let authority = Authority::new();
    let identity = authority.issue("localhost", None);
    let proxy = tls_proxy(ProxyRules::default(), &identity).await;
    let port = proxy.address().port();
    let stranger = Authority::new().trust();
    for (name, trust) in [("localhost", &stranger), ("127.0.0.1", &authority.trust())] {
        let problem = problem_of(Hop::tls(name, port, trust).unwrap()).await;
        assert!(matches!(problem, ProxyProblem::Untrusted(_)), "{problem:?}");
    }
}

#[tokio::test]
async fn tls_where_there_is_none_fails_and_the_other_way_round() {
    let identity = Identity::self_signed(&["proxy".to_owned()]).unwrap();
    let trust = Trust::Pinned(identity.fingerprint());
    let over_tls = tls_proxy(ProxyRules::default(), &identity).await;
    let problem = problem_of(plain(over_tls.address())).await;
    // It says so in TLS, or just hangs up.
    assert!(
        matches!(
            problem,
            ProxyProblem::NotAProxy(_) | ProxyProblem::Unreachable(_)
        ),
        "{problem:?}"
    );
    let without = says("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let hop = Hop::tls("127.0.0.1", without.port(), &trust).unwrap();
    let problem = problem_of(hop).await;
    assert!(matches!(problem, ProxyProblem::NotAProxy(_)), "{problem:?}");
}

#[tokio::test]
async fn the_proxy_that_is_wrong_is_the_one_that_is_named() {
    within(async {
        let outer = proxy(ProxyRules::default()).await;
        let inner = says("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").await;
        let route = via(hop(&outer)).then(plain(inner));
        let error = route.connect("target.example", 443).await.unwrap_err();
        let RouteError::Proxy { proxy, problem } = error else {
            panic!("{error}");
        };
        assert_eq!(proxy, inner.to_string());
        assert!(matches!(problem, ProxyProblem::Forbidden { .. }));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_host_is_refused_before_anything_is_said() {
    for host in ["", "two words", "host\r\nX: 1", "user@host"] {
        let error = Route::direct().connect(host, 443).await;
        assert!(matches!(error, Err(RouteError::Request(_))), "{error:?}");
        assert!(Hop::plain(host, 3128).is_err());
    }
}
