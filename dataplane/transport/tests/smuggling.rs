//! Requests that a proxy before us may read as others than we do: nobody hears a request that
//! was hidden in another one.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::routing::post;
use common::{Authority, connect_tls, serve, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NAME: &str = "controller.test";
/// What is hidden.
const HIDDEN: &str = "POST /hidden HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n";

/// A server that counts who asks for what is hidden.
struct Server {
    authority: Authority,
    address: SocketAddr,
    hidden: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let authority = Authority::new();
        let hidden = Arc::<AtomicUsize>::default();
        let count = async |State(hidden): State<Arc<AtomicUsize>>| {
            hidden.fetch_add(1, Ordering::Relaxed);
            "hidden"
        };
        let app = axum::Router::new()
            .route("/", post(async |body: String| format!("<{}>", body.len())))
            .route("/hidden", post(count))
            .with_state(Arc::clone(&hidden));
        let identity = authority.issue(NAME, None);
        let (address, ..) = serve(&identity, None, app);
        Self {
            authority,
            address,
            hidden,
        }
    }

    /// Everything that is answered on one connection until it is closed, by the server or,
    /// where there is nothing wrong, by us.
    async fn answers(&self, bytes: &str) -> String {
        within(async {
            let trust = self.authority.trust();
            let mut stream = connect_tls(self.address, NAME, &trust, None, b"http/1.1")
                .await
                .unwrap();
            let mut answers = Vec::new();
            // A server that has closed already is one that refuses.
            if stream.write_all(bytes.as_bytes()).await.is_ok() {
                let _ = stream.read_to_end(&mut answers).await;
            }
            String::from_utf8(answers).unwrap()
        })
        .await
    }

    fn hidden(&self) -> usize {
        self.hidden.load(Ordering::Relaxed)
    }
}

fn request(headers: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn a_length_that_could_be_two_hides_nothing() {
    let server = Server::start();
    let length = HIDDEN.len();
    for headers in [
        "Content-Length: 0\r\nContent-Length: 5\r\n".to_owned(),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        "Content-Length: 0, 5\r\n".to_owned(),
        "Content-Length: +0\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 0x0\r\n".to_owned(),
        "Content-Length: 99999999999999999999\r\n".to_owned(),
        "Content-Length:\r\n".to_owned(),
        "Content-Length : 0\r\n".to_owned(),
        "Content-Length: 0\r\n folded: 1\r\n".to_owned(),
        "X: 1\r\n Content-Length: 0\r\n".to_owned(),
        "X: 1\rContent-Length: 0\r\n".to_owned(),
        "X: 1\0\r\n".to_owned(),
        ": no name\r\n".to_owned(),
        "Transfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n".to_owned(),
    ] {
        // For who reads a chunk its length is none.
        let sent = request(&headers, HIDDEN);
        let answers = server.answers(&sent).await;
        let first = answers.split("\r\n").next().unwrap();
        assert!(
            first.is_empty() || first.contains(" 400 "),
            "{sent:?}: {answers}"
        );
        assert_eq!(server.hidden(), 0, "{sent:?}: {answers}");
    }
}

/// RFC 9112 section 6.1: the chunks count, and nothing that follows.
#[tokio::test]
async fn chunks_beside_a_length_are_the_last_thing_that_is_heard() {
    let server = Server::start();
    let chunked = "Transfer-Encoding: chunked\r\n";
    for headers in [
        format!("{chunked}Content-Length: 5\r\n"),
        format!("Content-Length: 5\r\n{chunked}"),
        format!("Content-Length: 500\r\n{chunked}"),
        chunked.to_owned(),
    ] {
        let sent = request(&headers, &format!("0\r\n\r\n{HIDDEN}"));
        let answers = server.answers(&sent).await;
        assert_eq!(
            answers.matches("HTTP/1.1 ").count(),
            1,
            "{sent:?}: {answers}"
        );
        assert!(
            answers.to_lowercase().contains("connection: close"),
            "{answers}"
        );
        assert_eq!(server.hidden(), 0, "{sent:?}: {answers}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_end_the_connection() {
    let server = Server::start();
    for chunks in [
        format!("5\r\n{HIDDEN}"),
        format!("0x0\r\n\r\n{HIDDEN}"),
        format!("-1\r\n\r\n{HIDDEN}"),
        format!("fffffffffffffffff\r\n\r\n{HIDDEN}"),
        format!("0\n\n{HIDDEN}"),
        format!("1 \r\na\r\r{HIDDEN}"),
        format!("1\r\naXX0\r\n\r\n{HIDDEN}"),
        format!("0;{}\r\n\r\n{HIDDEN}", "x".repeat(100_000)),
        format!("0\r\n{}\r\n{HIDDEN}", "X: 1\r\n".repeat(20_000)),
    ] {
        let sent = request("Transfer-Encoding: chunked\r\n", &chunks);
        let answers = server.answers(&sent).await;
        assert_eq!(server.hidden(), 0, "{:?}: {answers}", &sent[..120]);
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let server = Server::start();
    for (hosts, status) in [
        ("", "400"),
        ("Host: test\r\nHost: test\r\n", "400"),
        ("Host: test\r\nhost: other\r\n", "400"),
        ("Host: test\r\n", "200"),
    ] {
        let sent =
            format!("POST / HTTP/1.1\r\n{hosts}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let answers = server.answers(&sent).await;
        let first = answers.split("\r\n").next().unwrap();
        assert!(
            first.contains(&format!(" {status} ")),
            "{hosts:?}: {answers}"
        );
    }
    let refused = format!("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n{HIDDEN}");
    server.answers(&refused).await;
    assert_eq!(server.hidden(), 0, "nothing is heard after it");
}

#[tokio::test]
async fn a_head_has_a_length() {
    let server = Server::start();
    for (what, sent) in [
        ("lines", request(&"X: 1\r\n".repeat(200), "")),
        (
            "a long line",
            request(&format!("X: {}\r\n", "x".repeat(100_000)), ""),
        ),
        (
            "a long address",
            format!(
                "POST /{} HTTP/1.1\r\nHost: test\r\n\r\n",
                "x".repeat(100_000)
            ),
        ),
    ] {
        let answers = server.answers(&sent).await;
        let first = answers.split("\r\n").next().unwrap();
        let refused = first.is_empty() || first.contains(" 431 ") || first.contains(" 414 ");
        assert!(refused, "{what}: {answers}");
    }
}
